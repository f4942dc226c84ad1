// keys, openapi

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "cli/command_line.h"

namespace posthorn::cli {

void add_administration(CLI::App& root, Context& context) {
  auto* keys = root.add_subcommand("keys", "API keys");
  keys->require_subcommand(1);
  struct Create {
    std::string name, expires_at;
    std::vector<std::string> scopes;
  };
  auto made = std::make_shared<Create>();
  auto* create = keys->add_subcommand("create", "Makes a key and shows it once");
  create->add_option("NAME", made->name, "What it is for")->required();
  create->add_option("--scopes", made->scopes, "Such as events:write,deliveries:read")
      ->delimiter(',')
      ->required();
  create->add_option("--expires-at", made->expires_at, "RFC 3339");
  add_examples(*create, {"shop-backend --scopes events:write,deliveries:read"});
  create->callback([&context, made] {
    context.action = [&context, made] {
      json::object body{{"name", made->name}};
      auto& scopes = body["scopes"].emplace_array();
      for (const auto& scope : made->scopes) scopes.emplace_back(scope);
      if (!made->expires_at.empty()) body["expires_at"] = made->expires_at;
      print_object(context.connect().call("POST", "/v1/api-keys", json::serialize(body)),
                   context.output);
      return static_cast<int>(done);
    };
  });
  auto* list = keys->add_subcommand("list", "Every key, without its secret part");
  add_examples(*list, {""});
  list->callback([&context] {
    context.action = [&context] {
      return print_list(context, "/v1/api-keys",
                        {{"ID", "/id"},
                         {"NAME", "/name"},
                         {"PREFIX", "/prefix"},
                         {"SCOPES", "/scopes"},
                         {"EXPIRES", "/expires_at"},
                         {"LAST USED", "/last_used_at"}},
                        100, false, "");
    };
  });
  auto id = std::make_shared<std::string>();
  auto* revoke = keys->add_subcommand("revoke", "Ends a key at once");
  revoke->add_option("ID", *id)->required();
  add_examples(*revoke, {"key_0000000000007 --yes"});
  revoke->callback([&context, id] {
    context.action = [&context, id]() -> int {
      if (!confirmed(context, fmt::format("Revoke {}?", *id))) return failed;
      context.connect().call("DELETE", "/v1/api-keys/" + encode(*id));
      return done;
    };
  });

  auto* openapi =
      root.add_subcommand("openapi", "Prints the OpenAPI 3.1 document of this server's API");
  add_examples(*openapi, {"> openapi.json"});
  openapi->callback([&context] {
    context.action = [&context] {
      fmt::print("{}\n", context.connect().bytes("/v1/openapi.json"));
      return static_cast<int>(done);
    };
  });
}

}  // namespace posthorn::cli
