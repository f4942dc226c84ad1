// trigger: a correctly signed sample call of a provider

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "cli/config_input.h"
#include "net/system.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

struct Trigger {
  std::string provider, event, source, url, body;
  ConfigInput config;
  int count = 1;
  bool list = false, no_wait = false, print = false;
};

/// A kept request is worked on a moment after its answer.
constexpr int wait_step_ms = 50;
constexpr int wait_steps = 100;

json::value worked_on(Client& client, json::value request) {
  const auto id = cell(text::at_pointer(request, "/id"));
  for (int step = 0; step < wait_steps; ++step) {
    if (cell(text::at_pointer(request, "/state")) != "received") break;
    wait_milliseconds(wait_step_ms);
    request = client.call("GET", "/v1/requests/" + encode(id));
  }
  return request;
}

void print_answer(const Context& context, const json::value& answer) {
  if (context.output.as_json) {
    fmt::print("{}\n", json::serialize(answer));
    return;
  }
  const auto part = [&answer](std::string_view pointer) {
    return cell(text::at_pointer(answer, pointer));
  };
  fmt::print("{} {}\n", part("/sent/method"), part("/sent/url"));
  fmt::print("answered {}{}\n", part("/answered/status"),
             answer.at("accepted") == true ? "" : ": not accepted");
  if (const auto body = part("/answered/body"); body != "-" && !body.empty())
    fmt::print("  {}\n", body);
  if (part("/request/id") != "-")
    fmt::print("kept as {}: {}{}\n", part("/request/id"), part("/request/state"),
               part("/request/events") == "-" ? "" : ", events " + part("/request/events"));
  if (answer.at("accepted") == false && part("/request/id") != "-")
    fmt::print(stderr, "Why: posthorn requests explain {}\n", part("/request/id"));
}

/// The server signs with the source's own settings, which nobody can read.
bool trigger_source(const Context& context, Client& client, const Trigger& options,
                    const std::string& body) {
  json::object order;
  if (!options.event.empty()) order["event"] = options.event;
  if (!body.empty()) {
    if (is_utf8(body))
      order["body"] = body;
    else
      order["body_base64"] = to_base64(body);
  }
  const auto target = fmt::format("/v1/sources/{}/trigger", encode(options.source));
  auto answer = client.call("POST", target, json::serialize(order)).as_object();
  auto& request = answer["request"];
  if (!options.no_wait && request.is_object()) request = worked_on(client, std::move(request));
  print_answer(context, answer);
  return answer.at("accepted") == true;
}

/// As a case that `posthorn verify --case` reads.
void print_case(const providers::Provider& provider, const providers::Sample& sample, Instant now) {
  json::object headers;
  for (const auto& [name, value] : sample.headers) headers[name] = value;
  fmt::print("{}\n", json::serialize(json::object{
                         {"provider", provider.name},
                         {"request", json::object{{"method", sample.method},
                                                  {"url", sample.url},
                                                  {"headers", headers},
                                                  {"body_base64", to_base64(sample.body)}}},
                         {"now", now.unix_seconds()}}));
}

