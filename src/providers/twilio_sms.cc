// Twilio SMS and MMS: messages to our numbers, and the statuses of those that we sent.

#include <array>

#include "providers/common.h"
#include "providers/list.h"
#include "providers/twilio.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 4> samples{
    "message.inbound",
    "message.delivered",
    "message.undelivered",
    "com.twilio.messaging.message.delivered",
};

constexpr std::string_view instructions =
    R"(1. Open the [Twilio console](https://console.twilio.com): **Phone Numbers → Manage → Active numbers**, and pick the number
   (with a messaging service: **Messaging → Services → the service → Integration**).
2. At **A message comes in**: Webhook, `{url}`, HTTP POST. Save.
3. For the statuses of messages that you send, give `{url}` as `StatusCallback` when you send them, or set it as the
   messaging service's delivery status callback.
4. Copy the **primary auth token** from Account Info and set it here as `auth_token`.

Twilio signs the address too: the public base URL of this installation must be the one in `{url}`.
)";

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  SampleOrder chosen = order;
  if (order.body.empty()) {
    PH_TRY(chosen.event, chosen_sample(samples, order));
  }
  return twilio::sample(settings, chosen, "");
}

}  // namespace

const Provider twilio_sms{
    .name = "twilio_sms",
    .title = "Twilio SMS",
    .carries = "SMS and MMS messages, and the statuses of those sent",
    .fields = twilio::fields,
    .instructions = instructions,
    .samples = samples,
    .verify = twilio::verify,
    .parse = twilio::parse,
    .reply = twilio::reply,
    .sample = sample,
    .signs_url = true,
};

}  // namespace posthorn::providers
