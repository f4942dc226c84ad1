// message_inbound: Posthorn's own signed JSON for chat messages, message statuses and updates of
// orders and the like, from any system that has no provider of its own. Document:
// docs/providers.md. Signed by X-Webhook-Signature (the body) or by the headers of Standard
// Webhooks (id, time and body), which count alone when they are there.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "model/faults.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/payload.h"
#include "providers/status.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t items_max = 500;
constexpr std::size_t id_bytes_max = 256;
constexpr std::size_t kind_bytes_max = 64;
constexpr std::string_view body_header = "X-Webhook-Signature";
constexpr std::string_view body_prefix = "sha256=";
constexpr std::string_view secret_prefix = "whsec_";

/// The key of the Standard Webhooks signature; nullopt when what follows whsec_ is no base64.
std::optional<std::string> standard_key(std::string_view secret) {
  if (!secret.starts_with(secret_prefix)) return std::string(secret);
  return from_base64(secret.substr(secret_prefix.size()));
}

std::string secret_problem(std::string_view text) {
  return standard_key(text) ? "" : "takes base64 after whsec_";
}

constexpr std::array message_inbound_fields{
    Field{.name = "secret",
          .plural = "secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "A long random text that the sending system knows too; whsec_... and base64 "
                  "serves both signatures.",
          .problem = secret_problem},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that webhook-timestamp may differ from now.",
          .fallback = "300",
          .min = 1,
          .max = 86'400},
    Field{.name = "require_timestamp",
          .kind = FieldKind::boolean,
          .help = "Refuse calls that carry only X-Webhook-Signature, which covers no time.",
          .fallback = "false"},
};

constexpr std::array<std::string_view, 4> sample_names{"message", "status", "order", "batch"};

constexpr std::string_view set_up =
    R"(1. Make a long random secret and set it here as `secret`; the sending system gets the same.
2. Let it POST JSON to `{url}`, with `Content-Type: application/json`: one object, or a list of up to 500.
   `{"id": "m-1", "kind": "message", "channel": "chat", "from": {"id": "u-7", "name": "Ada"}, "text": "Hello"}`
