#pragma once
// Why did a request not verify? The usual mistakes are made one at a time, and those that would
// have let it pass are named. Nothing is accepted by it: a request stays refused.

#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "providers/provider.h"

namespace posthorn::providers {

/// Other settings that the request may have been meant for.
struct Candidate {
  enum class Kind : std::uint8_t {
    other_source,  ///< A source of the same provider: another account, or its test or live mode.
    old_secret,    ///< This source's settings before its secret was rotated.
  };
  Kind kind = Kind::other_source;
  std::string name;  ///< For people: the source's name, or when the secret was replaced.
  Settings settings;
};

struct LikelyMistake {
  /// Stable, for programs: secret_of_other_source, old_secret, clock, secret_space, secret_prefix,
  /// secret_encoding, setting, url, body_line_ends, body_reserialised.
  std::string code;
  std::string sentence;  ///< What happened and what to do; never holds a secret.
};

/// The most that one diagnosis does: calls of verify(), and bytes of body that they read.
inline constexpr int diagnosis_calls_max = 800;
inline constexpr std::size_t diagnosis_bytes_max = 128U << 20;
/// Longer bodies are not written anew in other ways.
inline constexpr std::size_t diagnosis_body_bytes_max = 256U << 10;

/// At most one mistake of each code, the likeliest first; empty when none is found, or when the
/// request verifies. `now` is when the request came. Pure; at most diagnosis_calls_max calls of
/// verify(), which takes a few milliseconds for a body of 1 KiB and under a second at the bounds.
std::vector<LikelyMistake> diagnose(const Provider& provider, const Settings& settings,
                                    const Incoming& request, Instant now,
                                    std::span<const Candidate> candidates = {});

}  // namespace posthorn::providers
