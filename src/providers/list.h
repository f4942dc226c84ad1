#pragma once
// Every provider's descriptor; each is defined in the file of its name. Not for use outside
// providers/.

#include "providers/provider.h"

namespace posthorn::providers {

extern const Provider email_inbound;
extern const Provider email_status;
extern const Provider generic_hmac;
extern const Provider generic_token;
extern const Provider github;
extern const Provider gupshup;
extern const Provider linear;
extern const Provider mailgun;
extern const Provider message_inbound;
extern const Provider messagebird;
extern const Provider meta_instagram;
extern const Provider meta_messenger;
extern const Provider meta_whatsapp;
extern const Provider open;
extern const Provider plivo;
extern const Provider postmark;
extern const Provider sendgrid_events;
extern const Provider sendgrid_inbound;
extern const Provider ses_sns;
extern const Provider shopify;
extern const Provider slack;
extern const Provider standard_webhooks;
extern const Provider stripe;
extern const Provider svix;
extern const Provider telegram;
extern const Provider twilio_sms;
extern const Provider twilio_whatsapp;
extern const Provider vonage;
extern const Provider web_form;

}  // namespace posthorn::providers
