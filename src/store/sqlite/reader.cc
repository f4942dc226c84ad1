#include "store/sqlite/reader.h"

#include "store/sqlite/reader_parts.h"

namespace posthorn::store {

Reader::Reader(Connection connection, const BodyFiles& bodies)
    : connection_(std::move(connection)),
      bodies_(bodies),
      sql_(std::make_unique<ReadStatements>(connection_)) {}
Reader::~Reader() = default;

void Reader::begin() {
  connection_.forget_failure();
  dropped_.reset();
  sql_->begin.run();
}

void Reader::end() {
  connection_.forget_failure();
  // After some failures SQLite has ended the transaction by itself.
  if (sqlite3_get_autocommit(connection_.handle()) == 0) sql_->end.run();
}

const std::string& Reader::type_name(std::int64_t number) {
  const auto known = type_names_.find(number);
  if (known != type_names_.end()) return known->second;
  std::string name;
  if (auto rows = sql_->type_name.query(number); rows.next()) name = rows.text(0);
  return type_names_.emplace(number, std::move(name)).first->second;
}

bool Reader::is_dropped(EndpointId endpoint, DeliveryId id) {
  if (!dropped_) {
    dropped_.emplace();
    for (auto rows = sql_->closed_held.query(); rows.next();)
      dropped_->push_back({{rows.id(0)}, {rows.id(1)}, {rows.id(2)}});
  }
  return std::ranges::any_of(*dropped_, [&](const DroppedRange& range) {
    return range.endpoint == endpoint && range.from <= id && id < range.end;
  });
}

bool any_type_matches(const std::vector<std::string>& patterns, std::string_view type) {
  const auto matches = [type](std::string_view pattern) {
    // Greedy with one point to come back to: linear enough for names of 128 bytes.
    std::size_t p = 0, t = 0, star = std::string_view::npos, star_t = 0;
    while (t < type.size()) {
      if (p < pattern.size() && pattern[p] == '*') {
        star = p++;
        star_t = t;
      } else if (p < pattern.size() && pattern[p] == type[t]) {
        ++p, ++t;
      } else if (star != std::string_view::npos) {
        p = star + 1;
        t = ++star_t;
      } else {
        return false;
      }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
  };
  return patterns.empty() || std::ranges::any_of(patterns, matches);
}

}  // namespace posthorn::store
