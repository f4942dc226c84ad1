// Telegram Bot API: updates of a bot, one in each POST. Document: "Getting updates, setWebhook".
// A static token in X-Telegram-Bot-Api-Secret-Token is all there is: nothing covers the body or the
// time, so update_id, which grows by one for each update, is what keeps things from happening
// twice. Message ids count within a chat; chat ids may be negative and need 64 bits.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/payload.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view token_header = "X-Telegram-Bot-Api-Secret-Token";

std::string token_problem(std::string_view text) {
  constexpr std::string_view rule = "takes 1 to 256 of A-Z, a-z, 0-9, _ and -, as Telegram does";
  const bool known = std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return known && text.size() <= 256 ? std::string() : std::string(rule);
}

constexpr std::array telegram_fields{
    Field{.name = "secret_token",
          .plural = "secret_tokens",
          .kind = FieldKind::secret,
          .required = true,
          .help = "A text of your choice that setWebhook is given too; every update carries it.",
          .problem = token_problem},
};

constexpr std::array<std::string_view, 4> sample_names{"message", "photo", "edited_message",
                                                       "callback_query"};

constexpr std::string_view set_up =
    R"(1. Make a long random text of letters, digits, `_` and `-`, and set it here as `secret_token`.
2. Tell Telegram, with the token that BotFather gave your bot:
   `curl https://api.telegram.org/bot<token>/setWebhook -d url={url} -d secret_token=<secret_token>`
3. Check it: `curl https://api.telegram.org/bot<token>/getWebhookInfo`

