#include "store/sqlite/codec.h"
#include "store/sqlite/reader_parts.h"

namespace posthorn::store {

using model::ReceivedRequest;
using model::RequestState;

Result<RequestExtras> Reader::read_request(const Rows& rows, ReceivedRequest& request) {
  request.id = {rows.id(0)};
  request.source = {rows.id(1)};
  request.workspace = {rows.id(2)};
  request.received_at = rows.instant(3);
  auto extras = unpack_request(rows.bytes(4), request);
  request.state = static_cast<RequestState>(rows.small(5));
  request.due_at = due_of(rows.number(6));
  request.attempts = rows.small(7);
  request.duplicate_of = {rows.id(8)};
  std::optional<std::string> verdict;
  if (!extras || (!rows.is_null(9) && !unpack_request_state(rows.bytes(9), request, verdict)))
    return fail(Errc::corrupt, request.id.text() + ": its row cannot be read");
  return *std::move(extras);
}

Result<> Reader::read_body(const Rows& rows, const RequestExtras& extras,
                           ReceivedRequest& request) {
  if (extras.in_file) {
    auto files = sql_->request_body_file.query(request.id);
    if (!files.next()) return {};  // Erased.
    auto bytes = bodies_.read(files.text(0));
    if (!bytes) return fail(std::move(bytes).error().within(request.id.text()));
    request.body = share(*std::move(bytes));
  } else if (!rows.is_null(10)) {
    request.body = share(bytes_of_row(rows.bytes(10), extras.compressed_from));
  } else {
    return {};
  }
  if (checksum(*request.body) != extras.body_checksum)
    return fail(Errc::corrupt, request.id.text() + ": its body is not what was written");
  return {};
}

Result<std::vector<DueRequest>> Reader::requests_due(SourceId source,
                                                     const std::optional<DueRequest>& after,
                                                     Instant until, int limit) {
  std::vector<DueRequest> found;
  const DueRequest start = after.value_or(DueRequest{.id = {}, .due_at = {INT64_MIN}});
  auto rows = sql_->requests_due.query(source, start.due_at, start.id, until);
  while (static_cast<int>(found.size()) < limit && rows.next())
    found.push_back({.id = {rows.id(0)}, .due_at = rows.instant(1), .attempts = rows.small(2)});
  return checked(std::move(found));
}

Result<std::vector<std::pair<SourceId, Instant>>> Reader::sources_with_requests(SourceId after,
                                                                                int limit) {
  std::vector<std::pair<SourceId, Instant>> found;
  while (static_cast<int>(found.size()) < limit) {
    auto rows = sql_->next_source_with_requests.query(after);
    if (!rows.next()) break;
    after = {rows.id(0)};
    found.emplace_back(after, rows.instant(1));
  }
  return checked(std::move(found));
}

Result<std::vector<Reader::RequestPtr>> Reader::requests(const std::vector<RequestId>& ids) {
  std::vector<RequestPtr> found;
  found.reserve(ids.size());
  for (const RequestId id : ids) {
    auto rows = sql_->request.query(id);
    if (!rows.next()) continue;
    auto request = std::make_shared<ReceivedRequest>();
    PH_TRY(const RequestExtras extras, read_request(rows, *request));
    if (auto read = read_body(rows, extras, *request); !read) return fail(std::move(read).error());
    found.push_back(std::move(request));
  }
  return checked(std::move(found));
}

Rows Reader::request_rows(const RequestFilter& filter, const Page& page) {
  const std::int64_t behind = scan_start(page);
  const bool up = page.oldest_first;
  if (filter.duplicate_of && *filter.duplicate_of)
    return sql_->requests_duplicate_of.in(up).query(behind, *filter.duplicate_of);
  // Rare states of all sources: a scan of their own. Those of one source are found among its own
  // requests or among all in that state; the state is the rarer one.
  const bool rare = filter.states.size() == 1 && filter.states[0] >= RequestState::refused &&
                    filter.states[0] <= RequestState::parked;
  if (rare) return sql_->requests_of_state.in(up).query(behind, filter.states[0]);
  if (filter.source) return sql_->requests_of_source.in(up).query(behind, *filter.source);
  return sql_->requests.in(up).query(behind);
}

Result<Found<ReceivedRequest>> Reader::list_requests(const RequestFilter& filter, Page page) {
  PageBuilder<ReceivedRequest> builder(page);
  auto rows = request_rows(filter, page);
  while (rows.next() && builder.wants_more()) {
    builder.looked_at(rows.id(0));
    const Instant received = rows.instant(3);
    if (filter.source && filter.source->value != rows.id(1)) continue;
    if (filter.workspace && filter.workspace->value != rows.id(2)) continue;
    if (filter.since && received < *filter.since) continue;
    if (filter.until && received >= *filter.until) continue;
    if (filter.duplicate_of && filter.duplicate_of->value != rows.id(8)) continue;
    const auto state = static_cast<RequestState>(rows.small(5));
    if (!filter.states.empty() && std::ranges::find(filter.states, state) == filter.states.end())
      continue;
    ReceivedRequest request;
    if (auto read = read_request(rows, request); !read) return fail(std::move(read).error());
    builder.add(std::move(request));
  }
  return checked(builder.take());
}

bool Reader::read_request_keys(std::int64_t bucket, std::string& hashes) {
  for (auto rows = sql_->keys_of_request_bucket.query(bucket); rows.next();)
    hashes += rows.bytes(0);
  return !connection_.failed();
}

}  // namespace posthorn::store
