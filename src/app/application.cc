#include "app/application.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_future.hpp>
#include <charconv>
#include <condition_variable>
#include <future>
#include <mutex>
#include <numeric>
#include <thread>

#include "api/engine_control.h"
#include "api/service.h"
#include "app/front_door.h"
#include "app/housekeeping.h"
#include "app/receiving.h"
#include "crypto/vault.h"
#include "deliver/engine.h"
#include "deliver/metrics.h"
#include "inspect/bin_index.h"
#include "inspect/bin_sink.h"
#include "model/endpoint_json.h"
#include "net/console_log.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/mmap_journal.h"
#include "net/smtp_sender.h"
#include "net/system.h"
#include "store/sqlite/files.h"
#include "store/sqlite/sqlite_store.h"
#include "text/url.h"

namespace posthorn::app {

namespace {

env::Level level_named(std::string_view name) {
  if (name == "debug") return env::Level::debug;
  if (name == "warning") return env::Level::warning;
  if (name == "error") return env::Level::error;
  return env::Level::info;
}

std::optional<net::LogFormat> format_named(std::string_view name) {
  if (name == "json") return net::LogFormat::json;
  if (name == "text") return net::LogFormat::text;
  return {};
}

struct Listen {
  std::string host;
  std::uint16_t port = 0;
};

/// The configuration has checked the form already.
Listen split_address(const std::string& text) {
  const auto colon = text.rfind(':');
  Listen listen{text.substr(0, colon), 0};
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), listen.port);
  if (listen.host.starts_with('[') && listen.host.ends_with(']'))
    listen.host = listen.host.substr(1, listen.host.size() - 2);
  if (listen.host == "localhost") listen.host = "127.0.0.1";
  return listen;
}

/// "[::1]:0" and 8420: "[::1]:8420".
std::string with_port(const std::string& listen, std::uint16_t port) {
  return fmt::format("{}:{}", listen.substr(0, listen.rfind(':')), port);
}

/// One io_context and the thread that runs it.
class Loop {
 public:
  explicit Loop(const char* name) : name_(name), work_(asio::make_work_guard(context_)) {}
  ~Loop() { join(); }
  void run() {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), name_);
      context_.run();
    });
  }
  void join() {
    work_.reset();
    if (thread_.joinable()) {
      context_.stop();
      thread_.join();
    }
  }
  asio::io_context& context() { return context_; }

  /// Runs a coroutine on this loop from a plain thread and waits for it.
  template <class T>
  T wait(task<T> work) {
    return asio::co_spawn(context_, std::move(work), asio::use_future).get();
  }

 private:
  const char* name_;
  asio::io_context context_{1};
  asio::executor_work_guard<executor> work_;
  std::thread thread_;
};

net::SmtpConfig smtp_config(const Config& config) {
  net::SmtpConfig smtp;
  if (config.smtp_url.empty()) return smtp;
  const bool tls = config.smtp_url.starts_with("smtps://");
  const auto where = split_address(config.smtp_url.substr(config.smtp_url.find("://") + 3));
  smtp.host = where.host;
  smtp.port = where.port;
  smtp.security = tls                       ? net::SmtpSecurity::tls
                  : config.smtp_require_tls ? net::SmtpSecurity::start_tls
                                            : net::SmtpSecurity::none;
  smtp.user = config.smtp_user;
  smtp.password = config.smtp_password;
  smtp.from = config.smtp_from;
  smtp.allow_private_host =
      true;  // The operator named it: a relay of one's own is mostly a private one.
  smtp.extra_ca_file = config.extra_ca_file;
  return smtp;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

task<Result<std::vector<std::shared_ptr<const model::Endpoint>>>> load_endpoints(
    store::Store& store, const crypto::Vault& vault) {
  std::vector<std::shared_ptr<const model::Endpoint>> endpoints;
  store::Page page;
  page.limit = 500;
  page.oldest_first = true;
  store::ObjectFilter everything;
  for (;;) {
    PH_CO_TRY(auto found,
              co_await store.list_objects(model::ObjectKind::endpoint, everything, page));
    for (const auto& object : found.rows) {
      auto endpoint = model::endpoint_from(object, vault);
      if (!endpoint)
        co_return fail(std::move(endpoint).error().within(EndpointId{object.id}.text()));
      endpoints.push_back(std::make_shared<const model::Endpoint>(std::move(*endpoint)));
    }
    if (!found.next) co_return endpoints;
    page.after = *found.next;
  }
}

}  // namespace

