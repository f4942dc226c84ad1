#include "deliver/notices.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "base/planted.h"

namespace posthorn::deliver {

namespace {

namespace json = boost::json;

json::object delivery_data(const AttemptNews& news) {
  json::object data;
  data["delivery_id"] = news.attempt.delivery.text();
  data["endpoint_id"] = news.endpoint.id.text();
  data["endpoint_url"] = news.endpoint.url;
  data["event_id"] = news.event.id.text();
  data["event_type"] = news.event.type;
  data["attempts"] = news.attempt.number;
  json::object last;
  last["at"] = to_rfc3339(news.attempt.started_at);
  last["result"] = env::to_string(news.attempt.result);
  last["status"] =
      news.attempt.status == 0 ? json::value(nullptr) : json::value(news.attempt.status);
  last["detail"] = news.attempt.detail;
  data["last_attempt"] = std::move(last);
  return data;
}

}  // namespace

void add_system_event(store::Batch& batch, const model::Endpoint& endpoint, std::string type,
                      std::string data, int hop, NoticeTime time,
                      const publish::Publisher& publisher) {
  model::Event event;
  event.workspace = endpoint.workspace;
  event.application = endpoint.application;
  event.type = std::move(type);
  event.actor = "system";
  event.hop = hop + 1;
  event.created_at = time.wall;
  event.due_at = time.timeline;
  event.data = share(std::move(data));
  auto made = publisher.route(std::move(event));
  if (!planted(Planted::tells_itself)) std::erase(made.targets, endpoint.id);
  batch.events.push_back(std::move(made));
}

void add_delivery_events(store::Batch& batch, const AttemptNews& news, NoticeTime time,
                         const publish::Publisher& publisher) {
  const auto add = [&](std::string_view type, json::object data) {
    add_system_event(batch, news.endpoint, std::string(type), json::serialize(data), news.event.hop,
                     time, publisher);
  };
  if (news.tell_failing) {
    json::object data;
    data["endpoint_id"] = news.endpoint.id.text();
    data["endpoint_url"] = news.endpoint.url;
    data["count"] = news.failures;
    data["disable_after"] = news.endpoint.disable_after;
    data["last_delivery_id"] = news.attempt.delivery.text();
    add("endpoint.failing", std::move(data));
  }
  if (news.state == model::DeliveryState::exhausted && !planted(Planted::exhausted_untold))
    add("delivery.exhausted", delivery_data(news));
  if (news.state == model::DeliveryState::succeeded && news.attempt.number > 1)
    add("delivery.recovered", delivery_data(news));
}

void add_parked_notice(store::Batch& batch, const model::Delivery& delivery, NoticeTime time) {
  json::object document;
  document["kind"] = "delivery.parked";
  document["delivery_id"] = delivery.id.text();
  document["endpoint_id"] = delivery.endpoint.text();
  document["event_id"] = delivery.event.text();
  document["at"] = to_rfc3339(time.wall);
  document["text"] =
      "Delivery " + delivery.id.text() +
      " was in flight three times in a row when the process died. It is parked: replay it when the "
      "cause is known.";
  store::ObjectWrite notice;
  notice.object.kind = model::ObjectKind::notification;
  notice.object.workspace = delivery.workspace;
  notice.object.name = "delivery.parked." + delivery.id.text();
  notice.object.document = json::serialize(document);
  notice.keep_existing = true;
  batch.objects.push_back(std::move(notice));
}

}  // namespace posthorn::deliver
