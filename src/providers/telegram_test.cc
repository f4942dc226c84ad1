#include <doctest/doctest.h>

#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view config = R"({"secret_token": "Fake_secret-1"})";

TestCall telegram_call(std::string_view given = config) {
  const auto& provider = provider_of("telegram");
  return {provider, settings_of(provider, given)};
}

Parsed parsed_of(std::string_view body) { return telegram_call().sign(body).parse(); }

TEST_CASE("Telegram: every sample verifies and differs; broken bodies give no event") {
  check_samples(provider_of("telegram"), config, R"({"secret_token": "Fake_secret-2"})", false);
  check_broken_bodies(provider_of("telegram"), config);
}

TEST_CASE("Telegram: any of several tokens passes, and one that Telegram refuses is a fault") {
  auto call = telegram_call(R"({"secret_tokens": ["New-1", "Fake_secret-1"]})");
  call.sign("{}");
  CHECK(call.verify().verified);
  call.sent.headers.back().second = "Fake_secret-1";
  CHECK(call.verify().verified);
  call.sent.headers.back().second = "New-1, Fake_secret-1";
  CHECK_FALSE(call.verify().verified);
  const auto& provider = provider_of("telegram");
  CHECK(config_faults(provider, R"({"secret_token": "with space"})") ==
        std::vector<std::string>{"/secret_token format"});
  CHECK(config_faults(provider, R"({"secret_tokens": ["ok", ""]})") ==
        std::vector<std::string>{"/secret_tokens/1 too_short"});
  CHECK(config_faults(provider, "{\"secret_token\": \"" + std::string(256, 'a') + "\"}").empty());
  CHECK(config_faults(provider, "{\"secret_token\": \"" + std::string(257, 'a') + "\"}") ==
        std::vector<std::string>{"/secret_token format"});
}

TEST_CASE("Telegram: ids are exact, whatever their size and sign") {
  const auto parsed = parsed_of(R"({"update_id":9007199254740993,"message":{
      "message_id":9007199254740995,"date":1,"from":{"id":9007199254740997},
      "chat":{"id":-9223372036854775807},"text":"x"}})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.idempotency_key == "update:9007199254740993");
  CHECK(parsed.events[0].fields.at("provider_message_id") ==
        "-9223372036854775807:9007199254740995");
  CHECK(parsed.events[0].fields.at("from") == "9007199254740997");
}

TEST_CASE("Telegram: what is relied on and missing or wrong is a fault, with its place") {
  const auto faults = [](std::string_view body) { return faults_of(parsed_of(body)); };
  using List = std::vector<std::string>;
  CHECK(faults(R"({"message":{}})") == List{"/update_id required"});
  CHECK(faults(R"({"update_id":"x"})") == List{"/update_id type"});
  CHECK(faults(R"({"update_id":1.5})") == List{"/update_id type"});
  CHECK(faults(R"({"update_id":18446744073709551615})") == List{"/update_id type"});
  CHECK(faults(R"({"update_id":1,"message":[]})") == List{"/message type"});
  CHECK(faults(R"({"update_id":1,"message":{"message_id":1,"date":1,"text":"x"}})") ==
        List{"/message/chat required"});
  CHECK(faults(R"({"update_id":1,"message":{"chat":{"id":1},"date":"soon","text":5}})") ==
        List{"/message/message_id required", "/message/text type", "/message/date type"});
  CHECK(faults(R"({"update_id":1,"message":{"chat":{"id":1},"message_id":1,"date":1,
      "photo":[{"width":1}]}})") == List{"/message/photo/0/file_id required"});
  CHECK(faults(R"({"update_id":1,"callback_query":{"id":"q"}})") ==
        List{"/callback_query/from required"});
}

TEST_CASE("Telegram: a post in a channel is written by the channel") {
  const auto parsed = parsed_of(R"({"update_id":5,"channel_post":{"message_id":3,"date":10,
      "sender_chat":{"id":-100200,"title":"News","type":"channel"},
      "chat":{"id":-100200,"title":"News","type":"channel"},"text":"Hi"}})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].type == "message.inbound");
  CHECK(parsed.events[0].fields.at("from") == "-100200");
  CHECK(parsed.events[0].fields.at("from_name") == "News");
}

TEST_CASE("Telegram: a button of an inline message has no message; a reaction names its own") {
  const auto callback = parsed_of(R"({"update_id":5,"callback_query":{"id":"q1","data":"d",
      "from":{"id":1,"first_name":"Ada"},"inline_message_id":"AAA","chat_instance":"1"}})");
  REQUIRE(callback.events.size() == 1);
  CHECK(callback.events[0].type == "message.callback");
  CHECK(callback.events[0].fields.at("provider_message_id") == "AAA");
  CHECK(callback.events[0].fields.at("to").is_null());
  CHECK(callback.events[0].fields.at("callback_id") == "q1");
  const auto reaction = parsed_of(R"({"update_id":6,"message_reaction":{"chat":{"id":-7},
      "message_id":3,"user":{"id":1},"date":10,"old_reaction":[],
      "new_reaction":[{"type":"emoji","emoji":"👍"}]}})");
  REQUIRE(reaction.events.size() == 1);
  CHECK(reaction.events[0].type == "message.reaction");
  CHECK(reaction.events[0].fields.at("provider_message_id") == "-7:3");
  CHECK(reaction.events[0].fields.at("text") == "👍");
}

TEST_CASE("Telegram: an update of a kind that is not read is known by its key and gives no event") {
  const auto parsed = parsed_of(R"({"update_id":8,"poll":{"id":"p"}})");
  CHECK(parsed.events.empty());
  CHECK(parsed.faults.empty());
  CHECK(parsed.idempotency_key == "update:8");
}

TEST_CASE("Telegram: the largest photo, and each kind of file with its type") {
  const auto media = [](std::string_view members) {
    const auto parsed =
        parsed_of(R"({"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":1},)" +
                  std::string(members) + "}}");
    REQUIRE(parsed.events.size() == 1);
    return parsed.events[0].fields.at("media");
  };
  const auto photo = media(R"("photo":[{"file_id":"big","width":800,"height":600},
      {"file_id":"wide","width":900,"height":10},{"file_id":"small","width":90,"height":60}])");
  CHECK(photo.as_array().size() == 1);
  CHECK(photo.at(0).at("id") == "big");
  CHECK(media(R"("voice":{"file_id":"v","mime_type":"audio/ogg","duration":3})").at(0).at("id") ==
        "v");
  CHECK(media(R"("sticker":{"file_id":"s","is_animated":false,"is_video":true})")
            .at(0)
            .at("content_type") == "video/webm");
  const auto animation =
      media(R"("animation":{"file_id":"a"},"document":{"file_id":"a","file_name":"a.mp4"})");
  CHECK(animation.as_array().size() == 1);
}

}  // namespace
}  // namespace posthorn::providers
