// Plivo: SMS, MMS and WhatsApp messages and statuses. Two schemes of signing: V2 covers address and
// nonce alone, V3 covers everything; which one counts is set, so that nobody can choose the weaker.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/list.h"
#include "providers/payload.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 2> schemes{"v2", "v3"};

constexpr std::array plivo_fields{
    Field{.name = "auth_token",
          .plural = "auth_tokens",
          .kind = FieldKind::secret,
          .required = true,
          .help =
              "The auth token of the account or of its main account, as the Plivo console shows "
              "it on its overview."},
    Field{.name = "scheme",
          .kind = FieldKind::choice,
          .help = "Which signature must be right: v2 (covers the address only) or v3 (covers the "
                  "content too).",
          .fallback = "v2",
          .choices = schemes},
};

constexpr std::array<std::string_view, 3> samples{
    "message.inbound",
    "message.delivered",
    "message.undelivered",
};

constexpr std::string_view instructions =
    R"(1. Open the [Plivo console](https://console.plivo.com): **Messaging → Applications → XML → Add new application**.
2. **Message URL**: `{url}`, method POST. Save, and assign your numbers to the application.
3. For the statuses of messages that you send, give `{url}` as their `url` parameter, `method` POST.
4. Copy the **Auth Token** from the console's overview and set it here as `auth_token`.

Plivo signs the address: the public base URL of this installation must be the one in `{url}`.
)";

/// Plivo gives no time to check, so a nonce could pass for ever; it is remembered this long.
constexpr Millis nonce_kept = 24h * 90;

std::string header_name(std::string_view scheme, std::string_view kind) {
  return "X-Plivo-Signature-" + std::string(kind) + (scheme == "v3" ? "V3" : "V2");
}

/// The fields sorted by name, then by value; repeats stay.
std::vector<text::FormField> sorted(const text::Form& form) {
  std::vector<text::FormField> fields(form.fields().begin(), form.fields().end());
  std::ranges::sort(fields, [](const text::FormField& a, const text::FormField& b) {
    return a.name == b.name ? less_by_code_unit(a.value, b.value)
                            : less_by_code_unit(a.name, b.name);
  });
  return fields;
}

/// What V3 signs before ".nonce".
std::string content_of(const std::string& base, const text::Form& query, const text::Form& body) {
  std::string out = base;
  if (!query.fields().empty() || !body.fields().empty()) out += '?';
  std::string_view separator = "";
  for (const auto& field : sorted(query)) {
    out.append(separator).append(field.name).append("=").append(field.value);
    separator = "&";
  }
  if (!query.fields().empty() && !body.fields().empty()) out += '.';
  for (const auto& field : sorted(body)) out += field.name + field.value;
  return out;
}

/// The signed text; nullopt and a failed step when it cannot be made.
std::optional<std::string> signed_text(Steps& steps, std::string_view scheme,
                                       const Incoming& request, std::string_view nonce) {
  const auto address = address_parts(request.url);
  if (!steps.check(address.has_value(), "the address", "the source's address is no URL"))
    return std::nullopt;
  std::string base = std::string(address->scheme) + "://" + std::string(address->host);
  if (!address->port.empty()) base += ":" + std::string(address->port);
  base += address->path;
  if (scheme == "v2") return base + std::string(nonce);
  const bool is_get = request.method == "GET";
  if (!steps.check(!is_get || request.body.empty(), "a GET has no body",
                   "it is a GET with a body, which the signature would not cover"))
    return std::nullopt;
  const auto query = text::parse_form(request.query());
  const auto body = text::parse_form(request.body);
  if (!steps.check(query && body, "the fields",
                   "the call has more than " + std::to_string(text::form_fields_max) + " fields"))
    return std::nullopt;
  return content_of(base, *query, *body) + "." + std::string(nonce);
}

