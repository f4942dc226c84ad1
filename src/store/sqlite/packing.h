#pragma once
// The pieces of the packed columns: varints, texts and fixed words behind a version byte.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace posthorn::store {

/// The first byte of every packed value.
inline constexpr char format_version = 1;

inline void put_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Small negative numbers stay small: -1 becomes 1.
inline void put_signed(std::string& out, std::int64_t value) {
  put_number(out, (static_cast<std::uint64_t>(value) << 1) ^
                      (value < 0 ? ~std::uint64_t{0} : std::uint64_t{0}));
}

inline void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out.append(text);
}

inline void put_fixed(std::string& out, std::uint64_t value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out.append(bytes, 8);
}

/// Where the bytes that belong to the row are: in a file, or in the row, compressed from a size or
/// (0) as they were.
inline void put_place(std::string& out, bool in_file, std::size_t compressed_from) {
  put_number(out, (in_file ? 1U : 0U) | (compressed_from > 0 ? 2U : 0U));
  if (compressed_from > 0) put_number(out, compressed_from);
}

/// Reads what the functions above wrote, in the same order. After something short every answer is
/// empty and good() false.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) { good_ = byte() == format_version; }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto next = static_cast<unsigned char>(byte());
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  int small() { return static_cast<int>(signed_number()); }
  std::string text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) {
      good_ = false;
      return {};
    }
    std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    if (rest_.size() < 8) {
      good_ = false;
      return 0;
    }
    std::memcpy(&value, rest_.data(), 8);
    rest_.remove_prefix(8);
    return value;
  }
  char byte() {
    if (rest_.empty()) {
      good_ = false;
      return 0;
    }
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return first;
  }
  void place(bool& in_file, std::size_t& compressed_from) {
    const std::uint64_t flags = number();
    in_file = (flags & 1) != 0;
    compressed_from = (flags & 2) != 0 ? number() : 0;
  }
  /// Nothing was short, and nothing is left.
  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace posthorn::store
