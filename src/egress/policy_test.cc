#include "egress/policy.h"

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <vector>

namespace posthorn::egress {
namespace {

Address address(std::string_view text) {
  const auto parsed = parse_address(text);
  REQUIRE(parsed);
  return *parsed;
}

Cidr cidr(std::string_view text) {
  const auto parsed = parse_cidr(text);
  REQUIRE(parsed);
  return *parsed;
}

std::string why(const Policy& policy, std::string_view url) {
  const auto checked = policy.check_url(url);
  return checked ? "" : checked.error().what;
}

std::string why(const Policy& policy, std::string_view url,
                const std::vector<std::string>& answer) {
  const auto checked = policy.check_url(url);
  REQUIRE(checked);
  std::vector<Address> addresses;
  for (const std::string& text : answer) addresses.push_back(address(text));
  const auto vetted = policy.check_answer(*checked, addresses);
  if (!vetted) CHECK(vetted.error().code == Errc::refused);
  return vetted ? "" : vetted.error().what;
}

TEST_CASE("a network holds its first and last address and not their neighbours") {
  CHECK(cidr("172.16.0.0/12").contains(address("172.16.0.0")));
  CHECK(cidr("172.16.0.0/12").contains(address("172.31.255.255")));
  CHECK_FALSE(cidr("172.16.0.0/12").contains(address("172.15.255.255")));
  CHECK_FALSE(cidr("172.16.0.0/12").contains(address("172.32.0.0")));
  CHECK(cidr("0.0.0.0/0").contains(address("255.255.255.255")));
  CHECK_FALSE(cidr("0.0.0.0/0").contains(address("::1")));
  CHECK_FALSE(cidr("::/0").contains(address("1.2.3.4")));
  CHECK(cidr("168.63.129.16").contains(address("168.63.129.16")));
  CHECK_FALSE(cidr("168.63.129.16/32").contains(address("168.63.129.17")));
  CHECK(cidr("2001::/23").contains(address("2001:1ff:ffff::")));
  CHECK_FALSE(cidr("2001::/23").contains(address("2001:200::")));
  CHECK(cidr("::1/128").contains(address("::1")));
}

TEST_CASE("parse_cidr: takes one spelling only") {
  for (const std::string_view text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/+8",
        "10.0.0.0/8 ", "10.0.0.1/8", "10/8", "::/129", "2001:db8::1/32", "example.com/8"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cidr(text));
  }
}

TEST_CASE("a refusal says what is wrong and what is allowed") {
  const Policy policy;
  CHECK(why(policy, "http://example.com/x") ==
        "plain http is not allowed: use https://example.com/x");
  CHECK(why(policy, "https://127.0.0.1/") ==
        "the address 127.0.0.1 is loopback (127.0.0.0/8): only public addresses are allowed");
  CHECK(why(policy, "https://[::1]/") ==
        "the address ::1 is outside the public range of IPv6 (2000::/3): only public addresses are "
        "allowed");
  CHECK(why(policy, "https://example.com:22/") ==
        "port 22 is not allowed: use 443 or one from 1024 to 65535");
  CHECK(why(policy, "https://example.com:6379/") ==
        "port 6379 is not allowed: it belongs to a service that is not HTTP; use 443 or another "
        "from 1024 to 65535");
  CHECK(why(policy, "https://intranet/") ==
        "the host \"intranet\" has no dot: only full public names like hooks.example.com are "
        "allowed");
  CHECK(why(policy, "https://a.Home.ARPA./") ==
        "names that end in .home.arpa are never public: only public names are allowed; got "
        "\"a.home.arpa\"");
  CHECK(why(policy, "https://hooks.example.com/", {"93.184.216.34", "10.0.0.5"}) ==
        "\"hooks.example.com\" resolves to an address that is not allowed: 10.0.0.5 is private "
        "(10.0.0.0/8); every address of its answer must be public");
  CHECK(why(policy, "https://hooks.example.com/", {}) ==
        "\"hooks.example.com\" has no address: it must resolve to a public one");
  CHECK(policy.check_url("https://exa mple.com").error().code == Errc::invalid);
  CHECK(policy.check_url("https://10.0.0.1").error().code == Errc::refused);
}

TEST_CASE("a reserved name is refused itself and below, and not where it is part of a label") {
  const Policy policy;
  CHECK_FALSE(why(policy, "https://home.arpa/").empty());
  CHECK_FALSE(why(policy, "https://in-addr.arpa/").empty());
  CHECK_FALSE(why(policy, "https://a.b.home.arpa/").empty());
  CHECK(why(policy, "https://example.mylan/").empty());
  CHECK(why(policy, "https://example.e164.arpa/").empty());
  CHECK(why(policy, "https://myhome.arpa/").empty());
}

TEST_CASE("an operator's networks: deny wins over allow, allow over the built-in rules") {
  Overrides overrides;
  overrides.allow = {cidr("10.0.0.0/8"), cidr("fd00::/8"), cidr("8.8.8.0/24")};
  overrides.deny = {cidr("10.9.0.0/16"), cidr("8.8.8.8")};
  overrides.allow_ports = {25, 6379};
  const Policy policy(overrides);
  CHECK(why(policy, "https://10.1.2.3/").empty());
  CHECK(why(policy, "https://[fd00::1]/").empty());
  CHECK(why(policy, "https://8.8.8.9/").empty());
  CHECK(why(policy, "https://10.9.0.1/") ==
        "the address 10.9.0.1 is in 10.9.0.0/16, which the operator denies: only public addresses "
        "are allowed");
  CHECK_FALSE(why(policy, "https://8.8.8.8/").empty());
  CHECK_FALSE(why(policy, "https://192.168.0.1/").empty());
  CHECK(why(policy, "https://example.com:25/").empty());
  CHECK(why(policy, "https://example.com:6379/").empty());
  CHECK_FALSE(why(policy, "https://example.com:26/").empty());
  CHECK(why(policy, "https://example.com/", {"10.1.1.1", "93.184.216.34"}).empty());
  CHECK_FALSE(why(policy, "https://example.com/", {"10.1.1.1", "10.9.1.1"}).empty());
  // Plain http stays closed.
  CHECK_FALSE(why(policy, "http://10.1.2.3/").empty());
}

TEST_CASE("a developer's loopback is open to localhost alone") {
  Overrides overrides;
  overrides.allow_loopback_http = true;
  const Policy policy(overrides);
  CHECK(why(policy, "http://localhost:3000/x").empty());
  CHECK(why(policy, "https://localhost/x").empty());
  CHECK(why(policy, "http://127.0.0.1:22/").empty());
  CHECK(why(policy, "http://[::1]/").empty());
  CHECK(why(policy, "http://localhost/", {"127.0.0.1", "::1"}).empty());
  CHECK(why(policy, "http://localhost/", {"127.0.0.1", "93.184.216.34"}) ==
        "\"localhost\" must resolve to loopback addresses alone; got 93.184.216.34");
  CHECK(why(policy, "https://example.com/", {"127.0.0.1"}) ==
        "\"example.com\" resolves to 127.0.0.1, which is loopback: write localhost, or use a "
        "public address");
  CHECK(why(policy, "https://example.com/", {"93.184.216.34"}).empty());
  CHECK_FALSE(why(policy, "http://example.com/").empty());
  CHECK_FALSE(why(policy, "http://a.localhost/").empty());
  CHECK_FALSE(why(policy, "http://10.0.0.1/").empty());
  CHECK_FALSE(why(policy, "http://0.0.0.0/").empty());
  CHECK_FALSE(why(policy, "http://[::ffff:127.0.0.1]/").empty());
}

TEST_CASE("a NAT64 prefix is judged by the IPv4 address inside") {
  // RFC 6052 2.4 writes 192.0.2.33 behind each length; here it is a public and a private address.
  const std::vector<std::tuple<std::string, std::string, std::string>> cases{
      {"2001:db8::/32", "2001:db8:808:808::", "2001:db8:a00:1::"},
      {"2001:db8:100::/40", "2001:db8:108:808:8::", "2001:db8:10a:0:1::"},
      {"2001:db8:122::/48", "2001:db8:122:808:8:800::", "2001:db8:122:a00:0:100::"},
      {"2001:db8:122:300::/56", "2001:db8:122:308:8:808::", "2001:db8:122:30a:0:1::"},
      {"2001:db8:122:344::/64", "2001:db8:122:344:8:808:800:0", "2001:db8:122:344:a:0:100:0"},
      {"64:ff9b::/96", "64:ff9b::808:808", "64:ff9b::a00:1"},
  };
  for (const auto& [prefix, open, closed] : cases) {
    CAPTURE(prefix);
    CHECK(Policy().denied(address(open)));
    Overrides overrides;
    overrides.nat64_prefix = cidr(prefix);
    CHECK(is_nat64_prefix(*overrides.nat64_prefix));
    const Policy policy(overrides);
    CHECK_FALSE(policy.denied(address(open)));
    const auto denied = policy.denied(address(closed));
    REQUIRE(denied);
    CHECK(denied->ends_with("leads to 10.0.0.1 is private (10.0.0.0/8)"));
  }
  Overrides odd;
  odd.nat64_prefix = cidr("64:ff9b::808:808/128");
  CHECK_FALSE(is_nat64_prefix(*odd.nat64_prefix));
  CHECK(Policy(odd).denied(address("64:ff9b::808:808")));
}

TEST_CASE("addresses: text and bytes agree") {
  CHECK(address("1.2.3.4").text() == "1.2.3.4");
  CHECK(address("2001:DB8::0:1").text() == "2001:db8::1");
  CHECK(address("1.2.3.4") != address("::ffff:1.2.3.4"));
}

}  // namespace
}  // namespace posthorn::egress
