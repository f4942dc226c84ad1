#include "base/time.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace posthorn;

TEST_CASE("rfc3339: writes 24 characters and reads them back") {
  const Instant at{1'795'242'871'204};
  CHECK(to_rfc3339(at) == "2026-11-21T06:34:31.204Z");
  CHECK(parse_rfc3339("2026-11-21T06:34:31.204Z") == at);
  CHECK(to_rfc3339(Instant{0}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(Instant{-1}) == "1969-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(Instant{951'782'400'000}) == "2000-02-29T00:00:00.000Z");
}

TEST_CASE("rfc3339: the edges of four-digit years hold and beyond them a sign appears") {
  const auto first = parse_rfc3339("0000-01-01T00:00:00Z");
  const auto last = parse_rfc3339("9999-12-31T23:59:59.999Z");
  REQUIRE(first.has_value());
  REQUIRE(last.has_value());
  CHECK(to_rfc3339(*first) == "0000-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(*last) == "9999-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(*last + 1ms) == "+010000-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(*first - 1ms) == "-000001-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(Instant{std::numeric_limits<std::int64_t>::max()}) ==
        "+292278994-08-17T07:12:55.807Z");
  CHECK(to_rfc3339(Instant{std::numeric_limits<std::int64_t>::min()}) ==
        "-292275055-05-16T16:47:04.192Z");
}

TEST_CASE("rfc3339: for any day of 800 years, text and back is the same moment") {
  for (std::int64_t day = -146'097; day <= 146'097; day += 13) {
    const Instant at{day * 86'400'000 + 12'345'678};
    REQUIRE(parse_rfc3339(to_rfc3339(at)) == at);
  }
}

TEST_CASE("rfc3339: offsets, lower case and fractions of 1 to 9 digits are read") {
  const auto noon = parse_rfc3339("2026-11-21T12:00:00Z");
  REQUIRE(noon.has_value());
  CHECK(parse_rfc3339("2026-11-21T13:30:00+01:30") == noon);
  CHECK(parse_rfc3339("2026-11-20T12:01:00-23:59") == noon);
  CHECK(parse_rfc3339("2026-11-21T12:00:00-00:00") == noon);
  CHECK(parse_rfc3339("2026-11-21t12:00:00z") == noon);
  CHECK(parse_rfc3339("2026-11-21T12:00:00.5Z") == *noon + 500ms);
  CHECK(parse_rfc3339("2026-11-21T12:00:00.123999999Z") == *noon + 123ms);
}

TEST_CASE("rfc3339: everything else is refused") {
  for (const char* text : {"",
                           "2026-11-21",
                           "2026-11-21T12:00:00",
                           "2026-11-21 12:00:00Z",
                           "2026-11-21T12:00:00.Z",
                           "2026-11-21T12:00:00.1234567890Z",
                           "2026-11-21T12:00:60Z",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T12:60:00Z",
                           "2026-02-29T12:00:00Z",
                           "2026-13-01T12:00:00Z",
                           "2026-00-01T12:00:00Z",
                           "2026-01-00T12:00:00Z",
                           "2026-01-32T12:00:00Z",
                           "2026-11-21T12:00:00+0100",
                           "2026-11-21T12:00:00+24:00",
                           "2026-11-21T12:00:00+01:60",
                           "2026-11-21T12:00:00ZZ",
                           " 2026-11-21T12:00:00Z",
                           "2026-11-21T12:00:00Z ",
                           "+026-11-21T12:00:00Z",
                           "2026-1a-21T12:00:00Z",
                           "2026-Nov-1T12:00:00Z",
                           "26-11-21T12:00:00Z",
                           "2026-11-21T12:00:00+-1:00"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text).has_value());
  }
}

TEST_CASE("http date: the three forms of RFC 9110 name the same moment") {
  const Instant at{784'111'777'000};
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == at);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == at);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == at);
  CHECK(parse_http_date("Mon Nov 16 08:49:37 1994") == at + 10 * 24h);
  CHECK(parse_http_date("Fri, 01 Jan 1999 00:00:60 GMT") ==
        parse_http_date("Fri, 01 Jan 1999 00:01:00 GMT"));
}

TEST_CASE("http date: two-digit years turn at 70") {
  CHECK(parse_http_date("Thursday, 01-Jan-70 00:00:00 GMT") == Instant{0});
  CHECK(parse_http_date("Tuesday, 31-Dec-69 00:00:00 GMT") ==
        parse_rfc3339("2069-12-31T00:00:00Z"));
}

TEST_CASE("http date: other forms are refused") {
  for (const char* text :
       {"", "Sun", "Sun, ", "06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 011 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", "Sun Nov  6 25:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "120", "99999999999", "-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text).has_value());
  }
}

TEST_CASE("duration: a whole number and a unit") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("2h") == 2h);
  CHECK(parse_duration("3d") == 72h);
  CHECK(parse_duration("0s") == 0s);
  CHECK(parse_duration("9223372036854775807ms") == Millis::max());
  for (const char* text : {"", "5", "s", "5 s", "-5s", "+5s", "1.5s", "5S", "5min", "1h30m",
                           "9223372036854775808ms", "9223372036854776s", "5s "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("to_human: the two largest units") {
  CHECK(to_human(0ms) == "0 ms");
  CHECK(to_human(250ms) == "250 ms");
  CHECK(to_human(10s) == "10 s");
  CHECK(to_human(1500ms) == "1 s 500 ms");
  CHECK(to_human(5min) == "5 min");
  CHECK(to_human(2h + 36min + 59s) == "2 h 36 min");
  CHECK(to_human(2h + 59s) == "2 h");
  CHECK(to_human(49h) == "2 d 1 h");
  CHECK(to_human(-90s) == "-1 min 30 s");
  CHECK(to_human(Millis::min()) == "-106751991167 d 7 h");
}

TEST_CASE("instant: seconds are rounded down, also before 1970") {
  CHECK(Instant{1999}.unix_seconds() == 1);
  CHECK(Instant{-1}.unix_seconds() == -1);
  CHECK(Instant{-1000}.unix_seconds() == -1);
  CHECK(Instant{-1001}.unix_seconds() == -2);
}