/// The 32-byte MACs that a signature header gives; V3 allows a list.
std::vector<std::string> macs_in(std::string_view value, bool is_list) {
  std::vector<std::string> macs;
  while (!value.empty()) {
    const auto item = is_list ? value.substr(0, value.find(',')) : value;
    value.remove_prefix(std::min(value.size(), item.size() + 1));
    if (auto mac = from_base64(trim(item)); mac && mac->size() == 32)
      macs.push_back(*std::move(mac));
  }
  return macs;
}

/// The MACs of both signature headers; nullopt and a failed step when there is none.
std::optional<std::vector<std::string>> given_macs(Steps& steps, const Incoming& request,
                                                   std::string_view scheme) {
  std::vector<std::string> macs;
  int headers = 0;
  for (const auto kind : {"", "Ma-"}) {
    const std::string name = header_name(scheme, kind);
    const int count = request.header_count(name);
    headers += count;
    if (count > 1) {
      steps.check(false, "the header " + name, name + " came " + std::to_string(count) + " times");
      return std::nullopt;
    }
    if (count == 0) continue;
    for (auto& mac : macs_in(*request.header(name), scheme == "v3")) macs.push_back(std::move(mac));
  }
  const std::string name = header_name(scheme, "");
  if (!steps.check(headers > 0, "the header " + name,
                   "the header " + name + " is missing, and the source is set to scheme " +
                       std::string(scheme)) ||
      !steps.check(!macs.empty(), "a signature in " + name,
                   name + " is not base64 of the 32 bytes of an HMAC-SHA256"))
    return std::nullopt;
  return macs;
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "auth_token")) return std::move(steps).refused();
  const std::string& scheme = settings.text("scheme");
  const auto macs = given_macs(steps, request, scheme);
  if (!macs) return std::move(steps).refused();
  const auto nonce = single_header(steps, request, header_name(scheme, "") + "-Nonce");
  if (!nonce) return std::move(steps).refused();
  if (!steps.check(!nonce->empty(), "a nonce", "the nonce is empty"))
    return std::move(steps).refused();
  const auto text = signed_text(steps, scheme, request, *nonce);
  if (!text) return std::move(steps).refused();
  bool matches = false;
  for (const auto& mac : *macs)
    matches |= any_mac_matches(crypto::Digest::sha256, settings.all("auth_token"), *text, mac);
  if (!steps.check(matches,
                   scheme == "v2" ? "HMAC-SHA256 of address and nonce"
                                  : "HMAC-SHA256 of address, fields and nonce",
                   "no signature is the HMAC-SHA256 under the auth token: check that it is this "
                   "account's, and that the address set at Plivo is this source's, character by "
                   "character"))
    return std::move(steps).refused();
  auto verification = std::move(steps).verified();
  verification.tokens.push_back({scheme + ":" + std::string(*nonce), now + nonce_kept});
  return verification;
}

struct StatusWord {
  std::string_view word, status;
};
constexpr std::array status_words{
    StatusWord{"queued", "queued"},       StatusWord{"sent", "sent"},
    StatusWord{"delivered", "delivered"}, StatusWord{"undelivered", "undelivered"},
    StatusWord{"failed", "failed"},       StatusWord{"rejected", "failed"},
    StatusWord{"read", "read"},
};

std::string_view status_of(std::string_view word) {
  const auto found = std::ranges::find(status_words, word, &StatusWord::word);
  return found == status_words.end() ? "" : found->status;
}

/// "2026-11-21 06:59:05.500000", in UTC: the latest of the times that the form has.
json::value time_of(FormPayload& form) {
  for (const auto name : {"DeliveryReportTime", "SentTime", "QueuedTime", "MessageTime"}) {
    auto given = form.optional(name);
    if (!given) continue;
    if (given->size() > 10 && (*given)[10] == ' ') (*given)[10] = 'T';
    auto time = seconds_of(given->ends_with('Z') ? *given : *given + "Z");
    if (time.is_null()) form.fault(name, "format", "takes a time such as 2026-11-21 06:59:05.5");
    return time;
  }
  return nullptr;
}

