// The proof that nothing denied is dialled: run by test_ssrf_namespace.py inside a network
// namespace where every address of the Internet is this machine, so that a connection that should
// not be made is made, and seen.

#include <doctest/doctest.h>
#include <netinet/in.h>

#include <boost/json/parse.hpp>

#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "net/http_client_test_peer.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;
namespace json = boost::json;

namespace {

json::value read_json(std::string_view name) {
  std::stringstream text;
  text << std::ifstream(std::string(POSTHORN_SOURCE_DIR "/tests/cases/") + std::string(name))
              .rdbuf();
  return json::parse(text.str());
}

/// Listens on every address at some ports, notes what address was dialled, and answers a request
/// for hooks.example.com with a redirect.
class Canary {
 public:
  explicit Canary(const std::set<std::uint16_t>& ports)
      : certificate_({.name = "hooks.example.com"}) {
    for (const std::uint16_t port : ports) {
      const int listener = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const int off = 0, on = 1;
      ::setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
      ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      sockaddr_in6 any{};
      any.sin6_family = AF_INET6;
      any.sin6_port = htons(port);
      const bool listens = ::bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 &&
                           ::listen(listener, 64) == 0;
      REQUIRE_MESSAGE(listens, "port ", port, " cannot be listened on");
      listeners_.push_back({listener, POLLIN, 0});
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Canary() {
    stopping_ = true;
    thread_.join();
    for (const auto& listener : listeners_) ::close(listener.fd);
  }
  [[nodiscard]] TlsClientConfig trusting() const { return certificate_.trusting(); }

  /// The addresses dialled since the last call.
  std::vector<std::string> take_dialled() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(dialled_, {});
  }
  void redirect_to(std::string location) {
    const std::scoped_lock lock(mutex_);
    location_ = std::move(location);
  }

 private:
  void run() {
    while (!stopping_) {
      if (::poll(listeners_.data(), listeners_.size(), 20) <= 0) continue;
      for (const auto& listener : listeners_)
        if ((listener.revents & POLLIN) != 0) serve(::accept4(listener.fd, nullptr, nullptr, 0));
    }
  }
  void serve(int descriptor) {
    sockaddr_in6 local{};
    socklen_t length = sizeof local;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &length);
    egress::Address address;
    address.v6 = !IN6_IS_ADDR_V4MAPPED(&local.sin6_addr);
    std::memcpy(address.bytes.data(), local.sin6_addr.s6_addr + (address.v6 ? 0 : 12),
                address.v6 ? 16 : 4);
    std::string reply;
    {
      // Before the client can learn anything: when it is done, this is noted.
      const std::scoped_lock lock(mutex_);
      dialled_.push_back(address.text());
      reply = "HTTP/1.1 302 Found\r\nLocation: " + location_ + "\r\nContent-Length: 0\r\n\r\n";
    }
    PeerConnection connection(descriptor, certificate_.server(), stopping_);
    if (connection.accept_tls() && !connection.read_request().empty()) connection.write(reply);
  }

  TestCertificate certificate_;
  std::vector<pollfd> listeners_;
  std::mutex mutex_;
  std::vector<std::string> dialled_;
  std::string location_ = "https://127.0.0.1:8443/";
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

std::string host_of(const std::string& url) {
  const auto parsed = text::parse_url(url);
  return parsed ? parsed->host : "";
}

/// The policy as its description has it, without the product's code.
struct Oracle {
  std::vector<egress::Cidr> v4_deny, v6_allow, v6_deny;

  Oracle() {
    const auto policy = read_json("ssrf-policy.json").as_object();
    const auto fill = [&policy](std::string_view name, std::vector<egress::Cidr>& into) {
      for (const auto& text : policy.at(name).as_array())
        into.push_back(*egress::parse_cidr(text.as_string()));
    };
    fill("ipv4_deny", v4_deny);
    fill("ipv6_allow", v6_allow);
    fill("ipv6_deny", v6_deny);
  }
  static bool in(const egress::Cidr& range, const egress::Address& address) {
    if (range.network.v6 != address.v6) return false;
    for (int bit = 0; bit < range.bits; ++bit) {
      const auto at = static_cast<std::size_t>(bit / 8);
      const unsigned mask = 0x80U >> static_cast<unsigned>(bit % 8);
      if (((range.network.bytes.at(at) ^ address.bytes.at(at)) & mask) != 0) return false;
    }
    return true;
  }
  [[nodiscard]] bool allows(const egress::Address& address) const {
    const auto listed = [&address](const std::vector<egress::Cidr>& ranges) {
      return std::ranges::any_of(ranges, [&](const auto& range) { return in(range, address); });
    };
    return address.v6 ? listed(v6_allow) && !listed(v6_deny) : !listed(v4_deny);
  }
};

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  egress::Address inside(const egress::Cidr& range) {
    egress::Address address = range.network;
    for (int bit = range.bits; bit < (address.v6 ? 128 : 32); ++bit) {
      const auto mask = static_cast<std::uint8_t>(0x80U >> static_cast<unsigned>(bit % 8));
      // Edges are where comparisons go wrong: all zeros and all ones come often.
      const bool one = kind_ == 0 ? false : kind_ == 1 ? true : below(2) == 1;
      auto& byte = address.bytes.at(static_cast<std::size_t>(bit / 8));
      if (one) byte |= mask;
    }
    return address;
  }
  egress::Address address(const Oracle& oracle) {
    kind_ = below(5);
    switch (below(6)) {
      case 0:
        return inside(oracle.v4_deny[below(oracle.v4_deny.size())]);
      case 1:
        return inside(oracle.v6_deny[below(oracle.v6_deny.size())]);
      case 2:
        return inside(*egress::parse_cidr("2000::/3"));
      case 3:
        return inside(*egress::parse_cidr("::/0"));
      case 4: {
        // An IPv4 address in one of the clothes that IPv6 has for it.
        static const std::vector<std::string> clothes{"::ffff:0:0/96", "64:ff9b::/96", "::/96",
                                                      "2002::/16"};
        return inside(*egress::parse_cidr(clothes[below(clothes.size())]));
      }
      default:
        return inside(*egress::parse_cidr("0.0.0.0/0"));
    }
  }