struct Application::State {
  State(Config given, StartOptions start_options)
      : config(std::move(given)),
        options(std::move(start_options)),
        log(level_named(config.log_level), format_named(config.log_format)),
        policy([this] {
          auto overrides = config.egress;
          overrides.allow_loopback_http = config.dev;
          return overrides;
        }()) {}

  Config config;
  StartOptions options;
  net::ConsoleLog log;
  net::SystemClock clock;
  net::SystemRandom random;
  env::MetricRegistry registry;
  egress::Policy policy;

  /// They outlive the store, which resumes coroutines on them.
  Loop in{"posthorn-in"}, out{"posthorn-out"}, house{"posthorn-house"};

  std::optional<crypto::Vault> vault;
  std::unique_ptr<store::SqliteStore> store;
  std::optional<env::Timeline> timeline;
  publish::RoutingTable routing;
  std::optional<publish::Publisher> publisher;
  std::unique_ptr<net::MmapJournal> journal;

  net::SystemResolver resolver;  // Ends before the loops that it serves.
  std::unique_ptr<net::TlsClient> tls_client;

  std::optional<net::Egress> egress;
  std::optional<net::HttpClient> client;
  std::optional<inspect::BinIndex> bins;
  std::optional<inspect::BinSink> bin_sink;
  std::optional<deliver::Metrics> delivery_metrics;
  std::optional<deliver::Engine> engine;
  std::optional<api::EngineControl> engine_control;
  std::optional<FetcherOn> fetcher;
  std::optional<Receiving> receiving;
  std::optional<api::Service> service;
  std::optional<FrontDoor> front_door;
  std::optional<net::ServerMetrics> server_metrics;
  std::optional<net::HttpServer> server;
  std::optional<net::SmtpSender> mail;
  std::optional<api::ReplayRunner> replays;
  std::optional<Housekeeping> housekeeping;

  Secret admin_key;
  bool admin_key_is_new = false;
  std::optional<Instant> resume_from;
  bool paused = false;
  bool stopped = false;
  std::uint16_t port = 0, tls_port = 0;
  asio::io_context signals_context;
  asio::signal_set signals{signals_context};

  Result<> read_options();
  Result<> open_store();
  Result<> load_keys();
  Result<> settle_admin_key();
  Result<> keep_admin_key();
  Result<> start_delivering();
  Result<> start_serving();
  Result<> apply_resume();
  void stop();
};

Result<> Application::State::read_options() {
  if (!options.resume_from) return {};
  resume_from = *options.resume_from == "all" ? Instant{0} : parse_rfc3339(*options.resume_from);
  if (resume_from) return {};
  return fail(Errc::invalid,
              fmt::format("--resume-from takes \"all\" or a moment such as 2026-11-21T06:00:00Z, "
                          "not \"{}\"",
                          printable(*options.resume_from)));
}

Result<> Application::State::open_store() {
  if (auto made = store::make_folder(config.data); !made)
    return fail(std::move(made).error().within("the data folder"));
  store::SqliteOptions store_options;
  store_options.folder = config.data;
  store_options.clock = &clock;
  store_options.log = &log;
  store_options.ballast_bytes = static_cast<std::int64_t>(config.ballast_mb) << 20;
  PH_TRY(store, store::SqliteStore::open(std::move(store_options)));
  return load_keys();
}

Result<> Application::State::load_keys() {
  const std::string path = config.data + "/keys";
  PH_TRY(const auto known, store->setting("key_fingerprint"));
  // A new key file would only hide that the right one is somewhere else.
  if (known && !store::file_exists(path))
    return fail(Errc::invalid,
                fmt::format("the key file {} is missing: this database was made with one, which is "
                            "in no backup; put it there with mode 600",
                            path));
  PH_TRY(vault, crypto::Vault::load_or_create(path));
  if (known) {
    if (auto covered = vault->covers(*known); !covered)
      return fail(Errc::invalid,
                  fmt::format("{}/keys is not the key file that this database was made with: {}",
                              config.data, covered.error().what));
    if (*known == vault->fingerprint()) return {};
  }
  return store->set_setting("key_fingerprint", vault->fingerprint());
}

Result<> Application::State::settle_admin_key() {
  if (!config.admin_key.empty()) {
    admin_key = config.admin_key;
    return {};
  }
  PH_TRY(const auto sealed, store->setting("admin_key"));
  if (sealed) {
    PH_TRY(auto text, vault->open(*sealed, "setting:admin_key"));
    admin_key = Secret(std::move(text));
    return {};
  }
  admin_key = Secret("phk_" + to_base64url(random.bytes(32)));
  admin_key_is_new = true;
  return {};
}

