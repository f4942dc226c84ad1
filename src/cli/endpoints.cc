// endpoints

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

/// What `create` and `update` take; only what was given is sent.
struct EndpointSettings {
  std::string secret_file;
  std::optional<std::string> url, application, description, retry, format, ordering, on_exhausted,
      filter;
  std::vector<std::string> types, channels, headers;
  bool no_secret = false, asymmetric = false, probing = false, no_probing = false;
  std::optional<int> timeout_ms, concurrency, disable_after;
  std::optional<double> rate;
};

void add_settings(CLI::App& command, EndpointSettings& settings) {
  command
      .add_option("--types", settings.types, "Event types, with * wildcards (comma or repeated)")
      ->delimiter(',');
  command.add_option("--channels", settings.channels, "Only events of these channels")
      ->delimiter(',');
  command.add_option("--filter", settings.filter,
                     "Payload filter: JSON text, @file or -; null: none");
  command.add_option("--description", settings.description, "For people; '': none");
  command
      .add_option("--header", settings.headers,
                  "NAME: VALUE, sent with every delivery (repeatable)")
      ->allow_extra_args(false);
  command.add_option("--retry", settings.retry,
                     "standard, quick, patient, or waits like 1s,30s,5m");
  command.add_option("--timeout-ms", settings.timeout_ms, "1000 to 30000");
  command.add_option("--format", settings.format,
                     "json, bare, xml, form, cloudevents or cloudevents_binary");
  command.add_option("--ordering", settings.ordering, "none or key");
  command.add_option("--on-exhausted", settings.on_exhausted,
                     "block or skip (with --ordering key)");
  command.add_option("--concurrency", settings.concurrency, "Attempts at once, 1 to 256");
  command.add_option("--rate", settings.rate, "Attempts a second at most; 0: unlimited");
  command.add_option("--disable-after", settings.disable_after, "Consecutive failures; 0: never");
  auto* probing =
      command.add_flag("--probing", settings.probing,
                       "While the endpoint fails, one delivery tries for all (default)");
  command
      .add_flag("--no-probing", settings.no_probing,
                "Every delivery keeps its own schedule while the endpoint fails")
      ->excludes(probing);
}

json::array texts(const std::vector<std::string>& from) {
  json::array made;
  for (const auto& text : from) made.emplace_back(text);
  return made;
}

