#include "cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/bytes.h"
#include "text/json.h"
#include "text/nearest.h"

extern char** environ;

namespace posthorn::cli {

namespace {

std::string read_all(std::istream& from) {
  std::ostringstream all;
  all << from.rdbuf();
  return all.str();
}

std::map<std::string, std::string> relevant_environment() {
  std::map<std::string, std::string> found;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const auto equals = entry.find('=');
    const auto name = entry.substr(0, equals);
    if (name.starts_with("POSTHORN_") || name == "NO_COLOR" || name == "CLICOLOR_FORCE" ||
        name == "TERM")
      found.emplace(name, entry.substr(equals + 1));
  }
  return found;
}

bool wants_colour(const Context& context) {
  if (context.colour == "always") return true;
  if (context.colour == "never") return false;
  const auto& environment = context.environment;
  if (environment.contains("CLICOLOR_FORCE")) return true;
  const auto term = environment.find("TERM");
  return isatty(STDOUT_FILENO) == 1 && !environment.contains("NO_COLOR") &&
         term != environment.end() && term->second != "dumb";
}

void tell(const Context& context, const CallFailed& failure) {
  if (context.output.as_json) {
    json::object line = failure.problem.is_object() ? failure.problem.get_object()
                                                    : json::object{{"detail", failure.message}};
    line["exit"] = static_cast<int>(failure.exit_code);
    fmt::print(stderr, "{}\n", json::serialize(line));
  } else {
    fmt::print(stderr, "posthorn: {}\n", failure.message);
  }
}

/// "endpoints update" of the command that was given last; empty for the root.
std::string words_of(const CLI::App& command) {
  const auto* parent = command.get_parent();
  if (parent == nullptr) return "";
  const auto before = words_of(*parent);
  return before.empty() ? command.get_name() : before + " " + command.get_name();
}

std::vector<std::string_view> names_of_commands(const CLI::App& group) {
  std::vector<std::string_view> names;
  for (const auto* command : group.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) names.push_back(command->get_name());
  return names;
}

/// What to say when the words stop at a group, or lead to a command that it does not have; empty
/// where the fault is another one.
std::string unknown_command(const CLI::App& root) {
  const CLI::App* group = &root;
  for (auto parsed = group->get_subcommands(); !parsed.empty(); parsed = group->get_subcommands())
    group = parsed.front();
  const auto known = names_of_commands(*group);
  if (known.empty()) return "";
  const auto words = words_of(*group);
  const auto choices = fmt::format("commands are {}", fmt::join(known, ", "));
  const auto left = root.remaining();
  if (left.empty())
    return fmt::format("say what to do{}: {}", words.empty() ? "" : " with " + words, choices);
  const auto& word = left.front();
  if (word.starts_with('-'))
    return fmt::format("{} has no option {}, and the command is missing: {}",
                       words.empty() ? "posthorn" : words, printable(word), choices);
  const auto near = text::nearest(word, known);
  return fmt::format("{} has no command \"{}\"; {}", words.empty() ? "posthorn" : words,
                     printable(word), near ? fmt::format("did you mean {}?", *near) : choices);
}

int refuse(const CLI::App& root, const CLI::ParseError& error) {
  if (error.get_name() == "RequiredError" || error.get_name() == "ExtrasError")
    if (const auto fault = unknown_command(root); !fault.empty()) {
      fmt::print(stderr, "posthorn: {}\nRun with --help for more information.\n", fault);
      return usage;
    }
  // CLI11 prints help and version to stdout with code 0, and faults to stderr.
  return root.exit(error) == 0 ? done : usage;
}

}  // namespace

void add_examples(CLI::App& command, std::initializer_list<std::string_view> arguments,
                  std::string_view notes) {
  std::string text = arguments.size() > 1 ? "Examples:" : "Example:";
  for (const auto one : arguments)
    text += fmt::format("\n  posthorn {}{}{}", words_of(command), one.empty() ? "" : " ", one);
  if (!notes.empty()) text += fmt::format("\n{}", notes);
  command.footer(text);
}

Client Context::connect() const {
  ClientOptions options = client;
  if (options.url.empty()) {
    const auto found = environment.find("POSTHORN_URL");
    options.url = found != environment.end() ? found->second : "http://127.0.0.1:8420";
  }
  const auto path_variable = environment.find("POSTHORN_KEY_FILE");
  const std::string path = !key_file.empty()                    ? key_file
                           : path_variable != environment.end() ? path_variable->second
                                                                : "";
  if (!path.empty()) {
    std::ifstream file(path);
    if (!file)
      throw CallFailed{missing_prerequisite, fmt::format("the key file {} cannot be read", path),
                       nullptr};
    std::string line;
    std::getline(file, line);
    options.key = Secret(std::string(trim(line)));
  } else if (const auto found = environment.find("POSTHORN_KEY"); found != environment.end()) {
    options.key = Secret(found->second);
  }
  if (options.workspace.empty())
    if (const auto found = environment.find("POSTHORN_WORKSPACE"); found != environment.end())
      options.workspace = found->second;
  return Client(std::move(options));
}

