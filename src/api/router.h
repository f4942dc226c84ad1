#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.h"

namespace posthorn::api {

/// What an address leads to.
struct Routed {
  const Route* route = nullptr;         ///< Null: see `allow`.
  std::vector<std::string> parameters;  ///< Of the pattern's braces, in their order, decoded.
  std::string allow;  ///< The address exists with these methods only ("GET, POST"); else empty.
};

/// Finds routes by method and path. Built once; thread-safe after that. Cost: linear in the
/// segments of the path.
class Router {
 public:
  /// A pattern that is there twice for one method, or a brace beside another name, is a bug.
  explicit Router(std::span<const Route> routes);
  ~Router();

  /// HEAD goes where GET goes. A path whose percent-encoding is broken leads nowhere.
  [[nodiscard]] Routed find(std::string_view method, std::string_view path) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace posthorn::api
