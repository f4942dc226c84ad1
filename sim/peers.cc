#include "sim/peers.h"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace posthorn::sim {

using env::ExchangeResult;

Answer Peers::answer(const std::string& host, Millis limit) {
  Answer made;
  made.there = random_.span(1ms, 40ms);
  made.back = random_.span(1ms, 40ms);
  if (healed_) return made;
  const auto fail_with = [&made](ExchangeResult result, bool reaches_peer) {
    made.result = result;
    made.status = 0;
    made.reaches_peer = reaches_peer;
  };
  if (outages_[host]) {
    if (random_.chance(50))
      made.status = 500 + random_.number(0, 4);
    else
      fail_with(ExchangeResult::connect_failed, false);
    return made;
  }
  const int draw = random_.number(0, 99);
  if (plan_.peer_failures && draw < 25) {
    if (draw < 8)
      made.status = random_.chance(50) ? 500 : 404;
    else if (draw < 13)
      fail_with(ExchangeResult::connect_failed, false);
    else if (draw < 18)
      fail_with(ExchangeResult::connection_lost, false);
    else
      fail_with(ExchangeResult::connection_lost, true);  // It did its work; the answer is lost.
  } else if (plan_.peer_hangs && draw < 35) {
    if (random_.chance(50)) {
      fail_with(ExchangeResult::timed_out, random_.chance(50));
      made.back = limit - made.there;
    } else {
      made.back = random_.span(0ms, limit - made.there);
    }
  } else if (plan_.peer_throttles && draw < 45) {
    made.status = random_.chance(50) ? 429 : 503;
    const int kind = random_.number(0, 9);
    made.headers.push_back({"Retry-After", kind == 0   ? "soon"
                                           : kind == 1 ? "-5"
                                           : kind == 2 ? "0"
                                                       : std::to_string(random_.number(1, 400))});
  } else if (plan_.peer_odd && draw < 50) {
    made.status = random_.chance(25) ? 410 : random_.chance(50) ? 302 : 307;
  }
  return made;
}

task<env::Exchange> ProcessNet::send(env::OutgoingRequest request) {
  env::Exchange exchange;
  if (dead_) co_return exchange;
  const Tick begun = clock_.steady();
  const auto id = hooks_.oracle.sent(hooks_.life, request);
  const auto answer = hooks_.peers.answer(std::string(host_of_url(request.url)), request.limit);
  bool cancelled = false;
  try {
    co_await clock_.sleep_until(clock_.steady() + answer.there);
    if (!dead_ && hooks_.is_poison(id)) hooks_.kill();
    if (!dead_) {
      if (answer.reaches_peer) {
        const bool took = answer.result == ExchangeResult::ok ? answer.status / 100 == 2 : true;
        hooks_.oracle.peer_answered(id, took ? 200 : answer.status);
      }
      co_await clock_.sleep_until(clock_.steady() + answer.back);
    }
  } catch (const boost::system::system_error&) {
    cancelled = true;
  }
  if (dead_) co_return exchange;
  exchange.result = cancelled ? ExchangeResult::connection_lost : answer.result;
  if (exchange.result == ExchangeResult::ok) {
    exchange.status = answer.status;
    exchange.headers = answer.headers;
  } else {
    exchange.detail = "the network of the simulator";
  }
  exchange.timings.total_ms = static_cast<int>((clock_.steady() - begun).count());
  hooks_.oracle.returned(hooks_.life, id, exchange, cancelled);
  co_return exchange;
}

}  // namespace posthorn::sim