Telegram calls only the ports 443, 80, 88 and 8443. While a webhook is set, `getUpdates` fails.
)";

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  if (!has_secret(steps, settings, "secret_token")) return std::move(steps).refused();
  const auto token = single_header(steps, request, token_header);
  if (!token) return std::move(steps).refused();
  if (!steps.check(!token->empty() && any_secret_equals(settings.all("secret_token"), *token),
                   "the token is the secret token",
                   "X-Telegram-Bot-Api-Secret-Token is not the source's secret_token: compare it "
                   "with what setWebhook was given (letter case counts)"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

std::string message_id(const std::string& chat, const std::string& number) {
  return chat + ":" + number;
}

std::optional<std::string> full_name(const PayloadObject& person) {
  auto name = person.optional_text("first_name").value_or("");
  if (const auto last = person.optional_text("last_name"))
    name += (name.empty() ? "" : " ") + *last;
  if (name.empty()) return person.optional_text("title");
  return name;
}

/// Where what is attached has no media type of its own: what the Bot API says it always is.
struct Attachment {
  std::string_view name, content_type;
};
constexpr std::array attachments{
    Attachment{"animation", "video/mp4"},  Attachment{"video", "video/mp4"},
    Attachment{"video_note", "video/mp4"}, Attachment{"audio", "audio/mpeg"},
    Attachment{"voice", "audio/ogg"},      Attachment{"sticker", "image/webp"},
};

json::object file_of(const PayloadObject& file, std::string_view content_type) {
  json::object media;
  media["id"] = file.text("file_id");
  if (const auto given = file.optional_text("mime_type"))
    media["content_type"] = *given;
  else if (!content_type.empty())
    media["content_type"] = content_type;
  set(media, "filename", file.optional_text("file_name"));
  if (const auto size = file.optional_whole("file_size")) media["size"] = *size;
  return media;
}

/// A photo comes in several sizes: the largest is the one that people sent.
void add_photo(json::array& media, const PayloadObject& message) {
  const auto sizes = message.optional_objects("photo");
  if (sizes.empty()) return;
  const auto area = [](const PayloadObject& size) {
    return static_cast<double>(size.optional_whole("width").value_or(0)) *
           static_cast<double>(size.optional_whole("height").value_or(0));
  };
  media.push_back(file_of(*std::ranges::max_element(sizes, {}, area), "image/jpeg"));
}

json::array media_of(const PayloadObject& message) {
  json::array media;
  add_photo(media, message);
  for (const auto& [name, content_type] : attachments)
    if (const auto file = message.optional_object(name)) {
      const bool is_animated = name == "sticker" && file->flag("is_animated");
      const bool is_video = name == "sticker" && file->flag("is_video");
      media.push_back(file_of(*file, is_animated ? "application/x-tgsticker"
                                     : is_video  ? "video/webm"
                                                 : content_type));
    }
  // An animation comes as a document too, for old clients.
  if (!message.has("animation"))
    if (const auto file = message.optional_object("document")) media.push_back(file_of(*file, ""));
  return media;
}

struct Kind {
  std::string_view member, type;
};
constexpr std::array message_kinds{
    Kind{"message", "message.inbound"},          Kind{"edited_message", "message.edited"},
    Kind{"channel_post", "message.inbound"},     Kind{"edited_channel_post", "message.edited"},
    Kind{"business_message", "message.inbound"}, Kind{"edited_business_message", "message.edited"},
};

NormalisedEvent read_message(const PayloadObject& message, std::string_view type,
                             const std::string& key) {
  const bool is_edit = type == "message.edited";
  const auto chat = message.object("chat");
  const auto chat_id = chat ? chat->id("id") : std::string();
  // A post in a channel has no person behind it: the channel, or the chat itself, speaks.
  auto sender = message.optional_object("from");
  if (!sender) sender = message.optional_object("sender_chat");
  if (!sender) sender = chat;
  auto event = make_event(
      {.type = type,
       .key = key,
       .message_id = message_id(chat_id, message.id("message_id")),
       .status = is_edit ? "" : "received",
       .from = sender ? std::optional(sender->id("id")) : std::nullopt,
       .to = chat_id,
       .text =
           message.has("text") ? message.optional_text("text") : message.optional_text("caption"),
       .timestamp = message.seconds(is_edit && message.has("edit_date") ? "edit_date" : "date")});
  if (sender) {
    set(event.fields, "from_name", full_name(*sender));
    set(event.fields, "username", sender->optional_text("username"));
    if (sender->flag("is_bot")) event.fields["from_bot"] = true;
  }
  if (chat) set(event.fields, "chat_type", chat->optional_text("type"));
  if (auto media = media_of(message); !media.empty()) event.fields["media"] = std::move(media);
  set(event.fields, "thread_id", message.optional_id("message_thread_id"));
  if (const auto replied = message.optional_object("reply_to_message")) {
    const auto replied_chat = replied->optional_object("chat");
    event.fields["reply_to"] =
        message_id(replied_chat ? replied_chat->id("id") : chat_id, replied->id("message_id"));
  }
  return event;
}

NormalisedEvent read_callback(const PayloadObject& callback, const std::string& key) {
  ChatEvent chat{.type = "message.callback", .key = key};
  json::object more;
  more["callback_id"] = callback.id("id");
  if (const auto from = callback.object("from")) {
    chat.from = from->id("id");
    set(more, "from_name", full_name(*from));
  }
  // A button of a message that was sent through inline mode comes without the message.
  if (const auto message = callback.optional_object("message")) {
    const auto place = message->object("chat");
    chat.to = place ? place->id("id") : std::string();
    chat.message_id = message_id(*chat.to, message->id("message_id"));
  } else {
    chat.message_id = callback.optional_text("inline_message_id");
  }
  set(more, "payload", callback.optional_text("data"));
  auto event = make_event(std::move(chat));
  for (auto& field : more) event.fields[field.key()] = std::move(field.value());
  return event;
}

NormalisedEvent read_reaction(const PayloadObject& reaction, const std::string& key) {
  ChatEvent chat{.type = "message.reaction", .key = key};
  const auto place = reaction.object("chat");
  chat.to = place ? place->id("id") : std::string();
  chat.message_id = message_id(*chat.to, reaction.id("message_id"));
  auto sender = reaction.optional_object("user");
  if (!sender) sender = reaction.optional_object("actor_chat");
  if (sender) chat.from = sender->id("id");
  for (const auto& one : reaction.optional_objects("new_reaction"))
    if (!chat.text) chat.text = one.optional_text("emoji");
  chat.timestamp = reaction.seconds("date");
  return make_event(std::move(chat));
}

std::optional<NormalisedEvent> read_update(const PayloadObject& update, const std::string& key) {
  for (const auto& [member, type] : message_kinds)
    if (const auto message = update.optional_object(member))
      return read_message(*message, type, key);
  if (const auto callback = update.optional_object("callback_query"))
    return read_callback(*callback, key);
  if (const auto reaction = update.optional_object("message_reaction"))
    return read_reaction(*reaction, key);
  return std::nullopt;
}

Parsed parse(const Settings&, const Incoming& request) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject update(*body, faults);
  const auto number = update.optional_whole("update_id");
  if (!number && faults.count() == 0) update.fault("update_id", "required", "is missing");
  if (!number) return parsed;
  const std::string key = "update:" + std::to_string(*number);
  auto event = read_update(update, key);
  if (faults.count() > 0) return parsed;
  parsed.idempotency_key = key;
  if (event) parsed.events.push_back(*std::move(event));
  return parsed;
}

json::object sample_message(std::string_view name, std::uint64_t number, Instant now) {
  json::object message{{"message_id", number % 1'000'000'000},
                       {"from",
                        {{"id", 555010001},
                         {"is_bot", false},
                         {"first_name", "Ada"},
                         {"last_name", "Lovelace"},
                         {"username", "ada"},
                         {"language_code", "en"}}},
                       {"chat", {{"id", 555010001}, {"first_name", "Ada"}, {"type", "private"}}},
                       {"date", now.unix_seconds()}};
  if (name == "photo") {
    message["caption"] = "This is what it looks like";
    message["photo"] = json::array{
        {{"file_id", "AgAC-small"}, {"file_unique_id", "s"}, {"width", 90}, {"height", 60}},
        {{"file_id", "AgAC-large"}, {"file_unique_id", "l"}, {"width", 1280}, {"height", 853}}};
    return message;
  }
  message["text"] = "Hello, where is order 1042?";
  if (name == "edited_message") message["edit_date"] = now.unix_seconds();
  return message;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  PH_TRY(const auto name, chosen_sample(sample_names, order));
  const auto number = sample_number(order.unique);
  json::object update{{"update_id", number}};
  if (name == "callback_query")
    update[name] = {{"id", order.unique},
                    {"from", {{"id", 555010001}, {"is_bot", false}, {"first_name", "Ada"}}},
                    {"message", sample_message("message", number, order.now)},
                    {"chat_instance", "-55501"},
                    {"data", "csat:5"}};
  else
    update[name == "photo" ? "message" : name] = sample_message(name, number, order.now);
  Sample made{.url = std::string(order.url)};
  made.headers = {{"Content-Type", "application/json"},
                  {std::string(token_header), settings.text("secret_token")}};
  made.body = order.body.empty() ? json_text(update) : std::string(order.body);
  return made;
}

}  // namespace

const Provider telegram{
    .name = "telegram",
    .title = "Telegram",
    .carries = "messages to a bot, edits, button presses and reactions",
    .fields = telegram_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers
