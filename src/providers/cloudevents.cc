#include "providers/cloudevents.h"

#include <algorithm>
#include <string>

namespace posthorn::providers {
namespace {

constexpr std::string_view origin_header = "WebHook-Request-Origin";
constexpr std::string_view rate_header = "WebHook-Request-Rate";
constexpr std::size_t origin_bytes_max = 253;

/// A domain name; a port and an IPv6 address are let through.
bool is_origin(std::string_view text) {
  return !text.empty() && text.size() <= origin_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:[]*").contains(c);
  });
}

bool is_rate(std::string_view text) {
  return !text.empty() && text.size() <= 9 && text.front() != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<Reply> cloudevents_handshake(const Incoming& request) {
  if (request.method != "OPTIONS" || request.header_count(origin_header) != 1) return std::nullopt;
  const auto origin = request.header(origin_header).value_or("");
  if (!is_origin(origin)) return std::nullopt;
  const auto rate = request.header(rate_header).value_or("");
  Reply reply;
  reply.headers = {{"Allow", "POST, OPTIONS"},
                   {"WebHook-Allowed-Origin", std::string(origin)},
                   {"WebHook-Allowed-Rate", is_rate(rate) ? std::string(rate) : "*"}};
  return reply;
}

std::optional<Reply> cloudevents_challenge(const Settings&, const Incoming& request) {
  return cloudevents_handshake(request);
}

}  // namespace posthorn::providers
