#include "egress/check_cases.h"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "egress/policy.h"
#include "egress/rules.h"
#include "text/json.h"

namespace posthorn::egress {
namespace {

namespace json = text::json;

std::string read_case_file(const std::string& name) {
  std::ifstream file(POSTHORN_SOURCE_DIR "/tests/cases/" + name, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Plays the file and compares each verdict with what the case expects; how many there were.
std::size_t compare(const std::string& name, bool sns) {
  const std::string source = read_case_file(name);
  const json::value cases = json::parse(source);
  std::istringstream in(source);
  std::stringstream out;
  REQUIRE(check_cases(in, sns, out));
  std::size_t count = 0;
  for (std::string line; std::getline(out, line); ++count) {
    const json::value answer = *text::parse_json(line);
    const json::object& one = cases.as_array().at(count).as_object();
    CAPTURE(std::string(one.at("url").as_string()));
    CAPTURE(line);
    CHECK(answer.at("index") == count);
    CHECK(answer.at("verdict") == one.at("expect"));
    CHECK(answer.at("why").as_string().empty() == (one.at("expect") == "accept"));
  }
  CHECK(count == cases.as_array().size());
  return count;
}

TEST_CASE("every outgoing address of the cases is judged as they say") {
  CHECK(compare("ssrf.json", false) == 357);
}

TEST_CASE("every SNS address of the cases is judged as they say") {
  CHECK(compare("sns-url.json", true) == 30);
}

TEST_CASE("cases that cannot be read are an error that names the place") {
  const auto error = [](const std::string& source, bool sns) {
    std::istringstream in(source);
    std::stringstream out;
    const auto checked = check_cases(in, sns, out);
    CHECK(out.str().empty());
    return checked ? "" : checked.error().what;
  };
  CHECK(error("[", false).starts_with("the cases are not JSON: "));
  CHECK(error("{}", false) == "the cases must be a JSON array");
  CHECK(error("[1]", false) == "case 0: must be an object");
  CHECK(error(R"([{"url":1}])", false) == "case 0: \"url\" must be text");
  CHECK(error(R"([{"url":"https://a.example.com","stage":"register"},{"url":"x","stage":"later"}])",
              false) == "case 1: \"stage\" must be register or connect; got \"later\"");
  CHECK(error(R"([{"url":"https://a.example.com","stage":"connect","resolves_to":1}])", false) ==
        "case 0: \"resolves_to\" must be a list of text");
  CHECK(error(R"([{"url":"x","kind":"other"}])", true) ==
        "case 0: \"kind\" must be cert or subscribe; got \"other\"");
}

TEST_CASE("an answer that is no address is a reject") {
  std::istringstream in(
      R"([{"url":"https://a.example.com","stage":"connect","resolves_to":["8.8.8.8","fe80::1%1"]}])");
  std::stringstream out;
  REQUIRE(check_cases(in, false, out));
  CHECK(out.str() ==
        "{\"index\":0,\"verdict\":\"reject\",\"why\":\"the resolver's answer is no address: "
        "fe80::1%1\"}\n");
}

std::set<std::string> texts(const json::value& list) {
  std::set<std::string> out;
  for (const json::value& item : list.as_array()) out.emplace(item.as_string());
  return out;
}

template <std::size_t size>
std::set<std::string> networks(const std::array<rules::AddressRule, size>& table) {
  std::set<std::string> out;
  for (const rules::AddressRule& rule : table) out.emplace(rule.cidr);
  return out;
}

TEST_CASE("the built-in rules are those of the policy file") {
  const json::value policy = json::parse(read_case_file("ssrf-policy.json"));
  CHECK(networks(rules::ipv4_denied) == texts(policy.at("ipv4_deny")));
  CHECK(networks(rules::ipv6_denied) == texts(policy.at("ipv6_deny")));
  CHECK(texts(policy.at("ipv6_allow")) == std::set{std::string(rules::ipv6_allowed.cidr)});
  CHECK(texts(policy.at("scheme")) == std::set<std::string>{"https"});
  CHECK(policy.at("nat64_prefix").is_null());
  CHECK_FALSE(Policy().overrides().nat64_prefix);

  const json::object& ports = policy.at("ports").as_object();
  CHECK(texts(ports.at("allow")) == std::set{std::to_string(rules::https_port),
                                             std::to_string(rules::first_open_port) + "-65535"});
  std::set<std::int64_t> denied;
  for (const json::value& port : ports.at("deny").as_array()) denied.insert(port.as_int64());
  CHECK(denied == std::set<std::int64_t>(rules::denied_ports.begin(), rules::denied_ports.end()));

  const json::object& host = policy.at("host").as_object();
  CHECK(texts(host.at("deny_suffix")) ==
        std::set<std::string>(rules::denied_suffixes.begin(), rules::denied_suffixes.end()));
  CHECK(policy.at("url").at("max_bytes") == text::url_bytes_max);
}

TEST_CASE("each built-in network is refused at its first and last address") {
  const Policy policy;
  const auto check_ends = [&policy](std::string_view text) {
    CAPTURE(text);
    const Cidr cidr = *parse_cidr(text);
    Address last = cidr.network;
    for (int bit = cidr.bits; bit < (last.v6 ? 128 : 32); ++bit)
      last.bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
    CHECK(policy.denied(cidr.network));
    CHECK(policy.denied(last));
  };
  for (const rules::AddressRule& rule : rules::ipv4_denied) check_ends(rule.cidr);
  for (const rules::AddressRule& rule : rules::ipv6_denied) check_ends(rule.cidr);
  for (const std::string_view outside : {"::/3", "4000::/3", "6000::/3", "8000::/1"})
    check_ends(outside);
}

TEST_CASE("SNS: what is near the right address is refused with a reason") {
  const std::vector<std::string> topics{"arn:aws:sns:eu-west-1:1:t"};
  const auto why = [&topics](std::string_view url) {
    const auto checked = check_sns_url(SnsUrl::subscribe, url, topics);
    return checked ? "" : checked.error().what;
  };
  const std::string base = "https://sns.eu-west-1.amazonaws.com/?";
  CHECK(
      why(base + "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=ab").empty());
  CHECK(
      why(base + "Token=ab&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A1%3At&Action=ConfirmSubscription")
          .empty());
  CHECK(why(base + "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t") ==
        "an SNS SubscribeURL has a Token");
  CHECK(why(base + "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=") ==
        "an SNS SubscribeURL has a Token");
  CHECK(why(base + "TopicArn=arn:aws:sns:eu-west-1:1:t&Token=ab") ==
        "an SNS SubscribeURL has Action=ConfirmSubscription");
  CHECK(why(base + "Action=ConfirmSubscription&Token=ab") == "an SNS SubscribeURL has a TopicArn");
  CHECK(why(base + "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=ab&x=1") ==
        "an SNS SubscribeURL has the parameters Action, TopicArn and Token, each once; got \"x\"");
  CHECK(why(base + "Token=ab&Token=ab").ends_with("got \"Token\" again"));
  CHECK(why("https://sns.eu-west-1.amazonaws.com/x?Action=ConfirmSubscription") ==
        "an SNS SubscribeURL has the path / and a query");
  CHECK_FALSE(check_sns_url(SnsUrl::subscribe,
                            base + "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t"
                                   "&Token=ab"));
  for (const std::string_view host :
       {"sns.eu-west-1.amazonaws.com:443", "SNS.eu-west-1.amazonaws.com",
        "sns.eu-west-01.amazonaws.com", "sns.eu-west-.amazonaws.com", "sns.eu-west.amazonaws.com",
        "sns.e-west-1.amazonaws.com", "sns.eu-gov-gov-west-1.amazonaws.com",
        "sns.cn-north-1.amazonaws.com"}) {
    CAPTURE(host);
    CHECK_FALSE(check_sns_url(
        SnsUrl::cert, "https://" + std::string(host) + "/SimpleNotificationService-0a.pem"));
  }
}

}  // namespace
}  // namespace posthorn::egress
