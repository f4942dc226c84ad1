#pragma once
// The one JSON grammar of text/json.h: a scanner over the bytes that checks every rule in one pass
// and tells a Sink what it saw. Not for use outside text/.
//
// The Sink's calls come in document order; `text` views look into the document:
//   value_begins(depth, at), value_ends(depth, at)   around every value; depth 0 is the document
//   null(), boolean(bool), number(text, is_integer), string(inside, escaped), key(depth, inside,
//   escaped) array_ends(count), object_ends(count)

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "text/json.h"
#include "text/json_keys.h"

namespace posthorn::text::scan {

/// A million digits are refused before anything looks at their value.
inline constexpr std::size_t number_bytes_max = 1024;

struct Fault {
  const char* at = nullptr;
  const char* what = nullptr;
};

/// How many of the first bytes of `text` are plain inside a JSON string: no quote, backslash or
/// control.
inline std::size_t plain_length(const char* text, std::size_t size) {
  std::size_t done = 0;
#ifdef __SSE2__
  for (; size - done >= 16; done += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + done));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const auto hits = static_cast<std::uint32_t>(
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash))));
    if (hits != 0) return done + static_cast<std::size_t>(std::countr_zero(hits));
  }
#endif
  while (done < size) {
    const auto byte = static_cast<unsigned char>(text[done]);
    if (byte < 0x20 || byte == '"' || byte == '\\') break;
    ++done;
  }
  return done;
}

/// The value of 4 hexadecimal digits, or -1.
inline int hex4(const char* digits) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = digits[i];
    int digit = 0;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10;
    else
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Appends what a checked JSON string's inside means.
void append_unescaped(std::string& out, std::string_view inside);

template <class Sink>
class Scanner {
 public:
  Scanner(std::string_view text, Sink& sink)
      : at_(text.data()), end_(text.data() + text.size()), sink_(sink) {}

  /// True when the whole text is one value by the rules (UTF-8 apart); else fault() says why.
  bool run() {
    skip_space();
    for (;;) {
      // Here a value begins.
      if (at_ == end_) return refuse(depth_ == 0 ? "a value is expected" : open_end());
      sink_.value_begins(depth_, at_);
      if (*at_ == '{') {
        if (!open(true)) return false;
        if (at_ != end_ && *at_ == '}') {
          ++at_;
          close();
        } else {
          if (!key()) return false;
          continue;
        }
      } else if (*at_ == '[') {
        if (!open(false)) return false;
        if (at_ != end_ && *at_ == ']') {
          ++at_;
          close();
        } else {
          continue;
        }
      } else if (!scalar()) {
        return false;
      }
      // Here a value ended: go up until another begins.
      for (;;) {
        sink_.value_ends(depth_, at_);
        skip_space();
        if (depth_ == 0) return at_ == end_ || refuse("text follows the value");
        if (at_ == end_) return refuse(open_end());
        Level& level = levels_[static_cast<std::size_t>(depth_ - 1)];
        ++level.count;
        if (*at_ == ',') {
          ++at_;
          skip_space();
          if (is_object(level) && !key()) return false;
          break;
        }
        if (*at_ != (is_object(level) ? '}' : ']'))
          return refuse(is_object(level) ? "a comma or } is expected" : "a comma or ] is expected");
        ++at_;
        close();
      }
    }
  }

  [[nodiscard]] const Fault& fault() const { return fault_; }

 private:
  struct Level {
    std::uint32_t object;  ///< Serial number, from 1; 0: an array.
    std::uint32_t count;   ///< Cannot overflow: json_bytes_max.
  };

  static bool is_object(const Level& level) { return level.object != 0; }

  bool refuse(const char* what) { return refuse_at(at_, what); }
  bool refuse_at(const char* at, const char* what) {
    fault_ = {at, what};
    return false;
  }
  [[nodiscard]] const char* open_end() const {
    return is_object(levels_[static_cast<std::size_t>(depth_ - 1)]) ? "the object is not closed"
                                                                    : "the array is not closed";
  }

