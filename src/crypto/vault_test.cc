#include "crypto/vault.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "crypto/crypto.h"

using namespace posthorn;
using crypto::Vault;

namespace {

/// A folder that is gone when the test ends.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "vault_test_XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ / name; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

std::string read(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path) << text;
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

Vault load(const std::string& path) {
  auto vault = Vault::load_or_create(path);
  REQUIRE(vault.has_value());
  return *std::move(vault);
}

std::string error_of(const std::string& path) {
  const auto vault = Vault::load_or_create(path);
  return vault ? "no error" : vault.error().what;
}

const std::string key_a(64, 'a'), key_b(64, 'b');

}  // namespace

TEST_CASE("vault: the file is made once, for its owner alone, and read again") {
  const Folder folder;
  const std::string path = folder / "keys";
  const mode_t before = ::umask(0);
  const Vault first = load(path);
  ::umask(before);
  CHECK(mode_of(path) == 0600);
  CHECK(folder.files() == 1);
  const std::string text = read(path);
  CHECK(text.starts_with("1 "));
  CHECK(text.size() == 67);
  const Vault second = load(path);
  CHECK(read(path) == text);
  CHECK(second.fingerprint() == first.fingerprint());
  CHECK(second.open(first.seal("secret", "here"), "here").value() == "secret");
  CHECK(load(folder / "other").fingerprint() != first.fingerprint());
}

TEST_CASE("vault: a file that others may use is refused, and the sentence says what to do") {
  const Folder folder;
  const std::string path = folder / "keys";
  load(path);
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0660U, 0777U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CAPTURE(mode);
    CHECK(error_of(path).find("chmod 600 " + path) != std::string::npos);
  }
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  CHECK(error_of(path) == "no error");
}

TEST_CASE("vault: a file that is not of keys is corrupt, and its text is not in the sentence") {
  const Folder folder;
  const std::string path = folder / "keys";
  for (const std::string& text :
       {std::string(), std::string("\n"), key_a + "\n", "1 " + key_a.substr(1) + "\n",
        "1 " + key_a + "aa\n", "0 " + key_a + "\n", "x " + key_a + "\n", "-1 " + key_a + "\n",
        "1  " + key_a + "\n", "1 " + key_a + "\n1 " + key_b + "\n",
        "2 " + key_a + "\n1 " + key_b + "\n", "1 " + key_a + "\n\n2 " + key_b + "\n",
        "4294967296 " + key_a + "\n", std::string(70'000, 'x')}) {
    write(path, text);
    const auto vault = Vault::load_or_create(path);
    CAPTURE(text);
    REQUIRE_FALSE(vault.has_value());
    CHECK(vault.error().code == Errc::corrupt);
    CHECK(vault.error().what.find("aaaa") == std::string::npos);
    CHECK(read(path) == text);
  }
}

TEST_CASE("vault: a folder instead of a file, and a place that cannot be written, are told") {
  const Folder folder;
  CHECK(error_of(folder / "").find("not a regular file") != std::string::npos);
  CHECK(error_of(folder / "missing/keys").find("No such file") != std::string::npos);
}

TEST_CASE("vault: a last line without its end is read") {
  const Folder folder;
  write(folder / "keys", "1 " + key_a + "\n7 " + key_b);
  CHECK(load(folder / "keys").seal("x", "").starts_with("v1:7:"));
}

TEST_CASE("vault: sealed text opens in its place alone") {
  const Vault vault = Vault::for_tests(1);
  for (const std::string& plain :
       {std::string(), std::string("whsec_x"), std::string("\0\xff", 2)}) {
    const std::string sealed = vault.seal(plain, "endpoint:1:secret");
    CHECK(sealed.starts_with("v1:1:"));
    CHECK(vault.open(sealed, "endpoint:1:secret").value() == plain);
    CHECK(vault.open(sealed, "endpoint:2:secret").error().code == Errc::corrupt);
    CHECK(Vault::for_tests(2).open(sealed, "endpoint:1:secret").error().code == Errc::corrupt);
  }
}

TEST_CASE("vault: equal only for equal text in an equal place") {
  const Vault vault = Vault::for_tests(1);
  CHECK(vault.seal("a", "x") == Vault::for_tests(1).seal("a", "x"));
  CHECK(vault.seal("a", "x") != vault.seal("a", "y"));
  CHECK(vault.seal("bc", "a").substr(0, 20) != vault.seal("c", "ab").substr(0, 20));
}

TEST_CASE("vault: what is not sealed text is corrupt") {
  const Vault vault = Vault::for_tests(1);
  const std::string sealed = vault.seal("plain", "x");
  for (const std::string& text :
       {std::string(), std::string("plain"), std::string("v1:"), std::string("v1:1"),
        std::string("v1:1:"), std::string("v1:1:AA=="), std::string("v1:x:AAAA"),
        "v2" + sealed.substr(2), "v1:2" + sealed.substr(4), sealed + "=", sealed.substr(0, 30)}) {
    CAPTURE(text);
    const auto opened = vault.open(text, "x");
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Errc::corrupt);
  }
}

TEST_CASE("vault: after add_key new text has the new key, old text still opens, hashes stay") {
  const Folder folder;
  const std::string path = folder / "keys";
  Vault vault = load(path);
  const std::string old_text = vault.seal("secret", "x");
  const std::string old_hash = vault.keyed_hash("phk_1");
  const std::string old_fingerprint = vault.fingerprint();
  REQUIRE(vault.add_key().has_value());
  CHECK(mode_of(path) == 0600);
  CHECK(folder.files() == 1);
  for (const Vault& now : {vault, load(path)}) {
    const std::string new_text = now.seal("secret", "x");
    CHECK(new_text.starts_with("v1:2:"));
    CHECK(now.open(old_text, "x").value() == "secret");
    CHECK(now.open(new_text, "x").value() == "secret");
    CHECK_FALSE(now.is_sealed_with_newest(old_text));
    CHECK(now.is_sealed_with_newest(new_text));
    CHECK(now.keyed_hash("phk_1") == old_hash);
    CHECK(now.covers(old_fingerprint).has_value());
    CHECK(now.fingerprint() != old_fingerprint);
  }
}

TEST_CASE("vault: add_key does not overwrite a file that someone changed") {
  const Folder folder;
  const std::string path = folder / "keys";
  Vault vault = load(path);
  Vault other = load(path);
  REQUIRE(other.add_key().has_value());
  const auto added = vault.add_key();
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().code == Errc::conflict);
  CHECK(vault.seal("x", "").starts_with("v1:1:"));
  CHECK(load(path).fingerprint() == other.fingerprint());
}

