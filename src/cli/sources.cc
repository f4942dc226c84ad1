// sources, providers

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "cli/config_input.h"
#include "ingest/pollers/poller.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

/// What `create` and `update` take; only what was given is sent.
struct SourceSettings {
  std::optional<std::string> name, description, application, public_url, schema, key;
  ConfigInput config, poll;
  bool paused = false, no_poll = false;

  [[nodiscard]] bool needs_provider() const { return !config.empty() || !poll.empty(); }
  std::optional<bool> include_payload;
  std::optional<std::int64_t> rate_per_minute, silent_after_seconds;
};

void add_settings(CLI::App& command, SourceSettings& settings, bool with_unset) {
  add_config_options(command, settings.config, with_unset);
  command.add_option("--name", settings.name, "For people (default: the provider's name)");
  command.add_option("--description", settings.description, "For people; '': none");
  command.add_option(
      "--public-url", settings.public_url,
      "Base URL that the provider calls, such as https://hooks.example.com (default: "
      "the server's; '' goes back to it)");
  command.add_option("--schema", settings.schema,
                     "A JSON Schema that bodies must meet: JSON text, @file or -; null: none");
  command.add_option(
      "--key", settings.key,
      "JSON pointer into an event's data: its ordering key, such as /object_id; '': none");
  command.add_option("--include-payload", settings.include_payload,
                     "true (default): events carry the provider's own JSON as payload");
  command.add_option("--rate-per-minute", settings.rate_per_minute,
                     "Calls a minute at most; 0: unlimited");
  command.add_option("--silent-after", settings.silent_after_seconds,
                     "Seconds without a call after which a notice is made");
  command
      .add_option("--poll", settings.poll.set,
                  "NAME=VALUE, a setting of the polling backstop (repeatable). Of a secret: "
                  "NAME=@file or NAME=-")
      ->allow_extra_args(false);
  command.add_option("--poll-config", settings.poll.config,
                     "All settings of the polling backstop as JSON: @file or -");
  if (with_unset) command.add_flag("--no-poll", settings.no_poll, "Do not poll any more");
}

json::object body_of(const SourceSettings& settings, const providers::Provider* provider) {
  json::object body;
  const auto add = [&body](std::string_view name, const std::optional<std::string>& value) {
    if (value) body[name] = *value;
  };
  const auto add_or_clear = [&body](std::string_view name,
                                    const std::optional<std::string>& value) {
    if (value) body[name] = value->empty() ? json::value(nullptr) : json::value(*value);
  };
  add("name", settings.name);
  add("description", settings.description);
  add("application", settings.application);
  add_or_clear("public_url", settings.public_url);
  add_or_clear("key", settings.key);
  if (settings.schema) {
    auto parsed = text::parse_json(text_argument(*settings.schema));
    if (!parsed) throw CallFailed{usage, "--schema is not JSON: " + parsed.error().what, nullptr};
    body["schema"] = *std::move(parsed);
  }
  if (!settings.config.empty())
    body["config"] =
        read_config(settings.config,
                    provider != nullptr ? provider->fields : std::span<const providers::Field>());
  if (settings.no_poll) body["poll"] = nullptr;
  if (!settings.poll.empty()) {
    const auto* poller =
        provider != nullptr ? ingest::pollers::find_poller(provider->name) : nullptr;
    if (provider != nullptr && poller == nullptr)
      throw CallFailed{usage, fmt::format("{} has nothing to poll", provider->title), nullptr};
    body["poll"] = read_config(settings.poll,
                               poller != nullptr ? ingest::pollers::fields_of(*poller)
                                                 : std::span<const providers::Field>(),
                               "--poll");
  }
  if (settings.paused) body["paused"] = true;
  if (settings.include_payload) body["include_payload"] = *settings.include_payload;
  if (settings.rate_per_minute) body["rate_per_minute"] = *settings.rate_per_minute;
  if (settings.silent_after_seconds) body["silent_after_seconds"] = *settings.silent_after_seconds;
  return body;
}

