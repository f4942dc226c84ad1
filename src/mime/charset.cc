#include "mime/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/bytes.h"

namespace posthorn::mime {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::size_t name_bytes_max = 40;

/// Names that mailers use and iconv does not know, or means something narrower by.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> aliases{{
    {"iso-8859-1", "windows-1252"},
    {"iso8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-9", "windows-1254"},
    {"gb2312", "gb18030"},
    {"gbk", "gb18030"},
    {"shift_jis", "cp932"},
    {"x-sjis", "cp932"},
    {"ks_c_5601-1987", "cp949"},
    {"euc-kr", "cp949"},
    {"unicode-1-1-utf-7", "utf-7"},
}};

class Converter {
 public:
  explicit Converter(const std::string& charset) : handle_(iconv_open("UTF-8", charset.c_str())) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (is_open()) iconv_close(handle_);
  }
  [[nodiscard]] bool is_open() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  std::string convert(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
      // iconv's signature predates const; it does not write there.
      char* from = const_cast<char*>(bytes.data());
      std::size_t left = std::min(bytes.size(), window_bytes);
      const int why = step(&from, &left, out);
      const auto taken = static_cast<std::size_t>(from - bytes.data());
      // A character that the window cuts is read with the next one.
      const bool is_cut = why == EINVAL && taken > 0 && bytes.size() > window_bytes;
      bytes.remove_prefix(taken);
      if (why == 0 || why == E2BIG || is_cut) continue;
      out += replacement;
      bytes.remove_prefix(1);
    }
    static_cast<void>(step(nullptr, nullptr, out));
    return out;
  }

 private:
  static constexpr std::size_t window_bytes = 4096;

  /// 0, or why it stopped before the end.
  int step(char** from, std::size_t* left, std::string& out) {
    std::array<char, 16 * 1024> buffer;
    char* to = buffer.data();
    std::size_t room = buffer.size();
    const std::size_t done = iconv(handle_, from, left, &to, &room);
    const int why = done == static_cast<std::size_t>(-1) ? errno : 0;
    out.append(buffer.data(), buffer.size() - room);
    return why;
  }

  iconv_t handle_;
};

std::size_t sequence_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

std::string repaired(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t length = std::min(sequence_length(bytes.front()), bytes.size());
    const auto one = bytes.substr(0, length);
    const bool kept = is_utf8(one) && one != std::string_view("\0", 1);
    out += kept ? one : replacement;
    bytes.remove_prefix(kept ? length : 1);
  }
  return out;
}

bool is_clean(std::string_view text) { return text.find('\0') == text.npos && is_utf8(text); }

/// iconv reads more than a charset out of a name: "//TRANSLIT", paths.
bool is_charset_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == ':' || c == '+';
  });
}

}  // namespace

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  std::string name = to_lower_ascii(trim(charset));
  const bool says_ascii = name == "us-ascii" || name == "ascii" || name == "ansi_x3.4-1968";
  if (name == "utf-8" || name == "utf8")
    return is_clean(bytes) ? std::string(bytes) : repaired(bytes);
  for (const auto& [known, better] : aliases)
    if (name == known) name = better;
  if (!says_ascii && is_charset_name(name)) {
    Converter converter(name);
    if (converter.is_open()) {
      auto out = converter.convert(bytes);
      return is_clean(out) ? out : repaired(out);
    }
  }
  if (is_clean(bytes)) return std::string(bytes);
  Converter guess("windows-1252");
  return repaired(guess.is_open() ? guess.convert(bytes) : std::string(bytes));
}

}  // namespace posthorn::mime
