#include "providers/meta_messaging.h"

#include <array>

#include "providers/meta.h"
#include "providers/payload.h"

namespace posthorn::providers {
namespace {

/// One item of `messaging[]` with what every kind of it has.
struct Item {
  const PayloadObject& object;
  bool is_standby = false;
  std::string sender, recipient;
  std::optional<std::int64_t> at_ms;
  json::value timestamp;
};

/// The key of what has no mid: unique by page, person and moment.
std::string key_without_mid(const std::string& page, const std::string& person,
                            std::string_view what, std::optional<std::int64_t> at_ms) {
  return page + ":" + person + ":" + std::string(what) +
         (at_ms ? ":" + std::to_string(*at_ms) : std::string());
}

class ItemReader {
 public:
  ItemReader(const Item& item, Parsed& parsed) : item_(item), parsed_(parsed) {}

  void read() {
    const auto before = item_.object.faults();
    const auto already = parsed_.events.size();
    if (const auto message = item_.object.optional_object("message"))
      add_message(*message);
    else if (const auto edit = item_.object.optional_object("message_edit"))
      add_edit(*edit);
    else if (const auto delivery = item_.object.optional_object("delivery"))
      add_receipts(*delivery, "delivered", "delivery");
    else if (const auto read = item_.object.optional_object("read"))
      add_receipts(*read, "read", "read");
    else if (const auto postback = item_.object.optional_object("postback"))
      add_postback(*postback);
    else if (const auto reaction = item_.object.optional_object("reaction"))
      add_reaction(*reaction);
    else
      add_other();
    if (item_.object.faults() != before) parsed_.events.resize(already);
  }

 private:
  void add(ChatEvent chat, json::object more) {
    chat.timestamp = item_.timestamp;
    auto event = make_event(std::move(chat));
    for (auto& field : more) event.fields[field.key()] = std::move(field.value());
    if (item_.is_standby) event.fields["standby"] = true;
    add_event(parsed_, std::move(event));
  }

  void add_message(const PayloadObject& message) {
    const auto mid = message.id("mid");
    ChatEvent chat{.type = "message.inbound",
                   .key = mid + ":received",
                   .message_id = mid,
                   .status = "received",
                   .from = item_.sender,
                   .to = item_.recipient,
                   .text = message.optional_text("text")};
    if (message.flag("is_deleted")) {
      chat.type = "message.deleted";
      chat.key = mid + ":deleted";
      chat.status = {};
    } else if (message.flag("is_echo")) {
      chat.type = "message.echo";
      chat.key = mid + ":sent";
      chat.status = "sent";
    }
    json::object more;
    add_attachments(more, message);
    if (const auto reply = message.optional_object("quick_reply"))
      set(more, "payload", reply->optional_text("payload"));
    if (const auto reply = message.optional_object("reply_to"))
      set(more, "reply_to", reply->optional_id("mid"));
    set(more, "app_id", message.optional_id("app_id"));
    add(std::move(chat), std::move(more));
  }

  static void add_attachments(json::object& more, const PayloadObject& message) {
    json::array media;
    for (const auto& attachment : message.optional_objects("attachments")) {
      json::object one;
      if (const auto payload = attachment.optional_object("payload"))
        set(one, "url", payload->optional_text("url"));
      // Meta names the kind (image, video, file, story_mention), not a media type.
      set(one, "content_type", attachment.optional_text("type"));
      media.push_back(std::move(one));
    }
    if (!media.empty()) more["media"] = std::move(media);
  }

  void add_edit(const PayloadObject& edit) {
    const auto mid = edit.id("mid");
    const auto count = edit.optional_whole("num_edit").value_or(1);
    add({.type = "message.edited",
         .key = mid + ":edited:" + std::to_string(count),
         .message_id = mid,
         .from = item_.sender,
         .to = item_.recipient,
         .text = edit.optional_text("text")},
        {});
  }

  void add_receipts(const PayloadObject& receipt, std::string_view status, std::string_view word) {
    auto mids = receipt.optional_ids("mids");
    if (const auto mid = receipt.optional_id("mid")) mids.push_back(*mid);
    const auto watermark = receipt.optional_whole("watermark");
    json::object more{{"provider_status", word}};
    if (watermark) more["watermark"] = *watermark;
    ChatEvent chat{.type = "message.status",
                   .key = {},
                   .status = status,
                   .from = item_.recipient,
                   .to = item_.sender};
    for (const auto& mid : mids) {
      chat.key = mid + ":" + std::string(status);
      chat.message_id = mid;
      add(chat, more);
    }
    if (!mids.empty()) return;
    if (!watermark) {
      receipt.fault("watermark", "required", "is missing, and so are the ids of the messages");
      return;
    }
    chat.key = key_without_mid(item_.recipient, item_.sender, status, watermark);
    add(std::move(chat), std::move(more));
  }

