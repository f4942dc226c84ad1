#include "crypto/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace posthorn::crypto {
namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string system_text(int error) { return std::generic_category().message(error); }

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return fail(Errc::io,
              fmt::format("cannot {} the key file {}: {}", what, path, system_text(errno)));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<> sync_folder(const std::string& path) {
  const File folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failed("make durable", path);
  return {};
}

Result<> write_all(const File& file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return failed("make durable", path);
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_key_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) return std::optional<std::string>{};
  if (file.get() < 0) return failed("open", path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return failed("look at", path);
  if (!S_ISREG(status.st_mode))
    return fail(Errc::refused, fmt::format("the key file {} is not a regular file", path));
  if ((status.st_mode & 077) != 0)
    return fail(Errc::refused,
                fmt::format("the key file {0} has mode {1:04o}, so others than its owner can use "
                            "the keys: run `chmod 600 {0}`",
                            path, status.st_mode & 07777));
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) return std::optional(std::move(text));
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > file_bytes_max)
      return fail(Errc::corrupt,
                  fmt::format("the key file {} is over 64 KiB: it is not a key file", path));
  }
}

Result<> write_key_file(const std::string& path, std::string_view text, WriteMode mode) {
  std::string fresh = path + ".XXXXXX";
  {
    const File file(::mkostemp(fresh.data(), O_CLOEXEC));
    if (file.get() < 0) return failed("make", path);
    // The umask may have taken even the owner's rights.
    if (::fchmod(file.get(), 0600) != 0) return failed("protect", path);
    if (auto written = write_all(file, text, path); !written) {
      ::unlink(fresh.c_str());
      return written;
    }
  }
  if (mode == WriteMode::replace) {
    if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("replace", path);
    return sync_folder(path);
  }
  // Unlike rename, link never overwrites: of two processes that start together one wins.
  const int linked = ::link(fresh.c_str(), path.c_str());
  const int error = errno;
  ::unlink(fresh.c_str());
  if (linked != 0) {
    if (error == EEXIST)
      return fail(Errc::conflict, fmt::format("the key file {} is there already", path));
    errno = error;
    return failed("make", path);
  }
  return sync_folder(path);
}

}  // namespace posthorn::crypto
