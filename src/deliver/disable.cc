#include "deliver/disable.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/planted.h"
#include "crypto/crypto.h"
#include "model/names.h"

namespace posthorn::deliver {

namespace {

namespace json = boost::json;

/// The document with the three members that say so. The rest, sealed secrets among it, stays.
std::string disabled_document(const Disabling& disabling) {
  auto document = json::parse(disabling.object->document).as_object();
  document["enabled"] = false;
  document["disabled_reason"] = model::to_string(disabling.reason);
  document["disabled_at"] = disabling.time.wall.unix_ms;
  return json::serialize(document);
}

std::string because(const Disabling& disabling) {
  if (disabling.reason == model::DisabledReason::gone) return "it answered 410 Gone";
  return fmt::format("{} attempts in a row failed", disabling.failures);
}

std::string last_words(const model::Attempt& attempt) {
  if (attempt.result == env::ExchangeResult::ok) return fmt::format("HTTP {}", attempt.status);
  return fmt::format("{}: {}", env::to_string(attempt.result), attempt.detail);
}

json::object facts(const Disabling& disabling) {
  const auto& endpoint = *disabling.endpoint;
  json::object data;
  data["endpoint_id"] = endpoint.id.text();
  data["endpoint_url"] = endpoint.url;
  data["endpoint_description"] = endpoint.description;
  data["reason"] = model::to_string(disabling.reason);
  data["count"] = disabling.failures;
  data["disabled_at"] = to_rfc3339(disabling.time.wall);
  data["last_delivery_id"] = disabling.last->delivery.text();
  data["last_attempt"] = last_words(*disabling.last);
  return data;
}

store::ObjectWrite notification(const Disabling& disabling) {
  auto document = facts(disabling);
  document["kind"] = "endpoint.disabled";
  document["at"] = to_rfc3339(disabling.time.wall);
  document["text"] =
      fmt::format("Endpoint {} ({}) was disabled: {}. Its deliveries are held.",
                  disabling.endpoint->id.text(), disabling.endpoint->url, because(disabling));
  store::ObjectWrite write;
  write.object.kind = model::ObjectKind::notification;
  write.object.workspace = disabling.endpoint->workspace;
  write.object.parent = disabling.endpoint->id.value;
  write.object.document = json::serialize(document);
  return write;
}

/// The same version can only be disabled once, so the identifier is the same however often the mail
/// is sent.
store::ObjectWrite mail(const Disabling& disabling) {
  const auto& endpoint = *disabling.endpoint;
  const std::string message_id = fmt::format("endpoint.disabled.{}.{}@posthorn", endpoint.id.text(),
                                             disabling.object->version);
  json::object document;
  auto& to = document["to"].emplace_array();
  for (const auto& address : disabling.mail_to) to.emplace_back(address);
  document["subject"] = fmt::format("Webhook endpoint disabled: {}", endpoint.url);
  document["message_id"] = message_id;
  document["text"] = fmt::format(
      "Posthorn has disabled the endpoint {0}\n{1}\n\n"
      "Reason: {2}.\nLast attempt: {3}, delivery {4}.\n\n"
      "Nothing is lost: its deliveries are held until it is enabled again. Then all of them, those "
      "since a time, or none are sent:\n\n"
      "  posthorn endpoints enable {0} --recover all\n",
      endpoint.id.text(), endpoint.url, because(disabling), last_words(*disabling.last),
      disabling.last->delivery.text());
  store::ObjectWrite write;
  write.object.kind = model::ObjectKind::outgoing_mail;
  write.object.workspace = endpoint.workspace;
  write.object.name = message_id;
  write.object.document = json::serialize(document);
  write.keep_existing = true;
  return write;
}

}  // namespace

bool is_enabled(std::string_view document) {
  boost::system::error_code failed;
  const auto parsed = json::parse(document, failed);
  if (failed || !parsed.is_object()) return false;
  const auto* enabled = parsed.as_object().if_contains("enabled");
  return !enabled || (enabled->is_bool() && enabled->as_bool());
}

model::Endpoint disabled_copy(const Disabling& disabling) {
  model::Endpoint copy = *disabling.endpoint;
  copy.enabled = false;
  copy.disabled_reason = disabling.reason;
  copy.disabled_at = disabling.time.wall;
  copy.updated_at = disabling.time.wall;
  return copy;
}

void add_disabling(store::Batch& batch, const Disabling& disabling,
                   const publish::Publisher& publisher) {
  const auto& endpoint = *disabling.endpoint;

  store::ObjectWrite document;
  document.action = store::ObjectWrite::Action::replace;
  document.object = *disabling.object;
  document.object.updated_at = disabling.time.wall;
  document.object.document = disabled_document(disabling);
  document.expected_version = disabling.object->version;

  model::AuditEntry audit;
  audit.workspace = endpoint.workspace;
  audit.at = disabling.time.wall;
  audit.actor = "system";
  audit.action = "endpoint.disable";
  audit.object = endpoint.id.text();
  audit.before_hash = to_hex(crypto::sha256(disabling.object->document));
  audit.after_hash = to_hex(crypto::sha256(document.object.document));

  store::HeldChange held;
  held.action = store::HeldChange::Action::open;
  held.endpoint = endpoint.id;

  batch.objects.push_back(std::move(document));
  batch.objects.push_back(notification(disabling));
  if (!disabling.mail_to.empty()) batch.objects.push_back(mail(disabling));
  if (!planted(Planted::disable_without_hold)) batch.held.push_back(held);
  batch.audit.push_back(std::move(audit));
  if (planted(Planted::disable_without_notice)) return;
  add_system_event(batch, endpoint, "endpoint.disabled", json::serialize(facts(disabling)),
                   disabling.hop, disabling.time, publisher);
}

}  // namespace posthorn::deliver