bool trigger_url(const Context& context, const providers::Provider& provider,
                 const providers::Settings& settings, const Trigger& options,
                 const std::string& body) {
  const Instant now{
      std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
  net::SystemRandom random;
  const auto unique = to_hex(random.bytes(8));
  const auto sample = providers::make_sample(
      provider, settings,
      {.url = options.url, .event = options.event, .unique = unique, .now = now, .body = body});
  if (!sample) throw CallFailed{usage, sample.error().what, nullptr};
  if (options.print) {
    print_case(provider, *sample, now);
    return true;
  }
  HttpCall call;
  call.method = sample->method;
  call.url = sample->url;
  call.headers = sample->headers;
  if (sample->method != "GET") call.body = sample->body;
  const auto answer = perform(call);
  const bool accepted = answer.status < 400;
  print_answer(context,
               json::object{{"object", "trigger"},
                            {"provider", provider.name},
                            {"accepted", accepted},
                            {"sent", json::object{{"method", sample->method},
                                                  {"url", sample->url},
                                                  {"body_bytes", sample->body.size()}}},
                            {"answered", json::object{{"status", answer.status},
                                                      {"content_type", answer.content_type},
                                                      {"body", answer.body}}}});
  return accepted;
}

int list_samples(const Context& context, const std::string& only) {
  json::array rows;
  const auto add = [&rows](const providers::Provider& provider) {
    for (const auto sample : provider.samples)
      rows.push_back({{"provider", provider.name}, {"event", sample}});
  };
  if (!only.empty())
    add(provider_named(only));
  else
    for (const auto* provider : providers::registry()) add(*provider);
  print_rows(rows, {{"PROVIDER", "/provider"}, {"EVENT", "/event"}}, context.output);
  return done;
}

/// By source, the provider may be left out: `trigger --to-source ID [EVENT]` gives the event alone.
void check_source(Client& client, Trigger& options) {
  const auto source = client.call("GET", "/v1/sources/" + encode(options.source));
  const auto real = cell(text::at_pointer(source, "/provider"));
  if (options.provider.empty() || options.provider == real) return;
  if (options.event.empty() && providers::find_provider(options.provider) == nullptr) {
    options.event = std::exchange(options.provider, real);
    return;
  }
  throw CallFailed{usage,
                   fmt::format("{} is a source of {}, not of {}", options.source, real,
                               printable(options.provider)),
                   nullptr};
}

int trigger(const Context& context, Trigger options) {
  if (options.list) return list_samples(context, options.provider);
  if (options.source.empty() == options.url.empty())
    throw CallFailed{usage, "give --to-source ID, or --to-url URL with --set or --config", nullptr};
  if (!options.source.empty() && options.print)
    throw CallFailed{usage, "what a source signs is not shown: --print goes with --to-url",
                     nullptr};
  if (!options.source.empty() && !options.config.empty())
    throw CallFailed{usage, "a source signs with its own settings: no --set, no --config", nullptr};
  const auto body = options.body.empty() ? std::string() : text_argument(options.body);
  int accepted = 0;
  if (!options.source.empty()) {
    auto client = context.connect();
    check_source(client, options);
    for (int i = 0; i < options.count; ++i)
      accepted += trigger_source(context, client, options, body) ? 1 : 0;
  } else {
    if (options.provider.empty()) throw CallFailed{usage, "say of which PROVIDER", nullptr};
    const auto& provider = provider_named(options.provider);
    const auto settings = read_settings(read_config(options.config, provider.fields), provider);
    for (int i = 0; i < options.count; ++i)
      accepted += trigger_url(context, provider, settings, options, body) ? 1 : 0;
  }
  if (options.count > 1) fmt::print(stderr, "{} of {} accepted\n", accepted, options.count);
  return accepted == options.count ? done : accepted == 0 ? failed : partly_done;
}

}  // namespace

void add_trigger(CLI::App& root, Context& context) {
  auto options = std::make_shared<Trigger>();
  auto* command = root.add_subcommand(
      "trigger", "Sends a correctly signed sample call of a provider, to a source or a URL");
  command->add_option("PROVIDER", options->provider);
  command->add_option("EVENT", options->event, "One of its samples (default: the first)");
  command->add_option("--to-source", options->source,
                      "A source of this server: it signs with the source's own settings");
  command->add_option("--to-url", options->url, "Any address, signed with the settings given here");
  add_config_options(*command, options->config, false);
  command->add_option("--body", options->body,
                      "Instead of the sample's, signed like it: text, @file or -");
  command->add_option("--count", options->count, "So many, each a new event")
      ->check(CLI::Range(1, 10'000));
  command->add_flag("--print", options->print,
                    "Do not send it to the URL: print it as JSON, for posthorn verify --case");
  command->add_flag("--list", options->list, "Shows the samples, of one provider or of all");
  command->add_flag("--no-wait", options->no_wait, "Do not wait for what it makes");
  command->footer(
      "Examples:\n  posthorn trigger stripe invoice.payment_failed --to-source src_0000000000042\n"
      "  posthorn trigger github push --to-url http://localhost:3000/hook --set "
      "secret=@secret.txt\n"
      "  posthorn trigger twilio_sms --list\n"
      "Ends with 0 when all were accepted (2xx, or a redirect), 9 when some were, 1 when none "
      "was.");
  command->callback([&context, options] {
    context.action = [&context, options] { return trigger(context, *options); };
  });
}

}  // namespace posthorn::cli
