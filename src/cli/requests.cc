// requests

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "cli/replay_job.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

struct RequestSelection {
  std::string source, provider, state, since, until, duplicate_of;
  int limit = 50;
  bool all = false;
  std::string cursor;
};

void add_selection(CLI::App& command, RequestSelection& selection) {
  command.add_option("--source", selection.source, "A source's id");
  command.add_option("--provider", selection.provider, "Of all sources of this provider");
  command.add_option("--state", selection.state,
                     "received, processed, duplicate, refused, unparsed, invalid, parked or "
                     "answered (comma)");
  command.add_option("--since", selection.since, "RFC 3339, or -2h for two hours ago");
  command.add_option("--until", selection.until, "RFC 3339, or -1h");
}

json::object filter_of(const RequestSelection& selection) {
  json::object filter;
  const auto add = [&filter](std::string_view name, const std::string& value) {
    if (!value.empty()) filter[name] = value;
  };
  add("source_id", selection.source);
  add("provider", selection.provider);
  add("state", selection.state);
  add("since", selection.since);
  add("until", selection.until);
  return filter;
}

std::string request_path(const std::string& id) { return "/v1/requests/" + encode(id); }

std::string member(const json::value& object, std::string_view pointer) {
  return cell(text::at_pointer(object, pointer));
}

void add_request_list(CLI::App& requests, Context& context) {
  auto selection = std::make_shared<RequestSelection>();
  auto* list = requests.add_subcommand("list", "What was received, newest first");
  add_selection(*list, *selection);
  list->add_option("--duplicate-of", selection->duplicate_of,
                   "Only those that said the same again");
  list->add_option("--limit", selection->limit)->check(CLI::Range(1, 500));
  list->add_flag("--all", selection->all);
  list->add_option("--cursor", selection->cursor);
  add_examples(*list, {"--state refused,parked --since -2h"});
  list->callback([&context, selection] {
    context.action = [&context, selection] {
      std::string target = "/v1/requests";
      for (const auto& one : filter_of(*selection))
        add_query(target, one.key(), cell(&one.value()));
      add_query(target, "duplicate_of", selection->duplicate_of);
      return print_list(context, target,
                        {{"RECEIVED", "/received_at"},
                         {"ID", "/id"},
                         {"SOURCE", "/source_id"},
                         {"STATE", "/state"},
                         {"REPLY", "/reply_status"},
                         {"BYTES", "/body_bytes"},
                         {"EVENTS", "/events"}},
                        selection->limit, selection->all, selection->cursor);
    };
  });
}

/// Control characters other than line ends are made visible.
void print_lines(std::string_view text) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    fmt::print("{}\n", printable(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line));
  }
}

/// As it came: head and body, below what became of it. The verdict is what explain shows.
void print_request(json::object request) {
  const auto headers = request["headers"].as_array();
  const auto body = request["body"], packed = request["body_base64"];
  const bool is_cut = request["body_truncated"] == true;
  const auto id = cell(&request["id"]);
  for (const auto name : {"headers", "body", "body_base64", "body_truncated", "verdict", "object"})
    request.erase(name);
  print_object(request, {});
  fmt::print("\n");
  for (const auto& header : headers)
    fmt::print("{}: {}\n", cell(&header.at(0)), cell(&header.at(1)));
  fmt::print("\n");
  if (body.is_string())
    print_lines(body.get_string());
  else if (packed.is_string())
    fmt::print(stderr, "Its body is not text: posthorn requests get {} --body\n", id);
  else
    fmt::print(stderr, "Its body is not kept any more.\n");
  if (is_cut) fmt::print(stderr, "Cut; the whole: posthorn requests get {} --body\n", id);
}

