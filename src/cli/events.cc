// events, event-types

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "cli/command_line.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

struct ListOptions {
  int limit = 50;
  bool all = false;
  std::string cursor, since, until, type;
};

void add_list_options(CLI::App& command, ListOptions& options) {
  command.add_option("--limit", options.limit, "Rows to show")->check(CLI::Range(1, 500));
  command.add_flag("--all", options.all, "Every row");
  command.add_option("--cursor", options.cursor, "Continue where a list ended");
}

struct PublishOptions {
  std::string type, id, application, key, deliver_at;
  std::optional<std::string> data;
  std::vector<std::string> channels;
};

/// The text itself, so that big numbers and the order of members stay as they were given.
std::string json_argument(std::string_view option, const std::string& value) {
  auto text = text_argument(value);
  if (const auto checked = text::check_json(text); !checked)
    throw CallFailed{usage, fmt::format("{} is not JSON: {}", option, checked.error().what),
                     nullptr};
  return text;
}

int publish(const Context& context, const PublishOptions& options) {
  if (!options.data)
    throw CallFailed{usage, "say what it carries: --data TEXT, @file or - (standard input)",
                     nullptr};
  const auto data = json_argument("--data", *options.data);
  std::string body = "{\"type\":";
  text::append_json_string(body, options.type);
  const auto add = [&body](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    body += fmt::format(",\"{}\":", name);
    text::append_json_string(body, value);
  };
  add("id", options.id);
  add("application", options.application);
  add("key", options.key);
  add("deliver_at", options.deliver_at);
  if (!options.channels.empty()) {
    json::array channels;
    for (const auto& channel : options.channels) channels.emplace_back(channel);
    body += ",\"channels\":" + json::serialize(channels);
  }
  body += ",\"data\":" + data + "}";
  auto client = context.connect();
  print_object(client.call("POST", "/v1/events", body), context.output);
  return done;
}

void add_event_types(CLI::App& root, Context& context) {
  auto* types = root.add_subcommand("event-types", "The catalogue of event types");
  types->require_subcommand(1);
  auto list_options = std::make_shared<ListOptions>();
  auto* list = types->add_subcommand("list", "Every event type");
  add_list_options(*list, *list_options);
  add_examples(*list, {"--all"});
  list->callback([&context, list_options] {
    context.action = [&context, list_options] {
      return print_list(
          context, "/v1/event-types",
          {{"NAME", "/name"}, {"DESCRIPTION", "/description"}, {"ARCHIVED", "/archived"}},
          list_options->limit, list_options->all, list_options->cursor);
    };
  });
  auto name = std::make_shared<std::string>();
  auto* get = types->add_subcommand("get", "One event type with its versions");
  get->add_option("NAME", *name)->required();
  add_examples(*get, {"ticket.created"});
  get->callback([&context, name] {
    context.action = [&context, name] {
      print_object(context.connect().call("GET", "/v1/event-types/" + encode(*name)),
                   context.output);
      return static_cast<int>(done);
    };
  });
  struct Create {
    std::string name, description;
    std::optional<std::string> schema, example;
  };
  auto made = std::make_shared<Create>();
  auto* create = types->add_subcommand("create", "Adds an event type");
  create->add_option("NAME", made->name, "Dotted, such as ticket.created")->required();
  create->add_option("--description", made->description);
  create->add_option("--schema", made->schema, "JSON Schema: text, @file or -");
  create->add_option("--example", made->example, "An example of the data: text, @file or -");
  add_examples(*create,
               {"ticket.created --description 'A customer asked' --schema @ticket.schema.json"});
  create->callback([&context, made] {
    context.action = [&context, made] {
      std::string body = "{\"name\":";
      text::append_json_string(body, made->name);
      if (!made->description.empty()) {
        body += ",\"description\":";
        text::append_json_string(body, made->description);
      }
      if (made->schema) body += ",\"json_schema\":" + json_argument("--schema", *made->schema);
      if (made->example) body += ",\"example\":" + json_argument("--example", *made->example);
      print_object(context.connect().call("POST", "/v1/event-types", body + "}"), context.output);
      return static_cast<int>(done);
    };
  });
  auto archived = std::make_shared<std::string>();
  auto* archive = types->add_subcommand("archive", "Hides an event type; publishing it is refused");
  archive->add_option("NAME", *archived)->required();
  add_examples(*archive, {"ticket.created"});
  archive->callback([&context, archived] {
    context.action = [&context, archived] {
      print_object(context.connect().call("PATCH", "/v1/event-types/" + encode(*archived),
                                          R"({"archived":true})"),
                   context.output);
      return static_cast<int>(done);
    };
  });
}

}  // namespace

void add_events(CLI::App& root, Context& context) {
  auto* events = root.add_subcommand("events", "Publish and look at events");
  events->require_subcommand(1);

  auto options = std::make_shared<PublishOptions>();
  auto* publish_command =
      events->add_subcommand("publish", "Publishes one event to every endpoint that wants it");
  publish_command->add_option("TYPE", options->type, "Dotted, such as ticket.created")->required();
  publish_command->add_option("--data", options->data,
                              "The payload: JSON text, @file, or - for standard input");
  publish_command->add_option("--id", options->id,
                              "Your own id: the same id again publishes nothing new");
  publish_command->add_option("--application", options->application,
                              "Whose endpoints: an application's id or uid");
  publish_command->add_option("--key", options->key,
                              "Orders deliveries of endpoints with ordering by key");
  publish_command->add_option("--channel", options->channels,
                              "Only endpoints of this channel (repeatable)");
  publish_command->add_option("--deliver-at", options->deliver_at,
                              "Not before this moment (RFC 3339)");
  add_examples(*publish_command, {"ticket.created --data '{\"id\":1042}'",
                                  "invoice.paid --data @invoice.json --id inv-77 --key customer-9",
                                  "invoice.paid --data - < invoice.json"});
  publish_command->callback([&context, options] {
    context.action = [&context, options] { return publish(context, *options); };
  });

  auto list_options = std::make_shared<ListOptions>();
  auto* list = events->add_subcommand("list", "Newest first");
  add_list_options(*list, *list_options);
  list->add_option("--type", list_options->type, "With * wildcards: ticket.*");
  list->add_option("--since", list_options->since, "RFC 3339, or -2h for two hours ago");
  list->add_option("--until", list_options->until, "RFC 3339, or -1h");
  add_examples(*list, {"--type 'ticket.*' --since -2h"});
  list->callback([&context, list_options] {
    context.action = [&context, list_options] {
      std::string target = "/v1/events";
      add_query(target, "type", list_options->type);
      add_query(target, "since", list_options->since);
      add_query(target, "until", list_options->until);
      return print_list(
          context, target,
          {{"TIME", "/created_at"}, {"ID", "/id"}, {"TYPE", "/type"}, {"KEY", "/key"}},
          list_options->limit, list_options->all, list_options->cursor);
    };
  });

  auto id = std::make_shared<std::string>();
  auto explain = std::make_shared<bool>(false);
  auto* get = events->add_subcommand("get", "One event with its data");
  get->add_option("ID", *id)->required();
  get->add_flag("--explain", *explain,
                "Why each endpoint got it or did not, and where each delivery stands");
  add_examples(*get, {"evt_0000000000042 --explain"});
  get->callback([&context, id, explain] {
    context.action = [&context, id, explain] {
      print_object(
          context.connect().call("GET", "/v1/events/" + encode(*id) + (*explain ? "/explain" : "")),
          context.output);
      return static_cast<int>(done);
    };
  });
  add_event_types(root, context);
}

}  // namespace posthorn::cli
