// The pollers against what the providers' APIs answer: tests/cases/send-examples and pages made
// here.

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "ingest/pollers/parts.h"
#include "ingest/pollers/poller.h"
#include "text/form.h"
#include "text/json_payload.h"

namespace posthorn::ingest::pollers {
namespace {

constexpr Instant now{1'795'248'600'000};  // 2026-11-21T08:10:00Z

json::value example(const std::string& name) {
  std::ifstream file(POSTHORN_SOURCE_DIR "/tests/cases/send-examples/poll-" + name + ".json");
  REQUIRE_MESSAGE(file.good(), name);
  std::stringstream text;
  text << file.rdbuf();
  auto parsed = text::parse_payload(text.str());
  REQUIRE(parsed.has_value());
  return *std::move(parsed);
}

/// A poller with settings, asked and answered step by step.
struct Talk {
  Talk(std::string_view provider, const json::object& given, const json::object& source_config = {})
      : poller(*find_poller(provider)) {
    model::Faults faults;
    settings = read_settings(poller, given, faults);
    REQUIRE_MESSAGE(faults.empty(), faults.summary());
    source = providers::Settings::read(providers::find_provider(provider)->fields, source_config,
                                       faults);
    base_url = base_url_of(poller, settings);
    cursor = poller.begin(situation());
  }
  Situation situation() const {
    return {.settings = settings,
            .source = source,
            .provider = poller.provider,
            .base_url = base_url,
            .now = at,
            .lookback = Millis{settings.integer("lookback_seconds") * 1000},
            .page_size = poller.page_size};
  }
  Request ask() const { return poller.request(situation(), cursor); }
  std::expected<Step, Refusal> judge(int status, const std::string& body, Headers headers = {}) {
    const Answer answer{.status = status, .headers = std::move(headers), .body = body};
    if (status >= 200 && status < 300) return poller.read(situation(), cursor, answer);
    if (poller.refused != nullptr)
      if (auto own = poller.refused(answer)) return std::unexpected(*std::move(own));
    return std::unexpected(refusal_of(answer, now));
  }
  /// Of a good answer; its cursor counts from now on.
  Step take(const std::string& body, Headers headers = {}) {
    auto step = judge(200, body, std::move(headers));
    REQUIRE_MESSAGE(step.has_value(), step.error().what);
    cursor = step->cursor;
    return *std::move(step);
  }
  std::expected<Step, Refusal> judge(const json::value& made) {
    const auto& response = made.at("response");
    Headers headers;
    for (const auto& one : response.at("headers").as_object())
      headers.emplace_back(one.key(), one.value().as_string());
    return judge(static_cast<int>(response.at("status").as_int64()),
                 text::json_text(response.at("body")), std::move(headers));
  }
  /// What the provider makes of an item: its webhook's reading of it.
  providers::Parsed parse(const Item& item) const {
    std::vector<std::pair<std::string_view, std::string_view>> headers(item.headers.begin(),
                                                                       item.headers.end());
    return providers::find_provider(poller.provider)
        ->parse(source, {.method = "POST", .url = item.url, .headers = headers, .body = item.body});
  }

