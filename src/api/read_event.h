#pragma once
// One event of a publish, from the raw slices of its JSON.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/context.h"
#include "model/event.h"
#include "text/json.h"

namespace posthorn::api {

inline constexpr std::size_t events_max = 500;  ///< In one POST.
inline constexpr std::size_t client_id_bytes_max = 256, key_bytes_max = 256;
inline constexpr std::size_t event_channels_max = 5;
inline constexpr Millis delay_max = 24h * 366;

/// What the headers of a publish say of all its events.
struct PublishHeaders {
  int hop = 0;              ///< webhook-hop; at most 100.
  std::string traceparent;  ///< Empty when there is none that is well formed.
};
/// A Problem (400) for a webhook-hop that is no whole number.
std::expected<PublishHeaders, Problem> read_publish_headers(const http::RequestHead& head);

/// Reads {type, data, id, application, key, channels, deliver_at}. Faults lie below `pointer`.
/// `data` is kept as it came. The event has its workspace, times, actor and version; with a client
/// id also the digest of its content.
store::NewEvent read_event(Context& context, const Call& call, const PublishHeaders& headers,
                           const std::vector<text::RawMember>& members, model::Faults& faults,
                           const std::string& pointer);

/// What is common to both ways of publishing: the default application, times, actor, headers.
model::Event blank_event(const Context& context, const Call& call, const PublishHeaders& headers,
                         model::Faults& faults);

/// Sets type and version; faults: not a name, unknown in a strict workspace, archived, and each
/// place in `data` that the type's schema refuses.
void set_type(Context& context, model::Event& event, std::string type, model::Faults& faults,
              const std::string& pointer);
/// Takes `raw` (checked JSON) as the event's data; a fault unless it is an object or an array.
void set_data(model::Event& event, std::string_view raw, model::Faults& faults,
              const std::string& pointer);
/// Faults of the data against the schema of the event's type. Cheap without a schema.
void check_schema(Context& context, const model::Event& event, model::Faults& faults,
                  const std::string& pointer);

}  // namespace posthorn::api
