#include "api/openapi.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include <algorithm>

#include "base/assert.h"

namespace posthorn::api {

namespace {

constexpr std::string_view component_place = "#/components/schemas/";

/// Reads the notation of one component's members. A mistake in it is a bug.
class Notation {
 public:
  Notation(std::string_view text, std::string_view references)
      : text_(text), references_(references) {}

  json::object read() {
    if (text_ == "any") return {};
    if (text_ == "map") return {{"type", "object"}};
    if (take('=')) return {{"anyOf", alternatives()}};
    json::object properties;
    json::array required;
    while (!text_.empty()) {
      const bool optional = take('~') || take('!');
      const auto name = take_until(":");
      PH_ASSERT(take(':'));
      properties[name] = type();
      if (!optional) required.emplace_back(name);
      while (take(' ')) continue;
    }
    json::object schema{{"type", "object"}};
    if (!required.empty()) schema["required"] = std::move(required);
    schema["properties"] = std::move(properties);
    schema["additionalProperties"] = false;
    return schema;
  }

 private:
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string_view take_until(std::string_view ends) {
    const auto end = std::min(text_.find_first_of(ends), text_.size());
    const auto taken = text_.substr(0, end);
    text_.remove_prefix(end);
    return taken;
  }

  json::array alternatives() {
    json::array types;
    do {
      types.push_back(type());
    } while (take('|'));
    return types;
  }

  json::object type() {
    json::object schema = plain_type();
    if (!take('?')) return schema;
    if (auto* name = schema.if_contains("type")) *name = json::array{*name, "null"};
    if (auto* choices = schema.if_contains("enum")) choices->as_array().emplace_back(nullptr);
    return schema;
  }

  json::object plain_type() {
    if (take('[')) {
      auto items = type();
      PH_ASSERT(take(']'));
      return {{"type", "array"}, {"items", std::move(items)}};
    }
    if (take('@')) return {{"$ref", std::string(references_) + std::string(take_until(" ?]|"))}};
    const auto name = take_until(" ?](|");
    if (name == "any") return {};
    if (name == "map") return {{"type", "object"}};
    if (name == "null") return {{"type", "null"}};
    if (name == "bool") return {{"type", "boolean"}};
    if (name == "integer" || name == "number") return {{"type", name}};
    if (name == "time") return {{"type", "string"}, {"format", "date-time"}};
    PH_ASSERT(name == "text");
    json::object schema{{"type", "string"}};
    if (take('(')) schema["enum"] = choices();
    return schema;
  }

  json::array choices() {
    json::array names;
    while (!take(')')) {
      names.emplace_back(take_until("|)"));
      take('|');
    }
    return names;
  }

