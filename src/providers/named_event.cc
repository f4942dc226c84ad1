#include "providers/named_event.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "text/headers.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

struct Places {
  std::string_view header, pointer, path;
};
constexpr Places id_places{"id_header", "id_json_pointer", "id_xml_path"};
constexpr Places event_places{"event_header", "event_json_pointer", "event_xml_path"};

bool is_xml(const Incoming& request) {
  const auto type = request.content_type();
  if (type == "application/xml" || type == "text/xml" || type.ends_with("+xml")) return true;
  const auto begin = request.body.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return begin != request.body.npos && request.body[begin] == '<';
}

/// The body as the settings need it: read once, and only when something looks into it.
class Body {
 public:
  Body(const Settings& settings, const Incoming& request) {
    const bool by_pointer =
        !settings.text(id_places.pointer).empty() || !settings.text(event_places.pointer).empty();
    const bool by_path =
        !settings.text(id_places.path).empty() || !settings.text(event_places.path).empty();
    if (!by_pointer && !by_path) return;
    if (by_path && (!by_pointer || is_xml(request))) {
      auto root = text::parse_xml(request.body);
      if (root)
        xml_ = *std::move(root);
      else
        unreadable_ = "the body is not XML: " + root.error().what;
    } else {
      auto value = text::parse_payload(request.body);
      if (value)
        json_ = *std::move(value);
      else
        unreadable_ = "the body is not JSON: " + value.error().what;
    }
  }

  [[nodiscard]] const std::string& unreadable() const { return unreadable_; }

  /// Empty when nothing is there.
  [[nodiscard]] std::string find(const Settings& settings, const Places& places,
                                 Parsed& parsed) const {
    if (xml_) return text::at_xml_path(*xml_, settings.text(places.path)).value_or("");
    const auto& pointer = settings.text(places.pointer);
    if (!json_ || pointer.empty()) return {};
    const auto* value = text::at_pointer(*json_, pointer);
    if (value == nullptr || value->is_null()) return {};
    if (value->is_string()) return std::string(value->get_string());
    if (value->is_int64() || value->is_uint64()) return json_text(*value);
    parsed.faults.push_back(
        {.pointer = pointer, .code = "type", .detail = "takes text or a whole number"});
    return {};
  }

 private:
  std::optional<json::value> json_;
  std::optional<text::XmlElement> xml_;
  std::string unreadable_;
};

std::string find(const Settings& settings, const Incoming& request, const Body& body,
                 const Places& places, Parsed& parsed) {
  if (const auto& header = settings.text(places.header); !header.empty())
    if (const auto value = request.header(header); value && !value->empty())
      return std::string(*value);
  return body.find(settings, places, parsed);
}

/// Makes the objects on the way; false when something else is there already.
bool put_at_pointer(json::value& root, std::string_view pointer, std::string_view text) {
  json::value* at = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    std::string key;
    for (std::size_t i = 0; i < token.size(); ++i)
      key += token[i] != '~' ? token[i] : token[++i] == '1' ? '/' : '~';
    if (at->is_null()) at->emplace_object();
    if (!at->is_object()) return false;
    at = &at->get_object()[key];
  }
  if (at->is_object()) return false;
  *at = text;
  return true;
}

}  // namespace

std::string problem_of_header_name(std::string_view text) {
  return text::is_token(text) ? "" : "takes the name of a header, such as X-Request-Id";
}

std::string problem_of_json_pointer(std::string_view text) {
  bool well_formed = text.starts_with('/') && is_utf8(text);
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')))
      well_formed = false;
  return well_formed ? "" : "takes a JSON pointer (RFC 6901), such as /data/id";
}

std::string problem_of_xml_path(std::string_view text) {
  return text::is_xml_path(text) ? "" : "takes a path such as /order/@id or /order/line[2]/sku";
}

Parsed parse_named_event(const Settings& settings, const Incoming& request) {
  const Body body(settings, request);
  if (!body.unreadable().empty()) return unreadable(body.unreadable());
  Parsed parsed;
  NormalisedEvent event;
  const auto id = find(settings, request, body, id_places, parsed);
  event.provider_event = find(settings, request, body, event_places, parsed);
  if (!is_utf8(id) || !is_utf8(event.provider_event))
    parsed.faults.push_back(
        {.pointer = "", .code = "format", .detail = "the id or the event's name is not UTF-8"});
  if (!parsed.faults.empty()) return parsed;
  parsed.key_is_digest = id.empty();
  parsed.idempotency_key = id.empty() ? body_digest(request.body) : id;
  event.fields["provider_event_id"] = *parsed.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

Result<> fill_named_sample(Sample& sample, const Settings& settings, const SampleOrder& order) {
  const std::string id = "evt_" + std::string(order.unique);
  if (const auto& name = settings.text(id_places.header); !name.empty())
    sample.headers.emplace_back(name, id);
  if (const auto& name = settings.text(event_places.header); !name.empty())
    sample.headers.emplace_back(name, order.event);
  if (!order.body.empty()) {
    sample.body = order.body;
    return {};
  }
  if (!settings.text(id_places.path).empty() || !settings.text(event_places.path).empty())
    return fail(Errc::invalid,
                "the source looks into XML, which differs from sender to sender: give a body");
  json::value body = json::object{{"message", "Hello from Posthorn"}, {"sample", order.unique}};
  for (const auto& [place, text] :
       {std::pair{id_places.pointer, std::string_view(id)}, {event_places.pointer, order.event}})
    if (const auto& pointer = settings.text(place); !pointer.empty())
      if (!put_at_pointer(body, pointer, text))
        return fail(Errc::invalid, "no sample fits the pointers: give a body");
  sample.body = json_text(body);
  return {};
}

}  // namespace posthorn::providers