  void skip_space() {
    while (at_ != end_ && static_cast<unsigned char>(*at_) <= 0x20 &&
           (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
      ++at_;
  }

  bool open(bool object) {
    if (depth_ == json_depth_max) return refuse("more than 64 levels of nesting");
    levels_[static_cast<std::size_t>(depth_)] = {object ? ++objects_ : 0, 0};
    ++depth_;
    ++at_;
    skip_space();
    return true;
  }

  void close() {
    --depth_;
    const Level& level = levels_[static_cast<std::size_t>(depth_)];
    if (is_object(level))
      sink_.object_ends(level.count);
    else
      sink_.array_ends(level.count);
  }

  /// A name, the colon and the space around them.
  bool key() {
    if (at_ == end_) return refuse(open_end());
    if (*at_ != '"') return refuse("a name in double quotes is expected");
    const char* const start = at_;
    std::string_view inside;
    bool escaped = false;
    if (!string(inside, escaped)) return false;
    if (keys_.size() == static_cast<std::size_t>(json_keys_max))
      return refuse_at(start, "more than 10000 names in all");
    if (!keys_.add(levels_[static_cast<std::size_t>(depth_ - 1)].object, inside, escaped))
      return refuse_at(start, "the name occurs twice in one object");
    sink_.key(depth_, inside, escaped);
    skip_space();
    if (at_ == end_ || *at_ != ':') return refuse("a colon is expected after the name");
    ++at_;
    skip_space();
    return true;
  }

  bool scalar() {
    switch (*at_) {
      case '"': {
        std::string_view inside;
        bool escaped = false;
        if (!string(inside, escaped)) return false;
        sink_.string(inside, escaped);
        return true;
      }
      case 't':
        if (!word("true")) return false;
        sink_.boolean(true);
        return true;
      case 'f':
        if (!word("false")) return false;
        sink_.boolean(false);
        return true;
      case 'n':
        if (!word("null")) return false;
        sink_.null();
        return true;
      default:
        return number();
    }
  }

  bool word(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size() ||
        std::memcmp(at_, expected.data(), expected.size()) != 0)
      return refuse("not a JSON value (true, false, null, a number, text, [ or { is expected)");
    at_ += expected.size();
    return true;
  }

  bool string(std::string_view& inside, bool& escaped) {
    const char* const start = ++at_;
    for (;;) {
      at_ += plain_length(at_, static_cast<std::size_t>(end_ - at_));
      if (at_ == end_) return refuse_at(start - 1, "the text is not closed with a double quote");
      if (*at_ == '"') break;
      if (*at_ != '\\') return refuse("a control character inside text must be escaped");
      escaped = true;
      if (!escape()) return false;
    }
    inside = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
  }

  bool escape() {
    const auto left = static_cast<std::size_t>(end_ - at_);
    if (left < 2) return refuse("unknown escape");
    if (at_[1] != 'u') {
      if (std::strchr("\"\\/bfnrt", at_[1]) == nullptr || at_[1] == '\0')
        return refuse("unknown escape");
      at_ += 2;
      return true;
    }
    const int unit = left < 6 ? -1 : hex4(at_ + 2);
    if (unit < 0) return refuse("\\u takes 4 hexadecimal digits");
    if (unit == 0) return refuse("U+0000 is not allowed");
    if (unit >= 0xDC00 && unit <= 0xDFFF) return refuse("half of a surrogate pair");
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      const int low = left < 12 || at_[6] != '\\' || at_[7] != 'u' ? -1 : hex4(at_ + 8);
      if (low < 0xDC00 || low > 0xDFFF) return refuse("half of a surrogate pair");
      at_ += 6;
    }
    at_ += 6;
    return true;
  }

  [[nodiscard]] bool at_digit() const { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }
  void skip_digits() {
    while (at_digit()) ++at_;
  }

  bool number() {
    const char* const start = at_;
    bool is_integer = true;
    if (*at_ == '-') ++at_;
    if (!at_digit())
      return refuse_at(start, *start == '-' ? "a digit is expected after the minus sign"
                                            : "not a JSON value (true, false, null, a number, "
                                              "text, [ or { is expected)");
    const bool leading_zero = *at_ == '0';
    const char* const digits = at_;
    skip_digits();
    if (leading_zero && at_ - digits > 1) return refuse_at(start, "a number with a leading zero");
    if (at_ != end_ && *at_ == '.') {
      is_integer = false;
      ++at_;
      if (!at_digit()) return refuse("a digit is expected after the decimal point");
      skip_digits();
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      is_integer = false;
      ++at_;
      if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (!at_digit()) return refuse("a digit is expected in the exponent");
      skip_digits();
    }
    const std::string_view text{start, static_cast<std::size_t>(at_ - start)};
    if (text.size() > number_bytes_max) return refuse_at(start, "a number of more than 1024 bytes");
    // Fewer bytes than digits in the largest double, and no exponent: cannot be out of range.
    if (text.size() >= 300 || (!is_integer && text.find_first_of("eE") != std::string_view::npos)) {
      if (!std::isfinite(to_double(text)))
        return refuse_at(start, "a number beyond the range of a double");
    }
    sink_.number(text, is_integer);
    return true;
  }

 public:
  /// The nearest double; infinity when it is too large, zero when it is too small.
  static double to_double(std::string_view text) {
    double value = 0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
    if (done.ec == std::errc{}) return value;
    // from_chars does not say on which side it is out of range: the power of ten of the first
    // digit that is not zero does.
    return leading_power(text) > 0 ? HUGE_VAL : 0.0;
  }

 private:
  static std::int64_t leading_power(std::string_view text) {
    const std::size_t mark = text.find_first_of("eE");
    const std::string_view mantissa = text.substr(0, mark);
    std::int64_t exponent = 0;
    if (mark != std::string_view::npos) {
      std::string_view written = text.substr(mark + 1);
      if (written.front() == '+') written.remove_prefix(1);
      const auto read = std::from_chars(written.data(), written.data() + written.size(), exponent);
      if (read.ec != std::errc{}) exponent = written.front() == '-' ? -1'000'000 : 1'000'000;
    }
    const std::size_t first = mantissa.find_first_of("123456789");
    if (first == std::string_view::npos) return -1'000'000;
    const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
    return exponent + point - static_cast<std::int64_t>(first);
  }

  const char* at_;
  const char* end_;
  Sink& sink_;
  Fault fault_;
  int depth_ = 0;
  std::uint32_t objects_ = 0;
  std::array<Level, static_cast<std::size_t>(json_depth_max)> levels_;  // The first depth_ count.
  KeySet keys_;
};

/// For a Sink that wants little: everything does nothing.
struct NoSink {
  void value_begins(int /*depth*/, const char* /*at*/) {}
  void value_ends(int /*depth*/, const char* /*at*/) {}
  void null() {}
  void boolean(bool /*value*/) {}
  void number(std::string_view /*text*/, bool /*is_integer*/) {}
  void string(std::string_view /*inside*/, bool /*escaped*/) {}
  void key(int /*depth*/, std::string_view /*inside*/, bool /*escaped*/) {}
  void array_ends(std::size_t /*count*/) {}
  void object_ends(std::size_t /*count*/) {}
};

}  // namespace posthorn::text::scan