/// The last step of a start: a start that fails prints no key, so the next one makes another.
Result<> Application::State::keep_admin_key() {
  if (!admin_key_is_new) return {};
  return store->set_setting("admin_key", vault->seal(admin_key.reveal(), "setting:admin_key"));
}

Result<> Application::State::apply_resume() {
  if (!store->is_restored()) {
    // Not refused: whoever starts it again with the same arguments has nothing to resume any more.
    if (resume_from)
      log.warning("resume.ignored", {{"what",
                                      "--resume-from is for a restored backup that is paused: "
                                      "this data folder is none"}});
    return {};
  }
  if (!resume_from) {
    paused = true;
    log.warning("restored.paused", {{"what",
                                     "this is a restored backup: nothing is sent until it is "
                                     "started with --resume-from all, or --resume-from MOMENT"}});
    return {};
  }
  return store->resume_restored(*resume_from);
}

Result<> Application::State::start_delivering() {
  PH_TRY(const auto last_seen, house.wait(store->last_seen()));
  timeline.emplace(clock, last_seen);
  PH_TRY(auto endpoints, house.wait(load_endpoints(*store, *vault)));
  routing.replace(std::move(endpoints));
  publisher.emplace(*store, routing, *timeline);
  PH_TRY(journal,
         net::MmapJournal::open(config.data + "/in-flight",
                                static_cast<std::uint32_t>(config.delivery_in_flight) + 64));

  net::TlsClientConfig tls_config;
  tls_config.extra_ca_file = config.extra_ca_file;
  PH_TRY(tls_client, net::TlsClient::create(std::move(tls_config)));
  net::EgressConfig egress_config;
  egress_config.proxy = config.egress_proxy;
  for (const auto& text : {config.listen, config.tls_listen}) {
    if (text.empty()) continue;
    const auto own = split_address(text);
    const auto address = egress::parse_address(own.host);
    if (address && own.port != 0) egress_config.own_listeners.push_back({*address, own.port});
  }
  egress.emplace(out.context(), policy, resolver, *tls_client, std::move(egress_config));
  client.emplace(*egress);
  bins.emplace(*store, *vault, routing, clock);
  if (auto loaded = house.wait(bins->load()); !loaded) return loaded;
  bin_sink.emplace(*bins, clock, *client);

  delivery_metrics.emplace(registry);
  deliver::EngineConfig engine_config;
  engine_config.in_flight_max = config.delivery_in_flight;
  engine_config.drain_limit = config.drain_limit;
  engine_config.admin_mails = config.admin_mails;
  engine.emplace(
      deliver::Engine::Ports{out.context(), clock, clock, *timeline, random, *bin_sink, *store,
                             routing, *publisher, *journal, log, *delivery_metrics},
      std::move(engine_config));
  std::vector<int> shards(store::shard_count);
  std::iota(shards.begin(), shards.end(), 0);
  return out.wait(engine->start("single", std::move(shards), paused));
}

Result<> Application::State::start_serving() {
  engine_control.emplace(*engine);
  engine_control->set_delivering(!paused);
  const auto listen = split_address(config.listen);
  api::Config api_config;
  api_config.public_url = config.public_url;
  api_config.admin_key = admin_key;
  api_config.rate_per_minute = config.rate_per_minute;
  api_config.warnings = warnings(config);
  ingest::ReceiverConfig receiver_config;
  receiver_config.public_url = api_config.public_url;
  receiver_config.dev = config.dev;
  for (const auto& text : config.trusted_proxies)
    if (const auto proxy = egress::parse_cidr(text))
      receiver_config.trusted_proxies.push_back(*proxy);
  receiver_config.in_flight_bytes_max = static_cast<std::int64_t>(config.ingest_in_flight_mb) << 20;
  fetcher.emplace(out.context(), *client);
  receiving.emplace(Receiving::Ports{out.context(), clock, *timeline, random, *store, *vault,
                                     *publisher, *fetcher, log, registry},
                    std::move(receiver_config));
  if (auto loaded = house.wait(receiving->load()); !loaded) return loaded;
  service.emplace(
      api::Ports{*store, routing, *publisher, *engine_control, *bins, receiving->sources(), *vault,
                 [this](std::string_view url) -> Result<> {
                   auto checked = policy.check_url(url);
                   if (!checked) return fail(std::move(checked).error());
                   return {};
                 },
                 clock, *timeline, random, log, registry, &receiving->certificates(),
                 &receiving->receiver(),
                 [this](SourceId source) { return receiving->polling().health(source); }},
      api_config);
  if (auto ready = in.wait(service->start()); !ready) return ready;
  server_metrics.emplace(registry);
  net::HttpServerConfig server_config;
  server_config.trusted_proxies = config.trusted_proxies;
  if (const auto own = text::parse_url(config.public_url))
    server_config.own_hosts.push_back(own->host);
  front_door.emplace(*service, receiving->receiver());
  server.emplace(in.context(), *front_door, std::move(server_config), log, *server_metrics);
  // On the loop that accepts: no call can come between the port and the name that is made of it.
  PH_TRY(port, in.wait([](State& state, Listen where) -> task<Result<std::uint16_t>> {
    PH_CO_TRY(const auto bound, state.server->listen(where.host, where.port));
    if (state.config.public_url.empty()) {
      const auto url = "http://" + with_port(state.config.listen, bound);
      state.service->set_public_url(url);
      state.receiving->receiver().set_public_url(url);
    }
    co_return bound;
  }(*this, listen)));
  if (!config.tls_listen.empty()) {
    const auto secure = split_address(config.tls_listen);
    PH_TRY(auto tls, net::TlsServer::load(config.tls_certificate, config.tls_key));
    PH_TRY(tls_port, server->listen(secure.host, secure.port, std::move(tls)));
  }
  // What a restored backup had not worked on may have been worked on since it was made.
  if (paused) return {};
  return out.wait(receiving->start(engine->epochs()));
}