void add_get(CLI::App& requests, Context& context) {
  auto id = std::make_shared<std::string>();
  auto body_alone = std::make_shared<bool>(false);
  auto* get = requests.add_subcommand("get", "One request with its headers and body");
  get->add_option("ID", *id)->required();
  get->add_flag("--body", *body_alone, "Only its body, byte for byte");
  add_examples(*get, {"req_0000000000042", "req_0000000000042 --body > body.bin"});
  get->callback([&context, id, body_alone] {
    context.action = [&context, id, body_alone] {
      auto client = context.connect();
      if (*body_alone) {
        const auto bytes = client.bytes(request_path(*id) + "/body");
        if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
          throw CallFailed{failed, "standard output cannot be written", nullptr};
        return static_cast<int>(done);
      }
      auto request = client.call("GET", request_path(*id));
      if (context.output.as_json)
        print_object(request, context.output);
      else
        print_request(std::move(request.as_object()));
      return static_cast<int>(done);
    };
  });
  auto erased = std::make_shared<std::string>();
  auto* erase = requests.add_subcommand("erase", "Removes a request's body; the rest stays");
  erase->add_option("ID", *erased)->required();
  add_examples(*erase, {"req_0000000000042 --yes"});
  erase->callback([&context, erased] {
    context.action = [&context, erased]() -> int {
      if (!confirmed(context, fmt::format("Erase the body of {}?", *erased))) return failed;
      context.connect().call("DELETE", request_path(*erased) + "/body");
      return done;
    };
  });
}

void print_verification(std::string_view title, const json::value& verdict) {
  fmt::print("{}\n", title);
  std::string last_detail;
  if (const auto* steps = text::at_pointer(verdict, "/steps"); steps != nullptr)
    for (const auto& step : steps->as_array()) {
      const auto detail = member(step, "/detail");
      fmt::print("  {:<4} {}{}\n", step.at("passed") == true ? "ok" : "FAIL", member(step, "/what"),
                 detail == "-" || detail.empty() ? "" : ": " + detail);
      last_detail = detail;
    }
  if (const auto* faults = text::at_pointer(verdict, "/faults"); faults != nullptr)
    for (const auto& fault : faults->as_array())
      fmt::print("  FAIL {}: {}\n", member(fault, "/pointer"), member(fault, "/detail"));
  const auto reason = member(verdict, "/reason");
  if (reason != "-" && !reason.empty() && reason != last_detail) fmt::print("  {}\n", reason);
}

void print_explanation(const json::value& answer) {
  fmt::print("{}: {}. It {}\n", member(answer, "/request_id"), member(answer, "/state"),
             member(answer, "/in_words"));
  for (const auto& [name, title] :
       {std::pair{"/events", "events"}, {"/duplicate_of", "duplicate of"}})
    if (const auto value = member(answer, name); value != "-") fmt::print("{}: {}\n", title, value);
  const auto& then = answer.at("at_receipt");
  if (!then.is_null()) print_verification("when it came:", then);
  const auto& now = answer.at("now");
  if (now.is_null())
    fmt::print("with today's settings: not known, since {}\n",
               member(answer, "/now_unknown_because"));
  else
    print_verification(now.at("verified") == true ? "with today's settings it verifies:"
                                                  : "with today's settings it does not verify:",
                       now);
  const auto& mistakes = answer.at("likely_mistakes").as_array();
  if (!mistakes.empty()) fmt::print("what probably happened:\n");
  for (const auto& mistake : mistakes)
    fmt::print("  {}: {}\n", member(mistake, "/code"), member(mistake, "/sentence"));
}

void add_explain(CLI::App& requests, Context& context) {
  auto id = std::make_shared<std::string>();
  auto* explain = requests.add_subcommand(
      "explain", "How it was verified, step by step, and the mistake that is likely");
  explain->add_option("ID", *id)->required();
  add_examples(*explain, {"req_0000000000042"});
  explain->callback([&context, id] {
    context.action = [&context, id] {
      const auto answer = context.connect().call("GET", request_path(*id) + "/explain");
      if (context.output.as_json)
        print_object(answer, context.output);
      else
        print_explanation(answer);
      return static_cast<int>(done);
    };
  });
}

struct RequestReplay {
  std::vector<std::string> ids;
  RequestSelection selection;
  bool force = false, dry_run = false, wait = false;
  double rate = 20;
  const CLI::App* command = nullptr;
};

/// Up to 500 in one call, with an answer for each.
int replay_some(const Context& context, const RequestReplay& options) {
  refuse_beside_ids(*options.command, "--force");
  auto client = context.connect();
  if (options.ids.size() == 1) {
    const json::object body{{"force", options.force}};
    print_object(
        client.call("POST", request_path(options.ids.front()) + "/replay", json::serialize(body)),
        context.output);
    return done;
  }
  constexpr std::size_t together = 500;
  bool all_well = true;
  for (std::size_t begin = 0; begin < options.ids.size(); begin += together) {
    json::array ids;
    for (std::size_t i = begin; i < std::min(begin + together, options.ids.size()); ++i)
      ids.emplace_back(options.ids[i]);
    const json::object body{{"ids", std::move(ids)}, {"force", options.force}};
    const auto answer = client.call("POST", "/v1/requests/replay", json::serialize(body));
    const auto& rows = answer.at("data").as_array();
    print_rows(rows, {{"ID", "/id"}, {"STATUS", "/status"}, {"CODE", "/code"}, {"WHY", "/detail"}},
               context.output);
    all_well = all_well && std::ranges::all_of(rows, [](const json::value& row) {
                 return row.at("status").to_number<int>() / 100 == 2;
               });
  }
  return all_well ? done : partly_done;
}