3. Let it sign the exact bytes that it sends: `X-Webhook-Signature: sha256=<hex of HMAC-SHA256(secret, body)>`,
   or with a library of Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`).
4. A 202 means that it is stored. On anything else, send the same body again: an `id` counts once.
)";

std::string standard_mac(std::string_view secret, std::string_view id, std::string_view timestamp,
                         std::string_view body) {
  std::string signed_text;
  for (const auto part : {id, std::string_view("."), timestamp, std::string_view("."), body})
    signed_text += part;
  return crypto::hmac(crypto::Digest::sha256, standard_key(secret).value_or(std::string(secret)),
                      signed_text);
}

/// `v1,<base64>` values, space-separated; other versions are another scheme's and are ignored.
std::vector<std::string> standard_signatures(std::string_view header) {
  std::vector<std::string> macs;
  while (!header.empty()) {
    const auto item = header.substr(0, header.find(' '));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    if (item.starts_with("v1,"))
      if (auto mac = from_base64(item.substr(3))) macs.push_back(*std::move(mac));
  }
  return macs;
}

Verification verify_standard(Steps steps, const Settings& settings, const Incoming& request,
                             Instant now) {
  const auto id = single_header(steps, request, "webhook-id");
  if (!id) return std::move(steps).refused();
  const auto timestamp = single_header(steps, request, "webhook-timestamp");
  if (!timestamp) return std::move(steps).refused();
  const auto signature = single_header(steps, request, "webhook-signature");
  if (!signature) return std::move(steps).refused();
  const auto at = unix_seconds(*timestamp);
  if (!steps.check(at.has_value(), "webhook-timestamp is unix seconds",
                   "webhook-timestamp takes whole unix seconds"))
    return std::move(steps).refused();
  const auto macs = standard_signatures(*signature);
  if (!steps.check(!macs.empty(), "a v1 signature",
                   "webhook-signature has no v1,<base64 of 32 bytes>"))
    return std::move(steps).refused();
  bool matches = false;
  for (const auto& secret : settings.all("secret")) {
    const auto expected = standard_mac(secret, *id, *timestamp, request.body);
    for (const auto& mac : macs) matches |= crypto::equal_in_constant_time(expected, mac);
  }
  if (!steps.check(matches, "HMAC-SHA256 of id, '.', timestamp, '.' and body",
                   "no v1 signature is the HMAC-SHA256 of id, timestamp and body under the secret"))
    return std::move(steps).refused();
  if (!is_fresh(steps, *at, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "secret")) return std::move(steps).refused();
  if (request.header_count("webhook-signature") > 0 || settings.boolean("require_timestamp"))
    return verify_standard(std::move(steps), settings, request, now);
  const auto header = single_header(steps, request, body_header);
  if (!header) return std::move(steps).refused();
  const auto mac = header->starts_with(body_prefix)
                       ? from_lower_hex(header->substr(body_prefix.size()))
                       : std::nullopt;
  if (!steps.check(mac && mac->size() == 32, "sha256= and 64 lower-case hexadecimal digits",
                   "X-Webhook-Signature takes \"sha256=\" and 64 lower-case hexadecimal digits"))
    return std::move(steps).refused();
  if (!steps.check(
          any_mac_matches(crypto::Digest::sha256, settings.all("secret"), request.body, *mac),
          "HMAC-SHA256 of the raw body",
          "the signature is not the HMAC-SHA256 of the body under the secret: another "
          "secret, or other bytes than those that were signed"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

std::string short_id(const PayloadObject& item, std::string_view name) {
  auto id = item.text(name);
  if (id.size() > id_bytes_max)
    item.fault(name, "too_long", "takes at most 256 bytes, not " + std::to_string(id.size()));
  return id;
}

std::string kind_of(const PayloadObject& item) {
  auto kind = item.text("kind");
  const bool is_name = std::ranges::all_of(kind, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
  if (!kind.empty() && (!is_name || kind.size() > kind_bytes_max))
    item.fault("kind", "format",
               "takes message, status, or a name of at most 64 of a-z, 0-9, _ and .");
  return kind;
}

/// Unix seconds, with their milliseconds when there are any.
json::value time_of(const PayloadObject& item) {
  const auto text = item.optional_text("timestamp");
  if (!text) return nullptr;
  const auto at = parse_rfc3339(*text);
  if (!at) {
    item.fault("timestamp", "format", "takes a time such as 2026-11-21T06:34:31.204Z");
    return nullptr;
  }
  if (at->unix_ms % 1000 == 0) return at->unix_ms / 1000;
  return static_cast<double>(at->unix_ms) / 1000.0;
}

json::array media_of(const PayloadObject& item) {
  json::array media;
  for (const auto& given : item.optional_objects("media")) {
    json::object one;
    const auto url = given.optional_text("url");
    if (url && !url->starts_with("https://") && !url->starts_with("http://"))
      given.fault("url", "format", "takes an address that begins with https:// or http://");
    set(one, "url", url);
    set(one, "id", given.optional_text("id"));
    if (one.empty()) given.fault("url", "required", "is missing, and so is an id");
    set(one, "content_type", given.optional_text("content_type"));
    set(one, "filename", given.optional_text("filename"));
    media.push_back(std::move(one));
  }
  return media;
}

/// `from` and `to` are a text, or an object with `id` and `name`.
struct Party {
  std::optional<std::string> id, name;
};
Party party_of(const PayloadObject& item, std::string_view member) {
  const auto* value = item.given().if_contains(member);
  if (value == nullptr || !value->is_object()) return {item.optional_text(member), std::nullopt};
  const auto party = item.object(member);
  return {party->text("id"), party->optional_text("name")};
}

void add_item(const PayloadObject& item, Parsed& parsed) {
  const auto before = item.faults();
  const auto id = short_id(item, "id");
  const auto kind = kind_of(item);
  const bool is_message = kind == "message";
  const bool is_status = kind == "status";
  const auto before_sender = item.faults();
  const auto from = party_of(item, "from");
  if (is_message && !from.id && item.faults() == before_sender)
    item.fault("from", "required", "is missing: who wrote the message");
  const auto to = party_of(item, "to");
  const auto reference = item.optional_text("reference");
  const auto status = item.optional_text("status");
  auto media = media_of(item);
  if (is_message && media.empty() && !item.optional_text("text"))
    item.fault("text", "required", "is missing, and so is media");
  if (is_status && !reference)
    item.fault("reference", "required", "is missing: the id of the message that it is about");
  if (is_status && !status) item.fault("status", "required", "is missing");
  ChatEvent chat{.type = is_message  ? "message.inbound"
                         : is_status ? "message.status"
                                     : "generic",
                 .key = id,
                 .from = from.id,
                 .to = to.id,
                 .text = item.optional_text("text"),
                 .timestamp = time_of(item)};
  if (is_message) chat.message_id = id;
  if (is_message) chat.status = "received";
  if (is_status) chat.message_id = reference;
  if (is_status && status && is_message_status(*status)) chat.status = *status;
  auto event = make_event(std::move(chat));
  event.provider_event = kind;
  auto& fields = event.fields;
  fields["provider_event_id"] = id;
  if (is_status)
    set(fields, "provider_status", status);
  else if (!is_message)
    set(fields, "status", status);
  set(fields, "from_name", from.name);
  set(fields, "to_name", to.name);
  set(fields, "channel", item.optional_text("channel"));
  if (!media.empty()) fields["media"] = std::move(media);
  set(fields, "reply_to", item.optional_text("reply_to"));
  set(fields, "reference", reference);
  set(fields, "error_code", item.optional_id("error_code"));
  set(fields, "reason", item.optional_text("reason"));
  if (const auto metadata = item.optional_object("metadata"))
    fields["metadata"] = metadata->given();
  if (item.faults() == before) parsed.events.push_back(std::move(event));
}

Parsed parse(const Settings&, const Incoming& request) {
  auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  const bool is_list = body->is_array();
  if (!is_list && !body->is_object())
    return unreadable("the body is neither a JSON object nor a list of them");
  Parsed parsed;
  PayloadFaults faults(parsed);
  if (!is_list) {
    add_item(PayloadObject(body->get_object(), faults), parsed);
    take_key_of_only_event(parsed);
    return parsed;
  }
  const auto& list = body->get_array();
  if (list.size() > items_max) {
    faults.add("", "too_many", "takes at most 500 items, not " + std::to_string(list.size()));
    return parsed;
  }
  for (std::size_t at = 0; at < list.size(); ++at) {
    const std::string pointer = "/" + std::to_string(at);
    if (const auto* item = list[at].if_object())
      add_item(PayloadObject(*item, faults, pointer), parsed);
    else
      faults.add(pointer, "type", "takes an object, not " + model::shown(list[at]));
  }
  return parsed;
}

Reply reply(const Settings&, const Incoming&) { return Reply{.status = 202}; }

json::object sample_item(std::string_view name, const std::string& unique, Instant now) {
  json::object item{{"id", std::string(name.substr(0, 1)) + "-" + unique},
                    {"kind", name},
                    {"channel", "chat"},
                    {"timestamp", to_rfc3339(now)}};
  if (name == "status") {
    item["reference"] = "out-" + unique;
    item["status"] = "delivered";
    item["to"] = "visitor-7";
  } else if (name == "order") {
    item["reference"] = "1042";
    item["status"] = "shipped";
    item["metadata"] = {{"carrier", "Post"}, {"tracking", "RX" + unique}};
  } else {
    item["from"] = {{"id", "visitor-7"}, {"name", "Ada Lovelace"}};
    item["to"] = "support";
    item["text"] = "Hello, where is order 1042?";
  }
  return item;
}

/// Signed both ways, as Posthorn signs what it sends.
Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  PH_TRY(const auto name, chosen_sample(sample_names, order));
  const std::string unique(order.unique);
  Sample made{.url = std::string(order.url)};
  if (!order.body.empty())
    made.body = order.body;
  else if (name == "batch")
    made.body = json_text(json::array{sample_item("message", unique, order.now),
                                      sample_item("status", unique, order.now),
                                      sample_item("order", unique, order.now)});
  else
    made.body = json_text(sample_item(name, unique, order.now));
  const auto& secret = settings.text("secret");
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  const std::string id = "msg_" + unique;
  made.headers = {
      {"Content-Type", "application/json"},
      {std::string(body_header),
       std::string(body_prefix) + to_hex(crypto::hmac(crypto::Digest::sha256, secret, made.body))},
      {"webhook-id", id},
      {"webhook-timestamp", timestamp},
      {"webhook-signature", "v1," + to_base64(standard_mac(secret, id, timestamp, made.body))}};
  return made;
}

}  // namespace

const Provider message_inbound{
    .name = "message_inbound",
    .title = "Messages of any system",
    .carries = "chat messages, their statuses, and updates of orders and the like, as our own JSON",
    .fields = message_inbound_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .reply = reply,
    .sample = sample,
};

}  // namespace posthorn::providers
