// Sample calls that a source is sent by the server itself.

#include "api/test_world.h"
#include "base/bytes.h"
#include "ingest/receiver.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

namespace {

class NoNetwork final : public ingest::Fetcher {
 public:
  task<env::Exchange> fetch(env::OutgoingRequest) override {
    FAIL("nothing is to be fetched");
    co_return env::Exchange{};
  }
};

/// The world with the real receiver in it.
struct Receiving {
  Receiving() {
    receiver.set_public_url("http://127.0.0.1:8420");
    world.receiving.receiver = &receiver;
  }

  std::string source(const std::string& provider, const std::string& config,
                     const std::string& more = "") {
    const auto made = world.post("/v1/sources", R"({"name":"n","provider":")" + provider +
                                                    R"(","config":)" + config + more + "}");
    REQUIRE_MESSAGE(made.status == 201, made.body);
    return made.text("id");
  }
  Reply trigger(const std::string& id, const std::string& order = "{}") {
    return world.post("/v1/sources/" + id + "/trigger", order);
  }

  World world;
  NoNetwork network;
  ingest::Metrics metrics{world.registry};
  ingest::CertificateCache certificates{network, world.clock};
  ingest::Intake intake{world.store, world.timeline, metrics};
  ingest::Receiver receiver{{world.sources, intake, certificates, world.clock, world.log, metrics},
                            {}};
};

constexpr auto stripe = R"({"signing_secret":"whsec_0123456789abcdef"})";

std::string part(const Reply& reply, std::string_view name, std::string_view member) {
  return std::string(reply.at(name).as_object().at(member).as_string());
}

}  // namespace

TEST_CASE("a triggered source verifies and keeps what it is sent, each call a new one") {
  Receiving on;
  const auto source = on.source("stripe", stripe);
  const auto answer = on.trigger(source, R"({"event":"charge.refunded"})");
  REQUIRE(answer.status == 200);
  CHECK(answer.at("accepted") == true);
  CHECK(answer.text("event") == "charge.refunded");
  CHECK(part(answer, "request", "state") == "received");
  const auto second = on.trigger(source);
  CHECK(part(second, "request", "id") != part(answer, "request", "id"));
  CHECK(part(second, "request", "state") == "received");
  const auto shown = on.world.get("/v1/requests/" + part(answer, "request", "id"));
  CHECK(shown.text("body").find("charge.refunded") != std::string::npos);
  CHECK(on.world.get("/v1/requests?source_id=" + source).at("data").as_array().size() == 2);
}

TEST_CASE("a triggered body of one's own is signed like the sample's") {
  Receiving on;
  const auto source = on.source("stripe", stripe);
  const auto plain = on.trigger(source, R"({"body":"no JSON\u0001"})");
  CHECK(part(plain, "request", "state") == "unparsed");
  const std::string bytes("\xff\x00\xfe", 3);
  const auto raw = on.trigger(source, R"({"body_base64":")" + to_base64(bytes) + R"("})");
  CHECK(part(raw, "request", "state") == "unparsed");
  CHECK(on.world.get("/v1/requests/" + part(raw, "request", "id") + "/body").body == bytes);
}

TEST_CASE("a source with a base URL of its own is triggered under it") {
  Receiving on;
  const auto source =
      on.source("twilio_sms", R"({"auth_token":"0123456789abcdef0123456789abcdef"})",
                R"(,"public_url":"https://hooks.example.com/in/all")");
  const auto answer = on.trigger(source);
  CHECK(answer.at("accepted") == true);
  CHECK(part(answer, "sent", "url").starts_with("https://hooks.example.com/in/all/in/"));
  CHECK(part(answer, "answered", "body").find("<Response") != std::string::npos);
}

TEST_CASE("what cannot be triggered says why") {
  Receiving on;
  const auto source = on.source("stripe", stripe);
  const auto unknown = on.trigger(source, R"({"event":"charge.refundet"})");
  CHECK(unknown.status == 422);
  CHECK(unknown.body.find("/event") != std::string::npos);
  CHECK(on.trigger(source, R"({"body":7,"evnt":""})").at("errors").as_array().size() == 2);
  CHECK(on.trigger(source, R"({"body":"a","body_base64":"YQ=="})").status == 422);
  CHECK(on.trigger(source, R"({"body_base64":"?"})").status == 422);
  CHECK(on.trigger("src_0000000000999").status == 404);
  const auto keyless =
      on.source("ses_sns", R"({"topic_arns":["arn:aws:sns:us-east-1:123456789012:a"]})");
  const auto refused = on.trigger(keyless);
  CHECK(refused.status == 422);
  CHECK(refused.body.find("private_key") != std::string::npos);
  const auto before = on.world.audit_entries();
  CHECK(on.trigger(source).status == 200);
  CHECK(on.world.audit_entries() == before + 1);
}

TEST_CASE("a trigger needs the right to write sources, and one's own workspace") {
  Receiving on;
  const auto source = on.source("stripe", stripe);
  on.world.key = on.world.make_key(R"("sources:read","requests:read")");
  CHECK(on.trigger(source).status == 403);
}
