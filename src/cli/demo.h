#pragma once
#include "cli/client.h"

namespace posthorn::cli {

/// Shows one delivery end to end: makes a bin and an endpoint at it, publishes ticket.created,
/// waits for the delivery and prints both signatures' verification. Returns an exit code; failed
/// when any part of it is not as it must be.
int run_demo(Client& client);

}  // namespace posthorn::cli
