#include "benchmark/verified.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <thread>

#include "base/bytes.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::benchmark {
namespace {

constexpr std::size_t id_digits = 20;
constexpr std::size_t time_digits = 10;
constexpr std::size_t mac_digits = 64;

void write_digits(std::string& text, std::size_t at, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value /= 10)
    text[at + i] = static_cast<char>('0' + value % 10);
}

std::size_t behind(std::string_view text, std::string_view mark) {
  return text.find(mark) + mark.size();
}

}  // namespace

std::string stripe_body(std::size_t bytes) {
  std::string body = fmt::format(
      R"({{"id":"evt_{:0>20}","object":"event","api_version":"2025-09-30","created":1795240000,"data":{{"object":{{"id":"in_1042","object":"invoice","amount_due":1500,"amount_paid":0,"attempt_count":2,"currency":"eur","customer":"cus_1042","customer_email":"asha@example.com","status":"open","description":")",
      0);
  constexpr std::string_view tail =
      R"("},"previous_attributes":null},"livemode":false,"pending_webhooks":1,"type":"invoice.payment_failed"})";
  constexpr std::string_view words = "The card was declined when the subscription was renewed. ";
  while (body.size() + tail.size() < bytes) body += words[body.size() % words.size()];
  return body.append(tail);
}

StripeSigner::StripeSigner(std::uint16_t port, std::vector<std::string> slugs,
                           std::size_t payload_bytes, std::uint64_t first_id)
    : slugs_(std::move(slugs)), next_id_(first_id) {
  const auto header =
      fmt::format("Stripe-Signature: t={:0>10},v1={:0>64}\r\nUser-Agent: Stripe/1.0\r\n", 0, 0);
  request_ = post(port, "/in/" + slugs_.at(0), header, stripe_body(payload_bytes));
  slug_at_ = behind(request_, "/in/");
  time_at_ = behind(request_, "t=");
  mac_at_ = behind(request_, ",v1=");
  body_at_ = behind(request_, "\r\n\r\n");
  id_at_ = behind(request_, "\"evt_");
}

void StripeSigner::change(std::string& request) {
  if (request.size() != request_.size()) throw std::logic_error("not the request of this signer");
  const auto& slug = slugs_[next_id_ % slugs_.size()];
  request.replace(slug_at_, slug.size(), slug);
  write_digits(request, time_at_, time_digits, static_cast<std::uint64_t>(std::time(nullptr)));
  write_digits(request, id_at_, id_digits, next_id_++);
  const std::string_view text = request;
  const auto mac =
      to_hex(key_.sign({text.substr(time_at_, time_digits), ".", text.substr(body_at_)}));
  request.replace(mac_at_, mac_digits, mac);
}

std::string make_stripe_source(Product& product, std::string_view name) {
  const auto made = text::parse_payload(product.call(
      "POST", "/v1/sources",
      fmt::format(R"({{"provider":"stripe","name":"{}","config":{{"signing_secret":"{}"}}}})", name,
                  stripe_secret)));
  if (!made) throw std::runtime_error("POST /v1/sources: " + made.error().what);
  const std::string url(made->at("ingest_url").as_string());
  return url.substr(behind(url, "/in/"));
}

double metric(Product& product, std::string_view name) {
  const auto page = product.call("GET", "/metrics");
  const auto line = "\n" + std::string(name) + " ";
  const auto at = page.find(line);
  double value = 0;
  if (at != std::string::npos)
    std::from_chars(page.data() + at + line.size(), page.data() + page.size(), value);
  return value;
}

double wait_for_worker(Product& product) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (;;) {
    const double processed = metric(product, "posthorn_requests_processed_total");
    const double received = metric(product, "posthorn_requests_received_total");
    const auto took = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    if (processed >= received) return took;
    if (took > 60'000)
      throw std::runtime_error(
          fmt::format("the worker is done with {} of {} requests after 60 s", processed, received));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace posthorn::benchmark
