// Sample calls of Twilio's channels, for `posthorn trigger`.

#include "providers/common.h"
#include "providers/twilio.h"

namespace posthorn::providers::twilio {
namespace {

constexpr std::string_view account = "AC00000000000000000000000000000000";

std::string stream_body(const std::string& sid, const SampleOrder& order) {
  const std::string time = to_rfc3339(order.now);
  const json::object data{{"accountSid", account},        {"messageSid", sid},
                          {"messageStatus", "DELIVERED"}, {"from", "+15550108000"},
                          {"to", "+15550100101"},         {"timestamp", time}};
  const json::object event{
      {"specversion", "1.0"},
      {"type", order.event},
      {"source", "/2010-04-01/Accounts/" + std::string(account) + "/Messages/" + sid + ".json"},
      {"id", "EZ" + sid.substr(2)},
      {"dataschema", "https://events-schemas.twilio.com/Messaging.MessageStatus/4"},
      {"datacontenttype", "application/json"},
      {"time", time},
      {"data", data}};
  return json_text(json::array{json::value(event)});
}

using Form = std::vector<text::FormField>;

void add_inbound(Form& form, const SampleOrder& order, const std::string& channel) {
  const bool is_button = order.event == "message.inbound.button";
  form.push_back({"From", channel + "+15550100101"});
  form.push_back({"To", channel + "+15550108000"});
  form.push_back({"Body", is_button ? "Yes, cancel it" : "Hello, my order #1042 has not arrived"});
  form.push_back({"SmsStatus", "received"});
  form.push_back({"NumMedia", "0"});
  form.push_back({"NumSegments", "1"});
  if (channel.empty()) return;
  form.push_back({"ProfileName", "Ada"});
  form.push_back({"WaId", "15550100101"});
  form.push_back({"MessageType", is_button ? "button" : "text"});
  if (!is_button) return;
  form.push_back({"ButtonText", "Yes, cancel it"});
  form.push_back({"ButtonPayload", "cancel:1042"});
}

/// "message.delivered" is the status delivered.
void add_status(Form& form, const SampleOrder& order, const std::string& channel) {
  const std::string word(order.event.substr(order.event.rfind('.') + 1));
  form.push_back({"From", channel + "+15550108000"});
  form.push_back({"To", channel + "+15550100101"});
  form.push_back({"MessageStatus", word});
  form.push_back({"SmsStatus", word});
  if (word == "undelivered") form.push_back({"ErrorCode", channel.empty() ? "30003" : "63016"});
}

}  // namespace

Sample sample(const Settings& settings, const SampleOrder& order, const std::string& channel) {
  const std::string sid = "SM" + std::string(order.unique) + std::string(order.unique);
  if (!order.body.empty()) return signed_call(settings, order, {}, std::string(order.body));
  if (order.event.starts_with("com.twilio."))
    return signed_call(settings, order, {}, stream_body(sid, order));
  Form form{{"MessageSid", sid},
            {"SmsSid", sid},
            {"AccountSid", std::string(account)},
            {"ApiVersion", "2010-04-01"}};
  if (order.event.starts_with("message.inbound"))
    add_inbound(form, order, channel);
  else
    add_status(form, order, channel);
  return signed_call(settings, order, form, {});
}

}  // namespace posthorn::providers::twilio
