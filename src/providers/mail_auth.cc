#include "providers/mail_auth.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/basic_auth.h"
#include "providers/common.h"

namespace posthorn::providers {

bool has_basic_auth(Steps& steps, const Settings& settings, const Incoming& request,
                    std::string_view field) {
  const auto& known = settings.credentials(field);
  if (!steps.check(!known.empty(), "credentials are set",
                   "the source has no " + std::string(field) + ", so nothing can be verified"))
    return false;
  const auto header = single_header(steps, request, "Authorization");
  if (!header) return false;
  const auto given = basic_credentials(*header);
  if (!steps.check(given.has_value(), "Basic credentials",
                   "Authorization is not Basic and base64 of <user name>:<password>: are they "
                   "written into the URL at the sender?"))
    return false;
  bool matches = false;
  for (const auto& one : known) {
    const bool name_fits = crypto::equal_in_constant_time(one.username, given->username);
    const bool password_fits = crypto::equal_in_constant_time(one.password, given->password);
    matches |= name_fits && password_fits;
  }
  return steps.check(matches, "user name and password",
                     "user name and password are not those of the source");
}

std::string basic_authorization(const Settings& settings, std::string_view field) {
  const auto& known = settings.credentials(field);
  if (known.empty()) return {};
  return "Basic " + to_base64(known.front().username + ":" + known.front().password);
}

}  // namespace posthorn::providers