/// Numbered from 0 or from 1.
json::array media_of(FormPayload& form) {
  constexpr int media_max = 100;
  json::array media;
  for (int i = form.has("Media0") ? 0 : 1; i < media_max; ++i) {
    auto url = form.optional("Media" + std::to_string(i));
    if (!url) break;
    media.push_back({{"url", *std::move(url)}, {"content_type", nullptr}});
  }
  return media;
}

NormalisedEvent inbound(FormPayload& form) {
  const std::string id = form.required("MessageUUID");
  auto event = make_event({.type = "message.inbound",
                           .key = id + ":received",
                           .message_id = id,
                           .status = "received",
                           .from = form.required("From"),
                           .to = form.optional("To"),
                           .text = form.first_of({"Text", "Body"}),
                           .timestamp = time_of(form)});
  if (auto media = media_of(form); !media.empty()) event.fields["media"] = std::move(media);
  set(event.fields, "intent", form.optional("MessageIntent"));
  return event;
}

NormalisedEvent status(FormPayload& form) {
  const std::string id = form.required("MessageUUID");
  const std::string word = form.required("Status");
  auto event = make_event({.type = "message.status",
                           .key = id + ":" + word,
                           .message_id = id,
                           .status = status_of(to_lower_ascii(word)),
                           .from = form.optional("From"),
                           .to = form.optional("To"),
                           .timestamp = time_of(form)});
  event.fields["provider_status"] = word;
  set(event.fields, "error_code", form.optional("ErrorCode"));
  if (const auto sequence = form.whole("Sequence")) event.fields["sequence"] = *sequence;
  return event;
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto given = call_parameters(request);
  if (!given) return unreadable("the fields cannot be read: " + given.error().what);
  if (given->fields().empty()) return unreadable("the call has no fields");
  Parsed parsed;
  FormPayload form(*given, parsed);
  auto event = form.has("Status") ? status(form) : inbound(form);
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = event.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

std::vector<text::FormField> sample_form(const SampleOrder& order, std::string_view event) {
  const std::string id = uuid_like(order.unique);
  if (event == "message.inbound")
    return {{"From", "15550108905"}, {"To", "15550108800"}, {"Type", "sms"},
            {"Text", "Hello"},       {"MessageUUID", id},   {"Units", "1"},
            {"TotalRate", "0"},      {"TotalAmount", "0"}};
  const bool arrived = event == "message.delivered";
  std::string time = to_rfc3339(order.now);
  time = time.substr(0, 10) + " " + time.substr(11, 12) + "000";
  return {{"ParentMessageUUID", id},
          {"MessageUUID", id},
          {"Status", arrived ? "delivered" : "undelivered"},
          {"From", "15550108800"},
          {"To", "15550108901"},
          {"Type", "sms"},
          {"PartInfo", "1 of 1"},
          {"Sequence", arrived ? "1" : "3"},
          {"MessageTime", time},
          {"SentTime", time},
          {"DeliveryReportTime", arrived ? time : ""},
          {"ErrorCode", arrived ? "" : "30"}};
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url), .body = std::string(order.body)};
  if (made.body.empty()) {
    PH_TRY(const auto event, chosen_sample(samples, order));
    made.body = text::write_form(sample_form(order, event));
  }
  const std::string& scheme = settings.text("scheme");
  const Incoming request{.url = made.url, .headers = {}, .body = made.body};
  const std::string nonce(order.unique);
  Steps steps;
  const auto text = signed_text(steps, scheme, request, nonce);
  if (!text) return fail(Errc::invalid, std::move(steps).refused().reason);
  const auto mac =
      to_base64(crypto::hmac(crypto::Digest::sha256, settings.text("auth_token"), *text));
  made.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"User-Agent", "plivo-webhook"},
                  {header_name(scheme, "") + "-Nonce", nonce},
                  {header_name(scheme, ""), mac},
                  {header_name(scheme, "Ma-"), mac}};
  return made;
}

}  // namespace

const Provider plivo{
    .name = "plivo",
    .title = "Plivo",
    .carries = "SMS, MMS and WhatsApp messages, and the statuses of those sent",
    .fields = plivo_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .signs_url = true,
};

}  // namespace posthorn::providers
