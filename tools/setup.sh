#!/usr/bin/env bash
# Installs what is missing to build (`build`) or to build and test (`test`) on Debian 12.
# Looks for commands and files rather than packages: what came from elsewhere serves as well.
set -euo pipefail

purpose=${1:-build}

# what must be there            the package that brings it
build_needs='
clang++-19                      clang-19
ld.lld-19                       lld-19
llvm-ar-19                      llvm-19
cmake                           cmake
ninja                           ninja-build
ccache                          ccache
python3                         python3-minimal
pkg-config                      pkgconf
/usr/include/boost/asio.hpp     libboost1.81-dev
/usr/include/boost/json.hpp     libboost-json1.81-dev
/usr/include/boost/url.hpp      libboost-url1.81-dev
/usr/lib/*/cmake/boost_json-1.81.0  libboost-json1.81-dev
/usr/lib/*/cmake/boost_url-1.81.0   libboost-url1.81-dev
/usr/include/openssl/ssl.h      libssl-dev
/usr/include/*/curl/curl.h      libcurl4-openssl-dev
/usr/include/sqlite3.h          libsqlite3-dev
/usr/include/idn2.h             libidn2-dev
/usr/include/pugixml.hpp        libpugixml-dev
/usr/include/gmime-3.0/gmime/gmime.h  libgmime-3.0-dev
/usr/include/simdjson.h         libsimdjson-dev
/usr/include/fmt/core.h         libfmt-dev
/usr/include/spdlog/spdlog.h    libspdlog-dev
/usr/include/toml++/toml.h      libtomlplusplus-dev
/usr/include/CLI/CLI.hpp        libcli11-dev
/usr/include/zlib.h             zlib1g-dev
/usr/include/lz4.h              liblz4-dev
/usr/include/jemalloc/jemalloc.h  libjemalloc-dev
/etc/ssl/certs/ca-certificates.crt  ca-certificates
'
test_needs='
/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.asan-x86_64.a  libclang-rt-19-dev
/usr/include/doctest/doctest.h  doctest-dev
clang-format-19                 clang-format-19
aiosmtpd                        python3-aiosmtpd
openssl                         openssl
unshare                         util-linux
ip                              iproute2
git                             git
'

there() { # there NEED
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

needs=$build_needs
[ "$purpose" = test ] && needs+=$test_needs
# The sanitizers' library is named after the machine.
needs=${needs//x86_64/$(uname -m)}

missing=()
while read -r need package; do
  [ -n "$need" ] || continue
  there "$need" || missing+=("$package")
done <<<"$needs"
[ ${#missing[@]} -eq 0 ] && exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if ! command -v apt-get >/dev/null || ! grep -qs '^VERSION_ID="12"' /etc/os-release; then
  echo "posthorn: this is not Debian 12, so nothing was installed. Missing here: ${missing[*]} (Debian's package names)." >&2
  exit 3
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "posthorn: as root, run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 3
  }
  sudo=(sudo)
fi

echo "posthorn: installing ${#missing[@]} packages: ${missing[*]}" >&2
# The package lists may be absent (a fresh image) or too old to know the files that the mirror has now.
"${sudo[@]}" apt-get update -qq >&2 || echo "posthorn: the package lists could not be refreshed; going on with what is there." >&2
plan=$("${sudo[@]}" apt-get install --simulate --no-install-recommends "${missing[@]}" 2>&1) || {
  printf '%s\n' "$plan" | tail -n 15 >&2
  echo "posthorn: apt-get cannot install ${missing[*]}." >&2
  exit 3
}
if removed=$(printf '%s\n' "$plan" | grep '^Remv' | cut -d' ' -f2) && [ -n "$removed" ]; then
  echo "posthorn: installing ${missing[*]} would remove: $(echo $removed). Nothing was changed; install them by hand if that is what you want." >&2
  exit 3
fi
total=$(printf '%s\n' "$plan" | grep -c '^Inst' || true)
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-remove "${missing[@]}" 2>&1 |
  awk -v total="$total" '/^Setting up/ { n++; if (n % 10 == 0 || n == total) printf "posthorn: %d of %d packages set up\n", n, total }
                         /^E:/ { print }' >&2
while read -r need package; do
  [ -n "$need" ] || continue
  there "$need" || { echo "posthorn: $package is installed but $need is not there." >&2; exit 3; }
done <<<"$needs"