 private:
  std::mt19937 random_;
  std::size_t kind_ = 0;
};

}  // namespace

TEST_CASE("namespace canary: every case is dialled or not as it says") {
  const json::value file = read_json("ssrf.json");
  std::set<std::uint16_t> ports{443, 8443};
  for (const auto& entry : file.as_array())
    if (const auto url = text::parse_url(entry.at("url").as_string())) ports.insert(url->port);
  Canary canary(ports);
  Client client({}, canary.trusting());
  std::size_t dialled_cases = 0;
  for (const auto& entry : file.as_array()) {
    const std::string url(entry.at("url").as_string());
    CAPTURE(url);
    const bool redirects = entry.at("redirects_to").is_string();
    const bool is_connect = entry.at("stage").as_string() == "connect";
    // A redirect's first hop is dialled; its target never.
    const bool accepted = entry.at("expect").as_string() == "accept" || redirects;
    if (redirects) canary.redirect_to(std::string(entry.at("redirects_to").as_string()));
    auto& answers = client.resolver.answers[host_of(url)];
    answers.clear();
    std::set<std::string> good{"93.184.216.34"};
    if (is_connect) {
      std::vector<egress::Address> answer;
      good.clear();
      for (const auto& text : entry.at("resolves_to").as_array()) {
        answer.push_back(*egress::parse_address(text.as_string()));
        good.insert(answer.back().text());
      }
      answers = {answer, {*egress::parse_address("127.0.0.1")}};
    } else {
      answers = {{*egress::parse_address("93.184.216.34")}};
    }
    client.resolver.lookups = 0;
    const auto exchange = client.send(post(url));
    client.http.close_idle();
    const auto dialled = canary.take_dialled();
    CAPTURE(exchange.detail);
    CHECK(client.resolver.lookups <= 1);
    CHECK(dialled.size() == (accepted ? 1 : 0));
    if (dialled.empty()) continue;
    ++dialled_cases;
    if (client.resolver.lookups == 1)
      CHECK(good.contains(dialled.front()));
    else
      CHECK(egress::parse_address(host_of(url))->text() == dialled.front());
    if (redirects) CHECK(exchange.status == 302);
  }
  CHECK(dialled_cases >= 68);
}

TEST_CASE("namespace canary: a listener on every address is this server at all its addresses") {
  Canary canary({443, 8443});
  EgressConfig config;
  config.own_listeners = {{*egress::parse_address("0.0.0.0"), 8443}};
  Client client({}, canary.trusting(), config);
  const auto own = client.send(post("https://93.184.216.34:8443/"));
  CHECK(own.result == env::ExchangeResult::refused);
  CHECK(own.detail.find("itself") != std::string::npos);
  const auto other = client.send(post("https://93.184.216.34/"));
  CHECK(other.result == env::ExchangeResult::tls_failed);
}

TEST_CASE("namespace canary: any URL and answer, denied ones are never dialled [property]") {
  const unsigned seed = std::random_device{}();
  MESSAGE("seed ", seed);
  Draw draw(seed);
  const Oracle oracle;
  Canary canary({443, 8443});
  Client client({}, canary.trusting());
  std::size_t allowed_count = 0, denied_count = 0;
  for (int round = 0; round < 6000; ++round) {
    std::vector<egress::Address> answer;
    for (std::size_t left = 1 + draw.below(3); left > 0; --left)
      answer.push_back(draw.address(oracle));
    const bool literal = draw.below(3) == 0;
    if (literal) answer.resize(1);
    const std::string host = !literal            ? "h" + std::to_string(round) + ".example.com"
                             : answer.front().v6 ? "[" + answer.front().text() + "]"
                                                 : answer.front().text();
    const std::string url = "https://" + host + (draw.below(2) == 0 ? "/" : ":8443/x");
    const bool allowed =
        std::ranges::all_of(answer, [&](const auto& address) { return oracle.allows(address); });
    std::string shown;
    for (const auto& address : answer) shown += address.text() + " ";
    CAPTURE(url);
    CAPTURE(shown);
    const egress::Address first = answer.front();
    // What a second lookup would say is always forbidden.
    client.resolver.answers.clear();
    client.resolver.answers[host] = {std::move(answer),
                                     {*egress::parse_address("169.254.169.254")}};
    const auto exchange = client.send(post(url));
    const auto dialled = canary.take_dialled();
    CAPTURE(exchange.detail);
    if (allowed) {
      ++allowed_count;
      REQUIRE(dialled == std::vector{first.text()});
    } else {
      ++denied_count;
      REQUIRE(dialled.empty());
      REQUIRE(exchange.result == env::ExchangeResult::refused);
    }
  }
  MESSAGE(allowed_count, " allowed and dialled, ", denied_count, " denied and not");
  CHECK(allowed_count > 300);
  CHECK(denied_count > 300);
}