int print_list(const Context& context, std::string target, const std::vector<Column>& columns,
               int limit, bool all, const std::string& cursor) {
  auto client = context.connect();
  add_query(target, "limit", std::to_string(all ? 500 : limit));
  std::string next = cursor;
  std::size_t shown = 0;
  json::array gathered;
  for (;;) {
    auto page_target = target;
    add_query(page_target, "cursor", next);
    auto page = client.call("GET", page_target);
    auto& rows = page.at("data").as_array();
    shown += rows.size();
    const auto& more = page.at("next_cursor");
    next = more.is_string() ? std::string(more.get_string()) : std::string();
    if (context.output.as_json) {
      print_rows(rows, columns, context.output);
    } else {
      // A table's widths need every row; JSON lines go out as they come.
      for (auto& row : rows) gathered.push_back(std::move(row));
    }
    // A page may be short, even empty, while more follow: the server looks at a bounded number of
    // rows a call.
    if (next.empty() || (!all && shown >= static_cast<std::size_t>(limit))) break;
  }
  if (!context.output.as_json) {
    print_rows(gathered, columns, context.output);
    if (next.empty())
      fmt::print(stderr, "{} shown\n", shown);
    else
      fmt::print(stderr, "{} shown, there are more: --cursor {} or --all\n", shown, next);
  }
  return done;
}

std::string text_argument(const std::string& value) {
  if (value == "-") return read_all(std::cin);
  if (!value.starts_with('@')) return value;
  std::ifstream file(value.substr(1), std::ios::binary);
  if (!file) throw CallFailed{usage, fmt::format("{} cannot be read", value.substr(1)), nullptr};
  return read_all(file);
}

bool confirmed(const Context& context, const std::string& question) {
  if (context.yes) return true;
  if (isatty(STDIN_FILENO) != 1)
    throw CallFailed{
        usage, fmt::format("{} There is no terminal to ask on: give --yes to do it.", question),
        nullptr};
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

int run(int argument_count, char** arguments) {
  Context context;
  context.environment = relevant_environment();
  CLI::App root{"Posthorn: webhooks in and out, durable, signed, retried.", "posthorn"};
  root.set_version_flag("--version", "posthorn " POSTHORN_VERSION);
  root.require_subcommand(1);
  root.fallthrough();
  root.set_help_all_flag("--help-all", "Help for every command.");
  root.add_option("--url", context.client.url,
                  "The server [POSTHORN_URL, else http://127.0.0.1:8420]");
  root.add_option("--key-file", context.key_file,
                  "A file with the API key [POSTHORN_KEY_FILE, or the key in POSTHORN_KEY]");
  root.add_option("--workspace", context.client.workspace,
                  "For administrators: act in this workspace [POSTHORN_WORKSPACE]");
  root.add_flag("--json", context.output.as_json, "JSON for programs, one document a line");
  root.add_option("--color", context.colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  root.add_flag("--yes", context.yes, "Do not ask");
  add_server(root, context);
  add_events(root, context);
  add_endpoints(root, context);
  add_deliveries(root, context);
  add_sources(root, context);
  add_requests(root, context);
  add_bins(root, context);
  add_trigger(root, context);
  add_administration(root, context);
  add_signatures(root, context);
  add_bench(root, context);
  add_completion(root, context);
  // Behind the commands, which would inherit it.
  root.footer(
      "Examples:\n"
      "  posthorn serve\n"
      "  posthorn endpoints create https://example.com/hooks --types 'ticket.*'\n"
      "  posthorn events publish ticket.created --data '{\"id\":1042}'\n"
      "  posthorn deliveries list --status exhausted --since -2h\n"
      "  posthorn sources create stripe --set signing_secret=@secret.txt\n"
      "  posthorn requests list --state refused --since -2h\n"
      "  posthorn egress check https://10.0.0.1/\n"
      "Ends with 0 done, 1 failed, 2 wrong usage or input, 3 something needed is missing or in "
      "use,\n"
      "4 not found, 5 not authorised, 6 conflict, 7 server not reachable, 8 bad signature,\n"
      "9 partly done, 10 rate limited.");
  try {
    root.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    return refuse(root, error);
  }
  context.output.colour = wants_colour(context);
  try {
    return context.action ? context.action() : usage;
  } catch (const CallFailed& failure) {
    tell(context, failure);
    return failure.exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "posthorn: {}\n", error.what());
    return failed;
  }
}

}  // namespace posthorn::cli
