#pragma once
// What the writer keeps in memory about the database. All of it can be read back from there, and
// is after a transaction was rolled back.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "store/sqlite/database.h"
#include "store/store.h"

namespace posthorn::store {

/// The ids that come next. They are stored whenever rows are deleted, so that no id comes twice.
struct Counters {
  std::uint64_t event = 1, delivery = 1, attempt = 1, object = 1, audit = 1, request = 1;

  [[nodiscard]] std::string text() const;
  /// Raises each counter to at least what `text` says; false when it is not text()'s form. The
  /// last may be missing: schema 1 had no requests.
  bool raise_to(std::string_view text);
};

/// The names of event types and their numbers.
class TypeNames {
 public:
  [[nodiscard]] std::optional<std::int64_t> find(const std::string& name) const;
  void add(std::int64_t number, std::string name);
  [[nodiscard]] std::int64_t next() const { return next_; }
  void clear();

 private:
  std::unordered_map<std::string, std::int64_t> numbers_;
  std::int64_t next_ = 1;
};

/// A held interval with its row.
struct HeldRow {
  std::int64_t row = 0;
  model::HeldInterval interval;
};

/// True when a pending delivery counts as cancelled: it lies in a closed interval and was not
/// recovered.
[[nodiscard]] inline bool is_dropped(const model::HeldInterval& interval, DeliveryId id) {
  return interval.until && interval.recover_from && interval.from <= id &&
         id < *interval.recover_from;
}

/// Every held interval, by endpoint.
class HeldIntervals {
 public:
  void add(HeldRow row);
  void clear() { rows_.clear(); }
  [[nodiscard]] std::vector<HeldRow>* of(EndpointId endpoint);
  [[nodiscard]] bool drops(EndpointId endpoint, DeliveryId id) const;
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] const std::unordered_map<EndpointId, std::vector<HeldRow>>& all() const {
    return rows_;
  }

 private:
  std::unordered_map<EndpointId, std::vector<HeldRow>> rows_;
};

/// What a delivery's row says to whoever changes it.
struct DeliveryNow {
  DeliveryId id;
  model::DeliveryState state = model::DeliveryState::pending;
  int attempts = 0;
  Instant due_at;
  EndpointId endpoint;
  AttemptId last_attempt;
  DeliveryId replay_of;
};

/// A received request that nothing has become of.
struct RequestRow {
  RequestId id;
  SourceId source;
  Instant due_at;
};

/// The newest rows of a kind: most changes come soon after the row was made, and need not read it.
template <class Row>
class RecentRows {
 public:
  using Id = decltype(Row::id);
  [[nodiscard]] const Row* find(Id id) const {
    const Row& row = rows_[place_of(id)];
    return row.id == id ? &row : nullptr;
  }
  void put(const Row& row) { rows_[place_of(row.id)] = row; }
  void forget(Id id) {
    if (find(id) != nullptr) rows_[place_of(id)] = {};
  }
  void clear() { std::ranges::fill(rows_, Row{}); }

 private:
  static constexpr std::size_t rows_count = std::size_t{1} << 13;
  static std::size_t place_of(Id id) { return id.value % rows_count; }
  std::vector<Row> rows_ = std::vector<Row>(rows_count);
};

/// The stored next_due of lanes in use, so that a steady flow reads and writes no lane rows.
class LaneDues {
 public:
  using NextDue = std::optional<Instant>;
  [[nodiscard]] const NextDue* find(EndpointId endpoint) const;
  void set(EndpointId endpoint, NextDue next_due);
  void clear() { dues_.clear(); }

 private:
  static constexpr std::size_t lanes_max = 100'000;  ///< About 5 MB.
  std::unordered_map<EndpointId, NextDue> dues_;
};

}  // namespace posthorn::store
