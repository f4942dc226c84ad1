#pragma once
// For the tests of api/ alone: a Service over the memory store and virtual time, called without
// sockets. Every answer is checked against the OpenAPI document.

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/openapi.h"
#include "api/router.h"
#include "api/service.h"
#include "crypto/crypto.h"
#include "deliver/test_world.h"
#include "ingest/receiver.h"
#include "model/schema.h"
#include "store/memory/memory_store.h"
#include "text/json.h"

namespace posthorn::api::testing {

class UniqueRandom final : public env::Random {
 public:
  std::string bytes(std::size_t count) override {
    std::string out;
    while (out.size() < count) out += crypto::sha256(std::to_string(++next_));
    out.resize(count);
    return out;
  }
  std::uint64_t below(std::uint64_t bound) override { return ++next_ % bound; }

 private:
  std::uint64_t next_ = 0;
};

class FakeDelivery final : public DeliveryControl {
 public:
  [[nodiscard]] deliver::LaneView lane_view(EndpointId) const override { return view; }
  void endpoint_changed(EndpointId id) override { changed.push_back(id); }
  task<env::Exchange> send_test(std::shared_ptr<const model::Endpoint>,
                                std::shared_ptr<const model::Event> event) override {
    tested.push_back(event);
    env::Exchange exchange;
    exchange.result = env::ExchangeResult::ok;
    exchange.status = 204;
    co_return exchange;
  }
  [[nodiscard]] bool is_delivering() const override { return delivering; }

  deliver::LaneView view;
  std::vector<EndpointId> changed;
  std::vector<std::shared_ptr<const model::Event>> tested;
  bool delivering = true;
};

/// Where a test may put what answers /in/….
class ReceiverSlot final : public http::Service {
 public:
  std::variant<http::Admitted, http::Response> admit(const http::RequestHead& head,
                                                     std::string_view remote_address) override {
    REQUIRE(receiver != nullptr);
    return receiver->admit(head, remote_address);
  }
  task<http::Response> serve(const http::Request& request) override {
    return receiver->serve(request);
  }
  http::Response refuse(int status, std::string_view detail, std::string_view request_id) override {
    return receiver->refuse(status, detail, request_id);
  }

  http::Service* receiver = nullptr;
};

/// Nothing can be reached.
class NoFetcher final : public ingest::Fetcher {
 public:
  task<env::Exchange> fetch(env::OutgoingRequest) override {
    env::Exchange exchange;
    exchange.result = env::ExchangeResult::dns_failed;
    exchange.detail = "there is no network here";
    co_return exchange;
  }
};

struct Reply {
  int status = 0;
  std::string content_type;
  std::map<std::string, std::string> headers;
  std::string body;
  json::value json;
  std::function<task<>(http::BodyWriter&)> stream;

  [[nodiscard]] const json::value& at(std::string_view name) const {
    return json.as_object().at(name);
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    return std::string(at(name).as_string());
  }
  [[nodiscard]] std::string code() const { return text("code"); }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view admin_key = "phk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A store in which somebody else's change may come between two reads.
struct BusyStore : store::MemoryStore {
  using MemoryStore::MemoryStore;
  task<Result<std::vector<model::Attempt>>> attempts(DeliveryId id) override {
    if (before_attempts) std::exchange(before_attempts, {})();
    return MemoryStore::attempts(id);
  }
  std::function<void()> before_attempts;  ///< Called once.
};

class World {
 public:
  explicit World(Config config = {}, store::MemoryTablesPtr tables = {});
  ~World();

  /// Admits and serves one call as the holder of `key`, and checks the answer against the OpenAPI
  /// document.
  Reply call(std::string_view method, std::string target, std::string body = "",
             Headers headers = {});
  Reply get(std::string target) { return call("GET", std::move(target)); }
  Reply post(std::string target, std::string body = "{}", Headers headers = {}) {
    return call("POST", std::move(target), std::move(body), std::move(headers));
  }
  /// Runs a coroutine to its end; virtual time passes as it waits.
  template <class T>
  T wait(task<T> work) {
    std::optional<T> result;
    asio::co_spawn(context, std::move(work), [&result](std::exception_ptr bug, T value) {
      if (bug) std::rethrow_exception(bug);
      result = std::move(value);
    });
    run_until([&result] { return result.has_value(); });
    REQUIRE(result.has_value());
    return *std::move(result);
  }
  /// Lets everything that can run do so, and time pass, until `done` or an hour is over.
  void run_until(const std::function<bool()>& done);

  /// A key with these scopes (in JSON: `"a","b"`), for `key`.
  std::string make_key(const std::string& scopes);
  /// An endpoint that wants everything; its id.
  std::string make_endpoint(const std::string& more = "");
  /// Publishes one event; its id.
  std::string publish(const std::string& type = "ticket.created",
                      const std::string& data = R"({"n":1})");
  /// Ends a pending delivery, as the engine would.
  void settle(std::string_view delivery, model::DeliveryState state, int status);
  std::size_t audit_entries();

  asio::io_context context{1};
  deliver::testing::VirtualClock clock{context};
  BusyStore store;
  publish::RoutingTable routing;
  env::Timeline timeline{clock, Instant{0}};
  publish::Publisher publisher{store, routing, timeline};
  crypto::Vault vault = crypto::Vault::for_tests(1);
  UniqueRandom random;
  env::NullLog log;
  env::MetricRegistry registry;
  FakeDelivery delivery;
  inspect::BinIndex bins{store, vault, routing, clock};
  ingest::SourceIndex sources{store, vault, clock};
  ingest::Metrics ingest_metrics{registry};
  NoFetcher fetcher;
  ingest::CertificateCache certificates{fetcher, clock};
  ingest::Intake intake{store, timeline, ingest_metrics};
  ingest::Receiver receiver{{sources, intake, certificates, clock, log, ingest_metrics},
                            {.public_url = Config{}.public_url, .trusted_proxies = {}}};
  ReceiverSlot receiving;
  std::string key{admin_key};
  std::optional<Service> service;

 private:
  void check_against_document(std::string_view method, std::string_view path, const Reply& reply);
};

}  // namespace posthorn::api::testing
