#pragma once
// Roles of run_role() for the long measurements of receiving (bench/*.py start them).

#include <string>
#include <vector>

namespace posthorn::benchmark {

/// stripe-load PORT SLUGS-FILE CONNECTIONS SECONDS RATE PAYLOAD FIRST-ID [ACKNOWLEDGED-FILE]:
/// signed requests to the sources of the file, one slug a line, in turns. RATE 0: as fast as
/// answers come. Prints one line of JSON: what was sent and answered, by status ("0": connection
/// lost). The acknowledged-file gets a character for each request, by id from FIRST-ID on: '1' for
/// a 2xx.
int stripe_load(const std::vector<std::string>& arguments);

/// fill-request-keys FOLDER COUNT: writes COUNT processed requests with a dedupe key each into the
/// store in the folder, which no other process may have open.
int fill_request_keys(const std::vector<std::string>& arguments);

}  // namespace posthorn::benchmark
