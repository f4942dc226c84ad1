#pragma once
// The command line: `posthorn COMMAND`. Each group of commands is one file that adds itself to the
// parser.

#include <CLI/CLI.hpp>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace posthorn::cli {

/// What every command has: global options and the chosen command's action.
struct Context {
  std::map<std::string, std::string> environment;  ///< POSTHORN_* and what decides colours.
  ClientOptions client;
  std::string key_file;
  OutputOptions output;
  std::string colour = "auto";
  bool yes = false;             ///< --yes: do not ask.
  std::function<int()> action;  ///< Set by the chosen command; run after parsing.

  /// A client with the options given; throws CallFailed when the key file cannot be read.
  [[nodiscard]] Client connect() const;
};

void add_events(CLI::App& root, Context& context);          ///< events, event-types
void add_endpoints(CLI::App& root, Context& context);       ///< endpoints
void add_deliveries(CLI::App& root, Context& context);      ///< deliveries, replays
void add_sources(CLI::App& root, Context& context);         ///< sources, providers
void add_requests(CLI::App& root, Context& context);        ///< requests
void add_bins(CLI::App& root, Context& context);            ///< bins
void add_trigger(CLI::App& root, Context& context);         ///< trigger
void add_administration(CLI::App& root, Context& context);  ///< keys, openapi
void add_signatures(CLI::App& root, Context& context);      ///< verify, sign, egress
void add_server(CLI::App& root, Context& context);          ///< serve, fsck, backup, restore
void add_bench(CLI::App& root, Context& context);           ///< bench, bench-role
void add_completion(CLI::App& root, Context& context);      ///< completion

/// Shows under a command's help how it is called: each of `arguments` behind "posthorn" and the
/// command's own words, then `notes`.
void add_examples(CLI::App& command, std::initializer_list<std::string_view> arguments,
                  std::string_view notes = {});

/// Prints a page of `target` ("data" rows), or every page with `all`; says how to see the rest.
int print_list(const Context& context, std::string target, const std::vector<Column>& columns,
               int limit, bool all, const std::string& cursor);

/// The text of `@file`, `-` (standard input) or the value itself. Throws CallFailed when it cannot
/// be read.
std::string text_argument(const std::string& value);

/// Asks on the terminal before something that cannot be undone. Throws CallFailed (usage) where
/// there is no terminal and no --yes.
bool confirmed(const Context& context, const std::string& question);

/// Parses `arguments`, runs the command, and returns the process's exit code.
int run(int argument_count, char** arguments);

}  // namespace posthorn::cli