Result<std::unique_ptr<Application>> Application::start(Config config, StartOptions options) {
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  auto state = std::make_unique<State>(std::move(config), std::move(options));
  auto smtp = smtp_config(state->config);
  if (const auto faults = net::problems(smtp); !faults.empty())
    return fail(Errc::invalid, faults.front());
  for (const auto& text : warnings(state->config))
    state->log.warning("configuration", {{"what", text}});
  state->in.run();
  state->out.run();
  state->house.run();
  for (const auto step :
       {&State::read_options, &State::open_store, &State::settle_admin_key, &State::apply_resume,
        &State::start_delivering, &State::start_serving, &State::keep_admin_key}) {
    if (auto done = ((*state).*step)(); !done) {
      auto error = std::move(done).error();
      state->stop();
      return fail(std::move(error));
    }
  }
  state->mail.emplace(std::move(smtp), state->policy, state->clock);
  state->replays.emplace(api::ReplayRunner::Ports{
      *state->store, state->routing, state->clock, *state->timeline, state->log,
      state->receiving->sources(), &state->receiving->certificates()});
  state->housekeeping.emplace(state->house.context(), state->clock, *state->store, *state->mail,
                              *state->replays, state->log, state->config.retention);
  asio::post(state->house.context(),
             [&housekeeping = *state->housekeeping] { housekeeping.start(); });
  // From before anyone can know that it is ready: an early signal drains, too.
  state->signals.add(SIGTERM);
  state->signals.add(SIGINT);
  return std::unique_ptr<Application>(new Application(std::move(state)));
}

void Application::State::stop() {
  if (std::exchange(stopped, true)) return;
  // In the order of the flow: nothing new comes in, what is under way ends, then what they stood on
  // goes.
  if (service) service->end_streams();
  if (server) in.wait(server->drain(Millis(2000)));
  if (receiving) out.wait(receiving->stop());
  if (engine_control) engine_control->set_delivering(false);
  if (engine) out.wait(engine->stop());
  if (housekeeping) house.wait(housekeeping->stop());
  if (client)
    out.wait([](net::HttpClient& http) -> task<> {
      http.close_idle();
      co_return;
    }(*client));
  in.join();
  out.join();
  house.join();
}

Application::Application(std::unique_ptr<State> state) : state_(std::move(state)) {}
Application::~Application() { state_->stop(); }

std::string Application::address() const { return with_port(state_->config.listen, state_->port); }
std::string Application::tls_address() const {
  return state_->config.tls_listen.empty() ? ""
                                           : with_port(state_->config.tls_listen, state_->tls_port);
}
const Secret& Application::admin_key() const { return state_->admin_key; }
bool Application::admin_key_is_new() const { return state_->admin_key_is_new; }
bool Application::is_paused() const { return state_->paused; }
void Application::stop() { state_->stop(); }

void Application::run_until_signal() {
  state_->signals.async_wait([](const boost::system::error_code&, int) {});
  state_->signals_context.run();
  state_->log.info("stopping", {{"drain_ms", state_->config.drain_limit.count()}});
  // From here on a second signal has its usual effect: the process ends at once, which is as safe
  // as a crash.
  state_->signals.clear();
  state_->stop();
  state_->log.info("stopped", {});
}

}  // namespace posthorn::app
