#include "inspect/bin_sink.h"

namespace posthorn::inspect {

task<env::Exchange> BinSink::send(env::OutgoingRequest request) {
  if (!request.url.starts_with("bin://")) return next_.send(std::move(request));
  return send_to_bin(std::move(request));
}

task<env::Exchange> BinSink::send_to_bin(env::OutgoingRequest request) {
  env::Exchange exchange;
  const auto bin = bins_.by_url(request.url);
  if (!bin) {
    exchange.result = env::ExchangeResult::refused;
    exchange.detail = "there is no such bin";
    co_return exchange;
  }
  const auto began = clock_.steady();
  Received received;
  received.method = std::move(request.method);
  received.headers = std::move(request.headers);
  received.body = *request.body;
  auto reply = co_await bins_.capture(bin, std::move(received));
  if (!reply) {
    exchange.result = env::ExchangeResult::connection_lost;
    exchange.detail = "the bin could not keep the request: " + reply.error().what;
    co_return exchange;
  }
  const bool late = reply->delay > request.limit;
  if (reply->delay > Millis{0})
    co_await clock_.sleep_until(began + (late ? request.limit : reply->delay));
  exchange.timings.total_ms = static_cast<int>((clock_.steady() - began).count());
  exchange.timings.first_byte_ms = exchange.timings.total_ms;
  exchange.remote_address = "bin";
  if (late) {
    exchange.result = env::ExchangeResult::timed_out;
    exchange.detail = "the bin was told to answer later than the limit";
    co_return exchange;
  }
  constexpr std::size_t kept_max = 4096;
  exchange.result = env::ExchangeResult::ok;
  exchange.status = reply->status;
  exchange.headers = std::move(reply->headers);
  exchange.body_truncated = reply->body.size() > kept_max;
  exchange.body = reply->body.substr(0, kept_max);
  co_return exchange;
}

}  // namespace posthorn::inspect
