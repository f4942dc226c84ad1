#pragma once
// The OpenAPI 3.1 document, made from the route table and the component schemas.

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.h"

namespace posthorn::api {

/// The document as JSON text, with the webhooks that we send ourselves.
std::string openapi_document(std::string_view version, std::string_view public_url);

/// A component in the notation of schemas.cc.
struct Component {
  std::string_view name;
  std::string_view description;
  /// Members as `name:type`, separated by spaces. Types: text, time, bool, integer, number, map,
  /// any, null, `text(a|b)`, `@Component`, `[type]` for lists; `?` behind: may be null; `~` before
  /// the name: may be absent; `!`: may be absent from a change, not from what is made (the body of
  /// a POST). An object without other members; "map" alone: any object; `=type|type`: no object of
  /// its own, but one of these.
  std::string_view members;
};
std::span<const Component> components();

/// The members that are written with `!`.
std::vector<std::string_view> required_when_made(const Component& component);

/// What a `<name>List` lists.
std::string_view list_item(std::string_view list);

/// The JSON Schema of a component; references point below `references`
/// ("#/components/schemas/").
boost::json::object schema_of(const Component& component, std::string_view references);

}  // namespace posthorn::api
