#include "text/url.h"

#include <charconv>

#include "base/bytes.h"
#include "text/address_text.h"
#include "text/host_name.h"

namespace posthorn::text {
namespace {

std::unexpected<Error> bad(std::string what) { return fail(Errc::invalid, std::move(what)); }

std::string quoted(std::string_view given) { return "\"" + printable(given) + "\""; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<> check_bytes(std::string_view text) {
  if (text.empty()) return bad("a URL is expected; got nothing");
  if (text.size() > url_bytes_max)
    return bad("a URL may have at most 2048 bytes; got " + std::to_string(text.size()));
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F)
      return bad("a URL may hold no space or control character; got " + quoted({&c, 1}));
    if (c == '\\') return bad("a URL may hold no backslash; write /");
    if (c == '#') return bad("a URL here may hold no fragment (#…): it is never sent");
  }
  return {};
}

Result<std::uint16_t> read_port(std::string_view text) {
  unsigned value = 0;
  const bool is_number = !text.empty() && text.size() <= 5 && text.front() != '0' &&
                         text.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number) std::from_chars(text.data(), text.data() + text.size(), value);
  if (value == 0 || value > 65535)
    return bad("the port must be a number from 1 to 65535 without leading zeros; got " +
               quoted(text));
  return static_cast<std::uint16_t>(value);
}

Result<> read_host(Url& url, std::string_view host) {
  if (host.empty()) return bad("the host is missing");
  if (host.contains('%')) return bad("the host may not be percent-encoded; got " + quoted(host));
  if (host.front() == '[') {
    const std::string_view inside = host.substr(1, host.size() - 2);
    const auto bytes = parse_ipv6(inside);
    if (!bytes) return bad("between [ and ] an IPv6 address is expected; got " + quoted(inside));
    url.host = ipv6_text(*bytes);
    url.host_is_ipv6 = true;
    return {};
  }
  if (const auto bytes = parse_ipv4(host)) {
    url.host = ipv4_text(*bytes);
    url.host_is_ipv4 = true;
    return {};
  }
  PH_TRY(url.host, read_host_name(host));
  return {};
}

Result<> check_target(std::string_view target) {
  const std::size_t query = target.find('?');
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c == '%') {
      const int high = i + 2 < target.size() ? hex_digit(target[i + 1]) : -1;
      const int low = i + 2 < target.size() ? hex_digit(target[i + 2]) : -1;
      if (high < 0 || low < 0)
        return bad("% must be followed by two hexadecimal digits; got " +
                   quoted(target.substr(i, 3)));
      const int byte = high * 16 + low;
      if (i < query && (byte < 0x20 || byte == 0x7F))
        return bad("the path may hold no encoded control character; got " +
                   quoted(target.substr(i, 3)));
    } else if (static_cast<unsigned char>(c) >= 0x80 || c == '"' || c == '<' || c == '>') {
      return bad(
          "the path and the query take ASCII without quotes and angle brackets: "
          "percent-encode the rest");
    }
  }
  return {};
}

}  // namespace

std::string Url::authority() const {
  std::string out = host_is_ipv6 ? "[" + host + "]" : host;
  if (port != (scheme == "https" ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

Result<Url> parse_url(std::string_view text) {
  if (auto checked = check_bytes(text); !checked) return fail(std::move(checked).error());
  Url url;
  const std::size_t mark = text.find("://");
  url.scheme = to_lower_ascii(text.substr(0, std::min(mark, text.size())));
  if (mark == std::string_view::npos || (url.scheme != "https" && url.scheme != "http"))
    return bad("a URL begins with https://; got " + quoted(text.substr(0, 40)));
  url.port = url.scheme == "https" ? 443 : 80;

  const std::string_view rest = text.substr(mark + 3);
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  const std::string_view target = rest.substr(authority_end);
  if (authority.contains('@'))
    return bad("a URL here may hold no user or password before the host (@): use a header");

  // A bracket opens an IPv6 literal, whose colons are no port's.
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("the [ before the IPv6 address is not closed");
    host_end = close + 1;
    if (host_end < authority.size() && authority[host_end] != ':')
      return bad("only a port may follow the ]; got " + quoted(authority.substr(host_end)));
  }
  const std::string_view host = authority.substr(0, host_end);
  if (host_end < authority.size()) {
    PH_TRY(url.port, read_port(authority.substr(host_end + 1)));
    url.port_given = true;
  }
  if (auto read = read_host(url, host); !read) return fail(std::move(read).error());
  if (auto checked = check_target(target); !checked) return fail(std::move(checked).error());
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace posthorn::text
