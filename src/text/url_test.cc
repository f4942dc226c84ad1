#include "text/url.h"

#include <doctest/doctest.h>

#include <vector>

#include "text/address_text.h"

namespace posthorn::text {
namespace {

std::string refusal(std::string_view text) {
  const auto url = parse_url(text);
  if (url) return "accepted";
  CHECK(url.error().code == Errc::invalid);
  return url.error().what;
}

TEST_CASE("parse_url: gives the parts") {
  const auto plain = parse_url("https://EXAMPLE.com/Path?x=1&y=%20z");
  REQUIRE(plain);
  CHECK(plain->scheme == "https");
  CHECK(plain->host == "example.com");
  CHECK(plain->port == 443);
  CHECK_FALSE(plain->port_given);
  CHECK(plain->target == "/Path?x=1&y=%20z");
  CHECK(plain->authority() == "example.com");

  const auto port = parse_url("HTTP://example.com.:8080");
  REQUIRE(port);
  CHECK(port->scheme == "http");
  CHECK(port->host == "example.com");
  CHECK(port->port == 8080);
  CHECK(port->port_given);
  CHECK(port->target == "/");
  CHECK(port->authority() == "example.com:8080");

  const auto default_port = parse_url("https://example.com:443?x=http://a@b/");
  REQUIRE(default_port);
  CHECK(default_port->port_given);
  CHECK(default_port->authority() == "example.com");
  CHECK(default_port->target == "/?x=http://a@b/");

  const auto v6 = parse_url("https://[2001:4860:0:0::8888]:8443/x");
  REQUIRE(v6);
  CHECK(v6->host == "2001:4860::8888");
  CHECK(v6->host_is_ipv6);
  CHECK(v6->authority() == "[2001:4860::8888]:8443");

  const auto v4 = parse_url("http://127.0.0.1:80/");
  REQUIRE(v4);
  CHECK(v4->host_is_ipv4);
  CHECK(v4->authority() == "127.0.0.1");
}

TEST_CASE("parse_url: international names become A-labels when they are in mapped form") {
  const auto host = [](std::string_view text) {
    const auto url = parse_url(text);
    return url ? url->host : url.error().what;
  };
  CHECK(host("https://b\u00fccher.example.com/") == "xn--bcher-kva.example.com");
  CHECK(host("https://B\u00fccher.example.com/") == "xn--bcher-kva.example.com");
  CHECK(host("https://xn--bcher-kva.example.com/") == "xn--bcher-kva.example.com");
  CHECK(host("https://XN--bcher-kva.example.com/") == "xn--bcher-kva.example.com");
  CHECK(host("https://fa\u00df.example.com/") == "xn--fa-hia.example.com");
  CHECK(host("https://\u4f8b\u3048.xn--bcher-kva.com/") == "xn--r8jz45g.xn--bcher-kva.com");
  CHECK(host("https://r3---sn-a.example.com/") == "r3---sn-a.example.com");
  const std::string mapped =
      "an international name must be written in its lower-case, normalised "
      "form (UTS 46); got \"";
  CHECK(host("https://B\u00dcCHER.example.com/") == mapped + "b\u00dccher\"");
  CHECK(host("https://bu\u0308cher.example.com/") == mapped + "bu\u0308cher\"");
  CHECK(host("https://\uff41.example.com/") == mapped + "\uff41\"");
  CHECK(host("https://example\u3002com/") == mapped + "example\u3002com\"");
  CHECK(host("https://loc\u00adal.example.com/").starts_with(mapped));
  const std::string decode =
      "an xn-- label must decode to a name in lower-case, normalised Unicode (UTS 46); "
      "got \"";
  CHECK(host("https://xn--a.com/") == decode + "xn--a\"");
  CHECK(host("https://xn--foo-.com/") == decode + "xn--foo-\"");
  CHECK(host("https://xn--.com/") == decode + "xn--\"");
  // Decodes to a capital letter, which no mapped name holds.
  CHECK(host("https://xn--bcher-2pa.example.com/") == decode + "xn--bcher-2pa\"");
}

TEST_CASE("parse_url: every other spelling is refused with the rule it breaks") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "a URL is expected; got nothing"},
      {"https://" + std::string(2048, 'a'), "a URL may have at most 2048 bytes; got 2056"},
      {" https://example.com/", "a URL may hold no space or control character; got \" \""},
      {"https://example.com/\r\nX: 1",
       "a URL may hold no space or control character; got \"\\x0d\""},
      {"https://example.com\\@127.0.0.1/", "a URL may hold no backslash; write /"},
      {"https://example.com/#x", "a URL here may hold no fragment (#…): it is never sent"},
      {"ftp://example.com/", "a URL begins with https://; got \"ftp://example.com/\""},
      {"example.com", "a URL begins with https://; got \"example.com\""},
      {"https:/example.com/", "a URL begins with https://; got \"https:/example.com/\""},
      {"https:///example.com/", "the host is missing"},
      {"https://:443/", "the host is missing"},
      {"https://./", "the host is missing; got \".\""},
      {"https://user@example.com/",
       "a URL here may hold no user or password before the host (@): use a header"},
      {"https://a..example.com/",
       "the host has an empty label (two dots, or a dot in front); got \"\""},
      {"https://example.com../",
       "the host has an empty label (two dots, or a dot in front); got \"\""},
      {"https://-a.example.com/",
       "a label of the host may not begin or end with a hyphen; got \"-a\""},
      {"https://a,b.example.com/",
       "a host name takes only letters, digits, hyphens and underscores; got \"a,b\""},
      {"https://example.c_m/",
       "the last label of the host may not hold an underscore; got "
       "\"example.c_m\""},
      {"https://127.1/",
       "a host that ends in a number must be an IPv4 address of four decimal "
       "numbers; got \"127.1\""},
      {"https://1.2.3.0x4/",
       "a host that ends in a number must be an IPv4 address of four decimal "
       "numbers; got \"1.2.3.0x4\""},
      {"https://127.0.0.1./",
       "a host that ends in a number must be an IPv4 address of four "
       "decimal numbers; got \"127.0.0.1.\""},
      {"https://127%2e0.0.1/", "the host may not be percent-encoded; got \"127%2e0.0.1\""},
      {"https://[::1", "the [ before the IPv6 address is not closed"},
      {"https://[::1]x/", "only a port may follow the ]; got \"x\""},
      {"https://[fe80::1%eth0]/", "the host may not be percent-encoded; got \"[fe80::1%eth0]\""},
      {"https://[]/", "between [ and ] an IPv6 address is expected; got \"\""},
      {"https://[127.0.0.1]/", "between [ and ] an IPv6 address is expected; got \"127.0.0.1\""},
      {"https://example.com:/",
       "the port must be a number from 1 to 65535 without leading zeros; got \"\""},
      {"https://example.com:0/",
       "the port must be a number from 1 to 65535 without leading zeros; got \"0\""},
      {"https://example.com:65536/",
       "the port must be a number from 1 to 65535 without leading zeros; got \"65536\""},
      {"https://example.com:0443/",
       "the port must be a number from 1 to 65535 without leading zeros; got \"0443\""},
      {"https://::1/",
       "the port must be a number from 1 to 65535 without leading zeros; got \":1\""},
      {"https://example.com/%zz", "% must be followed by two hexadecimal digits; got \"%zz\""},
      {"https://example.com/?a=%4", "% must be followed by two hexadecimal digits; got \"%4\""},
      {"https://example.com/%0d", "the path may hold no encoded control character; got \"%0d\""},
      {"https://example.com/%7f", "the path may hold no encoded control character; got \"%7f\""},
      {"https://example.com/%a", "% must be followed by two hexadecimal digits; got \"%a\""},
      {"https://example.com/%fg", "% must be followed by two hexadecimal digits; got \"%fg\""},
      {"https://example.com/\x7f", "a URL may hold no space or control character; got \"\\x7f\""},
      {"https://example.com/\"x",
       "the path and the query take ASCII without quotes and angle "
       "brackets: percent-encode the rest"},
      {"https://example.com/x>",
       "the path and the query take ASCII without quotes and angle "
       "brackets: percent-encode the rest"},
      {"https://example.com:4x3/",
       "the port must be a number from 1 to 65535 without leading zeros; got \"4x3\""},
      {"https://example.com/<b>",
       "the path and the query take ASCII without quotes and angle "
       "brackets: percent-encode the rest"},
      {"https://example.com/\u00e9",
       "the path and the query take ASCII without quotes and angle "
       "brackets: percent-encode the rest"},
      {"https://\xff.example.com/", "the host is not UTF-8; got \"\\xff.example.com\""},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    CHECK(refusal(text) == why);
  }
}

