#include "cli/replay_job.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <memory>

#include "text/json.h"

namespace posthorn::cli {

namespace {

std::uint64_t number_at(const json::value& job, std::string_view pointer) {
  const auto* value = text::at_pointer(job, pointer);
  return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

/// Of a job that has ended.
int outcome(const json::value& job) {
  const auto skipped = number_at(job, "/skipped"), replayed = number_at(job, "/replayed");
  if (skipped > 0)
    fmt::print(stderr,
               "{} of {} skipped: what they would need is gone, or a request still does not "
               "verify\n",
               skipped, number_at(job, "/seen"));
  const bool is_complete = cell(text::at_pointer(job, "/status")) == "completed";
  return is_complete && (skipped == 0 || replayed > 0) ? done : partly_done;
}

void tell_count(const json::value& counted, const ReplayOrder& order) {
  if (const auto total = cell(text::at_pointer(counted, "/total")); total != "-")
    fmt::print("{} {} would be replayed\n", total, total == "1" ? order.thing : order.things);
  else
    fmt::print("very many {} would be replayed: posthorn replays wait {} counts them\n",
               order.things, cell(text::at_pointer(counted, "/id")));
}

}  // namespace

int follow_replay_job(const Context& context, const std::string& id) {
  constexpr int pause_ms = 300;
  auto client = context.connect();
  std::unique_ptr<Progress> progress;
  for (;;) {
    auto job = client.call("GET", "/v1/replay-jobs/" + encode(id));
    if (!progress) progress = std::make_unique<Progress>("replaying", number_at(job, "/total"));
    progress->update(number_at(job, "/seen"));
    const auto status = cell(text::at_pointer(job, "/status"));
    if (status == "completed" || status == "cancelled" || status == "failed") {
      progress.reset();
      print_object(job, context.output);
      return outcome(job);
    }
    wait_milliseconds(pause_ms);
  }
}

int run_replay_job(const Context& context, ReplayOrder order) {
  auto client = context.connect();
  order.body["dry_run"] = true;
  const auto counted = client.call("POST", "/v1/replay-jobs", json::serialize(order.body));
  const auto total = cell(text::at_pointer(counted, "/total"));
  if (total == "0" && !order.dry_run)
    fmt::print(stderr, "no {} match, nothing is replayed\n", order.things);
  if (total == "0" && !order.hint.empty()) fmt::print(stderr, "{}\n", order.hint);
  if (order.dry_run || total == "0") {
    if (context.output.as_json)
      print_object(counted, context.output);
    else if (order.dry_run)
      tell_count(counted, order);
    return done;
  }
  if (!confirmed(context,
                 fmt::format("Replay {} {} at {} a second?", total == "-" ? "very many" : total,
                             order.things, cell(text::at_pointer(counted, "/rate")))))
    return failed;
  order.body["dry_run"] = false;
  const auto job = client.call("POST", "/v1/replay-jobs", json::serialize(order.body));
  if (order.wait) return follow_replay_job(context, cell(text::at_pointer(job, "/id")));
  print_object(job, context.output);
  return done;
}

void refuse_beside_ids(const CLI::App& command, std::string_view allowed) {
  std::string refused;
  for (const auto* option : command.get_options()) {
    const auto name = option->get_name();
    if (option->get_positional() || option->count() == 0 || name == allowed) continue;
    refused += (refused.empty() ? "" : ", ") + name;
  }
  if (refused.empty()) return;
  throw CallFailed{usage,
                   fmt::format("{} cannot stand beside ids: give either ids, or a filter and what "
                               "belongs to its job",
                               refused),
                   nullptr};
}

}  // namespace posthorn::cli
