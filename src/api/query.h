#pragma once
// The query string of a request, checked against what its route takes.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "model/faults.h"

namespace posthorn::api {

/// What the text of a parameter must be.
/// How a pending delivery of a disabled endpoint is shown and asked for; it is not a state of its
/// own.
inline constexpr std::string_view held_status = "held";

enum class Takes : std::uint8_t {
  text,             ///< 1 to 256 bytes without control characters.
  limit,            ///< 1 to 500.
  cursor,           ///< A next_cursor.
  moment,           ///< RFC 3339, or "-2h": a span before now.
  boolean,          ///< true or false.
  event_id,         ///< evt_…
  endpoint_id,      ///< ep_…
  delivery_id,      ///< dlv_… or its UUID.
  bin_id,           ///< bin_…
  source_id,        ///< src_…
  request_id,       ///< req_…
  application,      ///< app_… or a uid.
  event_types,      ///< Patterns, by commas or repeated.
  delivery_states,  ///< Names, by commas or repeated.
  request_states,   ///< Names, by commas or repeated.
  provider,         ///< A provider's name.
  http_statuses,    ///< 100 to 599, by commas or repeated.
  topics,           ///< events, deliveries, requests; by commas or repeated.
};

struct QueryParameter {
  std::string_view name;
  Takes takes = Takes::text;
  std::string_view description;
};

inline constexpr int list_limit_default = 50;
inline constexpr int list_limit_max = 500;

/// Undoes percent-encoding (and `+` as a space when `plus_is_space`); nullopt for a bad escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// A query string that was found right. Reading a parameter that the route does not take is a bug.
class Query {
 public:
  /// Faults: an unknown name (with the nearest), a name given twice that takes one value, a value
  /// that is not what the parameter takes, an `until` that is not after `since`.
  static Query parse(std::string_view raw, std::span<const QueryParameter> known, Instant now,
                     model::Faults& faults);

  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  [[nodiscard]] std::vector<int> numbers(std::string_view name) const;
  [[nodiscard]] std::optional<Instant> moment(std::string_view name) const;
  [[nodiscard]] bool is_true(std::string_view name) const;
  template <class Identifier>
  [[nodiscard]] std::optional<Identifier> id(std::string_view name) const {
    const auto found = text(name);
    return found ? Identifier::parse(*found) : std::nullopt;
  }
  [[nodiscard]] int limit() const;
  /// What a cursor is bound to: every parameter but `limit` and `cursor`, in a fixed order.
  [[nodiscard]] std::string fingerprint() const;

 private:
  struct Value {
    std::string name;
    Takes takes = Takes::text;
    std::vector<std::string> parts;
  };
  [[nodiscard]] const Value* find(std::string_view name) const;

  std::vector<Value> values_;
  Instant now_;
};

}  // namespace posthorn::api
