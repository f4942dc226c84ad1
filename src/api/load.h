#pragma once
// What one workspace has asked for lately.

#include "env/fair_gate.h"
#include "env/rate_bucket.h"

namespace posthorn::api {

/// The live counters of one workspace.
struct WorkspaceLoad {
  env::RateBucket rate;
  env::GateShare publishing;
};

}  // namespace posthorn::api