json::object headers_of(const std::vector<std::string>& lines) {
  json::object headers;
  for (const auto& line : lines) {
    const auto colon = line.find(':');
    if (colon == std::string::npos)
      throw CallFailed{
          usage, fmt::format("--header takes NAME: VALUE, not \"{}\"", printable(line)), nullptr};
    const auto name = trim(std::string_view(line).substr(0, colon));
    for (const auto& known : headers)
      if (equal_ignoring_case_ascii(known.key(), name))
        throw CallFailed{
            usage,
            fmt::format("--header {} is given twice: a header has one value", printable(name)),
            nullptr};
    headers[name] = std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return headers;
}

/// The name of a profile, or a list of waits.
json::value retry_of(std::string_view given) {
  if (trim(given).empty())
    throw CallFailed{usage,
                     "--retry takes standard, quick, patient, or waits like 1s,30s,5m, and was "
                     "given nothing",
                     nullptr};
  if (given.find_first_of("0123456789") == std::string_view::npos) return json::value(given);
  json::array steps;
  while (!given.empty()) {
    const auto comma = given.find(',');
    steps.emplace_back(std::string(trim(given.substr(0, comma))));
    given = comma == std::string_view::npos ? std::string_view() : given.substr(comma + 1);
  }
  return steps;
}

json::object body_of(const EndpointSettings& settings) {
  json::object body;
  const auto add = [&body](std::string_view name, const std::optional<std::string>& value) {
    if (value) body[name] = *value;
  };
  add("url", settings.url);
  add("application", settings.application);
  add("description", settings.description);
  add("format", settings.format);
  add("ordering", settings.ordering);
  add("on_exhausted", settings.on_exhausted);
  if (!settings.types.empty()) body["event_types"] = texts(settings.types);
  if (!settings.channels.empty()) body["channels"] = texts(settings.channels);
  if (settings.filter) {
    auto parsed = text::parse_json(text_argument(*settings.filter));
    if (!parsed) throw CallFailed{usage, "--filter is not JSON: " + parsed.error().what, nullptr};
    body["filter"] = std::move(*parsed);
  }
  if (!settings.headers.empty()) body["headers"] = headers_of(settings.headers);
  if (settings.retry) body["retry"] = retry_of(*settings.retry);
  if (settings.timeout_ms) body["timeout_ms"] = *settings.timeout_ms;
  if (settings.concurrency) body["concurrency"] = *settings.concurrency;
  if (settings.disable_after) body["disable_after"] = *settings.disable_after;
  if (settings.rate)
    body["rate_limit"] = *settings.rate == 0 ? json::value(nullptr) : json::value(*settings.rate);
  if (settings.probing || settings.no_probing) body["probing"] = settings.probing;
  if (settings.asymmetric) body["asymmetric"] = true;
  if (settings.no_secret) body["secret"] = nullptr;
  if (!settings.secret_file.empty()) {
    const auto text = text_argument(settings.secret_file == "-" ? "-" : "@" + settings.secret_file);
    body["secret"] = std::string(trim(std::string_view(text).substr(0, text.find('\n'))));
  }
  return body;
}

/// `endpoints VERB ID` that posts to /v1/endpoints/ID/PATH and prints the answer.
void add_action(CLI::App& endpoints, Context& context, const std::string& verb,
                const std::string& help, std::string_view example,
                std::function<void(CLI::App&, json::object&)> options = {}) {
  auto* command = endpoints.add_subcommand(verb, help);
  auto id = std::make_shared<std::string>();
  auto body = std::make_shared<json::object>();
  command->add_option("ID", *id)->required();
  if (options) options(*command, *body);
  add_examples(*command, {example});
  command->callback([&context, id, verb, body] {
    context.action = [&context, id, verb, body] {
      const auto target = fmt::format("/v1/endpoints/{}/{}", encode(*id), verb);
      print_object(context.connect().call("POST", target, json::serialize(*body)), context.output);
      return static_cast<int>(done);
    };
  });
}

}  // namespace

