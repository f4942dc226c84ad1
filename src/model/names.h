#pragma once
// The text of every enumeration, as the API shows it and documents store it: never rename one.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "model/delivery.h"
#include "model/endpoint.h"
#include "model/objects.h"
#include "model/received_request.h"

namespace posthorn::model {

template <class Enumeration>
struct Named {
  using value_type = Enumeration;
  Enumeration value;
  std::string_view name;
};

inline constexpr std::array<Named<PayloadFormat>, 6> payload_formats{
    {{PayloadFormat::json, "json"},
     {PayloadFormat::bare, "bare"},
     {PayloadFormat::xml, "xml"},
     {PayloadFormat::form, "form"},
     {PayloadFormat::cloudevents, "cloudevents"},
     {PayloadFormat::cloudevents_binary, "cloudevents_binary"}}};
inline constexpr std::array<Named<Ordering>, 2> orderings{
    {{Ordering::none, "none"}, {Ordering::key, "key"}}};
inline constexpr std::array<Named<OnExhausted>, 2> exhausted_actions{
    {{OnExhausted::block, "block"}, {OnExhausted::skip, "skip"}}};
inline constexpr std::array<Named<DisabledReason>, 4> disabled_reasons{
    {{DisabledReason::none, "none"},
     {DisabledReason::consecutive_failures, "consecutive_failures"},
     {DisabledReason::gone, "gone"},
     {DisabledReason::manual, "manual"}}};
inline constexpr std::array<Named<DeliveryState>, 5> delivery_states{
    {{DeliveryState::pending, "pending"},
     {DeliveryState::succeeded, "succeeded"},
     {DeliveryState::exhausted, "exhausted"},
     {DeliveryState::cancelled, "cancelled"},
     {DeliveryState::parked, "parked"}}};
inline constexpr std::array<Named<Trigger>, 4> triggers{{{Trigger::schedule, "schedule"},
                                                         {Trigger::replay, "replay"},
                                                         {Trigger::test, "test"},
                                                         {Trigger::probe, "probe"}}};

inline constexpr std::array<Named<RequestState>, 8> request_states{
    {{RequestState::received, "received"},
     {RequestState::processed, "processed"},
     {RequestState::duplicate, "duplicate"},
     {RequestState::refused, "refused"},
     {RequestState::unparsed, "unparsed"},
     {RequestState::invalid, "invalid"},
     {RequestState::parked, "parked"},
     {RequestState::answered, "answered"}}};
inline constexpr std::array<Named<RequestOrigin>, 2> request_origins{
    {{RequestOrigin::webhook, "webhook"}, {RequestOrigin::poll, "poll"}}};

/// "unknown" for a value outside the table (a newer store).
template <class Enumeration, std::size_t count>
constexpr std::string_view name_of(const std::array<Named<Enumeration>, count>& table,
                                   Enumeration value) {
  for (const auto& entry : table)
    if (entry.value == value) return entry.name;
  return "unknown";
}

template <class Enumeration, std::size_t count>
constexpr std::optional<Enumeration> value_of(const std::array<Named<Enumeration>, count>& table,
                                              std::string_view name) {
  for (const auto& entry : table)
    if (entry.name == name) return entry.value;
  return std::nullopt;
}

constexpr std::string_view to_string(PayloadFormat value) {
  return name_of(payload_formats, value);
}
constexpr std::string_view to_string(Ordering value) { return name_of(orderings, value); }
constexpr std::string_view to_string(OnExhausted value) {
  return name_of(exhausted_actions, value);
}
constexpr std::string_view to_string(DisabledReason value) {
  return name_of(disabled_reasons, value);
}
constexpr std::string_view to_string(DeliveryState value) {
  return name_of(delivery_states, value);
}
constexpr std::string_view to_string(Trigger value) { return name_of(triggers, value); }

/// Dotted segments of [a-z0-9_], at most 128 bytes: "ticket.created".
bool is_event_type(std::string_view name);
/// The same with `*` standing for any characters: "ticket.*", "*".
bool is_event_type_pattern(std::string_view pattern);
/// 1 to 128 of [A-Za-z0-9_.:-]: channels and application uids.
bool is_label(std::string_view text);

}  // namespace posthorn::model
