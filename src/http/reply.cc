#include "http/reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/bytes.h"
#include "text/headers.h"

namespace posthorn::http {

namespace {

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

void append_head(std::string& out, const Response& response, const ReplyContext& context) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out += reason_of(response.status);
  out += "\r\nDate: ";
  out += context.date;
  if (!response.content_type.empty() && has_body(response.status)) {
    out += "\r\nContent-Type: ";
    out += response.content_type;
  }
  bool cache_said = false;
  for (const auto& [name, value] : response.headers) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
    cache_said =
        cache_said || (name.size() == 13 && equal_ignoring_case_ascii(name, "cache-control"));
  }
  if (!cache_said) out += "\r\nCache-Control: no-store";
  out += "\r\nX-Content-Type-Options: nosniff";
  if (!context.request_id.empty()) {
    out += "\r\nX-Request-Id: ";
    out += context.request_id;
  }
  if (!context.keep_alive)
    out += "\r\nConnection: close";
  else if (context.minor_version == 0)
    out += "\r\nConnection: keep-alive";
}

bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 4> ours{"connection", "content-length", "date",
                                                        "transfer-encoding"};
  return std::ranges::any_of(
      ours, [name](std::string_view own) { return equal_ignoring_case_ascii(own, name); });
}

}  // namespace

std::string_view reason_of(int status) {
  struct Reason {
    int status;
    std::string_view phrase;
  };
  static constexpr auto reasons = std::to_array<Reason>({
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  });
  const auto found = std::ranges::lower_bound(reasons, status, {}, &Reason::status);
  return found != reasons.end() && found->status == status ? found->phrase : "Status";
}

bool is_sendable(const Response& response) {
  return text::is_field_value(response.content_type) && response.status >= 200 &&
         response.status <= 599 && std::ranges::all_of(response.headers, [](const auto& header) {
           return text::is_token(header.first) && text::is_field_value(header.second) &&
                  !is_ours(header.first);
         });
}

void append_reply(std::string& out, const Response& response, const ReplyContext& context) {
  append_head(out, response, context);
  if (has_body(response.status)) {
    out += "\r\nContent-Length: ";
    append_number(out, response.body.size());
  }
  out += "\r\n\r\n";
  if (has_body(response.status) && !context.is_head) out += response.body;
}

void append_stream_head(std::string& out, const Response& response, const ReplyContext& context) {
  append_head(out, response, context);
  if (context.minor_version == 1) out += "\r\nTransfer-Encoding: chunked";
  out += "\r\n\r\n";
}

std::string http_date(std::int64_t unix_seconds) {
  const auto at = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[40];
  const auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

}  // namespace posthorn::http
