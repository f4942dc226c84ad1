#pragma once

namespace posthorn::cli {

/// What the process returns; fixed, since scripts rely on it.
enum ExitCode : int {
  done = 0,
  failed = 1,
  usage = 2,
  missing_prerequisite = 3,
  not_found = 4,
  not_authorised = 5,
  conflict = 6,
  unreachable = 7,
  bad_signature = 8,
  partly_done = 9,
  rate_limited = 10,
};

}  // namespace posthorn::cli
