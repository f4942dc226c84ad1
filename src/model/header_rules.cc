#include "model/header_rules.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "text/headers.h"

namespace posthorn::model {
namespace {

constexpr std::array<std::string_view, 21> refused_names{"host",
                                                         "content-length",
                                                         "transfer-encoding",
                                                         "connection",
                                                         "te",
                                                         "trailer",
                                                         "upgrade",
                                                         "keep-alive",
                                                         "expect",
                                                         "content-type",
                                                         "content-encoding",
                                                         "content-range",
                                                         "accept-encoding",
                                                         "user-agent",
                                                         "traceparent",
                                                         "tracestate",
                                                         "forwarded",
                                                         "via",
                                                         "http2-settings",
                                                         "date",
                                                         "content-transfer-encoding"};
constexpr std::array<std::string_view, 6> refused_prefixes{"proxy-",       "x-webhook-", "webhook-",
                                                           "x-forwarded-", "ce-",        "sec-"};
constexpr std::array<std::string_view, 9> sensitive_pieces{
    "auth", "token", "secret", "key", "password", "credential", "cookie", "signature", "session"};

}  // namespace

std::string header_name_fault(std::string_view name) {
  if (!text::is_token(name)) return "takes a header name of letters, digits and !#$%&'*+-.^_`|~";
  const std::string lower = to_lower_ascii(name);
  if (std::ranges::find(refused_names, lower) != refused_names.end() ||
      std::ranges::any_of(refused_prefixes,
                          [&lower](std::string_view prefix) { return lower.starts_with(prefix); }))
    return "is set by Posthorn or by the connection and cannot be an endpoint's own";
  return "";
}

std::string header_value_fault(std::string_view value) {
  if (!std::ranges::all_of(value, [](char c) { return c == '\t' || (c >= 0x20 && c <= 0x7E); }))
    return "takes printable ASCII without line ends";
  if (trim(value).size() != value.size()) return "takes no space at the start or end";
  return "";
}

bool is_sensitive_header(std::string_view name) {
  const std::string lower = to_lower_ascii(name);
  return std::ranges::any_of(sensitive_pieces, [&lower](std::string_view piece) {
    return lower.find(piece) != std::string::npos;
  });
}

}  // namespace posthorn::model