  std::string_view text_;
  std::string_view references_;
};

json::object reference(std::string_view name) {
  return {{"$ref", std::string(component_place) + std::string(name)}};
}

json::object content_of(std::string_view type, json::object schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

json::object list_schema(std::string_view item, std::string_view references) {
  return {
      {"type", "object"},
      {"required", {"data", "next_cursor"}},
      {"properties",
       {{"data",
         {{"type", "array"}, {"items", {{"$ref", std::string(references) + std::string(item)}}}}},
        {"next_cursor", {{"type", {"string", "null"}}}}}},
      {"additionalProperties", false}};
}

json::object schema_of(const QueryParameter& parameter) {
  switch (parameter.takes) {
    case Takes::limit:
      return {{"type", "integer"}, {"minimum", 1}, {"maximum", list_limit_max}};
    case Takes::boolean:
      return {{"type", "boolean"}};
    case Takes::delivery_states:
    case Takes::request_states:
    case Takes::event_types:
    case Takes::http_statuses:
    case Takes::topics:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    default:
      return {{"type", "string"}};
  }
}

void add_header(json::array& list, std::string_view name, std::string_view description) {
  list.push_back({{"name", name},
                  {"in", "header"},
                  {"description", description},
                  {"schema", {{"type", "string"}}}});
}

void add_headers(json::array& list, const Route& route) {
  if (route.scope != Scope::open)
    add_header(list, "X-Posthorn-Workspace",
               "The workspace that is meant, by id or name; another one than the key's needs the "
               "scope admin");
  if (route.heeds_version && route.method == "GET")
    add_header(list, "If-None-Match", "The ETag that you have: 304 while it is still that");
  else if (route.heeds_version)
    add_header(list, "If-Match", "The ETag that you know: 412 when it is another one by now");
  if (route.content_type == "text/event-stream")
    add_header(list, "Last-Event-ID", "The id of the last message that came: the stream resumes");
  if (route.audit == "events.publish") {
    add_header(list, "webhook-hop", "Of the webhook that led to this event: cuts loops");
    add_header(list, "traceparent", "W3C Trace Context: travels with the event");
  }
}

json::array parameters_of(const Route& route) {
  json::array list;
  for (std::size_t at = route.pattern.find('{'); at != std::string_view::npos;
       at = route.pattern.find('{', at + 1)) {
    auto name = route.pattern.substr(at + 1, route.pattern.find('}', at) - at - 1);
    if (name.ends_with('*')) name.remove_suffix(1);
    list.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const auto& parameter : route.query) {
    json::object shape{{"name", parameter.name},
                       {"in", "query"},
                       {"description", parameter.description},
                       {"schema", schema_of(parameter)}};
    // Lists are written with commas.
    if (schema_of(parameter).at("type") == "array") shape["explode"] = false;
    list.push_back(std::move(shape));
  }
  if (route.method == "POST")
    list.push_back({{"name", "Idempotency-Key"},
                    {"in", "header"},
                    {"description", "The same key again within 24 hours gets the same answer"},
                    {"schema", {{"type", "string"}, {"maxLength", 255}}}});
  add_headers(list, route);
  return list;
}

json::object responses_of(const Route& route) {
  json::object success{{"description", route.summary}};
  if (!route.response_schema.empty())
    success["content"] = content_of(route.content_type, reference(route.response_schema));
  else if (route.success != 204)
    success["content"] = content_of(route.content_type, {{"type", "string"}});
  json::object responses{{std::to_string(route.success), std::move(success)}};
  responses["default"] =
      json::object{{"description", "A refusal"},
                   {"content", content_of("application/problem+json", reference("Problem"))}};
  return responses;
}

/// "get_v1_endpoints_id_stats"
std::string operation_id(std::string_view method, std::string_view pattern) {
  std::string id(method);
  for (const char c : pattern) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept)
      id += c;
    else if (!id.ends_with('_'))
      id += '_';
  }
  while (id.ends_with('_')) id.pop_back();
  return id;
}

json::object request_schema_of(const Route& route) {
  auto schema = reference(route.request_schema);
  const auto component = std::ranges::find(components(), route.request_schema, &Component::name);
  PH_ASSERT(component != components().end());
  const auto names = required_when_made(*component);
  if (route.method == "POST" && !names.empty())
    schema["required"] = json::array(names.begin(), names.end());
  return schema;
}

json::object operation_of(const Route& route, std::string_view method) {
  json::object operation{{"operationId", operation_id(method, route.pattern)},
                         {"tags", json::array{route.tag}},
                         {"summary", route.summary},
                         {"parameters", parameters_of(route)},
                         {"responses", responses_of(route)}};
  if (!route.request_schema.empty())
    operation["requestBody"] =
        json::object{{"required", route.body != Body::optional_object},
                     {"content", content_of("application/json", request_schema_of(route))}};
  if (route.scope == Scope::open) {
    operation["security"] = json::array{};
  } else {
    operation["x-scope"] = to_string(route.scope);
  }
  return operation;
}

std::string lower(std::string_view method) {
  std::string out(method);
  for (char& c : out) c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// OpenAPI knows `{path}`, not `{path*}`.
std::string path_of(std::string_view pattern) {
  std::string path(pattern);
  std::erase(path, '*');
  return path;
}

json::object paths() {
  json::object paths;
  for (const auto& route : routes()) {
    auto& place = paths[path_of(route.pattern)];
    if (!place.is_object()) place.emplace_object();
    auto& operations = place.get_object();
    if (route.method == "ANY") {
      for (const std::string_view method : {"get", "post", "put", "patch", "delete"})
        operations[method] = operation_of(route, method);
    } else {
      const auto method = lower(route.method);
      operations[method] = operation_of(route, method);
    }
  }
  return paths;
}

json::object webhooks() {
  json::object hooks;
  const auto add = [&hooks](std::string_view type, std::string_view summary) {
    hooks[type] = json::object{
        {"post",
         {{"summary", summary},
          {"operationId", operation_id("webhook", type)},
          {"requestBody", {{"content", content_of("application/json", reference("Envelope"))}}},
          {"responses", {{"2XX", {{"description", "Anything in 200-299 is success"}}}}}}}};
  };
  add("endpoint.disabled",
      "An endpoint was disabled. data: endpoint_id, endpoint_url, reason, count, disabled_at");
  add("endpoint.failing", "Half the failures that disable an endpoint have happened in a row");
  add("delivery.exhausted", "A delivery was given up; it can be replayed");
  add("delivery.recovered", "A delivery succeeded after failures");
  add("published", "Any event that you publish, in the envelope");
  return hooks;
}

json::object all_schemas() {
  json::object schemas;
  for (const auto& component : components())
    schemas[component.name] = schema_of(component, component_place);
  for (const auto& route : routes()) {
    const auto name = route.response_schema;
    if (!name.ends_with("List") || schemas.contains(name)) continue;
    schemas[name] = list_schema(list_item(name), component_place);
  }
  return schemas;
}

}  // namespace

std::vector<std::string_view> required_when_made(const Component& component) {
  std::vector<std::string_view> names;
  const auto text = component.members;
  for (auto at = text.find('!'); at != std::string_view::npos; at = text.find('!', at + 1))
    names.push_back(text.substr(at + 1, text.find(':', at) - at - 1));
  return names;
}

std::string_view list_item(std::string_view list) {
  return list == "FeedList" ? std::string_view("MissedEvent") : list.substr(0, list.size() - 4);
}

json::object schema_of(const Component& component, std::string_view references) {
  auto schema = Notation(component.members, references).read();
  schema["description"] = component.description;
  return schema;
}

std::string openapi_document(std::string_view version, std::string_view public_url) {
  const json::object document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Posthorn"},
        {"version", version},
        {"description", "Webhooks: signed, retried, durable."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::array{json::object{{"url", public_url}}}},
      {"security", json::array{json::object{{"bearer", json::array{}}}}},
      {"paths", paths()},
      {"webhooks", webhooks()},
      {"components",
       {{"schemas", all_schemas()},
        {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
  return json::serialize(document);
}

}  // namespace posthorn::api
