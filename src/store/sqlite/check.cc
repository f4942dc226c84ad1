#include <fmt/format.h>

#include "store/sqlite/applier.h"
#include "store/sqlite/codec.h"
#include "store/sqlite/reader_parts.h"

namespace posthorn::store {
namespace {

constexpr std::size_t faults_max = 200;

void check_sentences(Connection& connection, std::vector<std::string>& faults) {
  for (const auto* name :
       {"check_pages", "check_events_of_deliveries", "check_fan_outs", "check_types", "check_lanes",
        "check_last_attempts", "check_chains", "check_attempt_counts", "check_held",
        "check_replays", "check_request_states", "check_stray_states", "check_request_state_range",
        "check_duplicates", "check_request_queue", "check_request_bodies"}) {
    Query query(connection, name);
    for (auto rows = query.query(); rows.next();)
      if (rows.bytes(0) != "ok") faults.push_back(rows.text(0));
  }
}

void check_audit(Reader& reader, std::vector<std::string>& faults) {
  Page page{.after = 0, .limit = 1000, .oldest_first = true};
  std::string previous;
  bool first = true;
  for (;;) {
    auto found = reader.list_audit(std::nullopt, page);
    if (!found) {
      faults.push_back(found.error().what);
      return;
    }
    for (auto& entry : found->rows) {
      // Retention takes from the front: the first kept entry names one that is gone.
      const bool follows = first || entry.previous_hash == previous;
      if (!follows || entry.hash != audit_hash(entry))
        faults.push_back(fmt::format("audit entry {}: the chain is broken here", entry.id.value));
      first = false;
      previous = std::move(entry.hash);
    }
    if (!found->next || faults.size() > faults_max) return;
    page.after = *found->next;
  }
}

}  // namespace

Result<std::vector<std::string>> Reader::check() {
  std::vector<std::string> faults;
  check_sentences(connection_, faults);
  check_audit(*this, faults);
  check_expansions(faults);
  check_payloads(faults);
  check_requests(faults);
  check_request_keys(faults);
  if (connection_.failed()) faults.push_back(connection_.error().what);
  if (faults.size() > faults_max) faults.resize(faults_max);
  return faults;
}

void Reader::check_expansions(std::vector<std::string>& faults) {
  Query query(connection_, "check_expansions");
  for (auto rows = query.query(); rows.next();) {
    const auto targets = unpack_targets(rows.bytes(3));
    if (!targets || targets->empty() || rows.is_null(2) ||
        rows.id(1) + targets->size() != rows.id(2))
      faults.push_back(
          fmt::format("event {}: the rest of its fan-out does not fit", rows.number(0)));
  }
}

void Reader::check_payloads(std::vector<std::string>& faults) {
  auto rows = sql_->events.up.query(0);
  while (faults.size() < faults_max && rows.next()) {
    auto event = read_event(rows);
    if (!event) {
      faults.push_back(event.error().what);
      continue;
    }
    if ((*event)->client_id.empty()) continue;
    const std::string hash = event_key_hash((*event)->workspace, (*event)->client_id);
    auto keys = sql_->event_by_key.query(KeyFilters::bucket_of((*event)->id.value), Blob{hash});
    if (!keys.next() || keys.id(0) != (*event)->id.value)
      faults.push_back((*event)->id.text() + ": its client id is not registered");
  }
}

void Reader::check_requests(std::vector<std::string>& faults) {
  Query query(connection_, "every_request");
  auto rows = query.query();
  while (faults.size() < faults_max && rows.next()) {
    model::ReceivedRequest request;
    const auto extras = read_request(rows, request);
    if (!extras) {
      faults.push_back(extras.error().what);
      continue;
    }
    if (auto read = read_body(rows, *extras, request); !read) faults.push_back(read.error().what);
    for (const auto& hash : extras->keys) {
      // A later request may have taken it over.
      auto keys = sql_->request_of_key.query(KeyFilters::bucket_of(request.id.value), Blob{hash});
      if (!keys.next() || keys.id(0) < request.id.value)
        faults.push_back(request.id.text() + ": its key is not registered");
    }
  }
}

void Reader::check_request_keys(std::vector<std::string>& faults) {
  Query query(connection_, "check_request_keys");
  auto rows = query.query();
  while (faults.size() < faults_max && rows.next()) {
    const RequestId id{rows.id(2)};
    // The hash is of source and text: only a request of that source can have claimed it.
    model::ReceivedRequest request;
    const auto extras = rows.is_null(3) ? std::nullopt : unpack_request(rows.bytes(3), request);
    if (!extras || std::ranges::find(extras->keys, rows.bytes(1)) == extras->keys.end() ||
        rows.number(0) != KeyFilters::bucket_of(id.value))
      faults.push_back(id.text() + ": a key names it that it did not claim");
  }
}

}  // namespace posthorn::store