std::string source_path(const std::string& id) { return "/v1/sources/" + encode(id); }

/// The provider of a source of the server's; null when this program does not know it.
const providers::Provider* provider_of(Client& client, const std::string& id) {
  const auto source = client.call("GET", source_path(id));
  return providers::find_provider(cell(text::at_pointer(source, "/provider")));
}

void add_create(CLI::App& sources, Context& context) {
  auto provider = std::make_shared<std::string>();
  auto made = std::make_shared<SourceSettings>();
  auto* create = sources.add_subcommand("create", "A new address for one provider's calls");
  create->add_option("PROVIDER", *provider, "posthorn providers list shows all")->required();
  create->add_option("--application", made->application,
                     "Whose endpoints get its events: an application's id or uid");
  create->add_flag("--paused", made->paused, "Keep and answer calls, but do not work on them yet");
  add_settings(*create, *made, false);
  create->footer(
      "Examples:\n  posthorn sources create stripe --set signing_secret=@stripe-secret.txt\n"
      "  posthorn sources create sendgrid_inbound --set basic_auth=inbound:@password.txt\n"
      "  posthorn sources create generic_hmac --set secret=- --set header=X-Signature < "
      "secret.txt");
  create->callback([&context, provider, made] {
    context.action = [&context, provider, made] {
      auto body = body_of(*made, &provider_named(*provider));
      body["provider"] = *provider;
      if (!body.contains("name")) body["name"] = *provider;
      if (!body.contains("config")) body["config"] = json::object{};
      const auto source = context.connect().call("POST", "/v1/sources", json::serialize(body));
      print_object(source, context.output);
      if (!context.output.as_json)
        fmt::print(stderr, "What to do at the provider: posthorn sources instructions {}\n",
                   cell(text::at_pointer(source, "/id")));
      return static_cast<int>(done);
    };
  });
}

void add_source_list(CLI::App& sources, Context& context) {
  struct List {
    int limit = 50;
    bool all = false;
    std::string cursor, provider, paused;
  };
  auto options = std::make_shared<List>();
  auto* list = sources.add_subcommand("list", "Every source with what it received");
  list->add_option("--provider", options->provider);
  list->add_option("--paused", options->paused)->check(CLI::IsMember({"true", "false"}));
  list->add_option("--limit", options->limit)->check(CLI::Range(1, 500));
  list->add_flag("--all", options->all);
  list->add_option("--cursor", options->cursor);
  add_examples(*list, {"--provider stripe"});
  list->callback([&context, options] {
    context.action = [&context, options] {
      std::string target = "/v1/sources";
      add_query(target, "provider", options->provider);
      add_query(target, "paused", options->paused);
      return print_list(context, target,
                        {{"ID", "/id"},
                         {"NAME", "/name"},
                         {"PROVIDER", "/provider"},
                         {"PAUSED", "/paused"},
                         {"RECEIVED", "/activity/received"},
                         {"DUPLICATES", "/activity/duplicates"},
                         {"REFUSED", "/activity/refused"},
                         {"LAST", "/activity/last_received_at"}},
                        options->limit, options->all, options->cursor);
    };
  });
}

/// `sources VERB ID`: one call whose answer is printed.
void add_verb(CLI::App& sources, Context& context, const std::string& verb, const std::string& help,
              std::string_view method, const std::string& path_end) {
  auto id = std::make_shared<std::string>();
  auto* command = sources.add_subcommand(verb, help);
  command->add_option("ID", *id)->required();
  add_examples(*command, {"src_0000000000042"});
  command->callback([&context, id, method, path_end] {
    context.action = [&context, id, method, path_end] {
      print_object(context.connect().call(
                       method, source_path(*id) + path_end,
                       method == "POST" ? std::optional<std::string>("{}") : std::nullopt),
                   context.output);
      return static_cast<int>(done);
    };
  });
}

