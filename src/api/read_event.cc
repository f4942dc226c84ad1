#include "api/read_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "ingest/effects.h"
#include "model/application.h"
#include "model/members.h"
#include "model/names.h"
#include "text/nearest.h"

namespace posthorn::api {

namespace {

constexpr std::array<std::string_view, 7> member_names{
    "type", "data", "id", "application", "key", "channels", "deliver_at"};

/// `00-<32 hex>-<16 hex>-<2 hex>`, as W3C Trace Context has it.
bool is_traceparent(std::string_view text) {
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  return std::ranges::all_of(
      text, [](char c) { return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// SHA-256 over what makes two publishes of one client id equal.
std::string content_digest(const model::Event& event, std::optional<Instant> deliver_at) {
  std::string parts = fmt::format("{}\n{}\n{}\n{}\n", event.type, event.application.value,
                                  event.key, deliver_at ? deliver_at->unix_ms : 0);
  for (const auto& channel : event.channels) parts += channel + '\n';
  parts += '\n';
  parts += *event.data;
  return crypto::sha256(parts);
}

/// Reads the members of one event and collects what is wrong with them.
class Reading {
 public:
  Reading(Context& context, const Call& call, model::Event& event, model::Faults& faults,
          const std::string& pointer)
      : context_(context), call_(call), event_(event), faults_(faults), pointer_(pointer) {}

  void member(const text::RawMember& given) {
    if (given.key == "type") return type(given.value);
    if (given.key == "data") return data(given.value);
    if (given.key == "id") return client_id(given.value);
    if (given.key == "application") return application(given.value);
    if (given.key == "key") return key(given.value);
    if (given.key == "channels") return channels(given.value);
    if (given.key == "deliver_at") return deliver_at(given.value);
    const auto nearest = text::nearest(given.key, member_names);
    fault("/" + text::pointer_token(printable(given.key)), "unknown_member",
          nearest ? fmt::format("no such member; did you mean {}?", *nearest)
                  : fmt::format("no such member; known are {}", fmt::join(member_names, ", ")));
  }

  void finish() {
    if (!has_type_) fault("/type", "required", "type is required");
    if (!has_data_) fault("/data", "required", "data is required");
    if (has_type_ && has_data_) check_schema(context_, event_, faults_, pointer_ + "/data");
  }

  [[nodiscard]] std::optional<Instant> deliver_at_given() const { return deliver_at_; }

 private:
  void fault(std::string_view where, std::string_view code, std::string detail) {
    faults_.add(pointer_ + std::string(where), code, std::move(detail));
  }

  /// The text of 1 to `bytes_max` bytes; nullopt (with a fault) for anything else.
  std::optional<std::string> plain_text(std::string_view raw, std::string_view where,
                                        std::size_t bytes_max) {
    if (!raw.starts_with('"')) {
      fault(where, "type", fmt::format("takes text, not {}", text::kind_of(raw)));
      return std::nullopt;
    }
    auto read = text::read_string(raw);
    if (!read) {
      fault(where, "format", read.error().what);
      return std::nullopt;
    }
    if (read->empty() || read->size() > bytes_max || !model::is_plain_line(*read)) {
      fault(where, read->size() > bytes_max ? "too_long" : "format",
            fmt::format("takes 1 to {} bytes without control characters, not {}", bytes_max,
                        model::shown(*read)));
      return std::nullopt;
    }
    return *std::move(read);
  }

  void type(std::string_view raw) {
    has_type_ = true;
    if (auto given = plain_text(raw, "/type", 128))
      set_type(context_, event_, *std::move(given), faults_, pointer_ + "/type");
  }

  void data(std::string_view raw) {
    has_data_ = true;
    set_data(event_, raw, faults_, pointer_ + "/data");
  }

  void client_id(std::string_view raw) {
    auto given = plain_text(raw, "/id", client_id_bytes_max);
    if (given && given->starts_with(ingest::effect_key_prefix))
      return fault("/id", "reserved",
                   fmt::format("takes no id that begins with {}: those belong to what sources "
                               "receive",
                               ingest::effect_key_prefix));
    // An event is also looked up by this id, as a segment of a path beside the ids made here.
    if (given && (given == "." || given == ".." || EventId::parse(*given)))
      return fault("/id", "reserved",
                   fmt::format("takes an id of your own that is neither \".\" nor \"..\" nor has "
                               "the form of the server's own (evt_ and 13 characters), not {}",
                               model::shown(*given)));
    if (given) event_.client_id = *std::move(given);
  }

  void application(std::string_view raw) {
    if (raw == "null") return;
    const auto given = plain_text(raw, "/application", 128);
    if (!given) return;
    const auto found = context_.directory.application(call_.workspace(), *given);
    if (!found)
      return fault("/application", "not_found",
                   fmt::format("there is no application {}", model::shown(*given)));
    event_.application = found->id;
  }

  void key(std::string_view raw) {
    if (raw == "null") return;
    if (auto given = plain_text(raw, "/key", key_bytes_max)) event_.key = *std::move(given);
  }

  void channels(std::string_view raw) {
    if (raw == "null") return;
    const auto items = text::split_array(raw);
    if (!items)
      return fault("/channels", "type",
                   fmt::format("takes a list of texts, not {}", text::kind_of(raw)));
    if (items->size() > event_channels_max)
      return fault("/channels", "too_many",
                   fmt::format("takes at most {}, not {}", event_channels_max, items->size()));
    for (std::size_t i = 0; i < items->size(); ++i) {
      const auto where = fmt::format("/channels/{}", i);
      auto given = plain_text((*items)[i], where, 128);
      if (!given) continue;
      if (!model::is_label(*given))
        fault(where, "format",
              fmt::format("takes 1 to 128 of letters, digits and _.:-, not {}",
                          model::shown(*given)));
      else
        event_.channels.push_back(*std::move(given));
    }
  }

  void deliver_at(std::string_view raw) {
    if (raw == "null") return;
    const auto given = plain_text(raw, "/deliver_at", 40);
    if (!given) return;
    const auto at = parse_rfc3339(*given);
    if (!at)
      return fault("/deliver_at", "format",
                   fmt::format("takes an RFC 3339 time, not {}", model::shown(*given)));
    if (*at > call_.now + delay_max)
      return fault("/deliver_at", "out_of_range",
                   fmt::format("takes a time at most 366 days from now, not {}", *given));
    deliver_at_ = *at;
    if (*at > call_.now) event_.due_at = context_.ports.timeline.from_wall(*at);
  }

  Context& context_;
  const Call& call_;
  model::Event& event_;
  model::Faults& faults_;
  const std::string& pointer_;
  bool has_type_ = false, has_data_ = false;
  std::optional<Instant> deliver_at_;
};

}  // namespace

std::expected<PublishHeaders, Problem> read_publish_headers(const http::RequestHead& head) {
  PublishHeaders headers;
  if (const auto hop = head.header("webhook-hop")) {
    const auto* const end = hop->data() + hop->size();
    const auto parsed = std::from_chars(hop->data(), end, headers.hop);
    if (parsed.ec != std::errc() || parsed.ptr != end || headers.hop < 0)
      return std::unexpected(
          Problem{400,
                  "invalid_header",
                  fmt::format("webhook-hop takes a whole number, not {}", model::shown(*hop)),
                  {{"webhook-hop", "format", "takes a whole number"}},
                  {}});
    headers.hop = std::min(headers.hop, 100);
  }
  if (const auto trace = head.header("traceparent"); trace && is_traceparent(*trace))
    headers.traceparent = *trace;
  return headers;
}

model::Event blank_event(const Context& context, const Call& call, const PublishHeaders& headers,
                         model::Faults& faults) {
  model::Event event;
  event.workspace = call.workspace();
  event.actor = call.caller.actor();
  event.created_at = call.now;
  event.due_at = context.ports.timeline.now();
  event.hop = headers.hop;
  event.traceparent = headers.traceparent;
  const auto application =
      context.directory.application(call.workspace(), model::default_application_uid);
  if (application)
    event.application = application->id;
  else
    faults.add("/application", "required", "this workspace has no application named default");
  return event;
}

void set_type(Context& context, model::Event& event, std::string type, model::Faults& faults,
              const std::string& pointer) {
  if (!model::is_event_type(type))
    return faults.add(pointer, "format",
                      fmt::format("takes dotted [a-z0-9_] of at most 128 bytes such as "
                                  "ticket.created, not {}",
                                  model::shown(type)));
  const auto known = context.directory.event_type(event.workspace, type);
  if (known && known->type.archived)
    return faults.add(pointer, "archived", fmt::format("the event type {} is archived", type));
  if (known) event.type_version = known->current_version;
  if (!known) {
    const auto workspace = context.directory.workspace(event.workspace);
    if (workspace && workspace->workspace.strict) {
      const auto nearest = context.directory.nearest_event_type(event.workspace, type);
      return faults.add(pointer, "unknown_event_type",
                        fmt::format("this workspace is strict and has no event type {}{}", type,
                                    nearest ? "; did you mean " + *nearest + "?" : ""));
    }
  }
  event.type = std::move(type);
}

void set_data(model::Event& event, std::string_view raw, model::Faults& faults,
              const std::string& pointer) {
  if (!raw.starts_with('{') && !raw.starts_with('['))
    return faults.add(pointer, "type",
                      fmt::format("takes an object or a list, not {}", text::kind_of(raw)));
  event.data = share(std::string(raw));
}

void check_schema(Context& context, const model::Event& event, model::Faults& faults,
                  const std::string& pointer) {
  if (event.type.empty() || !event.data) return;
  const auto known = context.directory.event_type(event.workspace, event.type);
  if (!known || !known->schema) return;
  const auto parsed = text::parse_json(*event.data);
  if (!parsed) return faults.add(pointer, "format", parsed.error().what);
  known->schema->check(*parsed, faults, pointer);
}

store::NewEvent read_event(Context& context, const Call& call, const PublishHeaders& headers,
                           const std::vector<text::RawMember>& members, model::Faults& faults,
                           const std::string& pointer) {
  store::NewEvent made;
  made.event = blank_event(context, call, headers, faults);
  Reading reading(context, call, made.event, faults, pointer);
  for (const auto& member : members) reading.member(member);
  reading.finish();
  if (!made.event.client_id.empty() && made.event.data)
    made.content_digest = content_digest(made.event, reading.deliver_at_given());
  return made;
}

}  // namespace posthorn::api
