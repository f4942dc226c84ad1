#pragma once
// Idempotency-Key: the same POST again is answered again, not done again (24 hours).

#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "api/context.h"

namespace posthorn::api {

/// Keys whose first call is still being worked on. Thread-safe.
class InFlightKeys {
 public:
  /// Held while the call runs; empty when somebody else holds the name.
  class Hold {
   public:
    Hold() = default;
    Hold(InFlightKeys& keys, std::string name) : keys_(&keys), name_(std::move(name)) {}
    Hold(Hold&& other) noexcept
        : keys_(std::exchange(other.keys_, nullptr)), name_(std::move(other.name_)) {}
    Hold& operator=(Hold&& other) noexcept;
    ~Hold();
    [[nodiscard]] explicit operator bool() const { return keys_ != nullptr; }

   private:
    InFlightKeys* keys_ = nullptr;
    std::string name_;
  };
  Hold hold(const std::string& name);

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> names_;
};

/// The claim of a call that has the header; nullopt without one. A Problem (400) when the header
/// is not 1 to 255 visible ASCII characters, quoted or not, given once.
std::expected<std::optional<IdempotencyClaim>, Problem> claim_of(const Context& context,
                                                                 const Call& call);

/// Looks for a kept reply. The answer to give instead of running the call: the kept one with
/// `Idempotency-Replayed: true`; 422 when the key was used with another request; 409 when the first
/// call was carried out but its answer was lost in a crash. nullopt: run the call.
task<std::optional<Answer>> kept_answer(Context& context, Call& call);

/// What a commit writes for the call's claim: with `reply`, or (null) only that it was carried out.
store::ObjectWrite kept_reply(const Context& context, const Call& call,
                              const http::Response* reply);

/// After the call: keeps a reply that its commit could not know, or that had no commit at all.
/// Errors: those of Store::apply.
task<Result<>> keep_reply(Context& context, Call& call, const http::Response& reply);

}  // namespace posthorn::api
