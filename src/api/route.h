#pragma once
// One entry of the table from which routing, checks and the OpenAPI document are made.

#include <cstdint>
#include <span>
#include <string_view>

#include "api/answer.h"
#include "api/query.h"
#include "api/scopes.h"
#include "env/task.h"
#include "http/message.h"

namespace posthorn::api {

class Context;
struct Call;

/// Answers a call whose caller, query and body were found right. Both references live until the
/// answer is there.
using Handler = task<Answer> (*)(Context& context, Call& call);

enum class Body : std::uint8_t {
  none,             ///< Ignored.
  object,           ///< A JSON object, parsed into Call::body.
  optional_object,  ///< The same; no body at all stands for `{}`.
  raw,              ///< The handler reads the bytes; JSON by its content type.
  any,              ///< Bytes of any content type (bins).
};

struct Route {
  std::string_view method;   ///< GET, POST, PATCH, DELETE; ANY for every method.
  std::string_view pattern;  ///< "/v1/endpoints/{id}/test"; a last `{path*}` takes the rest.
  Scope scope = Scope::open;
  Handler handler = nullptr;
  std::string_view tag;      ///< The resource that it is shown under.
  std::string_view summary;  ///< One sentence.
  /// What the audit entry of a change is called ("endpoint.create"); empty: nothing changes.
  std::string_view audit = {};
  Body body = Body::none;
  std::string_view request_schema = {};  ///< A component of the OpenAPI document.
  std::span<const QueryParameter> query = {};
  int success = 200;
  std::string_view response_schema = {};  ///< Empty: no body, or not JSON (see content_type).
  std::string_view content_type = "application/json";
  bool gzip_accepted = false;
  bool heeds_version = false;  ///< If-Match, or If-None-Match of a GET.

  // The table reads as sentences: `get(...).takes(parameters).gives("EventList")`.
  [[nodiscard]] constexpr Route takes(std::span<const QueryParameter> parameters) const {
    Route route = *this;
    route.query = parameters;
    return route;
  }
  [[nodiscard]] constexpr Route reads(Body kind, std::string_view schema) const {
    Route route = *this;
    route.body = kind;
    route.request_schema = schema;
    return route;
  }
  [[nodiscard]] constexpr Route gives(std::string_view schema, int status = 200) const {
    Route route = *this;
    route.response_schema = schema;
    route.success = status;
    return route;
  }
  [[nodiscard]] constexpr Route gives_nothing() const { return gives({}, 204); }
  [[nodiscard]] constexpr Route gives_text(std::string_view type) const {
    Route route = *this;
    route.content_type = type;
    return route;
  }
  [[nodiscard]] constexpr Route audited(std::string_view action) const {
    Route route = *this;
    route.audit = action;
    return route;
  }
  [[nodiscard]] constexpr Route versioned() const {
    Route route = *this;
    route.heeds_version = true;
    return route;
  }
  [[nodiscard]] constexpr Route or_gzip() const {
    Route route = *this;
    route.gzip_accepted = true;
    return route;
  }
};

/// Every route.
std::span<const Route> routes();

}  // namespace posthorn::api
