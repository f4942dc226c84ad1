#include "providers/request_times.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t times_max = 64;
constexpr std::size_t body_bytes_max = 64U << 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Times {
 public:
  void add(Instant at) {
    if (all_.size() < times_max && std::ranges::find(all_, at) == all_.end()) all_.push_back(at);
  }

  void add_all_in(std::string_view text) {
    for (std::size_t at = 0; at < text.size() && all_.size() < times_max;) {
      if (!is_digit(text[at])) {
        ++at;
        continue;
      }
      std::size_t end = at;
      while (end < text.size() && is_digit(text[end])) ++end;
      add_number(text.substr(at, end - at));
      if (end - at == 4 && end < text.size() && text[end] == '-') end = add_date(text, at, end);
      at = end;
    }
  }

  [[nodiscard]] std::vector<Instant> take() && { return std::move(all_); }

 private:
  void add_number(std::string_view digits) {
    if (digits.size() != 10 && digits.size() != 13) return;
    std::int64_t number = 0;
    for (const char c : digits) number = number * 10 + (c - '0');
    add({digits.size() == 10 ? number * 1000 : number});
  }

  /// Gives back where the date ends, or `end` when it is none.
  std::size_t add_date(std::string_view text, std::size_t at, std::size_t end) {
    constexpr std::string_view part_of_date = "0123456789-:.+TtZz";
    const auto behind = std::min(text.find_first_not_of(part_of_date, at), text.size());
    const auto moment = parse_rfc3339(text.substr(at, behind - at));
    if (!moment) return end;
    add(*moment);
    return behind;
  }

  std::vector<Instant> all_;
};

/// The middle part of a JWT, decoded.
std::optional<std::string> claims_of(std::string_view value) {
  const auto first = value.find('.');
  const auto second = first == value.npos ? first : value.find('.', first + 1);
  if (second == value.npos) return std::nullopt;
  return from_base64url(value.substr(first + 1, second - first - 1));
}

}  // namespace

std::vector<Instant> request_times(const Incoming& request, Instant now) {
  Times times;
  for (const auto& [name, value] : request.headers) {
    times.add_all_in(value);
    if (const auto claims = claims_of(value)) times.add_all_in(*claims);
  }
  times.add_all_in(request.query());
  times.add_all_in(request.body.substr(0, body_bytes_max));
  for (int hours = 1; hours <= 14; ++hours) {
    times.add(now + std::chrono::hours(hours));
    times.add(now - std::chrono::hours(hours));
  }
  return std::move(times).take();
}

}  // namespace posthorn::providers
