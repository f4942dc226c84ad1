#pragma once
// Reads the JSON of chat providers: every field that is relied on is checked as it is read, and
// what is missing or wrong becomes a fault with its place. Not for use outside providers/.

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "providers/provider.h"

namespace posthorn::providers {

/// The faults of one payload. All are counted; at most 100 are kept in `parsed`, which must outlive
/// it.
class PayloadFaults {
 public:
  explicit PayloadFaults(Parsed& parsed) : parsed_(parsed) {}
  void add(std::string pointer, std::string_view code, std::string detail);
  /// Grows with every fault: an event is produced only when nothing was added while it was read.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  Parsed& parsed_;
  std::size_t count_ = 0;
};

/// One object of a payload. `object` and `faults` must outlive it. A member that is null counts as
/// absent everywhere: providers send both.
class PayloadObject {
 public:
  PayloadObject(const json::object& object, PayloadFaults& faults, std::string pointer = {})
      : object_(&object), faults_(&faults), pointer_(std::move(pointer)) {}

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The member's text, which must be there and not be empty; otherwise a fault, and "".
  std::string text(std::string_view name) const;
  /// nullopt when it is absent or empty; anything but text is a fault.
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name) const;
  /// An id: text that is not empty, or a whole number of 64 bits; given back as text. A fault
  /// otherwise, and "".
  std::string id(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> optional_id(std::string_view name) const;
  /// A whole number of 64 bits, as a number or as decimal digits in text; nullopt when it is
  /// absent; a fault otherwise.
  [[nodiscard]] std::optional<std::int64_t> optional_whole(std::string_view name) const;
  /// False when it is absent; a fault when it is no boolean.
  [[nodiscard]] bool flag(std::string_view name) const;

  /// Unix seconds, from seconds or from milliseconds (cut); null when it is absent. A fault when it
  /// is no whole number or lies outside the years 1970 to 5138.
  [[nodiscard]] json::value seconds(std::string_view name) const;
  [[nodiscard]] json::value milliseconds(std::string_view name) const;
  /// Told apart by size, for providers that send both: from 10^11 on it is milliseconds.
  [[nodiscard]] json::value seconds_or_milliseconds(std::string_view name) const;

  /// The member, which must be an object. The first is a fault when it is absent.
  [[nodiscard]] std::optional<PayloadObject> object(std::string_view name) const;
  [[nodiscard]] std::optional<PayloadObject> optional_object(std::string_view name) const;
  /// The elements of a list of objects, in their order; an element that is none is a fault and is
  /// left out. The first is a fault when it is absent, the second gives an empty list then.
  [[nodiscard]] std::vector<PayloadObject> objects(std::string_view name) const;
  [[nodiscard]] std::vector<PayloadObject> optional_objects(std::string_view name) const;
  /// The elements of a list of ids; empty when it is absent.
  [[nodiscard]] std::vector<std::string> optional_ids(std::string_view name) const;

  /// A fault at a member.
  void fault(std::string_view name, std::string_view code, std::string detail) const;
  /// Of the whole payload, see PayloadFaults.
  [[nodiscard]] std::size_t faults() const { return faults_->count(); }
  [[nodiscard]] const json::object& given() const { return *object_; }

 private:
  /// nullptr when it is absent or null.
  [[nodiscard]] const json::value* find(std::string_view name) const;
  [[nodiscard]] json::value time(std::string_view name, std::int64_t value,
                                 std::int64_t units_per_second) const;
  void is_missing(std::string_view name) const;

  const json::object* object_;
  PayloadFaults* faults_;
  std::string pointer_;
};

/// The body as a JSON object; otherwise nullopt, and `parsed.unreadable` says why.
std::optional<json::object> read_object(const Incoming& request, Parsed& parsed);

/// Meta sends batches of up to 1 000; a call that says more than this is not read to its end, so
/// that one call cannot take the memory of many.
inline constexpr std::size_t events_per_call_max = 10'000;

/// Adds the event, or past events_per_call_max a fault at the whole payload instead.
void add_event(Parsed& parsed, NormalisedEvent event);

/// What every event of a chat message has. Absent text is null in the event.
struct ChatEvent {
  std::string_view type;  ///< "message.inbound", "message.status", …
  std::string key;
  std::optional<std::string> message_id = {};
  /// Of tests/cases/README.md; empty: null.
  std::string_view status = {};
  std::optional<std::string> from = {}, to = {}, text = {};
  json::value timestamp = nullptr;
};

/// The event, with its fields in the order that people read them.
NormalisedEvent make_event(ChatEvent chat);

/// Sets a member when there is a value.
void set(json::object& fields, std::string_view name, std::optional<std::string> value);

/// For samples: a number of 48 bits, exact in JSON, made of the first digits of
/// SampleOrder::unique.
std::uint64_t sample_number(std::string_view unique);

/// A call that carries one event has that event's key; a batch has none of its own.
void take_key_of_only_event(Parsed& parsed);

}  // namespace posthorn::providers
