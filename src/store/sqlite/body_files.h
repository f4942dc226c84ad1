#pragma once
// Payloads that are too big for a row: one file each, named by its content and a number that is
// never given twice, so that nothing shares a file.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace posthorn::store {

/// Thread-safe.
class BodyFiles {
 public:
  static constexpr std::size_t inline_bytes_max = 256 << 10;

  explicit BodyFiles(std::string folder) : folder_(std::move(folder)) {}

  /// Durable when it returns: file and folder are synced. Errors: unavailable (disk full), io.
  [[nodiscard]] Result<std::string> write(std::string_view bytes);
  /// Errors: corrupt (the bytes are not those that were written), not_found (the file is
  /// gone), io.
  [[nodiscard]] Result<std::string> read(const std::string& file) const;
  /// A file that is not there is no error.
  void remove(const std::string& file) const;
  /// The names of all files.
  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] std::string path(const std::string& file) const { return folder_ + "/" + file; }

 private:
  const std::string folder_;
};

}  // namespace posthorn::store
