#include "api/answer.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "text/json.h"

namespace posthorn::api {

http::Response raw_json_response(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

http::Response json_response(int status, const json::value& body) {
  return raw_json_response(status, json::serialize(body));
}

http::Response json_response(int status, const json::value& body, std::int64_t version) {
  auto response = json_response(status, body);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", version));
  return response;
}

http::Response empty_response(int status) {
  http::Response response;
  response.status = status;
  return response;
}

Problem not_found(std::string_view what) {
  return {404, "not_found", fmt::format("there is no such {} in this workspace", what), {}, {}};
}

Problem unknown_application(std::string_view named) {
  auto problem = not_found("application");
  problem.errors.push_back({"?application", "not_found",
                            fmt::format("there is no application {}", model::shown(named))});
  return problem;
}

Problem conflict(std::string_view code, std::string_view detail, std::vector<model::Fault> faults) {
  return {409, std::string(code), std::string(detail), std::move(faults), {}};
}

void ListText::add(std::string_view item) {
  if (any_) text_ += ',';
  any_ = true;
  text_ += item;
}

void ListText::add(const json::object& item) { add(std::string_view(json::serialize(item))); }

http::Response ListText::finish(const std::optional<std::string>& next_cursor) && {
  text_ += R"(],"next_cursor":)";
  if (next_cursor)
    text::append_json_string(text_, *next_cursor);
  else
    text_ += "null";
  text_ += '}';
  return raw_json_response(200, std::move(text_));
}

}  // namespace posthorn::api
