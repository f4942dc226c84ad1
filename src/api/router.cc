#include "api/router.h"

#include <algorithm>

#include "api/query.h"
#include "base/assert.h"

namespace posthorn::api {

struct Router::Node {
  std::vector<std::pair<std::string_view, std::unique_ptr<Node>>> named;
  std::unique_ptr<Node> braced;
  std::unique_ptr<Node> rest;
  std::vector<const Route*> routes;

  Node& child(std::string_view segment) {
    if (segment.starts_with('{')) {
      auto& place = segment.ends_with("*}") ? rest : braced;
      if (!place) place = std::make_unique<Node>();
      return *place;
    }
    for (auto& [name, node] : named)
      if (name == segment) return *node;
    return *named.emplace_back(segment, std::make_unique<Node>()).second;
  }
};

namespace {

/// Takes the next segment off a path that begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const auto end = std::min(path.find('/'), path.size());
  const auto segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

std::string methods_of(const std::vector<const Route*>& routes) {
  std::string allow;
  for (const Route* route : routes) {
    if (!allow.empty()) allow += ", ";
    allow += route->method;
    if (route->method == "GET") allow += ", HEAD";
  }
  return allow;
}

}  // namespace

Router::Router(std::span<const Route> routes) : root_(std::make_unique<Node>()) {
  for (const auto& route : routes) {
    Node* node = root_.get();
    for (auto path = route.pattern; !path.empty();) node = &node->child(take_segment(path));
    PH_ASSERT(std::ranges::find(node->routes, route.method, &Route::method) == node->routes.end());
    node->routes.push_back(&route);
  }
}

Router::~Router() = default;

Routed Router::find(std::string_view method, std::string_view path) const {
  Routed found;
  const Node* node = root_.get();
  if (!path.starts_with('/')) return found;
  while (!path.empty()) {
    auto rest = path;
    const auto segment = take_segment(rest);
    const auto named =
        std::ranges::find(node->named, segment, [](const auto& e) { return e.first; });
    if (named != node->named.end()) {
      node = named->second.get();
    } else if (node->braced && !segment.empty()) {
      auto decoded = percent_decode(segment, false);
      if (!decoded) return found;
      found.parameters.push_back(std::move(*decoded));
      node = node->braced.get();
    } else if (node->rest) {
      found.parameters.emplace_back(path);
      node = node->rest.get();
      break;
    } else {
      return found;
    }
    path = rest;
  }
  const auto wanted = method == "HEAD" ? std::string_view("GET") : method;
  for (const Route* route : node->routes)
    if (route->method == wanted || route->method == "ANY") {
      found.route = route;
      return found;
    }
  if (!node->routes.empty()) found.allow = methods_of(node->routes);
  return found;
}

}  // namespace posthorn::api
