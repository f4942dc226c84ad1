// WhatsApp through Twilio: messages to our senders, and the statuses of those that we sent.

#include <array>

#include "providers/common.h"
#include "providers/list.h"
#include "providers/twilio.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 6> samples{
    "message.inbound", "message.inbound.button", "message.delivered",
    "message.read",    "message.undelivered",    "com.twilio.messaging.message.delivered",
};

constexpr std::string_view instructions =
    R"(1. Open the [Twilio console](https://console.twilio.com): **Messaging → Senders → WhatsApp senders**, and pick the
   sender (to try it out: **Messaging → Try it out → Send a WhatsApp message → Sandbox settings**).
2. At **Webhook URL for incoming messages**: `{url}`, HTTP POST. At **Status callback URL**: `{url}`. Save.
3. Copy the **primary auth token** from Account Info and set it here as `auth_token`.

Twilio signs the address too: the public base URL of this installation must be the one in `{url}`.
)";

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  SampleOrder chosen = order;
  if (order.body.empty()) {
    PH_TRY(chosen.event, chosen_sample(samples, order));
  }
  return twilio::sample(settings, chosen, "whatsapp:");
}

}  // namespace

const Provider twilio_whatsapp{
    .name = "twilio_whatsapp",
    .title = "Twilio WhatsApp",
    .carries = "WhatsApp messages, and the statuses of those sent",
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
