#include "api/problem.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/json.h"

namespace posthorn::api {

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

Problem problem_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid:
      return {422, "invalid", error.what, {}, {}};
    case Errc::not_found:
      return {404, "not_found", error.what, {}, {}};
    case Errc::conflict:
      return {409, "conflict", error.what, {}, {}};
    case Errc::limit:
      return {422, "limit", error.what, {}, {}};
    case Errc::unauthorised:
      return {401, "unauthorised", error.what, {}, {}};
    case Errc::forbidden:
      return {403, "forbidden", error.what, {}, {}};
    case Errc::refused:
      return {422, "refused", error.what, {}, {}};
    case Errc::unsupported:
      return {422, "unsupported", error.what, {}, {}};
    case Errc::stale_epoch:
    case Errc::timed_out:
    case Errc::cancelled:
    case Errc::unavailable:
      return {503, "unavailable", error.what, {}, {{"Retry-After", "2"}}};
    case Errc::io:
    case Errc::corrupt:
      break;
  }
  return {500, "internal", "the server could not read or write what it needed", {}, {}};
}

Problem problem_of(const model::Faults& faults) {
  const bool query_only = std::ranges::all_of(
      faults.all(), [](const model::Fault& fault) { return fault.pointer.starts_with('?'); });
  const auto count = faults.count();
  return {query_only ? 400 : 422,
          query_only ? "invalid_query" : "validation_failed",
          fmt::format("{} {} to be put right: {}", count, count == 1 ? "thing is" : "things are",
                      faults.summary()),
          faults.all(),
          {}};
}

http::Response to_response(const Problem& problem, std::string_view request_id) {
  std::string body =
      fmt::format(R"({{"type":"https://posthorn.dev/errors/{}","title":"{}",)"
                  R"("status":{},"code":"{}","detail":)",
                  problem.code, title_of(problem.status), problem.status, problem.code);
  text::append_json_string(body, problem.detail);
  body += R"(,"request_id":)";
  text::append_json_string(body, request_id);
  body += R"(,"errors":[)";
  for (std::size_t i = 0; i < problem.errors.size(); ++i) {
    const auto& fault = problem.errors[i];
    body += i == 0 ? R"({"pointer":)" : R"(,{"pointer":)";
    text::append_json_string(body, fault.pointer);
    body += R"(,"code":)";
    text::append_json_string(body, fault.code);
    body += R"(,"detail":)";
    text::append_json_string(body, fault.detail);
    body += '}';
  }
  body += "]}";
  http::Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.headers = problem.headers;
  response.body = std::move(body);
  return response;
}

}  // namespace posthorn::api