int replay(const Context& context, const RequestReplay& options) {
  if (!options.ids.empty()) return replay_some(context, options);
  auto filter = filter_of(options.selection);
  if (filter.empty())
    throw CallFailed{
        usage, "say which: request ids, or a filter such as --state refused --since -2h", nullptr};
  if (options.force) filter["force"] = true;
  const bool has_state = !options.selection.state.empty();
  return run_replay_job(context,
                        {.body = {{"requests", std::move(filter)}, {"rate", options.rate}},
                         .thing = "request",
                         .things = "requests",
                         .hint = has_state ? "" : "without --state only parked ones are looked at",
                         .dry_run = options.dry_run,
                         .wait = options.wait});
}

void add_replay(CLI::App& requests, Context& context) {
  auto options = std::make_shared<RequestReplay>();
  auto* command = requests.add_subcommand(
      "replay", "Works on them again: some by id, or many by filter as a job");
  command->add_option("ID", options->ids);
  add_selection(*command, options->selection);
  command->add_flag("--force", options->force,
                    "What they say happens anew (else everything happens once)");
  command->add_flag("--dry-run", options->dry_run, "Only count");
  command->add_flag("--wait", options->wait, "Show progress until the job has ended");
  command->add_option("--rate", options->rate, "Requests a second");
  options->command = command;
  add_examples(
      *command,
      {"req_0000000000042", "--source src_0000000000007 --state refused --since -2h --wait"},
      "By filter without --state only parked requests are replayed. Ends with 9 when all "
      "of a job were skipped.");
  command->callback([&context, options] {
    context.action = [&context, options] { return replay(context, *options); };
  });
}

struct Tail {
  std::string source;
  std::vector<std::string> states;
  int count = 0;
};

int tail(const Context& context, const Tail& options) {
  int shown = 0;
  context.connect().stream("/v1/stream?topics=requests", [&](const Client::Message& message) {
    if (message.name == "gap") {
      fmt::print(stderr, "some were missed: posthorn requests list\n");
      return true;
    }
    const auto parsed = text::parse_json(message.data);
    if (!parsed) throw CallFailed{failed, "the stream is not JSON", nullptr};
    const auto& row = *parsed;
    if (!options.source.empty() && member(row, "/source_id") != options.source) return true;
    if (!options.states.empty() &&
        std::ranges::find(options.states, member(row, "/state")) == options.states.end())
      return true;
    if (context.output.as_json)
      fmt::print("{}\n", json::serialize(row));
    else
      fmt::print("{}  {}  {}  {:<9}  {}  {}\n", member(row, "/received_at"), member(row, "/id"),
                 member(row, "/source_id"), member(row, "/state"), member(row, "/reply_status"),
                 member(row, "/events"));
    std::fflush(stdout);
    return options.count == 0 || ++shown < options.count;
  });
  return done;
}

void add_tail(CLI::App& requests, Context& context) {
  auto options = std::make_shared<Tail>();
  auto* command = requests.add_subcommand("tail", "Shows what is received, as it comes");
  command->add_option("--source", options->source, "Only of this source");
  command->add_option("--state", options->states, "Only in these states (comma)")->delimiter(',');
  command->add_option("--count", options->count, "End after so many (0: never)");
  add_examples(*command, {"--state refused"});
  command->callback([&context, options] {
    context.action = [&context, options] { return tail(context, *options); };
  });
}

}  // namespace

void add_requests(CLI::App& root, Context& context) {
  auto* requests =
      root.add_subcommand("requests", "What was received: raw, with its verdict and what it made");
  requests->require_subcommand(1);
  add_request_list(*requests, context);
  add_get(*requests, context);
  add_explain(*requests, context);
  add_replay(*requests, context);
  add_tail(*requests, context);
}

}  // namespace posthorn::cli
