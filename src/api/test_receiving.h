#pragma once
// For the tests of api/ alone: requests received as the receiver would keep them.

#include <string>

#include "api/test_world.h"
#include "ingest/intake.h"

namespace posthorn::api::testing {

inline constexpr std::string_view stripe =
    R"({"provider":"stripe","name":"payments","config":{"signing_secret":"whsec_0123456789abcdef"}})";
/// Without an id of its own: a request is known by its bytes.
inline constexpr std::string_view by_bytes =
    R"({"provider":"generic_hmac","name":"by bytes","config":{"secret":"sesame-sesame"}})";

/// What a source's provider would send.
struct Wanted {
  std::string signed_as = {};  ///< Id of the source whose settings sign it; empty: its own.
  std::string unique = {};     ///< 16 hexadecimal digits; empty: another each time.
  bool forged = false;         ///< The body is not what was signed.
  bool as_refused = false;     ///< It verifies, but did not when it came.
};

class Receiving {
 public:
  explicit Receiving(World& world) : world_(world) {}

  /// Keeps a sample as the receiver would; its id.
  std::string receive(const std::string& source, Wanted wanted = {}) {
    const auto live = live_of(source);
    const auto signer = wanted.signed_as.empty() ? live : live_of(wanted.signed_as);
    const std::string url = ingest::ingest_url(live->source, "https://hooks.example.com");
    if (wanted.unique.empty()) wanted.unique = "0123456789abc" + std::to_string(100 + made_++);
    const auto sample = live->source.provider->sample(
        signer->settings, {.url = url,
                           .event = live->source.provider->samples.front(),
                           .unique = wanted.unique,
                           .now = world_.clock.now()});
    REQUIRE_MESSAGE(sample.has_value(), (sample ? "" : sample.error().what));
    ingest::Arrival arrival;
    arrival.url = sample->url.empty() ? url : sample->url;
    for (const auto& [name, value] : sample->headers) arrival.headers.emplace_back(name, value);
    const std::string body = wanted.forged ? sample->body + " " : sample->body;
    arrival.body = body;
    arrival.at = world_.clock.now();
    auto& intake = world_.intake;
    const auto verification =
        live->source.provider->verify(live->settings, arrival.incoming(), arrival.at);
    if (!verification.verified || wanted.as_refused) {
      const auto kept =
          world_.wait(intake.keep_refused(live, arrival, ingest::verdict_text(verification), 401));
      REQUIRE(kept.has_value());
      return kept->value().text();
    }
    const auto kept = world_.wait(intake.keep(live, arrival, {}, 200));
    REQUIRE(kept.has_value());
    return kept->id.text();
  }

  /// As the worker would leave it.
  void settle(const std::string& request, model::RequestState state) {
    store::Batch batch;
    store::RequestChange change;
    change.request = *RequestId::parse(request);
    change.state = state;
    change.processed_at = world_.clock.now();
    batch.request_changes.push_back(change);
    const auto applied = world_.store.apply_blocking(std::move(batch));
    REQUIRE_MESSAGE(applied.has_value(), (applied ? "" : applied.error().what));
  }

 private:
  ingest::LiveSourcePtr live_of(const std::string& source) {
    auto live = world_.sources.by_id(*SourceId::parse(source));
    REQUIRE(live);
    return live;
  }

  World& world_;
  int made_ = 0;
};

}  // namespace posthorn::api::testing
