#pragma once
// Replay jobs, of deliveries and of received requests.

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

#include "cli/command_line.h"

namespace posthorn::cli {

struct ReplayOrder {
  json::object body;               ///< Of POST /v1/replay-jobs.
  std::string_view thing, things;  ///< What is replayed, for people: "delivery", "deliveries".
  std::string_view hint;           ///< Said when none matches; may be empty.
  bool dry_run = false;            ///< Only count.
  bool wait = false;               ///< Follow the job to its end.
};

/// Counts what the order matches, asks, and makes the job unless nothing matches. Returns the exit
/// code.
int run_replay_job(const Context& context, ReplayOrder order);

/// Shows a job's progress until it has ended: done, or partly_done where it did not complete or
/// all were skipped.
int follow_replay_job(const Context& context, const std::string& id);

/// Throws CallFailed (usage) when the command was given options that count for a job alone and
/// would be dropped beside ids; the option `allowed` may stand there.
void refuse_beside_ids(const CLI::App& command, std::string_view allowed = {});

}  // namespace posthorn::cli
