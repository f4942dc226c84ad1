#pragma once
// Points in time and spans, always with their unit in the type.

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn {

using Millis = std::chrono::milliseconds;
using namespace std::chrono_literals;

/// A moment of wall-clock time: milliseconds since 1970-01-01T00:00:00Z.
struct Instant {
  std::int64_t unix_ms = 0;

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, Millis span) {
    return {at.unix_ms + span.count()};
  }
  friend constexpr Instant operator-(Instant at, Millis span) {
    return {at.unix_ms - span.count()};
  }
  friend constexpr Millis operator-(Instant a, Instant b) { return Millis{a.unix_ms - b.unix_ms}; }
  [[nodiscard]] constexpr std::int64_t unix_seconds() const {
    return unix_ms >= 0 ? unix_ms / 1000 : (unix_ms - 999) / 1000;
  }
};

/// A moment of the steady clock, which never jumps: milliseconds since some start. Only
/// differences mean anything, and only inside one process.
struct Tick {
  std::int64_t ms = 0;

  friend constexpr auto operator<=>(Tick, Tick) = default;
  friend constexpr Tick operator+(Tick at, Millis span) { return {at.ms + span.count()}; }
  friend constexpr Tick operator-(Tick at, Millis span) { return {at.ms - span.count()}; }
  friend constexpr Millis operator-(Tick a, Tick b) { return Millis{a.ms - b.ms}; }
};

/// "2026-11-21T06:34:31.204Z", always 24 characters for years 0000-9999; other years have a sign
/// and at least 6 digits (ISO 8601 expanded).
std::string to_rfc3339(Instant at);

/// Reads RFC 3339 with `Z` or a numeric offset and 0 to 9 fraction digits (cut to milliseconds).
/// Nothing else is accepted: no missing zone, no leap second, no space for the `T`. `t` and `z`
/// are.
std::optional<Instant> parse_rfc3339(std::string_view text);

/// Reads the three date forms of HTTP (RFC 9110 5.6.7): IMF-fixdate, RFC 850 (years 70-99 are of
/// the 20th century), asctime. A weekday must be one but need not fit the date.
std::optional<Instant> parse_http_date(std::string_view text);

/// Reads "250ms", "10s", "5m", "2h", "3d"; a whole number and one unit. At most about 292 million
/// years: what does not fit is nullopt.
std::optional<Millis> parse_duration(std::string_view text);

/// "250 ms", "10 s", "5 min", "2 h 36 min": for people, two units at most, the rest is
/// cut.
std::string to_human(Millis span);

}  // namespace posthorn