void add_endpoints(CLI::App& root, Context& context) {
  auto* endpoints = root.add_subcommand("endpoints", "Where events are sent");
  endpoints->require_subcommand(1);

  auto made = std::make_shared<EndpointSettings>();
  auto* create =
      endpoints->add_subcommand("create", "Adds an endpoint and shows its signing secret once");
  create->add_option("URL", made->url, "https only; bin://ID for a bin of this server")->required();
  create->add_option("--application", made->application, "An application's id or uid");
  create->add_option("--secret-file", made->secret_file,
                     "A file with the signing secret, or - (else one is made)");
  create->add_flag("--no-secret", made->no_secret, "Do not sign");
  create->add_flag("--asymmetric", made->asymmetric, "Add ed25519 signatures (v1a)");
  add_settings(*create, *made);
  add_examples(*create, {"https://example.com/hooks --types 'ticket.*,survey.answered'",
                         "https://example.com/hooks --retry 1s,30s,5m --header 'X-Team: support'"});
  create->callback([&context, made] {
    context.action = [&context, made] {
      print_object(context.connect().call("POST", "/v1/endpoints", json::serialize(body_of(*made))),
                   context.output);
      return static_cast<int>(done);
    };
  });

  struct List {
    int limit = 50;
    bool all = false;
    std::string cursor, application;
  };
  auto list_options = std::make_shared<List>();
  auto* list = endpoints->add_subcommand("list", "Every endpoint with its state");
  list->add_option("--application", list_options->application);
  list->add_option("--limit", list_options->limit)->check(CLI::Range(1, 500));
  list->add_flag("--all", list_options->all);
  list->add_option("--cursor", list_options->cursor);
  add_examples(*list, {"--all"});
  list->callback([&context, list_options] {
    context.action = [&context, list_options] {
      std::string target = "/v1/endpoints";
      add_query(target, "application", list_options->application);
      return print_list(context, target,
                        {{"ID", "/id"},
                         {"URL", "/url"},
                         {"TYPES", "/event_types"},
                         {"ENABLED", "/enabled"},
                         {"REASON", "/disabled_reason"}},
                        list_options->limit, list_options->all, list_options->cursor);
    };
  });

  auto id = std::make_shared<std::string>();
  auto* get = endpoints->add_subcommand("get", "One endpoint");
  get->add_option("ID", *id)->required();
  add_examples(*get, {"ep_0000000000007"});
  get->callback([&context, id] {
    context.action = [&context, id] {
      print_object(context.connect().call("GET", "/v1/endpoints/" + encode(*id)), context.output);
      return static_cast<int>(done);
    };
  });

  auto changed = std::make_shared<EndpointSettings>();
  auto changed_id = std::make_shared<std::string>();
  auto* update = endpoints->add_subcommand("update", "Changes what is given");
  update->add_option("ID", *changed_id)->required();
  update->add_option("--url", changed->url);
  add_settings(*update, *changed);
  add_examples(*update, {"ep_0000000000007 --types 'ticket.*' --rate 20",
                         "ep_0000000000007 --rate 0 --description '' --probing"});
  update->callback([&context, changed, changed_id] {
    context.action = [&context, changed, changed_id] {
      const auto body = body_of(*changed);
      if (body.empty())
        throw CallFailed{usage, "nothing to change: see posthorn endpoints update --help", nullptr};
      print_object(context.connect().call("PATCH", "/v1/endpoints/" + encode(*changed_id),
                                          json::serialize(body)),
                   context.output);
      return static_cast<int>(done);
    };
  });

  auto gone = std::make_shared<std::string>();
  auto* remove = endpoints->add_subcommand(
      "delete", "Removes an endpoint; its pending deliveries are cancelled");
  remove->add_option("ID", *gone)->required();
  add_examples(*remove, {"ep_0000000000007 --yes"});
  remove->callback([&context, gone] {
    context.action = [&context, gone]() -> int {
      if (!confirmed(context, fmt::format("Delete endpoint {}?", *gone))) return failed;
      context.connect().call("DELETE", "/v1/endpoints/" + encode(*gone));
      return done;
    };
  });

  add_action(*endpoints, context, "enable", "Takes deliveries up again",
             "ep_0000000000007 --recover all", [](CLI::App& command, json::object& body) {
               command
                   .add_option_function<std::string>(
                       "--recover",
                       [&body](const std::string& value) {
                         if (value == "all" || value == "none")
                           body["recover"] = value;
                         else
                           body["recover"] = json::object{{"since", value}};
                       },
                       "What was held meanwhile: all, none, or since a moment (RFC 3339)")
                   ->default_str("all");
             });
  add_action(*endpoints, context, "disable", "Holds deliveries from now on", "ep_0000000000007");
  add_action(*endpoints, context, "test", "Sends a test event now and shows the answer",
             "ep_0000000000007 --type ticket.created", [](CLI::App& command, json::object& body) {
               command.add_option_function<std::string>(
                   "--type", [&body](const std::string& value) { body["type"] = value; },
                   "The event type to imitate");
             });
  add_action(*endpoints, context, "rotate-secret",
             "A new signing secret; the old one signs too for a while",
             "ep_0000000000007 --grace-seconds 3600", [](CLI::App& command, json::object& body) {
               command.add_option_function<int>(
                   "--grace-seconds", [&body](int value) { body["grace_seconds"] = value; },
                   "How long the old secret still signs (default a day)");
               command.add_option_function<std::string>(
                   "--promote-at",
                   [&body](const std::string& value) { body["promote_at"] = value; },
                   "When the new secret becomes the current one (RFC 3339)");
             });
}

}  // namespace posthorn::cli
