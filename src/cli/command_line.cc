#include "cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/bytes.h"
#include "text/json.h"

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

}  // namespace

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
  if (isatty(STDIN_FILENO) != 1) {
    fmt::print(stderr, "posthorn: {} Give --yes to do it.\n", question);
    return false;
  }
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
  root.footer(
      "Examples:\n"
      "  posthorn serve\n"
      "  posthorn endpoints create https://example.com/hooks --types 'ticket.*'\n"
      "  posthorn events publish ticket.created --data '{\"id\":1042}'\n"
      "  posthorn deliveries list --status exhausted --since -2h\n"
      "  posthorn sources create stripe --set signing_secret=@secret.txt\n"
      "  posthorn requests list --state refused --since -2h\n"
      "  posthorn egress check https://10.0.0.1/");
  add_server(root, context);
  add_events(root, context);
  add_endpoints(root, context);
  add_deliveries(root, context);
  add_sources(root, context);
  add_requests(root, context);
  add_trigger(root, context);
  add_administration(root, context);
  add_signatures(root, context);
  add_bench(root, context);
  add_completion(root, context);
  try {
    root.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    // CLI11 prints help and version to stdout with code 0, and faults to stderr.
    return root.exit(error) == 0 ? done : usage;
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
