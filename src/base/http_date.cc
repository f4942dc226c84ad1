#include <algorithm>
#include <array>
#include <string>

#include "base/calendar.h"
#include "base/time.h"

namespace posthorn {
namespace {

constexpr std::array<std::string_view, 7> weekdays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                   "Friday", "Saturday", "Sunday"};

bool is_weekday(std::string_view name) {
  return std::ranges::find(weekdays, name) != weekdays.end();
}
bool is_short_weekday(std::string_view name) {
  return name.size() == 3 && std::ranges::any_of(weekdays, [name](std::string_view whole) {
           return whole.starts_with(name);
         });
}
bool is_month_name(std::string_view text) { return !text.empty() && text[0] >= 'A'; }

std::optional<Instant> instant_of(const MomentText& text) {
  if (!is_month_name(text.month)) return std::nullopt;
  const auto seconds = read_moment(text);
  if (!seconds) return std::nullopt;
  return Instant{*seconds * 1000};
}

/// "06 Nov 1994 08:49:37 GMT"
std::optional<Instant> read_fixdate(std::string_view text) {
  if (text.size() != 24 || text[2] != ' ' || text[6] != ' ' || text[11] != ' ' ||
      text.substr(20) != " GMT")
    return std::nullopt;
  return instant_of({.year = text.substr(7, 4),
                     .month = text.substr(3, 3),
                     .day = text.substr(0, 2),
                     .time = text.substr(12, 8)});
}

/// "06-Nov-94 08:49:37 GMT"
std::optional<Instant> read_rfc850(std::string_view text) {
  if (text.size() != 22 || text[2] != '-' || text[6] != '-' || text[9] != ' ' ||
      text.substr(18) != " GMT")
    return std::nullopt;
  const std::string year = (text[7] >= '7' ? "19" : "20") + std::string(text.substr(7, 2));
  return instant_of({.year = year,
                     .month = text.substr(3, 3),
                     .day = text.substr(0, 2),
                     .time = text.substr(10, 8)});
}

/// "Nov  6 08:49:37 1994"
std::optional<Instant> read_asctime(std::string_view text) {
  if (text.size() != 20 || text[3] != ' ' || text[6] != ' ' || text[15] != ' ') return std::nullopt;
  return instant_of({.year = text.substr(16, 4),
                     .month = text.substr(0, 3),
                     .day = text[4] == ' ' ? text.substr(5, 1) : text.substr(4, 2),
                     .time = text.substr(7, 8)});
}

}  // namespace

std::optional<Instant> parse_http_date(std::string_view text) {
  if (const std::size_t comma = text.find(", "); comma != std::string_view::npos) {
    const std::string_view name = text.substr(0, comma), rest = text.substr(comma + 2);
    if (is_short_weekday(name)) return read_fixdate(rest);
    if (is_weekday(name)) return read_rfc850(rest);
    return std::nullopt;
  }
  if (text.size() < 4 || !is_short_weekday(text.substr(0, 3)) || text[3] != ' ')
    return std::nullopt;
  return read_asctime(text.substr(4));
}

}  // namespace posthorn
