// WhatsApp Cloud API of Meta: messages that people send and the statuses of those sent to them.
// Many of both in one POST, in any order, repeated for days until it is answered 200.

#include <array>

#include "providers/common.h"
#include "providers/list.h"
#include "providers/meta.h"
#include "providers/whatsapp_cloud.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 9> sample_names{
    "text",        "image",         "button", "reaction", "status.sent", "status.delivered",
    "status.read", "status.failed", "batch",
};

constexpr std::string_view set_up =
    R"(1. Open your app at **developers.facebook.com → WhatsApp → Configuration**.
2. Under **Webhook**, choose **Edit**. Callback URL: `{url}` · Verify token: `{verify_token}`. Save.
   (Set a `verify_token` of your choice on this source first; Meta calls the URL at once to check it.)
3. Under **Webhook fields**, subscribe to `messages`.
4. Copy the **App secret** from **App settings → Basic** and set it here as `app_secret`.
)";

Parsed parse(const Settings&, const Incoming& request) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject root(*body, faults);
  if (!is_meta_object(root, "whatsapp_business_account")) return parsed;
  read_whatsapp_cloud(root, WhatsappSender::meta, parsed);
  take_key_of_only_event(parsed);
  return parsed;
}

json::object sample_message(std::string_view name, const std::string& unique, Instant now) {
  json::object message{{"from", "15550102001"},
                       {"id", "wamid.HBg" + unique},
                       {"timestamp", std::to_string(now.unix_seconds())}};
  if (name == "image") {
    message["type"] = "image";
    message["image"] = {{"caption", "This is what it looks like"},
                        {"mime_type", "image/jpeg"},
                        {"sha256", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="},
                        {"id", "8800" + unique}};
  } else if (name == "button") {
    message["type"] = "button";
    message["context"] = {{"from", "15550107000"}, {"id", "wamid.HBgOut" + unique}};
    message["button"] = {{"payload", "CSAT_5"}, {"text", "5 - great"}};
  } else if (name == "reaction") {
    message["type"] = "reaction";
    message["reaction"] = {{"message_id", "wamid.HBgOut" + unique}, {"emoji", "❤️"}};
  } else {
    message["type"] = "text";
    message["text"] = {{"body", "Hi, where is order 1042?"}};
  }
  return message;
}

json::object sample_status(std::string_view word, const std::string& unique, Instant now) {
  json::object status{{"id", "wamid.HBg" + unique},
                      {"status", word},
                      {"timestamp", std::to_string(now.unix_seconds())},
                      {"recipient_id", "15550102001"}};
  if (word == "failed")
    status["errors"] = json::array{{{"code", 131026},
                                    {"title", "Message undeliverable"},
                                    {"message", "Message undeliverable"}}};
  return status;
}

json::object sample_value(std::string_view name, const std::string& unique, Instant now) {
  json::object value{
      {"messaging_product", "whatsapp"},
      {"metadata",
       {{"display_phone_number", "15550107000"}, {"phone_number_id", "10655501070000"}}}};
  constexpr std::string_view of_status = "status.";
  if (name.starts_with(of_status)) {
    value["statuses"] = json::array{sample_status(name.substr(of_status.size()), unique, now)};
    return value;
  }
  value["contacts"] =
      json::array{{{"profile", {{"name", "Ada Lovelace"}}}, {"wa_id", "15550102001"}}};
  value["messages"] = json::array{sample_message(name, unique, now)};
  if (name == "batch")
    value["statuses"] = json::array{sample_status("read", "Out" + unique, now),
                                    sample_status("delivered", "Out" + unique, now)};
  return value;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  PH_TRY(const auto name, chosen_sample(sample_names, order));
  json::object change{{"field", "messages"}};
  change["value"] = sample_value(name, std::string(order.unique), order.now);
  json::object entry{{"id", "20055501070"}};
  entry["changes"] = json::array{std::move(change)};
  json::object body{{"object", "whatsapp_business_account"}};
  body["entry"] = json::array{std::move(entry)};
  return sign_meta(settings, order, json_text(body));
}

}  // namespace

const Provider meta_whatsapp{
    .name = "meta_whatsapp",
    .title = "WhatsApp (Meta Cloud API)",
    .carries = "WhatsApp messages, and the statuses of those that were sent",
    .fields = meta_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify_meta,
    .challenge = challenge_meta,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = meta_body_bytes_max,
};

}  // namespace posthorn::providers
