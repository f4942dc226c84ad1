// bins

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "cli/command_line.h"

namespace posthorn::cli {

namespace {

struct BinList {
  std::string id;
  int limit = 50;
  bool all = false;
  std::string cursor;
};

void add_page_options(CLI::App& command, BinList& options) {
  command.add_option("--limit", options.limit, "Rows to show")->check(CLI::Range(1, 500));
  command.add_flag("--all", options.all, "Every row");
  command.add_option("--cursor", options.cursor, "Continue where a list ended");
}

void add_bin_create(CLI::App& bins, Context& context) {
  auto name = std::make_shared<std::string>();
  auto* create = bins.add_subcommand("create", "A new address that keeps what it is sent");
  create->add_option("--name", *name, "For people");
  add_examples(*create, {"--name try-out"},
               "Its endpoint_url, bin://ID, is an endpoint's URL that needs no network.");
  create->callback([&context, name] {
    context.action = [&context, name] {
      json::object body;
      if (!name->empty()) body["name"] = *name;
      print_object(context.connect().call("POST", "/v1/bins", json::serialize(body)),
                   context.output);
      return static_cast<int>(done);
    };
  });
}

void add_bin_list(CLI::App& bins, Context& context) {
  auto options = std::make_shared<BinList>();
  auto* list = bins.add_subcommand("list", "Every bin");
  add_page_options(*list, *options);
  add_examples(*list, {"--all"});
  list->callback([&context, options] {
    context.action = [&context, options] {
      return print_list(
          context, "/v1/bins",
          {{"CREATED", "/created_at"}, {"ID", "/id"}, {"NAME", "/name"}, {"URL", "/url"}},
          options->limit, options->all, options->cursor);
    };
  });
}

void add_bin_get(CLI::App& bins, Context& context) {
  auto options = std::make_shared<BinList>();
  auto* get = bins.add_subcommand("get", "What a bin was sent, newest first");
  get->add_option("ID", options->id)->required();
  add_page_options(*get, *options);
  add_examples(*get, {"bin_0000000000007", "bin_0000000000007 --limit 1 --json"},
               "With --json each request has its headers and body.");
  get->callback([&context, options] {
    context.action = [&context, options] {
      return print_list(context, fmt::format("/v1/bins/{}/requests", encode(options->id)),
                        {{"AT", "/at"},
                         {"ID", "/id"},
                         {"METHOD", "/method"},
                         {"PATH", "/path"},
                         {"BYTES", "/body_bytes"},
                         {"ANSWERED", "/answered"},
                         {"X-WEBHOOK-SIGNATURE", "/signatures/x_webhook_signature"},
                         {"WEBHOOK-SIGNATURE", "/signatures/webhook_signature"}},
                        options->limit, options->all, options->cursor);
    };
  });
}

}  // namespace

void add_bins(CLI::App& root, Context& context) {
  auto* bins = root.add_subcommand("bins", "Addresses that keep what they are sent, to try out");
  bins->require_subcommand(1);
  add_bin_create(*bins, context);
  add_bin_list(*bins, context);
  add_bin_get(*bins, context);
}

}  // namespace posthorn::cli
