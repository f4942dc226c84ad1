#pragma once
// `posthorn verify --provider`: one request of a provider, verified step by step without a server.

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/config_input.h"

namespace posthorn::cli {

struct ProviderCheck {
  std::string provider;
  ConfigInput config;
  /// A file with {"provider", "secret": {settings}, "request": {method, url, headers, body or
  /// body_base64}, "now"}: what is not given by the options below.
  std::string case_file;
  std::string method = "POST", url, body;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string at;                    ///< Unix seconds or RFC 3339; empty: now.
};

/// Prints every step, what it says, and when it does not verify the likely mistakes. Returns done
/// or bad_signature. Throws CallFailed (usage).
int check_provider_request(const Context& context, const ProviderCheck& options);

/// Whether a case file is a provider's: it has the member "provider". Throws CallFailed (usage).
bool is_provider_case(const std::string& case_file);

}  // namespace posthorn::cli