TEST_CASE(
    "vault: a fingerprint of other or more keys is refused, one that cannot be read corrupt") {
  Vault vault = Vault::for_tests(1);
  const std::string one = vault.fingerprint();
  REQUIRE(vault.add_key().has_value());
  CHECK(vault.covers(vault.fingerprint()).has_value());
  CHECK(Vault::for_tests(1).covers(vault.fingerprint()).error().code == Errc::refused);
  CHECK(Vault::for_tests(2).covers(one).error().code == Errc::refused);
  CHECK(vault.covers("").error().code == Errc::corrupt);
  CHECK(vault.covers("x-1").error().code == Errc::corrupt);
  CHECK(one.size() == 18);
}

TEST_CASE("vault: the keyed hash is an HMAC that depends on the key") {
  const Vault vault = Vault::for_tests(1);
  CHECK(vault.keyed_hash("phk_1").size() == 64);
  CHECK(vault.keyed_hash("phk_1") == Vault::for_tests(1).keyed_hash("phk_1"));
  CHECK(vault.keyed_hash("phk_1") != vault.keyed_hash("phk_2"));
  CHECK(vault.keyed_hash("phk_1") != Vault::for_tests(2).keyed_hash("phk_1"));
  CHECK(vault.keyed_hash("phk_1") != to_hex(crypto::sha256("phk_1")));
}

TEST_CASE("vault: of several that make the file at once one wins and all have its key") {
  const Folder folder;
  const std::string path = folder / "keys";
  std::vector<std::string> fingerprints(8);
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (std::string& fingerprint : fingerprints)
    threads.emplace_back([&ready, &fingerprint, &path] {
      ready.fetch_add(1);
      while (ready.load() < 8) std::this_thread::yield();
      const auto vault = Vault::load_or_create(path);
      fingerprint = vault ? vault->fingerprint() : vault.error().what;
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& fingerprint : fingerprints) CHECK(fingerprint == fingerprints[0]);
  CHECK(load(path).fingerprint() == fingerprints[0]);
}
