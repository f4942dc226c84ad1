#pragma once
// The pollers, for poller.cc alone.

#include "ingest/pollers/poller.h"

namespace posthorn::ingest::pollers {

extern const Poller stripe, github, shopify, telegram, twilio_sms, twilio_whatsapp;

}  // namespace posthorn::ingest::pollers
