#include "store/sqlite/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace posthorn::store {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;

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
  /// The next piece, empty at the end; false after a failure.
  bool read_piece(std::string& piece) {
    piece.resize(piece_bytes);
    ssize_t size = -1;
    while ((size = ::read(number_, piece.data(), piece.size())) < 0 && errno == EINTR) {
    }
    piece.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return size >= 0;
  }
  bool sync() { return ::fsync(number_) == 0; }

 private:
  int number_;
};

/// What the last system call failed with.
std::unexpected<Error> system_failure(const std::string& what) {
  const int code = errno;
  Errc kind = Errc::io;
  if (code == ENOSPC || code == EDQUOT) kind = Errc::unavailable;
  if (code == ENOENT) kind = Errc::not_found;
  return fail(kind, what + ": " + std::strerror(code));
}

/// Reads a file piece by piece; `take` answers false to stop with what errno says.
template <class Take>
Result<> read_pieces(const std::string& path, Take take) {
  File in(path, O_RDONLY);
  if (!in.is_open()) return system_failure("open " + path);
  std::string piece;
  do {
    if (!in.read_piece(piece)) return system_failure("read " + path);
    if (!take(piece)) return system_failure("copy " + path);
  } while (!piece.empty());
  return {};
}

}  // namespace

Result<> write_new_file(const std::string& path, std::string_view bytes) {
  File out(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!out.is_open()) return system_failure("make " + path);
  if (out.write_all(bytes) && out.sync()) return {};
  auto failure = system_failure("write " + path);
  ::unlink(path.c_str());
  return failure;
}

Result<> copy_file(const std::string& source, const std::string& target) {
  File out(target, O_WRONLY | O_CREAT | O_EXCL);
  if (!out.is_open()) return system_failure("make " + target);
  auto copied = read_pieces(source, [&](std::string_view piece) { return out.write_all(piece); });
  if (copied && !out.sync()) copied = system_failure("write " + target);
  if (!copied) ::unlink(target.c_str());
  return copied;
}

Result<> sync_folder(const std::string& folder) {
  File opened(folder, O_RDONLY | O_DIRECTORY);
  if (!opened.is_open() || !opened.sync()) return system_failure("sync " + folder);
  return {};
}

Result<> sync_file(const std::string& path) {
  File opened(path, O_RDWR);
  if (!opened.is_open() || !opened.sync()) return system_failure("sync " + path);
  return {};
}

Result<> make_folder(const std::string& folder) {
  std::error_code problem;
  const auto is_there = [&] { return std::filesystem::is_directory(folder, problem); };
  if (is_there()) return {};
  const std::string above = std::filesystem::path(folder).parent_path();
  if (!above.empty() && above != folder)
    if (auto made = make_folder(above); !made) return made;
  if (::mkdir(folder.c_str(), 0700) == 0) return {};
  const int code = errno;
  // "data/" was made as "data", and another process may have been faster.
  if (code == EEXIST && is_there()) return {};
  errno = code;
  return system_failure("make " + folder);
}

Result<> move_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_failure("move " + from);
  return {};
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<std::string> digest_file(const std::string& path) {
  crypto::Sha256 sum;
  auto read = read_pieces(path, [&](std::string_view piece) {
    sum.add(piece);
    return true;
  });
  if (!read) return fail(std::move(read).error());
  return to_hex(sum.finish());
}

Result<std::string> read_file(const std::string& path) {
  std::string bytes;
  auto read = read_pieces(path, [&](std::string_view piece) {
    bytes.append(piece);
    return true;
  });
  if (!read) return fail(std::move(read).error());
  return bytes;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace posthorn::store