void add_update(CLI::App& sources, Context& context) {
  auto id = std::make_shared<std::string>();
  auto changed = std::make_shared<SourceSettings>();
  auto* update = sources.add_subcommand("update", "Changes what is given");
  update->add_option("ID", *id)->required();
  add_settings(*update, *changed, true);
  update->footer(
      "Examples:\n  posthorn sources update src_0000000000042 --set tolerance_s=600\n"
      "  posthorn sources update src_0000000000042 --unset verify_token --name 'Payments, live'\n"
      "  posthorn sources update src_0000000000042 --poll api_key=@restricted-key.txt\n"
      "To replace a secret without a gap: posthorn sources rotate-secret");
  update->callback([&context, id, changed] {
    context.action = [&context, id, changed] {
      auto client = context.connect();
      const auto* provider = changed->needs_provider() ? provider_of(client, *id) : nullptr;
      const auto body = body_of(*changed, provider);
      if (body.empty())
        throw CallFailed{usage, "nothing to change: see posthorn sources update --help", nullptr};
      print_object(client.call("PATCH", source_path(*id), json::serialize(body)), context.output);
      return static_cast<int>(done);
    };
  });
}

void add_delete(CLI::App& sources, Context& context) {
  auto id = std::make_shared<std::string>();
  auto* remove = sources.add_subcommand(
      "delete", "Removes a source: its address answers 404; what it received stays");
  remove->add_option("ID", *id)->required();
  add_examples(*remove, {"src_0000000000042 --yes"});
  remove->callback([&context, id] {
    context.action = [&context, id]() -> int {
      if (!confirmed(context, fmt::format("Delete source {}?", *id))) return failed;
      context.connect().call("DELETE", source_path(*id));
      return done;
    };
  });
}

/// The field that is rotated: the named one, or the provider's only secret.
const providers::Field& rotated_field(const providers::Provider& provider,
                                      const std::string& name) {
  using providers::FieldKind;
  std::vector<const providers::Field*> secrets;
  for (const auto& field : provider.fields)
    if (!field.for_cases_only &&
        (field.kind == FieldKind::secret || field.kind == FieldKind::credentials ||
         field.kind == FieldKind::public_key) &&
        (name.empty() || field.name == name || field.plural == name))
      secrets.push_back(&field);
  if (secrets.size() == 1) return *secrets.front();
  std::string known;
  for (const auto* field : secrets) known += fmt::format(" {}", field->name);
  if (!name.empty())
    throw CallFailed{usage, fmt::format("{} has no secret {}", provider.name, printable(name)),
                     nullptr};
  throw CallFailed{
      usage,
      secrets.empty() ? fmt::format("{} has no secret", provider.name)
                      : fmt::format("{} has several: give --field, one of{}", provider.name, known),
      nullptr};
}

void add_rotate(CLI::App& sources, Context& context) {
  struct Rotation {
    std::string id, field, value;
    std::optional<std::int64_t> overlap_seconds;
  };
  auto options = std::make_shared<Rotation>();
  auto* rotate =
      sources.add_subcommand("rotate-secret", "A new secret; the old one verifies too for a while");
  rotate->add_option("ID", options->id)->required();
  rotate->add_option("--field", options->field, "Which, where the provider has several secrets");
  rotate
      ->add_option("--value", options->value,
                   "The new secret: @file, or - for standard input; of credentials user:@file")
      ->required();
  rotate->add_option("--overlap-seconds", options->overlap_seconds,
                     "How long the old one still verifies (default a day; 0: not at all)");
  rotate->footer(
      "Example:\n  posthorn sources rotate-secret src_0000000000042 --value @new-secret.txt "
      "--overlap-seconds 3600");
  rotate->callback([&context, options] {
    context.action = [&context, options] {
      auto client = context.connect();
      const auto* provider = provider_of(client, options->id);
      if (provider == nullptr)
        throw CallFailed{failed, "this program does not know the source's provider", nullptr};
      const auto& field = rotated_field(*provider, options->field);
      json::object body{{"field", field.name}, {"value", read_field_value(field, options->value)}};
      if (options->overlap_seconds) body["overlap_seconds"] = *options->overlap_seconds;
      print_object(
          client.call("POST", source_path(options->id) + "/rotate-secret", json::serialize(body)),
          context.output);
      return static_cast<int>(done);
    };
  });
}

