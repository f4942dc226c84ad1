#include "ingest/poll_settings.h"

namespace posthorn::ingest {

void read_poll(model::Members& members, Source& source) {
  if (members.is_null("poll")) {
    source.poll.clear();
    return;
  }
  const auto* given = members.object("poll");
  if (given == nullptr || source.provider == nullptr) return;
  const auto* poller = pollers::find_poller(source.provider->name);
  if (poller == nullptr) {
    std::string known;
    for (const auto* one : pollers::registry())
      known += (known.empty() ? "" : ", ") + std::string(one->provider);
    members.add("poll", "not_allowed", "this provider has nothing to poll; these have: " + known);
    return;
  }
  for (const auto& member : *given) {
    if (member.value().is_null())
      source.poll.erase(member.key());
    else
      source.poll[member.key()] = member.value();
  }
  static_cast<void>(
      pollers::read_settings(*poller, source.poll, members.faults(), members.pointer("poll")));
}

json::value shown_poll(const Source& source) {
  const auto* poller = pollers::find_poller(source.provider->name);
  if (source.poll.empty() || poller == nullptr) return nullptr;
  return providers::masked(pollers::fields_of(*poller), source.poll);
}

std::optional<PollSettings> poll_settings(const Source& source) {
  const auto* poller = pollers::find_poller(source.provider->name);
  if (source.poll.empty() || poller == nullptr) return std::nullopt;
  PollSettings read{.poller = poller, .settings = {}, .base_url = {}};
  model::Faults ignored;  // What was stored was checked then.
  read.settings = pollers::read_settings(*poller, source.poll, ignored);
  if (!read.settings.boolean("enabled")) return std::nullopt;
  read.base_url = pollers::base_url_of(*poller, read.settings);
  read.interval = std::chrono::seconds(read.settings.integer("interval_seconds"));
  read.lookback = std::chrono::seconds(read.settings.integer("lookback_seconds"));
  return read;
}

std::string without_secrets(const PollSettings& settings, std::string text) {
  for (const auto& field : pollers::fields_of(*settings.poller)) {
    if (field.kind != providers::FieldKind::secret) continue;
    for (const auto& secret : settings.settings.all(field.name))
      for (auto at = text.find(secret); !secret.empty() && at != text.npos; at = text.find(secret))
        text.replace(at, secret.size(), "…");
  }
  return text;
}

}  // namespace posthorn::ingest
