#pragma once
// The polling backstop's settings of a source: `poll` in the API.

#include "ingest/pollers/poller.h"
#include "ingest/source.h"
#include "model/members.h"

namespace posthorn::ingest {

/// Takes over the member `poll`: its members replace those of their name, null removes one, and
/// null for the whole switches polling off and forgets where it stood. Every fault is added; a
/// provider that has nothing to poll is one.
void read_poll(model::Members& members, Source& source);

/// As answers show it, with masked secrets; null: there is none.
json::value shown_poll(const Source& source);

struct PollSettings {
  const pollers::Poller* poller = nullptr;  ///< Never null.
  pollers::Settings settings;
  std::string base_url;
  Millis interval{300'000};
  Millis lookback{3'600'000};
};
/// Of a source that is to be polled; nullopt for one that is not.
std::optional<PollSettings> poll_settings(const Source& source);

/// The text with every secret of the settings made "…".
std::string without_secrets(const PollSettings& settings, std::string text);

}  // namespace posthorn::ingest
