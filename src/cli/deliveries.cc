// deliveries, replays

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "cli/replay_job.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

struct DeliverySelection {
  std::string status, endpoint, event, type, code, since, until;
  int limit = 50;
  bool all = false;
  std::string cursor;
};

void add_selection(CLI::App& command, DeliverySelection& selection) {
  command.add_option("--status", selection.status,
                     "pending, held, succeeded, exhausted, cancelled or parked (comma)");
  command.add_option("--endpoint", selection.endpoint, "An endpoint's id");
  command.add_option("--type", selection.type, "Event type, with * wildcards");
  command.add_option("--code", selection.code, "HTTP status of the last attempt (comma)");
  command.add_option("--since", selection.since, "RFC 3339, or -2h for two hours ago");
  command.add_option("--until", selection.until, "RFC 3339, or -1h");
}

const std::vector<Column> delivery_columns{
    {"CREATED", "/created_at"},    {"ID", "/id"},
    {"TYPE", "/event_type"},       {"ENDPOINT", "/endpoint_id"},
    {"STATUS", "/status"},         {"TRIES", "/attempt_count"},
    {"CODE", "/last_status_code"}, {"NEXT", "/next_attempt_at"}};
const std::vector<Column> job_columns{{"CREATED", "/created_at"}, {"ID", "/id"},
                                      {"STATUS", "/status"},      {"SEEN", "/seen"},
                                      {"TOTAL", "/total"},        {"REPLAYED", "/replayed"}};

struct DeliveryReplay {
  std::vector<std::string> ids;
  DeliverySelection selection;
  bool dry_run = false, wait = false;
  double rate = 20;
  const CLI::App* command = nullptr;
};

json::object filter_of(const DeliverySelection& selection) {
  json::object filter;
  const auto add = [&filter](std::string_view name, const std::string& value) {
    if (!value.empty()) filter[name] = value;
  };
  add("status", selection.status);
  add("endpoint_id", selection.endpoint);
  add("type", selection.type);
  add("code", selection.code);
  add("since", selection.since);
  add("until", selection.until);
  return filter;
}

int replay_by_id(const Context& context, const DeliveryReplay& options) {
  refuse_beside_ids(*options.command);
  auto client = context.connect();
  std::size_t failures = 0;
  for (const auto& id : options.ids) {
    try {
      print_object(client.call("POST", "/v1/deliveries/" + encode(id) + "/replay", "{}"),
                   context.output);
    } catch (const CallFailed& failure) {
      if (options.ids.size() == 1) throw;
      ++failures;
      fmt::print(stderr, "posthorn: {}: {}\n", printable(id), failure.message);
    }
  }
  if (failures == 0) return done;
  return failures == options.ids.size() ? failed : partly_done;
}

int replay(const Context& context, const DeliveryReplay& options) {
  if (!options.ids.empty()) return replay_by_id(context, options);
  const auto filter = filter_of(options.selection);
  if (filter.empty())
    throw CallFailed{usage,
                     "say which: delivery ids, or a filter such as --status exhausted --since -2h",
                     nullptr};
  const bool has_status = !options.selection.status.empty();
  return run_replay_job(
      context, {.body = {{"filter", filter}, {"rate", options.rate}},
                .thing = "delivery",
                .things = "deliveries",
                .hint = has_status ? "" : "without --status only exhausted ones are looked at",
                .dry_run = options.dry_run,
                .wait = options.wait});
}

}  // namespace

void add_deliveries(CLI::App& root, Context& context) {
  auto* deliveries =
      root.add_subcommand("deliveries", "One event for one endpoint, with its attempts");
  deliveries->require_subcommand(1);

  auto selection = std::make_shared<DeliverySelection>();
  auto* list = deliveries->add_subcommand("list", "Newest first");
  add_selection(*list, *selection);
  list->add_option("--event", selection->event, "An event's id");
  list->add_option("--limit", selection->limit)->check(CLI::Range(1, 500));
  list->add_flag("--all", selection->all);
  list->add_option("--cursor", selection->cursor);
  add_examples(*list, {"--status exhausted --since -2h", "--event evt_0000000000042"});
  list->callback([&context, selection] {
    context.action = [&context, selection] {
      std::string target = "/v1/deliveries";
      for (const auto& member : filter_of(*selection))
        add_query(target, member.key(), cell(&member.value()));
      add_query(target, "event_id", selection->event);
      return print_list(context, target, delivery_columns, selection->limit, selection->all,
                        selection->cursor);
    };
  });

  auto id = std::make_shared<std::string>();
  auto* get = deliveries->add_subcommand("get", "One delivery with every attempt");
  get->add_option("ID", *id, "dlv_... or the UUID of X-Webhook-Delivery")->required();
  add_examples(*get, {"dlv_0000000000042"});
  get->callback([&context, id] {
    context.action = [&context, id] {
      print_object(context.connect().call("GET", "/v1/deliveries/" + encode(*id)), context.output);
      return static_cast<int>(done);
    };
  });

  auto options = std::make_shared<DeliveryReplay>();
  auto* replay_command =
      deliveries->add_subcommand("replay", "Sends again: some by id, or many by filter as a job");
  replay_command->add_option("ID", options->ids);
  add_selection(*replay_command, options->selection);
  replay_command->add_flag("--dry-run", options->dry_run, "Only count");
  replay_command->add_flag("--wait", options->wait, "Show progress until the job has ended");
  replay_command->add_option("--rate", options->rate, "Deliveries a second");
  options->command = replay_command;
  add_examples(*replay_command,
               {"dlv_0000000000042", "--status exhausted --since -2h --dry-run",
                "--endpoint ep_0000000000007 --status exhausted,cancelled --wait"},
               "By filter without --status only exhausted deliveries are replayed. Ends with 9 "
               "when all of a job\nwere skipped (their endpoint or payload is gone).");
  replay_command->callback([&context, options] {
    context.action = [&context, options] { return replay(context, *options); };
  });

  auto* replays = root.add_subcommand("replays", "Replay jobs");
  replays->require_subcommand(1);
  auto* jobs = replays->add_subcommand("list", "Newest first");
  auto limit = std::make_shared<int>(50);
  jobs->add_option("--limit", *limit)->check(CLI::Range(1, 500));
  add_examples(*jobs, {""});
  jobs->callback([&context, limit] {
    context.action = [&context, limit] {
      return print_list(context, "/v1/replay-jobs", job_columns, *limit, false, "");
    };
  });
  for (const std::string verb : {"get", "wait", "pause", "resume", "cancel"}) {
    auto job = std::make_shared<std::string>();
    auto* command = replays->add_subcommand(verb, verb == "get"    ? "One job"
                                                  : verb == "wait" ? "Progress until it has ended"
                                                                   : verb + " a job");
    command->add_option("ID", *job)->required();
    add_examples(*command, {"rpl_0000000000042"});
    command->callback([&context, job, verb] {
      context.action = [&context, job, verb]() -> int {
        if (verb == "wait") return follow_replay_job(context, *job);
        const auto target = "/v1/replay-jobs/" + encode(*job);
        print_object(verb == "get" ? context.connect().call("GET", target)
                                   : context.connect().call("POST", target + "/" + verb, "{}"),
                     context.output);
        return done;
      };
    });
  }
}

}  // namespace posthorn::cli