void add_instructions(CLI::App& sources, Context& context) {
  auto id = std::make_shared<std::string>();
  auto* command = sources.add_subcommand("instructions", "What to click and paste at the provider");
  command->add_option("ID", *id)->required();
  add_examples(*command, {"src_0000000000042"});
  command->callback([&context, id] {
    context.action = [&context, id] {
      const auto answer = context.connect().call("GET", source_path(*id) + "/instructions");
      if (context.output.as_json)
        print_object(answer, context.output);
      else
        fmt::print("{}\n", std::string_view(answer.at("markdown").as_string()));
      return static_cast<int>(done);
    };
  });
}

void add_providers(CLI::App& root, Context& context) {
  auto* providers = root.add_subcommand("providers", "Who can send to a source");
  providers->require_subcommand(1);
  auto* list = providers->add_subcommand("list", "Every provider");
  add_examples(*list, {""});
  list->callback([&context] {
    context.action = [&context] {
      const auto answer = context.connect().call("GET", "/v1/providers");
      print_rows(answer.at("data").as_array(),
                 {{"NAME", "/name"},
                  {"TITLE", "/title"},
                  {"VERIFIES", "/verifies"},
                  {"CARRIES", "/carries"}},
                 context.output);
      return static_cast<int>(done);
    };
  });
  auto name = std::make_shared<std::string>();
  auto* get = providers->add_subcommand("get", "One provider: its settings and its samples");
  get->add_option("NAME", *name)->required();
  add_examples(*get, {"stripe"});
  get->callback([&context, name] {
    context.action = [&context, name] {
      const auto answer = context.connect().call("GET", "/v1/providers/" + encode(*name));
      if (context.output.as_json) {
        print_object(answer, context.output);
        return static_cast<int>(done);
      }
      for (const auto member : {"name", "title", "carries", "verifies", "signs_url", "samples"})
        fmt::print("{:<10} {}\n", member, cell(&answer.at(member)));
      fmt::print("\nsettings (--set NAME=VALUE):\n");
      for (const auto& field : answer.at("fields").as_array()) {
        const auto part = [&field](std::string_view member, std::string_view before) {
          const auto text = cell(&field.at(member));
          return text == "-" ? std::string() : fmt::format("{}{}", before, text);
        };
        fmt::print("  {}  {}{}{}{}\n      {}\n", cell(&field.at("name")), cell(&field.at("kind")),
                   field.at("required") == true ? ", required" : "", part("default", ", default "),
                   part("choices", ", one of "), cell(&field.at("help")));
      }
      return static_cast<int>(done);
    };
  });
}

}  // namespace

void add_sources(CLI::App& root, Context& context) {
  auto* sources = root.add_subcommand("sources", "Where we receive: an address for a provider");
  sources->require_subcommand(1);
  add_create(*sources, context);
  add_source_list(*sources, context);
  add_verb(*sources, context, "get", "One source with what it received and what waits", "GET", "");
  add_update(*sources, context);
  add_verb(*sources, context, "pause", "Goes on keeping and answering calls, works on them later",
           "POST", "/pause");
  add_verb(*sources, context, "resume", "Works on what came since it was paused", "POST",
           "/resume");
  add_rotate(*sources, context);
  add_instructions(*sources, context);
  add_delete(*sources, context);
  add_providers(root, context);
}

}  // namespace posthorn::cli
