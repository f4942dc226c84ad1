#pragma once
// A source's settings from the command line, without JSON typed by hand.

#include <CLI/CLI.hpp>

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "providers/provider.h"

namespace posthorn::cli {

namespace json = boost::json;

/// `--set`, `--unset` and `--config`, as given.
struct ConfigInput {
  std::vector<std::string> set;    ///< "name=value"
  std::vector<std::string> unset;  ///< "name"
  std::string config;              ///< JSON text, @file or -.

  [[nodiscard]] bool empty() const { return set.empty() && unset.empty() && config.empty(); }
};

/// Adds the options to a command; `--unset` where something can be changed.
void add_config_options(CLI::App& command, ConfigInput& input, bool with_unset);

/// What --set means: texts, numbers and truth values by the table of fields; a secret only from a
/// file or standard input, without the line end behind it; credentials as `user:@file`; a name that
/// comes again makes a list. Above --config, member by member. `option` names it in faults. Throws
/// CallFailed (usage) with all faults. A name that is not in the table is text: whoever reads the
/// config knows the nearest.
json::object read_config(const ConfigInput& input, std::span<const providers::Field> fields,
                         std::string_view option = "--set");

/// One value for the field, as --set reads it: what rotate-secret takes. Throws CallFailed (usage).
json::value read_field_value(const providers::Field& field, const std::string& given);

/// The settings themselves, checked, for what works without a server. Throws CallFailed (usage)
/// with all faults. `in_cases`: fields for cases alone are taken too.
providers::Settings read_settings(const json::object& config, const providers::Provider& provider,
                                  bool in_cases = false);

/// The provider of that name; throws CallFailed (usage) naming the nearest.
const providers::Provider& provider_named(const std::string& name);

/// The provider's settings as lines of help: "  signing_secret  secret, required: …".
std::string fields_help(const providers::Provider& provider);

}  // namespace posthorn::cli
