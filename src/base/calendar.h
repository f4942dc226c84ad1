#pragma once
// The proleptic Gregorian calendar in UTC, for the date formats of base/time.h. Not for use
// outside base/.

#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn {

struct Date {
  std::int64_t year = 1970;
  int month = 1;  ///< 1 to 12.
  int day = 1;    ///< 1 to 31.
};

/// The date `day` days after 1970-01-01; any day of a 64-bit millisecond count.
Date date_of_day(std::int64_t day);

/// Only digits, 1 to 9 of them.
std::optional<int> read_digits(std::string_view text);

/// The pieces of a date and time as they were written.
struct MomentText {
  std::string_view year, month, day;  ///< Digits; the month may be "Jan" .. "Dec".
  std::string_view time;              ///< "08:49:37".
};

/// Seconds since 1970. nullopt when a piece is not a number or names no such day or time; second 60
/// is taken as the next minute's first.
std::optional<std::int64_t> read_moment(const MomentText& text);

}  // namespace posthorn
