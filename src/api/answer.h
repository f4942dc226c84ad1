#pragma once
// What a handler gives back, and the small forms that most answers have.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/problem.h"
#include "base/error.h"
#include "http/message.h"

namespace posthorn::api {

namespace json = boost::json;

/// A response or a refusal. PH_CO_TRY works in a coroutine that returns it.
class Answer {
 public:
  Answer(http::Response response) : value_(std::move(response)) {}  // NOLINT
  Answer(Problem problem) : value_(std::move(problem)) {}           // NOLINT
  Answer(std::unexpected<Error> error)                              // NOLINT
      : value_(problem_of(error.error())) {}
  Answer(const model::Faults& faults) : value_(problem_of(faults)) {}  // NOLINT

  [[nodiscard]] bool is_problem() const { return std::holds_alternative<Problem>(value_); }
  [[nodiscard]] const Problem& problem() const { return std::get<Problem>(value_); }
  [[nodiscard]] http::Response take_response() && {
    return std::get<http::Response>(std::move(value_));
  }

 private:
  std::variant<http::Response, Problem> value_;
};

http::Response json_response(int status, const json::value& body);
/// The same with `ETag: "<version>"`.
http::Response json_response(int status, const json::value& body, std::int64_t version);
/// `text` is JSON already.
http::Response raw_json_response(int status, std::string text);
http::Response empty_response(int status = 204);

Problem not_found(std::string_view what);
/// 404 for an `?application=` that names none of the workspace.
Problem unknown_application(std::string_view named);
/// `faults` point at what of the input the state does not allow.
Problem conflict(std::string_view code, std::string_view detail,
                 std::vector<model::Fault> faults = {});

/// `{"data": [...], "next_cursor": ...}` written piece by piece.
class ListText {
 public:
  /// `item` is JSON.
  void add(std::string_view item);
  void add(const json::object& item);
  http::Response finish(const std::optional<std::string>& next_cursor) &&;

 private:
  std::string text_ = R"({"data":[)";
  bool any_ = false;
};

}  // namespace posthorn::api
