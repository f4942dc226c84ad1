#include "ingest/poll_question.h"

namespace posthorn::ingest {

pollers::Situation PollQuestion::situation() const {
  return {.settings = settings.settings,
          .source = live.settings,
          .provider = live.source.provider->name,
          .base_url = settings.base_url,
          .now = now,
          .lookback = settings.lookback,
          .page_size = page_size > 0 ? page_size : settings.poller->page_size};
}

env::OutgoingRequest PollQuestion::request() const {
  auto asked = settings.poller->request(situation(), cursor);
  env::OutgoingRequest request;
  request.method = std::move(asked.method);
  request.url = settings.base_url + asked.path;
  for (auto& [name, value] : asked.headers)
    request.headers.push_back({std::move(name), std::move(value)});
  request.body = share(std::move(asked.body));
  request.limit = asked.patience;
  request.body_bytes_kept = env::body_bytes_kept_max;
  return request;
}

std::expected<pollers::Step, pollers::Refusal> PollQuestion::read(
    const env::Exchange& exchange) const {
  const auto& poller = *settings.poller;
  if (exchange.result != env::ExchangeResult::ok)
    return std::unexpected(pollers::Refusal{.what = std::string(env::to_string(exchange.result)) +
                                                    ": " + exchange.detail});
  pollers::Answer answer{.status = exchange.status, .headers = {}, .body = exchange.body};
  for (const auto& header : exchange.headers)
    answer.headers.emplace_back(header.name, header.value);
  auto refusal = [&]() -> std::optional<pollers::Refusal> {
    if (exchange.status < 200 || exchange.status > 299) {
      if (poller.refused != nullptr)
        if (auto own = poller.refused(answer)) return own;
      return pollers::refusal_of(answer, now);
    }
    if (!exchange.body_truncated) return std::nullopt;
    return pollers::Refusal{.what = "the answer was cut, or is longer than 8 MiB"};
  }();
  if (!refusal) return poller.read(situation(), cursor, answer);
  if ((refusal->restart || is_too_large(exchange)) && poller.give_up != nullptr)
    if (auto step = poller.give_up(situation(), cursor)) {
      step->note += ": " + refusal->what;
      return *std::move(step);
    }
  return std::unexpected(*std::move(refusal));
}

}  // namespace posthorn::ingest
