#pragma once
// Replay jobs, of deliveries and of received requests.

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

#include "cli/command_line.h"

namespace posthorn::cli {

/// Counts what `body` (of POST /v1/replay-jobs) matches, asks, and makes the job; `things` is what
/// they are for people ("deliveries"). With `wait` it is followed to its end. Returns the exit
/// code.
int run_replay_job(const Context& context, json::object body, std::string_view things, bool dry_run,
                   bool wait);

/// Shows a job's progress until it has ended: done, or partly_done where it did not complete.
int follow_replay_job(const Context& context, const std::string& id);

}  // namespace posthorn::cli
