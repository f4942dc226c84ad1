#include "base/calendar.h"

#include <array>

namespace posthorn {
namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in(std::int64_t year, int month) {
  constexpr std::array<int, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : lengths[static_cast<std::size_t>(month - 1)];
}

// Both conversions count years from March, so that the leap day is a year's last, in eras of 400
// years (146097 days). Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
constexpr std::int64_t era_days = 146'097;
constexpr std::int64_t epoch_in_era_days = 719'468;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return (a >= 0 ? a : a - b + 1) / b; }

std::int64_t day_of_date(const Date& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = floor_divide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const int month_from_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  return era * era_days + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         epoch_in_era_days;
}

std::optional<int> read_month(std::string_view text) {
  for (std::size_t i = 0; i < months.size(); ++i)
    if (text == months[i]) return static_cast<int>(i) + 1;
  return read_digits(text);
}

}  // namespace

Date date_of_day(std::int64_t day) {
  day += epoch_in_era_days;
  const std::int64_t era = floor_divide(day, era_days);
  const std::int64_t day_of_era = day - era * era_days;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / (era_days - 1)) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto month_from_march = static_cast<int>((5 * day_of_year + 2) / 153);
  Date date;
  date.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  date.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

std::optional<int> read_digits(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::int64_t> read_moment(const MomentText& text) {
  const auto year = read_digits(text.year), month = read_month(text.month),
             day = read_digits(text.day);
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1 ||
      *day > days_in(*year, *month))
    return std::nullopt;
  if (text.time.size() != 8 || text.time[2] != ':' || text.time[5] != ':') return std::nullopt;
  const auto hour = read_digits(text.time.substr(0, 2)),
             minute = read_digits(text.time.substr(3, 2)),
             second = read_digits(text.time.substr(6, 2));
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  const Date date{*year, *month, *day};
  return day_of_date(date) * 86'400 + *hour * 3600 + *minute * 60 + *second;
}

}  // namespace posthorn
