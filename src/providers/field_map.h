#pragma once
// Ready field maps for senders that everybody has and nobody signs: which members of their payload
// are the event's id, name, title, status and so on. Not for use outside providers/.

#include <array>
#include <string_view>

#include "providers/provider.h"

namespace posthorn::providers {

inline constexpr std::array<std::string_view, 5> preset_names{"none", "alertmanager", "grafana",
                                                              "uptime", "crm_contact"};
inline constexpr std::size_t preset_events_max = 1'000;

/// The events of a payload as the preset reads it: one for each element where the sender batches
/// (alerts, CRM events), each with its own key made of what identifies it; the digest of the body
/// and its place where nothing does. Fields: timestamp, object_id, title, text, severity, status,
/// url, name, email, phone, as far as they are there. A form is read like an object of texts.
/// `preset` is one of preset_names but "none".
Parsed parse_preset(std::string_view preset, const Incoming& request);

/// A payload as the sender makes it.
json::object preset_sample(std::string_view preset, const SampleOrder& order);

}  // namespace posthorn::providers
