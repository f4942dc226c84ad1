#include "ingest/intake.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "ingest/effects.h"
#include "ingest/poll_keys.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::ingest {
namespace {

model::ReceivedRequest row_of(const LiveSource& live, const Arrival& arrival, int reply_status) {
  model::ReceivedRequest row;
  row.source = live.source.id;
  row.workspace = live.source.workspace;
  row.received_at = arrival.at;
  row.origin = arrival.origin;
  row.method = arrival.method;
  row.url = arrival.url;
  row.headers.assign(arrival.headers.begin(), arrival.headers.end());
  row.remote_address = arrival.remote_address;
  row.body_bytes = static_cast<std::int64_t>(arrival.body.size());
  row.body_sha256 = crypto::sha256(arrival.body);
  row.reply_status = reply_status;
  return row;
}

/// What the source's own schema has against the body.
void check_schema(const LiveSource& live, std::string_view body, providers::Parsed& parsed) {
  if (!live.schema || !parsed.unreadable.empty()) return;
  const auto value = text::parse_payload(body);
  if (!value) {
    parsed.faults.push_back({.pointer = "",
                             .code = "schema",
                             .detail = "the body is not JSON, which the schema needs"});
    return;
  }
  model::Faults faults;
  live.schema->check(*value, faults);
  parsed.faults.insert(parsed.faults.end(), faults.all().begin(), faults.all().end());
  if (!faults.empty()) parsed.events.clear();
}

std::string verdict_of(const providers::Parsed& parsed) {
  if (!parsed.unreadable.empty()) return text::json_text({{"reason", parsed.unreadable}});
  if (parsed.faults.empty()) return {};
  json::array faults;
  for (const auto& fault : parsed.faults)
    faults.push_back({{"pointer", fault.pointer}, {"code", fault.code}, {"detail", fault.detail}});
  return text::json_text({{"reason", "fields that are relied on are missing or wrong"},
                          {"faults", std::move(faults)}});
}

model::RequestState state_of(const providers::Parsed& parsed) {
  if (!parsed.unreadable.empty()) return model::RequestState::unparsed;
  if (parsed.events.empty() && !parsed.faults.empty()) return model::RequestState::invalid;
  return model::RequestState::received;
}

}  // namespace

std::string verdict_text(const providers::Verification& verification) {
  json::array steps;
  for (const auto& step : verification.steps)
    steps.push_back({{"what", step.what}, {"passed", step.passed}, {"detail", step.detail}});
  return text::json_text({{"reason", verification.reason}, {"steps", std::move(steps)}});
}

task<Result<store::RequestReceipt>> Intake::apply(store::NewRequest made) {
  store::Batch batch;
  batch.requests.push_back(std::move(made));
  PH_CO_TRY(auto applied, co_await store_.apply(std::move(batch)));
  co_return applied.requests.front();
}

task<Result<store::RequestReceipt>> Intake::keep(LiveSourcePtr live, const Arrival& arrival,
                                                 std::vector<providers::OneTimeToken> tokens,
                                                 int reply_status) {
  auto shared = std::make_shared<providers::Parsed>(
      live->source.provider->parse(live->settings, arrival.incoming()));
  auto& parsed = *shared;
  check_schema(*live, arrival.body, parsed);
  store::NewRequest made{.request = row_of(*live, arrival, reply_status), .keys = {}};
  made.request.body = share(std::string(arrival.body));
  made.request.state = state_of(parsed);
  made.request.due_at = timeline_.now();
  made.request.verdict = verdict_of(parsed);
  if (made.request.state == model::RequestState::received)
    made.keys = dedupe_keys(parsed, tokens, made.request.body_sha256, arrival.at);
  add_poll_keys(made, *live, arrival);
  if (made.request.state == model::RequestState::received)
    parsed_.put(made.request.body, live, shared);
  PH_CO_TRY(const auto receipt, co_await apply(std::move(made)));
  auto& activity = *live->activity;
  if (receipt.token_reused) {
    // Why is only known once the token was looked up, in the commit of the row.
    store::RequestChange why;
    why.request = receipt.id;
    why.only_if = why.state = model::RequestState::refused;
    why.verdict = text::json_text({{"reason", "its one-time token came with another body before"}});
    store::Batch batch;
    batch.request_changes.push_back(std::move(why));
    PH_CO_TRY(const auto told, co_await store_.apply(std::move(batch)));
    static_cast<void>(told);
    metrics_.refused.add();
    activity.refused.fetch_add(1, std::memory_order_relaxed);
  } else {
    const bool duplicate = static_cast<bool>(receipt.duplicate_of);
    // Found again by a poll: nothing came.
    if (!receipt.id) co_return receipt;
    (duplicate ? metrics_.duplicates : metrics_.received).add();
    (duplicate ? activity.duplicates : activity.received).fetch_add(1, std::memory_order_relaxed);
    activity.last_received_ms.store(arrival.at.unix_ms, std::memory_order_relaxed);
  }
  co_return receipt;
}

task<Result<>> Intake::keep_answered(LiveSourcePtr live, const Arrival& arrival, int reply_status) {
  store::NewRequest made{.request = row_of(*live, arrival, reply_status), .keys = {}};
  made.request.body = share(std::string(arrival.body));
  made.request.state = model::RequestState::answered;
  PH_CO_TRY(const auto receipt, co_await apply(std::move(made)));
  static_cast<void>(receipt);
  co_return Result<>{};
}

task<Result<std::optional<RequestId>>> Intake::keep_refused(LiveSourcePtr live,
                                                            const Arrival& arrival,
                                                            std::string verdict, int reply_status) {
  metrics_.refused.add();
  live->activity->refused.fetch_add(1, std::memory_order_relaxed);
  const auto kept =
      live->activity->refusals.take(refused_kept_per_minute, Tick{timeline_.now().unix_ms});
  if (!kept.allowed) {
    live->activity->refused_unkept.fetch_add(1, std::memory_order_relaxed);
    co_return std::optional<RequestId>{};
  }
  store::NewRequest made{.request = row_of(*live, arrival, reply_status), .keys = {}};
  made.request.body = share(std::string(arrival.body.substr(0, refused_body_bytes_max)));
  made.request.state = model::RequestState::refused;
  made.request.verdict = std::move(verdict);
  PH_CO_TRY(const auto receipt, co_await apply(std::move(made)));
  co_return receipt.id;
}

}  // namespace posthorn::ingest
