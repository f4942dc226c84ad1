#include "cli/replay_job.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <memory>

#include "text/json.h"

namespace posthorn::cli {

int follow_replay_job(const Context& context, const std::string& id) {
  constexpr int pause_ms = 300;
  auto client = context.connect();
  std::unique_ptr<Progress> progress;
  for (;;) {
    auto job = client.call("GET", "/v1/replay-jobs/" + encode(id));
    const auto number = [&job](std::string_view pointer) {
      const auto* value = text::at_pointer(job, pointer);
      return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
    };
    if (!progress) progress = std::make_unique<Progress>("replaying", number("/total"));
    progress->update(number("/seen"));
    const auto status = cell(text::at_pointer(job, "/status"));
    if (status == "completed" || status == "cancelled" || status == "failed") {
      progress.reset();
      print_object(job, context.output);
      return status == "completed" ? done : partly_done;
    }
    wait_milliseconds(pause_ms);
  }
}

int run_replay_job(const Context& context, json::object body, std::string_view things, bool dry_run,
                   bool wait) {
  auto client = context.connect();
  body["dry_run"] = true;
  const auto counted = client.call("POST", "/v1/replay-jobs", json::serialize(body));
  if (dry_run) {
    print_object(counted, context.output);
    return done;
  }
  const auto total = cell(text::at_pointer(counted, "/total"));
  if (!confirmed(context,
                 fmt::format("Replay {} {} at {} a second?", total == "-" ? "very many" : total,
                             things, cell(text::at_pointer(counted, "/rate")))))
    return failed;
  body["dry_run"] = false;
  const auto job = client.call("POST", "/v1/replay-jobs", json::serialize(body));
  if (wait) return follow_replay_job(context, cell(text::at_pointer(job, "/id")));
  print_object(job, context.output);
  return done;
}

}  // namespace posthorn::cli
