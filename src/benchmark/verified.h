#pragma once
// A verified source under load: requests that Stripe could have signed, each with an id of its own.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "benchmark/measure.h"
#include "crypto/crypto.h"

namespace posthorn::benchmark {

inline constexpr std::string_view stripe_secret = "whsec_bench_signing_secret_0123456789";

/// Makes every request a new one: its id, its time, its signature. Not thread-safe.
class StripeSigner {
 public:
  /// Ids count up from `first_id`. `slugs` (of one length, at least one) are called in turns.
  StripeSigner(std::uint16_t port, std::vector<std::string> slugs, std::size_t payload_bytes,
               std::uint64_t first_id = 1);

  /// The request as LoadOptions::request takes it; change() makes it right.
  [[nodiscard]] const std::string& request() const { return request_; }
  /// For LoadOptions::change; about 1 us for 1 KiB. Throws std::logic_error for another text.
  void change(std::string& request);
  /// The next request's id.
  [[nodiscard]] std::uint64_t next_id() const { return next_id_; }

 private:
  std::vector<std::string> slugs_;
  std::string request_;
  std::size_t slug_at_ = 0, time_at_ = 0, mac_at_ = 0, id_at_ = 0, body_at_ = 0;
  std::uint64_t next_id_;
  crypto::HmacKey key_{stripe_secret};
};

/// A Stripe event with an id of 20 zeros behind "evt_".
std::string stripe_body(std::size_t bytes);

/// Makes a Stripe source over the API and returns its slug.
std::string make_stripe_source(Product& product, std::string_view name = "bench");

/// A counter of GET /metrics; 0 when it is not there.
double metric(Product& product, std::string_view name);

/// Waits until the worker is done with all that was received and returns how long that took, in
/// milliseconds. Throws std::runtime_error after 60 s.
double wait_for_worker(Product& product);

}  // namespace posthorn::benchmark
