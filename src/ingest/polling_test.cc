// Polling behind webhooks: what is found, what is kept of where it stands, and what failures do.

#include "ingest/polling.h"

#include <random>

#include "ingest/test_world.h"
#include "text/form.h"
#include "text/json.h"

namespace posthorn::ingest {
namespace {

using model::RequestState;
using testing::World;

class FixedRandom final : public env::Random {
 public:
  std::string bytes(std::size_t count) override { return std::string(count, 'r'); }
  std::uint64_t below(std::uint64_t) override { return 0; }
};

env::Exchange answer_of(int status, std::string body, std::vector<env::Header> headers = {}) {
  env::Exchange exchange;
  exchange.result = env::ExchangeResult::ok;
  exchange.status = status;
  exchange.headers = std::move(headers);
  exchange.body = std::move(body);
  return exchange;
}

/// A provider's API as a function of the request.
class Api final : public Fetcher {
 public:
  task<env::Exchange> fetch(env::OutgoingRequest request) override {
    asked.push_back(request);
    auto answer = script(asked.back());
    if (slow_clock != nullptr) {
      under_way_most = std::max(under_way_most, ++under_way);
      co_await slow_clock->sleep_until(slow_clock->steady() + Millis{1'000});
      --under_way;
    }
    co_return answer;
  }
  env::Clock* slow_clock = nullptr;  ///< Each answer then takes a second of it.
  int under_way = 0, under_way_most = 0;
  std::vector<env::OutgoingRequest> asked;
  std::function<env::Exchange(const env::OutgoingRequest&)> script;
};

/// Stripe's list of events, newest first.
class StripeApi {
 public:
  explicit StripeApi(Api& api) {
    api.script = [this](const env::OutgoingRequest& request) { return serve(request); };
  }
  void add(const std::string& id, const std::string& body) { events.emplace_back(id, body); }
  env::Exchange serve(const env::OutgoingRequest& request) {
    if (!failures.empty()) {
      auto next = std::move(failures.front());
      failures.erase(failures.begin());
      if (next) return *std::move(next);
    }
    const auto query = text::parse_form(request.url.substr(request.url.find('?') + 1));
    const auto after = query->value("starting_after");
    const auto limit = std::stoul(std::string(query->value("limit")));
    std::string list;
    std::size_t given = 0;
    bool begun = after.empty(), more = false;
    for (auto one = events.rbegin(); one != events.rend(); ++one) {
      if (begun && given == limit) {
        more = true;
        break;
      }
      if (begun) {
        list += (given++ > 0 ? "," : "") + one->second;
      }
      begun = begun || one->first == after;
    }
    return answer_of(200, R"({"data":[)" + list + R"(],"has_more":)" + (more ? "true}" : "false}"));
  }
  std::vector<std::pair<std::string, std::string>> events;
  std::vector<std::optional<env::Exchange>> failures;  ///< Of the next questions.
};

class Bench {
 public:
  Bench() = default;
  ~Bench() { stop(); }

  Source polled(std::string_view provider, json::object settings, json::object poll) {
    auto source = world.make_source(provider, std::move(settings));
    model::Faults faults;
    auto read = read_source({{"poll", std::move(poll)}}, faults, source);
    REQUIRE_MESSAGE(faults.empty(), faults.summary());
    return world.save(std::move(read.source));
  }
  Source polled_stripe() {
    return polled("stripe", {{"signing_secret", "whsec_testtesttesttest"}},
                  {{"api_key", "rk_test_abc"}, {"interval_seconds", 60}});
  }
  void start() {
    polling.emplace(Polling::Ports{world.context, world.clock, random, world.store, world.sources,
                                   world.intake, api, world.log, metrics},
                    config);
    REQUIRE(world.wait(polling->start()).has_value());
    world.run();
  }
  void stop() {
    if (!polling) return;
    world.wait([](Polling& one) -> task<bool> {
      co_await one.stop();
      co_return true;
    }(*polling));
    polling.reset();
  }
  std::vector<model::Object> positions() {
    auto found = world.wait(world.store.list_objects(
        model::ObjectKind::poll_state, {}, {.after = 0, .limit = 50, .oldest_first = true}));
    REQUIRE(found.has_value());
    return found->rows;
  }
  json::object health(const Source& source) const {
    const auto shown = polling->health(source.id);
    REQUIRE(shown.is_object());
    return shown.get_object();
  }
  std::string error(const Source& source) const {
    return std::string(health(source).at("last_error").as_string());
  }
  /// The events' names for the provider, with how often each came.
  std::map<std::string, int> effects() {
    std::map<std::string, int> found;
    for (const auto& event : world.events())
      ++found[std::string(event.at("provider_event_id").as_string())];
    return found;
  }

  World world;
  FixedRandom random;
  Api api;
  PollMetrics metrics{world.registry};
  PollingConfig config;
  std::optional<Polling> polling;
};

/// One event as Stripe sends it, and as its API lists it.
std::string id_of(const providers::Sample& sample) {
  return std::string(text::parse_payload(sample.body)->at("id").as_string());
}

TEST_CASE("a fifth of the webhooks is lost, and polling makes it none missing and none double") {
  Bench bench;
  const std::uint64_t seed = 20'261'121;
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  StripeApi stripe(bench.api);
  const auto source = bench.polled_stripe();
  bench.world.start_worker();
  bench.start();
  std::vector<std::string> ids;
  int lost = 0;
  for (int i = 0; i < 500; ++i) {
    const auto sample = bench.world.sample(source);
    ids.push_back(id_of(sample));
    stripe.add(ids.back(), sample.body);
    if (dice() % 5 == 0)
      ++lost;
    else
      CHECK(bench.world.send(source, sample).status == 200);
    if (i % 50 == 0) bench.world.pass(Millis{10'000});
  }
  for (int i = 0; i < 20; ++i) bench.world.pass(Millis{60'000});
  CHECK(lost > 50);
  const auto effects = bench.effects();
  CHECK(effects.size() == ids.size());
  for (const auto& id : ids) {
    CAPTURE(id);
    CHECK(effects.contains(id));
    CHECK(effects.at(id) == 1);
  }
  // What was found again and again left no rows.
  const auto stored = bench.world.wait(bench.world.store.stats());
  CHECK(stored->requests == 500);
  CHECK(bench.health(source).at("behind") == false);
  CHECK(bench.health(source).at("last_error").is_null());
}

TEST_CASE("a webhook that comes after its poll is a duplicate") {
  Bench bench;
  StripeApi stripe(bench.api);
  const auto source = bench.polled_stripe();
  bench.world.start_worker();
  const auto sample = bench.world.sample(source);
  stripe.add(id_of(sample), sample.body);
  bench.start();
  bench.world.pass(Millis{60'000});
  REQUIRE(bench.world.requests().size() == 1);
  CHECK(bench.world.requests()[0].origin == model::RequestOrigin::poll);
  CHECK(bench.world.requests()[0].url.starts_with("https://api.stripe.com/v1/events/evt_"));
  CHECK(bench.world.send(source, sample).status == 200);
  CHECK(bench.world.requests()[1].state == RequestState::duplicate);
  CHECK(bench.world.events().size() == 1);
}

TEST_CASE("a provider that says wait is left alone for so long, and nothing is lost by a failure") {
  Bench bench;
  StripeApi stripe(bench.api);
  stripe.failures.push_back(answer_of(429, "{}", {{"Retry-After", "40"}}));
  stripe.failures.push_back(answer_of(503, "busy"));
  env::Exchange timed_out;
  timed_out.result = env::ExchangeResult::timed_out;
  stripe.failures.push_back(timed_out);
  const auto source = bench.polled_stripe();
  const auto sample = bench.world.sample(source);
  stripe.add(id_of(sample), sample.body);
  bench.start();
  CHECK(bench.api.asked.size() == 1);
  CHECK(bench.error(source).find("rate limit") != std::string::npos);
  for (int i = 0; i < 39; ++i) bench.world.pass(Millis{1'000});
  CHECK(bench.api.asked.size() == 1);
  bench.world.pass(Millis{1'000});
  CHECK(bench.api.asked.size() == 2);  // 503: the second failure, ten seconds.
  CHECK(bench.error(source).find("503") != std::string::npos);
  bench.world.pass(Millis{10'000});
  CHECK(bench.api.asked.size() == 3);
  CHECK(bench.error(source).find("timed_out") != std::string::npos);
  bench.world.pass(Millis{20'000});
  CHECK(bench.api.asked.size() == 4);
  CHECK(bench.world.requests().size() == 1);
  CHECK(bench.health(source).at("last_error").is_null());
  CHECK(bench.metrics.failed.value() == 3);
}

TEST_CASE("a restart goes on at the page where the last process stood") {
  Bench bench;
  bench.config.questions_of_look = 1;
  StripeApi stripe(bench.api);
  const auto source = bench.polled_stripe();
  for (int i = 0; i < 250; ++i) {
    const auto sample = bench.world.sample(source);
    stripe.add(id_of(sample), sample.body);
  }
  stripe.failures.resize(1);  // The first page comes, then Stripe is away.
  for (int i = 0; i < 3; ++i) stripe.failures.push_back(answer_of(500, ""));
  bench.start();
  bench.world.run();
  CHECK(bench.world.requests().size() == 100);
  CHECK(bench.health(source).at("behind") == true);
  bench.stop();
  stripe.failures.clear();
  bench.api.asked.clear();
  bench.start();
  for (int i = 0; i < 5; ++i) bench.world.pass(Millis{1'000});
  REQUIRE(bench.api.asked.size() >= 2);
  CHECK(bench.api.asked[0].url.find("starting_after") != std::string::npos);
  CHECK(bench.world.requests().size() == 250);
  CHECK(bench.health(source).at("behind") == false);
}

TEST_CASE("what the poll finds and nobody can read is kept once, and stops nothing") {
  Bench bench;
  StripeApi stripe(bench.api);
  const auto source = bench.polled_stripe();
  stripe.add("evt_bad", R"({"id":"evt_bad","created":1,"type":7})");
  const auto sample = bench.world.sample(source);
  stripe.add(id_of(sample), sample.body);
  bench.start();
  for (int i = 0; i < 10; ++i) bench.world.pass(Millis{60'000});
  const auto requests = bench.world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].state == RequestState::invalid);
  CHECK(requests[1].state == RequestState::received);
}

TEST_CASE("an answer that is too large is asked for in smaller pages") {
  Bench bench;
  StripeApi stripe(bench.api);
  auto cut = answer_of(200, "{");
  cut.body_truncated = true;
  stripe.failures.push_back(cut);
  const auto source = bench.polled_stripe();
  bench.start();
  bench.world.pass(Millis{5'000});
  REQUIRE(bench.api.asked.size() == 2);
  CHECK(bench.api.asked[0].url.find("limit=100") != std::string::npos);
  CHECK(bench.api.asked[1].url.find("limit=50") != std::string::npos);
  CHECK(bench.api.asked[0].body_bytes_kept == env::body_bytes_kept_max);
}

TEST_CASE(
    "polling that is switched off asks nothing, and one that is taken away forgets its place") {
  Bench bench;
  StripeApi stripe(bench.api);
  auto source = bench.polled_stripe();
  bench.start();
  CHECK(bench.api.asked.size() == 1);
  CHECK(bench.positions().size() == 1);
  source.poll["enabled"] = false;
  source = bench.world.save(source);
  for (int i = 0; i < 5; ++i) bench.world.pass(Millis{60'000});
  CHECK(bench.api.asked.size() == 1);
  CHECK(bench.polling->health(source.id).is_null());
  CHECK(bench.positions().size() == 1);
  source.poll.clear();
  source = bench.world.save(source);
  bench.world.pass(Millis{5'000});
  CHECK(bench.positions().empty());
}

TEST_CASE("only so many are asked at one time, and all have their turn") {
  Bench bench;
  bench.config.in_flight_max = 3;
  StripeApi stripe(bench.api);
  bench.api.slow_clock = &bench.world.clock;
  std::vector<Source> sources;
  for (int i = 0; i < 20; ++i) sources.push_back(bench.polled_stripe());
  bench.start();
  CHECK(bench.api.asked.size() == 3);
  for (int i = 0; i < 8; ++i) bench.world.pass(Millis{1'000});
  CHECK(bench.api.asked.size() == 20);
  CHECK(bench.api.under_way_most == 3);
  for (const auto& source : sources) CHECK(bench.health(source).at("behind") == false);
  // Ended while questions are under way.
  bench.world.pass(Millis{60'000});
  CHECK(bench.api.asked.size() > 20);
}

TEST_CASE("telegram with a webhook set: health says so and never shows the token") {
  Bench bench;
  bench.api.script = [](const env::OutgoingRequest& request) {
    return answer_of(409, R"({"ok":false,"description":"Conflict: can't use getUpdates method )"
                          R"(while webhook is active at )" +
                              request.url + "\"}");
  };
  const auto source = bench.polled("telegram", {{"secret_token", "a_secret_token"}},
                                   {{"bot_token", "110201543:AAexample"}});
  bench.start();
  const auto words = std::string(bench.health(source).at("last_error").as_string());
  CHECK(words.find("while a webhook is set") != std::string::npos);
  bench.api.script = [](const env::OutgoingRequest& request) {
    auto lost = answer_of(0, "");
    lost.result = env::ExchangeResult::refused;
    lost.detail = "may not be called: " + request.url;
    return lost;
  };
  bench.world.pass(Millis{10'000});
  const auto shown = std::string(bench.health(source).at("last_error").as_string());
  CHECK(shown.find("refused") != std::string::npos);
  CHECK(shown.find("AAexample") == std::string::npos);
}

TEST_CASE("telegram: updates come once, and are confirmed only when they are kept") {
  Bench bench;
  std::vector<std::string> offsets;
  bench.api.script = [&offsets](const env::OutgoingRequest& request) {
    const auto body = *text::parse_payload(*request.body);
    const auto* offset = body.get_object().if_contains("offset");
    offsets.push_back(offset ? std::to_string(offset->as_int64()) : "none");
    return answer_of(
        200, offset ? R"({"ok":true,"result":[]})"
                    : R"({"ok":true,"result":[{"update_id":7,"message":{"message_id":1,"date":1,)"
                      R"("chat":{"id":5,"type":"private"},"text":"hi"}}]})");
  };
  const auto source = bench.polled("telegram", {{"secret_token", "a_secret_token"}},
                                   {{"bot_token", "110201543:AAexample"}});
  bench.start();
  CHECK(offsets == std::vector<std::string>{"none", "8"});
  for (int i = 0; i < 5; ++i) bench.world.pass(Millis{1'000});
  CHECK(offsets.size() == 7);
  CHECK(bench.world.requests().size() == 1);
  CHECK(bench.world.requests()[0].url == "https://api.telegram.org/getUpdates");
}

TEST_CASE("shopify: an order that webhook and poll both say is paid is paid once") {
  Bench bench;
  std::string paid_webhook_body;
  const auto source = bench.polled(
      "shopify", {{"client_secret", "shpss_example"}},
      {{"shop", "example.myshopify.com"}, {"access_token", "shpat_x"}, {"interval_seconds", 60}});
  const auto order = [](int id) {
    const std::string number = std::to_string(id);
    return R"({"id":"gid://shopify/Order/)" + number + R"(","legacyResourceId":")" + number +
           R"(","createdAt":"2030-01-01T00:00:00Z","updatedAt":"2030-01-01T00:00:00Z",)"
           R"("displayFinancialStatus":"PAID","transactions":[],"totalPriceSet":)"
           R"({"shopMoney":{"amount":"5.00","currencyCode":"EUR"}}})";
  };
  bench.api.script = [&](const env::OutgoingRequest&) {
    return answer_of(200, R"({"data":{"orders":{"nodes":[)" + order(1) + "," + order(2) +
                              R"(],"pageInfo":{"hasNextPage":false,"endCursor":null}}}})");
  };
  bench.world.start_worker();
  const auto webhook = [&](std::string_view body) {
    return bench.world.send(source, bench.world.sample(source, "orders/paid", body)).status;
  };
  // The first order's webhook came; the second's comes after the poll.
  CHECK(webhook(R"({"id":1,"total_price":"5.00","currency":"EUR","note":"hook"})") == 200);
  bench.start();
  bench.world.pass(Millis{60'000});
  CHECK(webhook(R"({"id":2,"total_price":"5.00","currency":"EUR","note":"hook"})") == 200);
  std::map<std::string, int> paid;
  for (const auto& event : bench.world.events())
    if (event.at("type") == "shopify.orders.paid")
      ++paid[std::string(event.at("object_id").as_string())];
  CHECK(paid == std::map<std::string, int>{{"1", 1}, {"2", 1}});
  // Of two webhooks with keys of their own, neither is taken for the other.
  CHECK(webhook(R"({"id":3,"total_price":"5.00","currency":"EUR"})") == 200);
  CHECK(webhook(R"({"id":3,"total_price":"6.00","currency":"EUR"})") == 200);
  CHECK(bench.world.requests().back().state == RequestState::processed);
}

TEST_CASE("poll settings are merged by a change, masked in answers and kept sealed") {
  Bench bench;
  auto source = bench.polled_stripe();
  model::Faults faults;
  auto changed = read_source({{"poll", {{"interval_seconds", 30}}}}, faults, source);
  REQUIRE(faults.empty());
  source = bench.world.save(changed.source);
  CHECK(source.poll.at("api_key") == "rk_test_abc");
  const auto shown = to_api(source, "https://hooks.example.com", bench.world.clock.now());
  CHECK(shown.at("poll").at("interval_seconds") == 30);
  CHECK(shown.at("poll").at("api_key") != "rk_test_abc");
  const auto stored = to_object(source, bench.world.vault);
  CHECK(stored.document.find("rk_test_abc") == std::string::npos);
  static_cast<void>(
      read_source({{"poll", {{"nothing", 1}, {"interval_seconds", 1}}}}, faults, source));
  CHECK(faults.count() == 2);
  model::Faults other;
  const auto slack = bench.world.make_source("slack", {{"signing_secret", "8f742231b10e8888abcd"}});
  static_cast<void>(read_source({{"poll", {{"api_key", "x"}}}}, other, slack));
  REQUIRE(other.count() == 1);
  CHECK(other.all()[0].detail.find("stripe") != std::string::npos);
}

}  // namespace
}  // namespace posthorn::ingest
