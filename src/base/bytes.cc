#include "base/bytes.h"

#include <array>
#include <cstring>

namespace posthorn {
namespace {

constexpr bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// By first byte: the length of a UTF-8 sequence, and the range of its second byte (which is what
/// keeps out overlong forms, surrogates and values over U+10FFFF). Length 0: cannot begin one.
struct Lead {
  std::uint8_t length = 0, second_min = 0x80, second_max = 0xBF;
};

constexpr std::array<Lead, 256> make_leads() {
  std::array<Lead, 256> leads{};
  for (std::size_t i = 0x00; i <= 0x7F; ++i) leads[i].length = 1;
  for (std::size_t i = 0xC2; i <= 0xDF; ++i) leads[i].length = 2;
  for (std::size_t i = 0xE0; i <= 0xEF; ++i) leads[i].length = 3;
  for (std::size_t i = 0xF0; i <= 0xF4; ++i) leads[i].length = 4;
  leads[0xE0].second_min = 0xA0;
  leads[0xED].second_max = 0x9F;
  leads[0xF0].second_min = 0x90;
  leads[0xF4].second_max = 0x8F;
  return leads;
}
constexpr std::array<Lead, 256> leads = make_leads();

/// The length of the well-formed sequence at the start of `text` (not empty), or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead& lead = leads[byte(0)];
  if (lead.length > text.size()) return 0;
  if (lead.length > 1 && (byte(1) < lead.second_min || byte(1) > lead.second_max)) return 0;
  for (std::size_t i = 2; i < lead.length; ++i)
    if (!is_continuation(byte(i))) return 0;
  return lead.length;
}

/// C1 controls, line separators, and the marks that reorder the text around them.
bool is_unsafe(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x61C || point == 0x200E ||
         point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

char32_t code_point(std::string_view sequence) {
  auto point = static_cast<char32_t>(static_cast<unsigned char>(sequence[0]));
  if (sequence.size() == 1) return point;
  point &= 0x7FU >> sequence.size();
  for (const char c : sequence.substr(1))
    point = point << 6 | static_cast<char32_t>(static_cast<unsigned char>(c) & 0x3F);
  return point;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  while (left != 0) {
    std::uint64_t word = 0;
    while (left >= 8 && (std::memcpy(&word, at, 8), (word & 0x8080808080808080ULL) == 0)) {
      at += 8;
      left -= 8;
    }
    if (left == 0) break;
    const std::size_t length = sequence_length({at, left});
    if (length == 0) return false;
    at += length;
    left -= length;
  }
  return true;
}

std::string to_lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

bool equal_ignoring_case_ascii(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = sequence_length(text);
    const std::string_view piece = text.substr(0, valid == 0 ? 1 : valid);
    text.remove_prefix(piece.size());
    if (valid != 0 && !is_unsafe(code_point(piece))) {
      out += piece;
      continue;
    }
    for (const char c : piece) {
      out += "\\x";
      out += to_hex({&c, 1});
    }
  }
  return out;
}

}  // namespace posthorn
