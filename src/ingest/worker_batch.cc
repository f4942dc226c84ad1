#include "ingest/worker_batch.h"

#include "model/notification.h"
#include "providers/status.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::ingest {
namespace {

constexpr Millis status_kept{90 * 24h};

std::string text_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// The events of a request by today's code: one that could not be read may be readable now.
providers::Parsed parse(const LiveSource& live, const model::ReceivedRequest& request) {
  const Stored stored(request);
  return live.source.provider->parse(live.settings, stored.incoming());
}

std::string status_in(const model::Object& object) {
  const auto parsed = text::parse_payload(object.document);
  return parsed && parsed->is_object() ? text_in(parsed->get_object(), "status") : std::string();
}

store::RequestChange change_of(std::shared_ptr<const model::ReceivedRequest> request,
                               model::RequestState state, Instant now) {
  store::RequestChange change;
  change.request = request->id;
  change.state = state;
  change.attempts = request->attempts;
  change.known = std::move(request);
  change.processed_at = now;
  return change;
}

}  // namespace

std::string action_url(const LiveSource& live, const model::ReceivedRequest& request) {
  const auto parsed = parse(live, request);
  return parsed.action ? parsed.action->url : std::string();
}

void add_parked_notice(store::Batch& batch, const model::ReceivedRequest& request,
                       std::string_view why, Instant now) {
  model::Notification notice;
  notice.workspace = request.workspace;
  notice.name = "request.parked." + request.id.text() + "." + std::to_string(request.forced);
  notice.kind = "request.parked";
  notice.text = "Request " + request.id.text() +
                " could not be worked on and is parked: " + std::string(why) +
                ". Replay it when the cause is gone.";
  notice.details = {{"request_id", request.id.text()}, {"source_id", request.source.text()}};
  notice.at = now;
  store::ObjectWrite write;
  write.object = model::to_object(notice);
  write.keep_existing = true;
  batch.objects.push_back(std::move(write));
}

task<Result<std::optional<MessageStatus>>> WorkerBatch::message_status(
    const LiveSource& live, const providers::NormalisedEvent& event) {
  if (event.type != "message.status") co_return std::optional<MessageStatus>{};
  const auto status = text_in(event.fields, "status");
  const auto message = text_in(event.fields, "provider_message_id");
  if (status.empty() || message.empty()) co_return std::optional<MessageStatus>{};
  const std::string name = live.source.id.text() + "/" + message;
  model::Object* object = nullptr;
  if (const auto known = statuses_.find(name); known != statuses_.end())
    object = &batch_.objects[known->second].object;
  std::string highest = object != nullptr ? status_in(*object) : "";
  store::ObjectWrite write;
  if (object == nullptr) {
    PH_CO_TRY(auto stored, co_await ports_.store.object_by_name(model::ObjectKind::message_status,
                                                                live.source.workspace, name));
    if (stored) {
      highest = status_in(*stored);
      write.action = store::ObjectWrite::Action::replace;
      write.object = *std::move(stored);
    } else {
      write.object.kind = model::ObjectKind::message_status;
      write.object.workspace = live.source.workspace;
      write.object.parent = live.source.id.value;
      write.object.name = name;
    }
  }
  if (!highest.empty() && !providers::status_rises(highest, status))
    co_return MessageStatus{.highest = highest, .advanced = false};
  const auto document = text::json_text({{"status", status}});
  const Instant expires = ports_.clock.now() + status_kept;
  if (object != nullptr) {
    object->document = document;
    object->expires_at = expires;
  } else {
    write.object.document = document;
    write.object.expires_at = expires;
    statuses_[name] = batch_.objects.size();
    batch_.objects.push_back(std::move(write));
  }
  co_return MessageStatus{.highest = status, .advanced = true};
}

task<Result<WorkerBatch::Added>> WorkerBatch::add(
    std::shared_ptr<const model::ReceivedRequest> request, LiveSourcePtr live, bool acted) {
  const Instant now = ports_.clock.now();
  if (!live) {
    auto change = change_of(request, model::RequestState::parked, now);
    change.error = "its source was deleted";
    batch_.request_changes.push_back(std::move(change));
    co_return Added::added;
  }
  auto known = ports_.parsed.take(request->body, live);
  if (!known) known = std::make_shared<const providers::Parsed>(parse(*live, *request));
  const auto& parsed = *known;
  if (!parsed.unreadable.empty()) {
    auto change = change_of(request, model::RequestState::unparsed, now);
    change.verdict = text::json_text({{"reason", parsed.unreadable}});
    batch_.request_changes.push_back(std::move(change));
    co_return Added::added;
  }
  if (parsed.action && parsed.action->type == "http_get" && !acted) co_return Added::needs_action;
  auto change = change_of(request, model::RequestState::processed, now);
  change.first_event = batch_.events.size();
  change.event_count = parsed.events.size();
  const Instant due = ports_.timeline.now();
  for (std::size_t i = 0; i < parsed.events.size(); ++i) {
    PH_CO_TRY(const auto status, co_await message_status(*live, parsed.events[i]));
    batch_.events.push_back(
        ports_.publisher.route(make_event(*live, *request, parsed, i, status, now, due)));
  }
  batch_.request_changes.push_back(std::move(change));
  received_at_.push_back(request->received_at);
  co_return Added::added;
}

store::Batch WorkerBatch::take(store::EpochsPtr epochs) {
  batch_.epochs = std::move(epochs);
  return std::move(batch_);
}

void WorkerBatch::observe(const store::Applied& applied, Metrics& metrics) const {
  const Instant now = ports_.clock.now();
  metrics.processed.add(received_at_.size());
  std::uint64_t fresh = 0;
  for (const auto& receipt : applied.events) fresh += receipt.duplicate ? 0 : 1;
  metrics.events.add(fresh);
  for (const Instant at : received_at_)
    metrics.lag.observe(static_cast<double>(std::max<std::int64_t>(0, (now - at).count())) /
                        1000.0);
}

}  // namespace posthorn::ingest