TEST_CASE("parse_url: the limits hold at the limit and not one past it") {
  const std::string label(63, 'a');
  CHECK(parse_url("https://" + label + ".example.com/"));
  CHECK(refusal("https://a" + label + ".example.com/")
            .starts_with("a label of the host may have at most 63 characters"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  REQUIRE(longest.size() == 253);
  CHECK(parse_url("https://" + longest + "/"));
  CHECK(parse_url("https://" + longest + "./"));
  CHECK(refusal("https://" + longest + "b/")
            .starts_with("a host name may have at most 253 characters"));
  const std::string base = "https://example.com/";
  CHECK(parse_url(base + std::string(url_bytes_max - base.size(), 'a')));
  CHECK_FALSE(parse_url(base + std::string(url_bytes_max - base.size() + 1, 'a')));
  CHECK(parse_url("https://example.com:65535/")->port == 65535);
  CHECK(parse_url("https://example.com/?a=%0a"));
}

TEST_CASE("address text: one spelling of IPv4, any of IPv6") {
  CHECK(ipv4_text(*parse_ipv4("8.8.4.4")) == "8.8.4.4");
  for (const std::string_view text :
       {"", "8.8.8", "8.8.8.8.8", "08.8.8.8", "256.8.8.8", "8.8.8.8 ", "0x8.8.8.8", "8.8.8.-8"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ipv4(text));
  }
  CHECK_FALSE(parse_ipv4(std::string_view("8.8.8.8\0", 8)));
  CHECK(ipv6_text(*parse_ipv6("2001:DB8:0:0:0::1")) == "2001:db8::1");
  CHECK(ipv6_text(*parse_ipv6("::ffff:1.2.3.4")) == "::ffff:1.2.3.4");
  for (const std::string_view text : {"", ":", ":::", "1:2:3:4:5:6:7:8:9", "::1%lo", "fe80::1%1",
                                      "[::1]", "1.2.3.4", "12345::"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ipv6(text));
  }
}

}  // namespace
}  // namespace posthorn::text
