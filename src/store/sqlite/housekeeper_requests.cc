#include <algorithm>
#include <charconv>

#include "store/sqlite/codec_requests.h"
#include "store/sqlite/housekeeper_parts.h"

namespace posthorn::store {

using model::RequestState;

struct Housekeeper::OldRequest {
  std::uint64_t id = 0;
  std::vector<std::string> keys;
};

namespace {

std::vector<std::string> keys_of(const Rows& rows) {
  model::ReceivedRequest request;
  auto extras = unpack_request(rows.bytes(3), request);
  return extras ? std::move(extras->keys) : std::vector<std::string>();
}

}  // namespace

void Housekeeper::drop_refused(Instant before, Budget& budget) {
  std::vector<OldRequest> old;
  for (auto rows = sql_->first_refused_requests.query(refused_cursor_);
       !budget.spent() && rows.next() && rows.instant(2) < before; budget.spend()) {
    refused_cursor_ = rows.id(0);
    old.push_back({rows.id(0), keys_of(rows)});
  }
  for (const auto& request : old) drop_request(request);
}

void Housekeeper::drop_requests(Instant before, Budget& budget) {
  if (budget.spent()) return;
  std::vector<OldRequest> old;
  for (auto rows = sql_->first_requests.query(request_cursor_);
       !budget.spent() && rows.next() && rows.instant(2) < before; budget.spend()) {
    request_cursor_ = rows.id(0);
    if (rows.small(4) != static_cast<int>(RequestState::received))
      old.push_back({rows.id(0), keys_of(rows)});
  }
  for (const auto& request : old) drop_request(request);
  if (old.empty()) return;
  // Up to here, what a duplicate names may be gone.
  std::uint64_t gone = 0;
  if (auto rows = sql_->get_meta.query("requests_gone"); rows.next()) {
    const auto text = rows.bytes(0);
    std::from_chars(text.data(), text.data() + text.size(), gone);
  }
  applier_.set_meta("requests_gone", std::to_string(std::max(gone, old.back().id)));
}

void Housekeeper::drop_request(const OldRequest& request) {
  drop_body(request.id);
  for (const auto& hash : request.keys)
    sql_->delete_request_key.run(KeyFilters::bucket_of(request.id), Blob{hash}, request.id);
  sql_->delete_request_state.run(request.id);
  sql_->delete_request.run(request.id);
}

void Housekeeper::drop_body(std::uint64_t request) {
  std::string file;
  if (auto rows = sql_->body_of_request.query(request); rows.next()) file = rows.text(0);
  if (file.empty()) return;
  sql_->delete_request_body.run(request);
  dead_files_.push_back(std::move(file));
}

Result<> Housekeeper::erase_body(RequestId id) {
  {
    auto rows = sql_->request_is_there.query(id);
    if (!rows.next()) return fail(Errc::not_found, id.text() + " is not there");
  }
  // This pragma acts when it is prepared.
  Query(applier_.connection(), "overwrite_deleted").run();
  sql_->erase_request_body.run(id);
  drop_body(id.value);
  Query(applier_.connection(), "leave_deleted").run();
  return {};
}

}  // namespace posthorn::store
