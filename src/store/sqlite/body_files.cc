#include "store/sqlite/body_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace posthorn::store {
namespace {

class File {
 public:
  File(const std::string& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(number_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool sync() { return ::fsync(number_) == 0; }

 private:
  int number_;
};

std::unexpected<Error> system_failure(const std::string& what) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT;
  return fail(full ? Errc::unavailable : Errc::io, what + ": " + std::strerror(code));
}

}  // namespace

Result<> BodyFiles::make_folder(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail(Errc::io, folder + ": " + problem.message());
  return {};
}

Result<std::string> BodyFiles::write(std::string_view bytes) {
  const std::string file = to_hex(crypto::sha256(bytes)) + "." + to_hex(crypto::random_bytes(8));
  {
    File out(path(file), O_WRONLY | O_CREAT | O_EXCL);
    if (!out.is_open() || !out.write_all(bytes) || !out.sync()) {
      auto failure = system_failure("write " + path(file));
      ::unlink(path(file).c_str());
      return failure;
    }
  }
  File folder(folder_, O_RDONLY | O_DIRECTORY);
  if (!folder.is_open() || !folder.sync()) return system_failure("sync " + folder_);
  return file;
}

Result<std::string> BodyFiles::read(const std::string& file) const {
  std::ifstream in(path(file), std::ios::binary);
  if (!in) return fail(Errc::io, "a payload's file is missing: " + path(file));
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!file.starts_with(to_hex(crypto::sha256(bytes)) + "."))
    return fail(Errc::corrupt, "a payload's file is damaged: " + path(file));
  return bytes;
}

void BodyFiles::remove(const std::string& file) const { ::unlink(path(file).c_str()); }

std::vector<std::string> BodyFiles::list() const {
  std::vector<std::string> names;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, problem))
    names.push_back(entry.path().filename());
  return names;
}

}  // namespace posthorn::store
