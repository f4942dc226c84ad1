#include "inspect/bin_sink.h"

#include "api/test_world.h"
#include "deliver/message.h"

using namespace posthorn;
using namespace posthorn::api::testing;

namespace {

class NoSender final : public env::HttpSender {
 public:
  task<env::Exchange> send(env::OutgoingRequest request) override {
    urls.push_back(request.url);
    co_return env::Exchange{};
  }
  std::vector<std::string> urls;
};

}  // namespace

TEST_CASE("a delivery to a bin is kept with the verdict of both signatures") {
  World world;
  const auto bin = world.post("/v1/bins", R"({"response":{"status":202,"delay_ms":500}})");
  const auto url = bin.text("endpoint_url");
  const auto made = world.post("/v1/endpoints", R"({"url":")" + url + R"(","asymmetric":true})");
  const auto endpoint = world.routing.current()->endpoint(*EndpointId::parse(made.text("id")));
  REQUIRE(endpoint);
  model::Event event;
  event.id = EventId{1};
  event.type = "a.b";
  event.data = share("{}");
  deliver::HmacCache cache;
  const auto body = deliver::format_body(event, model::PayloadFormat::json);
  NoSender next;
  inspect::BinSink sink(world.bins, world.clock, next);
  const auto send = [&](const std::string& to, SharedBytes bytes) {
    env::OutgoingRequest request;
    request.url = to;
    request.headers = deliver::message_headers(event, *endpoint, DeliveryId{1}, 1,
                                               world.clock.now(), body, cache);
    request.body = std::move(bytes);
    return world.wait(sink.send(std::move(request)));
  };
  const auto exchange = send(url, body.bytes);
  CHECK(exchange.result == env::ExchangeResult::ok);
  CHECK(exchange.status == 202);
  CHECK(exchange.timings.total_ms == 500);
  send(url, share("changed"));
  const auto captures = world.get("/v1/bins/" + bin.text("id") + "/requests").at("data").as_array();
  REQUIRE(captures.size() == 2);
  CHECK(captures[1].at("signatures").at("x_webhook_signature") == "valid");
  CHECK(captures[1].at("signatures").at("webhook_signature") == "valid");
  CHECK(captures[0].at("signatures").at("x_webhook_signature") == "invalid");
  CHECK(send("bin://bin_0000000000009", body.bytes).result == env::ExchangeResult::refused);
  CHECK(next.urls.empty());
  send("https://a.example/", body.bytes);
  CHECK(next.urls.size() == 1);
}
