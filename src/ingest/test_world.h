#pragma once
// A small world for ingest's tests: time that moves when it is told to, the memory store, a
// scripted network.

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "crypto/test_certificate.h"
#include "env/virtual_clock.h"
#include "ingest/receiver.h"
#include "ingest/worker.h"
#include "store/memory/memory_store.h"
#include "text/json_payload.h"

namespace posthorn::ingest::testing {

class ScriptedFetcher final : public Fetcher {
 public:
  task<env::Exchange> fetch(env::OutgoingRequest request) override {
    env::Exchange exchange;
    exchange.result = env::ExchangeResult::ok;
    exchange.status = 200;
    if (request.url.ends_with(".pem")) {
      exchange.body = crypto::test_certificate;
      co_return exchange;
    }
    asked.push_back(request.url);
    if (breaks) throw std::runtime_error("the fetcher broke");
    if (statuses.empty()) co_return exchange;
    exchange.status = statuses.front();
    statuses.erase(statuses.begin());
    co_return exchange;
  }
  std::vector<std::string> asked;  ///< But for certificates, which are always there.
  std::vector<int> statuses;       ///< Of the next answers; then 200.
  bool breaks = false;             ///< Throws, as a bug would.
};

struct Answer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;
};

class World {
 public:
  World() { CHECK(wait(sources.load()).has_value()); }
  ~World() {
    stop_worker();
    listening.reset();
  }

  template <class T>
  T wait(task<T> work) {
    auto future = asio::co_spawn(context, std::move(work), asio::use_future);
    run();
    REQUIRE(future.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
    return future.get();
  }
  /// Everything that can happen now.
  void run() {
    context.restart();
    context.poll();
  }
  void pass(Millis span) {
    clock.move_to(clock.steady() + span);
    run();
  }

  Source make_source(std::string_view provider, json::object settings) {
    model::Faults faults;
    Source base;
    base.workspace = WorkspaceId{1};
    base.application = ApplicationId{2};
    base.slug = "slug" + std::to_string(++made_);
    base.created_at = base.updated_at = clock.now();
    auto read = read_source({{"provider", provider}, {"name", "a source"}, {"config", settings}},
                            faults, base);
    REQUIRE_MESSAGE(faults.empty(), faults.summary());
    return save(std::move(read.source));
  }
  /// Creates or replaces.
  Source save(Source source) {
    store::Batch batch;
    batch.objects.push_back(
        {source.id ? store::ObjectWrite::Action::replace : store::ObjectWrite::Action::create,
         to_object(source, vault), 0, false});
    auto applied = wait(store.apply(std::move(batch)));
    REQUIRE(applied.has_value());
    auto stored = source_from(applied->objects.front(), vault);
    REQUIRE(stored.has_value());
    sources.upsert(*stored);
    return *stored;
  }

  providers::Sample sample(const Source& source, std::string_view event = {},
                           std::string_view body = {}) {
    model::Faults faults;
    const auto settings = providers::read_settings(*source.provider, source.config, faults);
    const std::string unique = "00000000000" + std::to_string(10'000 + ++made_);
    const std::string url = ingest_url(source, config.public_url);
    auto made = source.provider->sample(
        settings, {.url = url,
                   .event = event.empty() ? source.provider->samples.front() : event,
                   .unique = unique,
                   .now = clock.now(),
                   .body = body});
    REQUIRE(made.has_value());
    return *made;
  }

  Answer send(const Source& source, const providers::Sample& sample,
              std::string_view remote = "127.0.0.1") {
    http::Request request;
    const std::string target = "/in/" + source.slug;
    request.head.method = sample.method;
    request.head.target = target;
    request.head.path = target;
    request.head.content_length = sample.body.size();
    for (const auto& [name, value] : sample.headers) request.head.headers.push_back({name, value});
    request.body = sample.body;
    request.remote_address = remote;
    auto admitted = receiver.admit(request.head, remote);
    auto response = std::holds_alternative<http::Response>(admitted)
                        ? std::get<http::Response>(std::move(admitted))
                        : wait(receiver.serve(request));
    Answer answer{.status = response.status, .body = response.body, .headers = {}};
    for (const auto& [name, value] : response.headers) answer.headers[name] = value;
    return answer;
  }

  void start_worker() {
    worker.emplace(Worker::Ports{context, clock, timeline, store, sources, publisher, fetcher,
                                 intake.parsed(), log, metrics},
                   worker_config);
    REQUIRE(wait(worker->start(nullptr)).has_value());
    run();
  }
  void stop_worker() {
    if (!worker) return;
    wait([](Worker& one) -> task<bool> {
      co_await one.stop();
      co_return true;
    }(*worker));
    worker.reset();
  }

  std::vector<model::ReceivedRequest> requests() {
    auto found = wait(store.list_requests({}, {.after = 0, .limit = 500, .oldest_first = true}));
    REQUIRE(found.has_value());
    return found->rows;
  }
  std::vector<json::object> events() {
    auto found = wait(store.list_events({}, {.after = 0, .limit = 500, .oldest_first = true}));
    REQUIRE(found.has_value());
    std::vector<json::object> data;
    for (const auto& event : found->rows) {
      data.push_back(text::parse_payload(*event->data)->as_object());
      data.back()["type"] = event->type;
    }
    return data;
  }

  asio::io_context context{1};
  env::VirtualClock clock{context, Instant{1'795'244'400'000}};
  env::Timeline timeline{clock, Instant{0}};
  crypto::Vault vault = crypto::Vault::for_tests(7);
  store::MemoryStore store{clock};
  env::NullLog log;
  env::MetricRegistry registry;
  Metrics metrics{registry};
  publish::RoutingTable routing;
  publish::Publisher publisher{store, routing, timeline};
  SourceIndex sources{store, vault, clock};
  ScriptedFetcher fetcher;
  CertificateCache certificates{fetcher, clock};
  Intake intake{store, timeline, metrics};
  ReceiverConfig config = [] {
    ReceiverConfig made;
    made.public_url = "https://hooks.example.com";
    return made;
  }();
  Receiver receiver{{sources, intake, certificates, clock, log, metrics}, config};
  WorkerConfig worker_config;
  std::optional<Worker> worker;
  std::shared_ptr<void> listening = store.listen(
      [this](const std::shared_ptr<const store::CommitNotice>& notice) { sources.note(*notice); });

 private:
  int made_ = 0;
};

}  // namespace posthorn::ingest::testing
