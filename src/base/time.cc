#include "base/time.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "base/calendar.h"

namespace posthorn {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 5> units{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", day_ms}}};

struct Offset {
  std::int64_t ms = 0;
};

/// "Z" or "+01:30", which must be all that is left.
std::optional<Offset> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return Offset{0};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = read_digits(text.substr(1, 2));
  const auto minutes = read_digits(text.substr(4, 2));
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t ms = (*hours * 60 + *minutes) * 60'000;
  return Offset{text[0] == '-' ? -ms : ms};
}

}  // namespace

std::string to_rfc3339(Instant at) {
  std::int64_t day = at.unix_ms / day_ms;
  std::int64_t in_day = at.unix_ms % day_ms;
  if (in_day < 0) {
    in_day += day_ms;
    --day;
  }
  const Date date = date_of_day(day);
  const std::string year = date.year >= 0 && date.year <= 9999 ? fmt::format("{:04}", date.year)
                                                               : fmt::format("{:+07}", date.year);
  return fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year, date.month, date.day,
                     in_day / 3'600'000, in_day / 60'000 % 60, in_day / 1000 % 60, in_day % 1000);
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00T00:00:00";
  if (text.size() < shape.size() + 1) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != '0' && text[i] != shape[i] && !(shape[i] == 'T' && text[i] == 't'))
      return std::nullopt;
  const auto seconds = read_moment({.year = text.substr(0, 4),
                                    .month = text.substr(5, 2),
                                    .day = text.substr(8, 2),
                                    .time = text.substr(11, 8)});
  if (!seconds || text.substr(17, 2) == "60") return std::nullopt;
  text.remove_prefix(shape.size());
  std::int64_t millis = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 9) return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) millis = millis * 10 + (i < digits ? text[i] - '0' : 0);
    text.remove_prefix(digits);
  }
  const auto offset = read_offset(text);
  if (!offset) return std::nullopt;
  return Instant{*seconds * 1000 + millis - offset->ms};
}

std::optional<Millis> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    std::int64_t ms = 0;
    for (const char c : text.substr(0, digits))
      if (__builtin_mul_overflow(ms, 10, &ms) || __builtin_add_overflow(ms, c - '0', &ms))
        return std::nullopt;
    if (__builtin_mul_overflow(ms, unit.ms, &ms)) return std::nullopt;
    return Millis{ms};
  }
  return std::nullopt;
}

std::string to_human(Millis span) {
  constexpr std::array<Unit, 5> shown{
      {{"d", day_ms}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1000}, {"ms", 1}}};
  const bool negative = span.count() < 0;
  const auto count = static_cast<std::uint64_t>(span.count());
  std::uint64_t left = negative ? 0 - count : count;
  if (left == 0) return "0 ms";
  std::string out = negative ? "-" : "";
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto size = static_cast<std::uint64_t>(shown[i].ms);
    if (left < size) continue;
    out += fmt::format("{} {}", left / size, shown[i].name);
    left %= size;
    if (i + 1 == shown.size()) break;
    const auto next = static_cast<std::uint64_t>(shown[i + 1].ms);
    if (left >= next) out += fmt::format(" {} {}", left / next, shown[i + 1].name);
    break;
  }
  return out;
}

}  // namespace posthorn
