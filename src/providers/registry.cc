// The only list of providers.

#include <algorithm>
#include <array>

#include "providers/list.h"

namespace posthorn::providers {
namespace {

constexpr std::array all{
    &email_inbound,   &email_status,
    &generic_hmac,    &generic_token,
    &github,          &gupshup,
    &linear,          &mailgun,
    &message_inbound, &messagebird,
    &meta_instagram,  &meta_messenger,
    &meta_whatsapp,   &open,
    &plivo,           &postmark,
    &sendgrid_events, &sendgrid_inbound,
    &ses_sns,         &shopify,
    &slack,           &standard_webhooks,
    &stripe,          &svix,
    &telegram,        &twilio_sms,
    &twilio_whatsapp, &vonage,
    &web_form,
};

}  // namespace

std::span<const Provider* const> registry() { return all; }

const Provider* find_provider(std::string_view name) {
  const auto found = std::ranges::find(all, name, [](const Provider* one) { return one->name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace posthorn::providers
