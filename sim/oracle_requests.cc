// What is judged when a request leaves and when its answer comes.

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "sim/oracle.h"

namespace posthorn::sim {

using model::DeliveryState;

namespace {

constexpr Millis rate_span = 10s;
/// What a row may need between being chosen and leaving: reads from a slow store.
constexpr Millis choice_age_max = 40s;

int number_of(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string_view header_of(const std::vector<env::Header>& headers, std::string_view name) {
  for (const auto& header : headers)
    if (equal_ignoring_case_ascii(header.name, name)) return header.value;
  return {};
}

std::string_view host_of_url(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

DeliveryId Oracle::sent(Life& life, const env::OutgoingRequest& request) {
  const auto id = delivery_from_uuid(header_of(request.headers, "X-Webhook-Delivery"));
  if (!id) {
    blame("G7: a request without a delivery's id left");
    return {};
  }
  const int number = number_of(header_of(request.headers, "X-Webhook-Attempt"));
  digest_.add("sent", id->value, static_cast<std::uint64_t>(number),
              static_cast<std::uint64_t>(life.number));
  const auto found = tables_->deliveries.find(*id);
  if (found == tables_->deliveries.end()) {
    blame(fmt::format("G1: {} was sent and is not in the store", id->text()));
    return {};
  }
  const auto row = tables_->seen(found->second);
  check_request(life, request, row, number);

  auto& known = truth_.deliveries[*id];
  ++known.sends;
  auto& last = known.last_of[life.number];
  last = {};
  last.number = number;
  last.in_flight = true;
  last.started = life.timeline->now();
  ++life.in_flight;
  ++life.in_flight_of[row.endpoint];
  ++life.in_flight_to[std::string(host_of_url(request.url))];
  life.sent[row.endpoint].push_back(life.clock->steady());
  if (row.key_hash != 0) life.key_in_flight[{row.endpoint, row.key_hash}] = *id;
  return *id;
}

void Oracle::check_request(Life& life, const env::OutgoingRequest& request,
                           const model::Delivery& row, int number) {
  const auto& endpoint = truth_.endpoints.at(row.endpoint);
  const auto name = [&] { return fmt::format("{} (attempt {})", row.id.text(), number); };
  if (endpoint.answered_off)
    blame(fmt::format("G9: {} started after disabling or deleting was answered", name()));
  check_content(request, row);
  auto& known = truth_.deliveries[row.id];
  const auto& last = known.last_of[life.number];
  if (last.in_flight) blame(fmt::format("G7: {} left twice at once", name()));
  if (!owns(life, row.endpoint)) return;  // Its records will be refused.

  const Instant now = life.timeline->now();
  if (row.state != DeliveryState::pending) {
    blame(fmt::format("G6: {} left although it is settled ({})", name(),
                      static_cast<int>(row.state)));
  } else if (number != row.attempts + 1) {
    blame(fmt::format("G7: {} left, but {} attempts are recorded", name(), row.attempts));
  }
  if (now < row.due_at)
    blame(
        fmt::format("G5, G8: {} left {} ms before it was due", name(), (row.due_at - now).count()));
  if (last.returned && last.success)
    blame(fmt::format("G7: {} left again after a success, without a crash", name()));
  if (last.returned && !last.success && now < last.ended + last.wait)
    blame(
        fmt::format("G8: {} left {} ms too early", name(), (last.ended + last.wait - now).count()));
  if (number > static_cast<int>(endpoint.spec.retry.steps.size()) + 1)
    blame(fmt::format("G8: {} is more than the schedule has", name()));
  if (known.deaths >= 3)
    blame(fmt::format("G6: {} left though three processes died with it", name()));
  if (life.store_refuses)
    blame(fmt::format("G3: {} started while the store takes no records", name()));
  check_limits(life, row, endpoint.spec);
  check_order(life, row);
}

void Oracle::check_content(const env::OutgoingRequest& request, const model::Delivery& row) {
  const auto event = tables_->events.at(row.event);
  const auto say = [&](std::string_view what) {
    blame(fmt::format("G7, G14: {}: {}", row.id.text(), what));
  };
  if (header_of(request.headers, "webhook-id") != event->id.text()) say("a wrong webhook-id");
  if (header_of(request.headers, "X-Webhook-Event") != event->type) say("a wrong event type");
  if (request.body->find(*event->data) == std::string::npos) say("the data is not as published");
  if (event->hop >= 3) say("it travelled through too many webhooks");
  const auto& spec = truth_.endpoints.at(row.endpoint).spec;
  if (event->actor == "system" && event->data->find(row.endpoint.text()) != std::string::npos)
    say("an endpoint is told about itself");
  auto& known = truth_.deliveries[row.id];
  if (known.sends == 0)
    known.body = *request.body;
  else if (known.body != *request.body)
    say("other bytes than before");
  const auto secret = spec.secrets.front().text.reveal();
  const auto expected =
      "sha256=" + to_hex(crypto::hmac(crypto::Digest::sha256, secret, *request.body));
  if (header_of(request.headers, "X-Webhook-Signature") != expected) say("a wrong signature");
  const auto signed_text = fmt::format(
      "{}.{}.{}", event->id.text(), header_of(request.headers, "webhook-timestamp"), *request.body);
  if (header_of(request.headers, "webhook-signature") !=
      "v1," + to_base64(crypto::hmac(crypto::Digest::sha256, secret, signed_text)))
    say("a wrong webhook-signature");
}

void Oracle::check_limits(Life& life, const model::Delivery& row, const model::Endpoint& endpoint) {
  if (life.in_flight >= plan_.in_flight_max)
    blame(fmt::format("G18: more than {} attempts at once", plan_.in_flight_max));
  if (life.in_flight_of[row.endpoint] >= endpoint.concurrency_max)
    blame(fmt::format("G12: more than {} attempts at once to {}", endpoint.concurrency_max,
                      row.endpoint.text()));
  if (life.in_flight_to[std::string(host_of_url(endpoint.url))] >= plan_.per_target_max)
    blame(fmt::format("G12: more than {} attempts at once to one host", plan_.per_target_max));
  if (!endpoint.rate_per_second) return;
  auto& sent = life.sent[row.endpoint];
  while (!sent.empty() && sent.front() + rate_span <= life.clock->steady()) sent.pop_front();
  const double rate = *endpoint.rate_per_second;
  const double allowed = rate * 10 + std::max(1.0, rate / 10);
  if (static_cast<double>(sent.size()) > allowed)
    blame(fmt::format("G12: {} requests in 10 s to {}, {} are allowed", sent.size() + 1,
                      row.endpoint.text(), allowed));
}

void Oracle::check_order(Life& life, const model::Delivery& row) {
  const auto& endpoint = truth_.endpoints.at(row.endpoint).spec;
  if (endpoint.ordering != model::Ordering::key || row.key_hash == 0) return;
  const auto flying = life.key_in_flight.find({row.endpoint, row.key_hash});
  if (flying != life.key_in_flight.end())
    blame(fmt::format("G11: {} left while {} of its key is in flight", row.id.text(),
                      flying->second.text()));
  if (row.replay_of) return;
  const Instant now = life.timeline->now();
  const auto key = tables_->of_key.find({row.endpoint, row.key_hash});
  for (const DeliveryId id : key->second) {
    if (id >= row.id) break;
    const auto& earlier = tables_->deliveries.at(id);
    const auto seen = tables_->seen(earlier);
    if (seen.replay_of) continue;
    const bool waits = seen.state == DeliveryState::pending &&
                       (seen.attempts > 0 || seen.due_at + choice_age_max <= now);
    const bool blocks = endpoint.on_exhausted == model::OnExhausted::block &&
                        seen.state == DeliveryState::exhausted && !earlier.resolved;
    if (waits || blocks)
      blame(fmt::format("G11: {} left before {} of its key", row.id.text(), id.text()));
  }
}

void Oracle::peer_answered(DeliveryId id, int status) {
  if (status >= 200 && status < 300) ++truth_.deliveries[id].good_answers;
}

void Oracle::release(Life& life, DeliveryId id) {
  const auto& row = tables_->deliveries.at(id).delivery;
  --life.in_flight;
  --life.in_flight_of[row.endpoint];
  --life.in_flight_to[std::string(host_of_url(truth_.endpoints.at(row.endpoint).spec.url))];
  const auto flying = life.key_in_flight.find({row.endpoint, row.key_hash});
  if (flying != life.key_in_flight.end() && flying->second == id) life.key_in_flight.erase(flying);
  truth_.deliveries[id].last_of[life.number].in_flight = false;
}

void Oracle::returned(Life& life, DeliveryId id, const env::Exchange& exchange, bool cancelled) {
  if (!tables_->deliveries.contains(id)) return;
  release(life, id);
  digest_.add("returned", id.value, static_cast<std::uint64_t>(exchange.result),
              static_cast<std::uint64_t>(exchange.status));
  auto& last = truth_.deliveries[id].last_of[life.number];
  last.ended = life.timeline->now();
  last.status = exchange.status;
  if (cancelled || exchange.result == env::ExchangeResult::not_sent) return;
  last.returned = true;
  last.success = exchange.status >= 200 && exchange.status < 300;
  const auto& spec = truth_.endpoints.at(tables_->deliveries.at(id).delivery.endpoint).spec;
  const auto made = static_cast<std::size_t>(last.number);
  if (!last.success && made <= spec.retry.steps.size()) {
    last.wait = spec.retry.steps[made - 1];
    last.wait_max = last.wait + last.wait / 10 + 1ms;
    const auto asked = header_of(exchange.headers, "Retry-After");
    // The peers of this world send whole seconds, or what is none.
    const bool digits = !asked.empty() && asked.find_first_not_of("0123456789") == asked.npos;
    if (digits) {
      const auto after = asked.size() > 6 ? Millis(24h) : Millis(number_of(asked) * 1000);
      last.wait = std::max(last.wait, std::min(after, Millis(24h)));
      last.wait_max = std::max(last.wait_max, last.wait);
    }
  }
}

}  // namespace posthorn::sim