  const Poller& poller;
  Settings settings, source;
  std::string base_url;
  json::object cursor;
  Instant at = now;
};

Talk stripe_talk(json::object more = {}) {
  json::object given{{"api_key", "sk_test_example"}};
  for (const auto& one : more) given[one.key()] = one.value();
  return Talk("stripe", given);
}
Talk github_talk() {
  return Talk(
      "github",
      {{"token", "github_pat_example"}, {"repository", "example/app"}, {"hook_id", "12345678"}});
}
Talk shopify_talk(json::array topics = {}) {
  json::object given{{"shop", "example.myshopify.com"}, {"access_token", "shpat_example"}};
  if (!topics.empty()) given["topics"] = std::move(topics);
  return Talk("shopify", given);
}
constexpr std::string_view account_sid = "AC0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
Talk twilio_talk(std::string_view provider = "twilio_sms", json::object more = {}) {
  json::object given{{"account_sid", account_sid}};
  for (const auto& one : more) given[one.key()] = one.value();
  return Talk(provider, given, {{"auth_token", "test_auth_token"}});
}
Talk telegram_talk() {
  return Talk("telegram", {{"bot_token", "110201543:AAexampleexampleexampleexample00001"}});
}

std::string header_of(const Headers& headers, std::string_view name) {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return {};
}

TEST_CASE("every example of a refusal is one, and says for how long where it is told") {
  struct Wanted {
    std::string name;
    Talk talk;
    std::optional<Millis> wait;
    std::string words;
  };
  Wanted all[] = {
      {"github-bad-token", github_talk(), {}, "Bad credentials"},
      {"github-rate-limited", github_talk(), Millis{3'000'000}, "rate limit"},
      {"github-secondary-limit", github_talk(), Millis{60'000}, "secondary rate limit"},
      {"shopify-bad-token", shopify_talk(), {}, "Invalid API key"},
      {"shopify-throttled", shopify_talk(), Millis{14'000}, "Throttled"},
      {"stripe-bad-key", stripe_talk(), {}, "Invalid API Key"},
      {"stripe-rate-limited", stripe_talk(), {}, "rate limit"},
      {"telegram-other-poller", telegram_talk(), {}, "another program"},
      {"telegram-webhook-conflict", telegram_talk(), {}, "webhook is set"},
      {"twilio-bad-credentials", twilio_talk(), {}, "credentials"},
      {"twilio-rate-limited", twilio_talk(), {}, "rate limit"},
  };
  for (auto& one : all) {
    CAPTURE(one.name);
    const auto step = one.talk.judge(example(one.name));
    REQUIRE_FALSE(step.has_value());
    CHECK(step.error().wait == one.wait);
    CHECK_MESSAGE(step.error().what.find(one.words) != std::string::npos, step.error().what);
  }
}

TEST_CASE("questions are asked as the examples ask them") {
  const auto stripe = stripe_talk({{"types", {"invoice.payment_failed"}}}).ask();
  CHECK(stripe.method == "GET");
  CHECK(stripe.path ==
        "/v1/events?limit=100&created%5Bgte%5D=1795245000&delivery_success=false&types%5B0%5D="
        "invoice.payment_failed");
  CHECK(header_of(stripe.headers, "Authorization") == "Bearer sk_test_example");
  const auto github = github_talk().ask();
  CHECK(github.path == example("github-page").at("request").at("path").as_string());
  const auto twilio = twilio_talk().ask();
  CHECK(twilio.path == "/2010-04-01/Accounts/" + std::string(account_sid) +
                           "/Messages.json?DateSent%3E=2026-11-21&PageSize=100");
  CHECK(header_of(twilio.headers, "Authorization") ==
        example("twilio-page").at("request").at("headers").at("Authorization").as_string());
  const auto telegram = telegram_talk().ask();
  CHECK(telegram.path == example("telegram-updates").at("request").at("path").as_string());
  CHECK(telegram.body == R"({"limit":100,"timeout":25})");
  const auto shopify = shopify_talk().ask();
  CHECK(shopify.path == example("shopify-page").at("request").at("path").as_string());
  const auto variables = text::parse_payload(shopify.body)->at("variables");
  CHECK(variables.at("q") == "updated_at:>='2026-11-21T08:10:00Z'");
}

TEST_CASE("stripe: pages follow each other to the end, and the next look begins at the newest") {
  auto talk = stripe_talk();
  const auto step = talk.judge(example("stripe-page"));
  REQUIRE(step.has_value());
  REQUIRE(step->items.size() == 1);
  CHECK(step->more);
  CHECK(step->items[0].key == "evt_example0002");
  const auto parsed = talk.parse(step->items[0]);
  CHECK(parsed.idempotency_key == "evt_example0002");
  CHECK(parsed.events.at(0).type == "payment.failed");
  talk.cursor = step->cursor;
  CHECK(talk.ask().path.find("starting_after=evt_example0002") != std::string::npos);
  const auto last =
      talk.take(R"({"has_more":false,"data":[{"id":"evt_2","type":"a","created":1795247000},)"
                R"({"id":"evt_1","type":"a","created":1795246000}]})");
  CHECK_FALSE(last.more);
  REQUIRE(last.items.size() == 2);
  CHECK(last.items[0].key == "evt_1");  // In the order they happened.
  CHECK(talk.cursor.contains("page") == false);
  // Polling began at 08:10:00, which is later than the newest event.
  CHECK(talk.ask().path.find("gte%5D=1795245000") != std::string::npos);
}

TEST_CASE(
    "a moment in the future does not hide what comes until then, an empty page moves nothing") {
  auto talk = stripe_talk();
  talk.take(R"({"has_more":false,"data":[{"id":"evt_1","type":"a","created":1999999999}]})");
  CHECK(whole_in(talk.cursor, "since") == now.unix_seconds());
  const auto before = talk.cursor;
  talk.take(R"({"has_more":false,"data":[]})");
  CHECK(talk.cursor == before);
}

TEST_CASE("after a quiet day the window moves on, so that nothing outlives its dedupe key in it") {
  auto talk = stripe_talk();
  const std::string quiet =
      R"({"has_more":false,"data":[{"id":"evt_1","type":"a","created":1795248600}]})";
  const auto before = whole_in(talk.cursor, "since");
  talk.at = now + 23h;
  talk.take(quiet);
  CHECK(whole_in(talk.cursor, "since") == before);
  talk.at = now + 25h;
  talk.take(quiet);
  CHECK(whole_in(talk.cursor, "since") == (now + 13h).unix_seconds());
}

TEST_CASE("github: failed deliveries are asked for one by one, once") {
  auto talk = github_talk();
  const std::string list =
      R"([{"id":13,"guid":"g3","delivered_at":"2026-11-21T08:09:00Z","status_code":0},)"
      R"({"id":12,"guid":"g2","delivered_at":"2026-11-21T08:08:00Z","status_code":200},)"
      R"({"id":11,"guid":"g1","delivered_at":"2026-11-21T08:07:00Z","status_code":502}])";
  const Headers link{{"Link",
                      "<https://elsewhere.example/deliveries?per_page=100&cursor=v1_9>; "
                      "rel=\"next\", <https://x/?cursor=no>; rel=\"prev\""}};
  CHECK(talk.take(list, link).more);
  CHECK(talk.ask().path == "/repos/example/app/hooks/12345678/deliveries/11");
  const std::string detail =
      R"({"id":11,"guid":"g1","event":"issues","request":{"headers":{"X-GitHub-Event":"issues",)"
      R"("content-type":"application/x-www-form-urlencoded","X-Hub-Signature-256":"sha256=0"},)"
      R"("payload":{"action":"opened","issue":{"number":5}}}})";
  const auto step = talk.take(detail);
  REQUIRE(step.items.size() == 1);
  CHECK(step.items[0].key == "g1");
  const auto parsed = talk.parse(step.items[0]);
  CHECK(parsed.idempotency_key == "g1");
  CHECK(parsed.events.at(0).provider_event == "issues.opened");
  CHECK(talk.ask().path == "/repos/example/app/hooks/12345678/deliveries/13");
  SUBCASE("and the next page when there is one") {
    CHECK(talk.take(detail).more);
    CHECK(talk.ask().path.find("cursor=v1_9") != std::string::npos);
    CHECK_FALSE(talk.take("[]").more);
    // What was read is not read again.
    CHECK_FALSE(talk.take(list).more);
  }
  SUBCASE("one that is gone is left out") {
    const auto without = talk.poller.give_up(talk.situation(), talk.cursor);
    REQUIRE(without.has_value());
    CHECK(without->items.empty());
    CHECK(without->note == "delivery 13 was left out");
  }
}

TEST_CASE("github: a page that is older than the look ends it") {
  auto talk = github_talk();
  const auto step =
      talk.take(R"([{"id":1,"guid":"g","delivered_at":"2026-11-20T00:00:00Z","status_code":0}])",
                {{"Link", "<https://api.github.com/x?cursor=v1_1>; rel=\"next\""}});
  CHECK_FALSE(step.more);
  CHECK(step.items.empty());
}

json::object message(std::string_view sid, std::string_view direction, std::string_view status) {
  const bool inbound = direction == "inbound";
  return {{"sid", sid},
          {"direction", direction},
          {"status", status},
          {"from", inbound ? "+15555550100" : "+15555550199"},
          {"to", inbound ? "+15555550199" : "+15555550100"},
          {"body", "hi & bye"},
          {"num_media", "0"},
          {"error_code", nullptr},
          {"date_created", "Sat, 21 Nov 2026 08:00:00 +0000"}};
}

TEST_CASE("twilio: a message is read as its callback is, with the callback's key") {
  auto talk = twilio_talk();
  auto step = talk.judge(example("twilio-page"));
  REQUIRE(step.has_value());
  CHECK(step->more);
  REQUIRE(step->items.size() == 1);
  auto parsed = talk.parse(step->items[0]);
  CHECK(parsed.idempotency_key == "SM3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d:received");
  CHECK(parsed.events.at(0).type == "message.inbound");
  talk.cursor = step->cursor;
  CHECK(talk.ask().path ==
        example("twilio-page").at("response").at("body").at("next_page_uri").as_string());
  const auto last = talk.take(text::json_text(
      json::object{{"messages", json::array{message("SM2", "outbound-api", "delivered")}},
                   {"next_page_uri", nullptr}}));
  CHECK_FALSE(last.more);
  parsed = talk.parse(last.items.at(0));
  CHECK(parsed.idempotency_key == "SM2:delivered");
  CHECK(parsed.events.at(0).type == "message.status");
  CHECK(last.items[0].key == "SM2:delivered");
}

TEST_CASE("twilio: each source takes its own channel, number and direction") {
  auto whatsapp = message("SM4", "inbound", "received");
  whatsapp["from"] = "whatsapp:+15555550100";
  whatsapp["to"] = "whatsapp:+15555550199";
  const auto page = text::json_text(
      json::object{{"messages", json::array{message("SM1", "inbound", "received"),
                                            message("SM2", "outbound-api", "sent"), whatsapp}}});
  const auto keys = [&page](Talk talk) {
    std::string all;
    for (const auto& item : talk.take(page).items) all += item.key + " ";
    return all;
  };
  CHECK(keys(twilio_talk()) == "SM2:sent SM1:received ");
  CHECK(keys(twilio_talk("twilio_sms", {{"statuses", false}})) == "SM1:received ");
  CHECK(keys(twilio_talk("twilio_sms", {{"phone_number", "+15555550100"}})).empty());
  CHECK(keys(twilio_talk("twilio_whatsapp")) == "SM4:received ");
}

TEST_CASE(
    "twilio: the list of a message's media is asked for, and foreign pages are not followed") {
  auto talk = twilio_talk();
  auto with_media = message("MM7", "inbound", "received");
  with_media["num_media"] = "1";
  CHECK(talk.take(text::json_text(json::object{{"messages", json::array{with_media}}})).more);
  CHECK(talk.ask().path.find("/Messages/MM7/Media.json") != std::string::npos);
  const auto step =
      talk.take(R"({"media_list":[{"uri":"/2010-04-01/Accounts/AC/Messages/MM7/Media/ME1.json",)"
                R"("content_type":"image/png"}]})");
  CHECK_FALSE(step.more);
  const auto parsed = talk.parse(step.items.at(0));
  CHECK(parsed.events.at(0).fields.at("media").at(0).at("url") ==
        "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM7/Media/ME1");
  const auto foreign = talk.judge(
      200,
      text::json_text(json::object{{"messages", json::array{message("SM1", "inbound", "received")}},
                                   {"next_page_uri", "@evil.example/"}}));
  CHECK_FALSE(foreign.has_value());
}

json::object order(std::int64_t id, std::string_view status, std::string_view paid_at) {
  json::array transactions;
  if (!paid_at.empty())
    transactions.push_back({{"kind", "SALE"}, {"status", "SUCCESS"}, {"processedAt", paid_at}});
  return {{"id", "gid://shopify/Order/" + std::to_string(id)},
          {"legacyResourceId", std::to_string(id)},
          {"name", "#1001"},
          {"email", "ana@example.com"},
          {"createdAt", "2026-11-21T08:11:00Z"},
          {"updatedAt", "2026-11-21T08:12:00Z"},
          {"cancelledAt", nullptr},
          {"displayFinancialStatus", status},
          {"totalPriceSet", {{"shopMoney", {{"amount", "199.0"}, {"currencyCode", "EUR"}}}}},
          {"transactions", transactions}};
}
std::string orders(json::array nodes, bool more = false) {
  return text::json_text(
      json::object{{"data",
                    {{"orders",
                      {{"nodes", std::move(nodes)},
                       {"pageInfo", {{"hasNextPage", more}, {"endCursor", "e1"}}}}}}}});
}

TEST_CASE("shopify: an order stands for the topics that happened to it since polling began") {
  auto talk = shopify_talk({"orders/create", "orders/paid", "orders/cancelled", "orders/updated"});
  const auto step =
      talk.take(orders({order(7, "PAID", "2026-11-21T08:11:30Z"), order(8, "PENDING", "")}, true));
  CHECK(step.more);
  std::string keys;
  for (const auto& item : step.items) keys += item.key + " ";
  CHECK(keys ==
        "orders/create:7 orders/paid:7 orders/updated:7:1795248720 "
        "orders/create:8 orders/updated:8:1795248720 ");
  const auto parsed = talk.parse(step.items[1]);
  CHECK(parsed.events.at(0).type == "payment.succeeded");
  CHECK(parsed.events.at(0).fields.at("amount") == 19'900);
  CHECK(parsed.events.at(0).fields.at("object_id") == "7");
  CHECK(text::parse_payload(talk.ask().body)->at("variables").at("a") == "e1");
  // Paid before polling began: a webhook said so then.
  CHECK(talk.take(orders({order(9, "PAID", "2026-11-21T08:00:00Z")})).items.size() == 2);
}

TEST_CASE("shopify: a webhook's twin has the key that the poll gives") {
  const auto twin = [](std::string_view topic, std::string_view body) {
    const std::vector<std::pair<std::string_view, std::string_view>> headers{
        {"X-Shopify-Topic", topic}};
    return find_poller("shopify")->twin_key({.url = "", .headers = headers, .body = body});
  };
  CHECK(twin("orders/paid", R"({"id":7,"updated_at":"2026-11-21T03:12:00-05:00"})") ==
        "orders/paid:7");
  CHECK(twin("orders/updated", R"({"id":7,"updated_at":"2026-11-21T03:12:00-05:00"})") ==
        "orders/updated:7:1795248720");
  CHECK(twin("refunds/create", R"({"id":7})").empty());
  CHECK(twin("orders/paid", "not json").empty());
}

TEST_CASE("telegram: the next question confirms what was kept") {
  auto talk = telegram_talk();
  const auto step = talk.judge(example("telegram-updates"));
  REQUIRE(step.has_value());
  REQUIRE(step->items.size() == 1);
  CHECK(talk.parse(step->items[0]).idempotency_key.has_value());
  CHECK(step->items[0].url == "https://api.telegram.org/getUpdates");
  talk.cursor = step->cursor;
  CHECK(talk.ask().body == R"({"limit":100,"timeout":25,"offset":730000002})");
  CHECK_FALSE(talk.take(R"({"ok":true,"result":[]})").more);
  const auto told = talk.judge(429, R"({"ok":false,"parameters":{"retry_after":7}})");
  CHECK(told.error().wait == Millis{7'000});
}

TEST_CASE("no answer, however broken, is more than a refusal") {
  const Headers none;
  for (const auto* poller : registry()) {
    CAPTURE(poller->provider);
    auto talk = poller->provider == "stripe"     ? stripe_talk()
                : poller->provider == "github"   ? github_talk()
                : poller->provider == "shopify"  ? shopify_talk()
                : poller->provider == "telegram" ? telegram_talk()
                                                 : twilio_talk(poller->provider);
    for (const auto* body :
         {"", "null", "[]x", "{}", "[1]", R"({"data":1})", R"({"data":[1]})",
          R"({"data":[{"id":7}]})", R"({"messages":[{}]})", R"({"result":[{}]})",
          R"({"data":{"orders":{"nodes":[{}],"pageInfo":{}}}})", R"([{"id":"../x"}])", "<html>"})
      CHECK_FALSE(talk.judge(200, body).has_value());
    for (const int status : {302, 400, 404, 500, 503})
      CHECK_FALSE(talk.judge(status, "<html>").has_value());
    CHECK(talk.judge(503, "", {{"Retry-After", "120"}}).error().wait == Millis{120'000});
  }
}

TEST_CASE("settings are checked with all their faults") {
  const auto faults_of = [](std::string_view provider, const json::object& given) {
    model::Faults faults;
    read_settings(*find_poller(provider), given, faults, "/poll");
    std::string all;
    for (const auto& fault : faults.all()) all += fault.pointer + " ";
    return all;
  };
  CHECK(faults_of("stripe", {{"interval_seconds", 9}, {"base_url", "ftp://x"}, {"apikey", "k"}}) ==
        "/poll/apikey /poll/interval_seconds /poll/base_url /poll/api_key ");
  CHECK(faults_of("github", {{"token", "t"}, {"hook_id", "1"}}) == "/poll/repository ");
  CHECK(faults_of("github", {{"token", "t"}, {"hook_id", "x"}, {"repository", "a/../b"}}) ==
        "/poll/repository /poll/hook_id ");
  CHECK(faults_of("twilio_sms", {{"account_sid", account_sid}, {"api_key_secret", "s"}}) ==
        "/poll/api_key_secret ");
  CHECK(faults_of("shopify", {{"shop", "evil.example"}, {"access_token", "t"}}) == "/poll/shop ");
  CHECK(faults_of("telegram", {{"bot_token", "1/2"}}) == "/poll/bot_token ");
}

}  // namespace
}  // namespace posthorn::ingest::pollers
