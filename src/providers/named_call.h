#pragma once
// For tests: providers by name, signed samples with any body, and what comes of them.

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/provider.h"
#include "text/json_payload.h"

namespace posthorn::providers::named_call {

inline constexpr Instant now{1'760'000'000'000};

inline std::string faults_of(std::string_view name, std::string_view config) {
  model::Faults faults;
  read_settings(*find_provider(name), text::parse_payload(config)->as_object(), faults);
  return faults.summary();
}

inline Settings settings_of(std::string_view name, std::string_view config) {
  model::Faults faults;
  auto settings =
      read_settings(*find_provider(name), text::parse_payload(config)->as_object(), faults);
  REQUIRE_MESSAGE(faults.empty(), faults.summary());
  return settings;
}

inline Incoming incoming(const Sample& sample,
                         std::vector<std::pair<std::string_view, std::string_view>>& views) {
  views.assign(sample.headers.begin(), sample.headers.end());
  return {.method = sample.method, .url = sample.url, .headers = views, .body = sample.body};
}

inline Sample signed_body(std::string_view name, const Settings& settings, std::string_view body,
                          std::string_view event = {}) {
  auto made = make_sample(*find_provider(name), settings,
                          {.url = "https://hooks.example.com/in/abc",
                           .event = event,
                           .unique = "0123456789abcdef",
                           .now = now,
                           .body = body});
  REQUIRE_MESSAGE(made.has_value(), made.error().what);
  return *std::move(made);
}

inline Verification verified(std::string_view name, const Settings& settings,
                             const Sample& sample) {
  std::vector<std::pair<std::string_view, std::string_view>> views;
  return find_provider(name)->verify(settings, incoming(sample, views), now);
}

/// What comes of a sample that must verify.
inline Parsed parsed(std::string_view name, const Settings& settings, const Sample& sample) {
  const auto verification = verified(name, settings, sample);
  REQUIRE_MESSAGE(verification.verified, verification.reason);
  std::vector<std::pair<std::string_view, std::string_view>> views;
  return find_provider(name)->parse(settings, incoming(sample, views));
}

/// "unreadable: …", "/pointer code" of the first fault, or "ok".
inline std::string outcome(std::string_view name, const Settings& settings, std::string_view body,
                           std::string_view event = {}) {
  const auto found = parsed(name, settings, signed_body(name, settings, body, event));
  if (!found.unreadable.empty()) {
    CHECK(found.events.empty());
    return "unreadable: " + found.unreadable;
  }
  if (found.faults.empty()) return "ok";
  CHECK(found.events.empty());
  return found.faults.front().pointer + " " + found.faults.front().code;
}

inline void set_header(Sample& sample, std::string_view name, std::string_view value) {
  for (auto& header : sample.headers)
    if (header.first == name) header.second = value;
}

inline void drop_header(Sample& sample, std::string_view name) {
  std::erase_if(sample.headers, [&](const auto& header) { return header.first == name; });
}

inline std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace posthorn::providers::named_call
