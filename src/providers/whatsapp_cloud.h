#pragma once
// The payload of the WhatsApp Cloud API, as Meta sends it and as Gupshup passes it on.
// Document: "WhatsApp Business Platform, webhooks, messages". Not for use outside providers/.

#include "providers/payload.h"

namespace posthorn::providers {

/// What differs between those who send this payload.
enum class WhatsappSender {
  meta,     ///< A status is from the business's number; times are seconds.
  gupshup,  ///< A status has `gs_id`, which is the message's id; times are seconds or milliseconds.
};

/// Adds an event for each message and status of every `entry[].changes[]` of the field `messages`;
/// other fields give none. Keys: `<message id>:received` and `<message id>:<status>`.
void read_whatsapp_cloud(const PayloadObject& root, WhatsappSender sender, Parsed& parsed);

/// The canonical status of one of WhatsApp's words; empty when it is none of them.
std::string_view whatsapp_status(std::string_view word);

}  // namespace posthorn::providers