  void add_postback(const PayloadObject& postback) {
    const auto mid = postback.optional_id("mid");
    json::object more;
    set(more, "payload", postback.optional_text("payload"));
    add({.type = "message.callback",
         .key = mid ? *mid + ":postback"
                    : key_without_mid(item_.recipient, item_.sender, "postback", item_.at_ms),
         .message_id = mid,
         .from = item_.sender,
         .to = item_.recipient,
         .text = postback.optional_text("title")},
        std::move(more));
  }

  void add_reaction(const PayloadObject& reaction) {
    const auto mid = reaction.id("mid");
    const auto action = reaction.text("action");
    add({.type = "message.reaction",
         .key = key_without_mid(mid, item_.sender, action, item_.at_ms),
         .message_id = mid,
         .from = item_.sender,
         .to = item_.recipient,
         .text = reaction.optional_text("emoji")},
        {{"action", action}});
  }

  /// Opt-ins, referrals, hand-overs of the conversation: named by the member that carries them.
  void add_other() {
    for (const auto& member : item_.object.given()) {
      if (!member.value().is_object() || member.key() == "sender" || member.key() == "recipient")
        continue;
      NormalisedEvent event;
      event.provider_event = member.key();
      event.idempotency_key =
          key_without_mid(item_.recipient, item_.sender, member.key(), item_.at_ms);
      event.fields["from"] = item_.sender;
      event.fields["to"] = item_.recipient;
      event.fields["timestamp"] = item_.timestamp;
      event.fields[member.key()] = member.value();
      add_event(parsed_, std::move(event));
      return;
    }
  }

  const Item& item_;
  Parsed& parsed_;
};

/// The `id` of a member that is an object; a fault when either is missing.
std::string id_in(const PayloadObject& object, std::string_view name) {
  const auto member = object.object(name);
  return member ? member->id("id") : std::string();
}

void read_items(const std::vector<PayloadObject>& items, bool is_standby, Parsed& parsed) {
  for (const auto& object : items) {
    const auto before = object.faults();
    Item item{.object = object,
              .is_standby = is_standby,
              .sender = id_in(object, "sender"),
              .recipient = id_in(object, "recipient"),
              .at_ms = object.optional_whole("timestamp"),
              .timestamp = nullptr};
    if (item.at_ms) item.timestamp = object.milliseconds("timestamp");
    if (object.faults() == before) ItemReader(item, parsed).read();
  }
}

}  // namespace

Parsed parse_meta_messaging(const Incoming& request, std::string_view object) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject root(*body, faults);
  if (!is_meta_object(root, object)) return parsed;
  for (const auto& entry : root.objects("entry")) {
    read_items(entry.optional_objects("messaging"), false, parsed);
    read_items(entry.optional_objects("standby"), true, parsed);
  }
  take_key_of_only_event(parsed);
  return parsed;
}

json::object sample_meta_messaging(std::string_view object, std::string_view name,
                                   const SampleOrder& order) {
  const std::string page = object == "page" ? "100055501000" : "17841400000555";
  // Another person each time: what has no mid is a new event through the person alone.
  const std::string person = "7" + std::to_string(sample_number(order.unique));
  const std::string mid = "m_" + std::string(order.unique);
  json::object item{{"sender", {{"id", name == "echo" ? page : person}}},
                    {"recipient", {{"id", name == "echo" ? person : page}}},
                    {"timestamp", order.now.unix_ms}};
  if (name == "attachment")
    item["message"] = {
        {"mid", mid},
        {"attachments",
         json::array{{{"type", "image"}, {"payload", {{"url", "https://example.com/1.jpg"}}}}}}};
  else if (name == "echo")
    item["message"] = {{"mid", mid}, {"text", "We are on it."}, {"is_echo", true}};
  else if (name == "postback")
    item["postback"] = {{"mid", mid}, {"title", "Talk to an agent"}, {"payload", "AGENT"}};
  else if (name == "reaction")
    item["reaction"] = {{"mid", mid}, {"action", "react"}, {"reaction", "love"}, {"emoji", "❤️"}};
  else if (name == "delivery")
    item["delivery"] = {{"mids", json::array{mid}}, {"watermark", order.now.unix_ms}};
  else if (name == "read" && object == "page")
    item["read"] = {{"watermark", order.now.unix_ms}};
  else if (name == "read")
    item["read"] = {{"mid", mid}};
  else
    item["message"] = {{"mid", mid}, {"text", "Hello, where is order 1042?"}};
  json::object entry{{"id", page}, {"time", order.now.unix_ms}};
  entry["messaging"] = json::array{std::move(item)};
  json::object body{{"object", object}};
  body["entry"] = json::array{std::move(entry)};
  return body;
}

}  // namespace posthorn::providers
