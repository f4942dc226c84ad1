#include "providers/whatsapp_cloud.h"

#include <algorithm>
#include <array>

namespace posthorn::providers {
namespace {

struct Change {
  WhatsappSender sender;
  std::optional<std::string> number;  ///< The business's, as people write it.
  std::vector<PayloadObject> contacts;
};

json::value time_of(const PayloadObject& item, WhatsappSender sender) {
  return sender == WhatsappSender::meta ? item.seconds("timestamp")
                                        : item.seconds_or_milliseconds("timestamp");
}

constexpr std::array<std::string_view, 6> media_types{"image", "video",    "audio",
                                                      "voice", "document", "sticker"};

/// What the person wrote, chose or attached, by the message's type. Types that are not known here
/// stay without text: the raw request has them.
struct Content {
  std::optional<std::string> text;
  std::optional<std::string> payload;  ///< What a button or a list entry stands for.
  json::array media;
};

Content read_media(const PayloadObject& part) {
  Content content;
  content.text = part.optional_text("caption");
  json::object media;
  set(media, "url", part.optional_text("url"));
  if (media.empty()) media["id"] = part.id("id");
  set(media, "id", part.optional_id("id"));
  set(media, "content_type", part.optional_text("mime_type"));
  set(media, "filename", part.optional_text("filename"));
  set(media, "sha256", part.optional_text("sha256"));
  content.media.push_back(std::move(media));
  return content;
}

Content read_interactive(const PayloadObject& part) {
  Content content;
  for (const auto name : {"list_reply", "button_reply"})
    if (const auto reply = part.optional_object(name)) {
      content.text = reply->optional_text("title");
      content.payload = reply->optional_text("id");
    }
  if (const auto flow = part.optional_object("nfm_reply")) {
    content.text = flow->optional_text("body");
    content.payload = flow->optional_text("response_json");
  }
  return content;
}

Content read_content(const PayloadObject& message, std::string_view type) {
  if (std::ranges::find(media_types, type) != media_types.end()) {
    const auto part = message.object(type);
    return part ? read_media(*part) : Content{};
  }
  Content content;
  if (type == "text") {
    if (const auto part = message.object("text")) content.text = part->optional_text("body");
  } else if (type == "button") {
    if (const auto part = message.object("button")) {
      content.text = part->optional_text("text");
      content.payload = part->optional_text("payload");
    }
  } else if (type == "interactive") {
    if (const auto part = message.object("interactive")) content = read_interactive(*part);
  } else if (type == "reaction") {
    if (const auto part = message.object("reaction")) content.text = part->optional_text("emoji");
  } else if (type == "system") {
    if (const auto part = message.optional_object("system"))
      content.text = part->optional_text("body");
  } else if (type == "order") {
    if (const auto part = message.optional_object("order"))
      content.text = part->optional_text("text");
  }
  return content;
}

std::optional<std::string> name_of(const Change& change, std::string_view from) {
  for (const auto& contact : change.contacts)
    if (contact.optional_id("wa_id").value_or("") == from)
      if (const auto profile = contact.optional_object("profile"))
        return profile->optional_text("name");
  return std::nullopt;
}

void add_error(json::object& fields, const PayloadObject& item) {
  const auto errors = item.optional_objects("errors");
  if (errors.empty()) return;
  set(fields, "error_code", errors.front().optional_id("code"));
  set(fields, "reason", errors.front().optional_text("title"));
}

void add_message(const PayloadObject& message, const Change& change, Parsed& parsed) {
  const auto before = message.faults();
  const auto id = message.id("id");
  const auto from = message.id("from");
  const auto type = message.text("type");
  auto content = read_content(message, type);
  auto event = make_event({.type = type == "reaction" ? "message.reaction" : "message.inbound",
                           .key = id + ":received",
                           .message_id = id,
                           .status = "received",
                           .from = from,
                           .to = change.number,
                           .text = std::move(content.text),
                           .timestamp = time_of(message, change.sender)});
  event.fields["message_type"] = type;
  set(event.fields, "from_name", name_of(change, from));
  if (!content.media.empty()) event.fields["media"] = std::move(content.media);
  set(event.fields, "payload", std::move(content.payload));
  if (const auto context = message.optional_object("context"))
    set(event.fields, "reply_to", context->optional_id("id"));
  if (type == "reaction")
    if (const auto part = message.optional_object("reaction"))
      set(event.fields, "reaction_to", part->optional_id("message_id"));
  if (type == "location")
    if (const auto part = message.optional_object("location"))
      event.fields["location"] = part->given();
  add_error(event.fields, message);
  if (message.faults() == before) add_event(parsed, std::move(event));
}

void add_status(const PayloadObject& status, const Change& change, Parsed& parsed) {
  const bool by_gupshup = change.sender == WhatsappSender::gupshup;
  // The probe that Gupshup sends when a subscription is made.
  if (by_gupshup && status.optional_text("type") == "set-callback" && !status.has("id")) return;
  const auto before = status.faults();
  const auto gupshup_id = by_gupshup ? status.optional_id("gs_id") : std::nullopt;
  const auto whatsapp_id = gupshup_id ? status.optional_id("id") : status.id("id");
  const auto id = gupshup_id ? *gupshup_id : whatsapp_id.value_or("");
  const auto word = status.text("status");
  auto event = make_event({.type = "message.status",
                           .key = id + ":" + word,
                           .message_id = id,
                           .status = whatsapp_status(word),
                           .from = by_gupshup ? std::nullopt : change.number,
                           .to = status.optional_id("recipient_id"),
                           .timestamp = time_of(status, change.sender)});
  event.fields["provider_status"] = word;
  if (by_gupshup) set(event.fields, "whatsapp_message_id", whatsapp_id);
  add_error(event.fields, status);
  if (status.faults() == before) add_event(parsed, std::move(event));
}

void read_change(const PayloadObject& value, WhatsappSender sender, Parsed& parsed) {
  Change change{.sender = sender, .number = {}, .contacts = value.optional_objects("contacts")};
  if (const auto metadata = value.optional_object("metadata"))
    change.number = metadata->optional_id("display_phone_number");
  for (const auto& message : value.optional_objects("messages"))
    add_message(message, change, parsed);
  for (const auto& status : value.optional_objects("statuses")) add_status(status, change, parsed);
}

}  // namespace

std::string_view whatsapp_status(std::string_view word) {
  if (word == "enqueued") return "queued";
  if (word == "played") return "read";
  constexpr std::array<std::string_view, 4> same{"sent", "delivered", "read", "failed"};
  const auto found = std::ranges::find(same, word);
  return found == same.end() ? std::string_view() : *found;
}

void read_whatsapp_cloud(const PayloadObject& root, WhatsappSender sender, Parsed& parsed) {
  for (const auto& entry : root.objects("entry"))
    for (const auto& change : entry.objects("changes")) {
      if (change.text("field") != "messages") continue;
      if (const auto value = change.object("value")) read_change(*value, sender, parsed);
    }
}

}  // namespace posthorn::providers
