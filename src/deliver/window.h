#pragma once
// The part of a lane's queue that is in memory: its soonest pending deliveries. The rest stays in
// the store behind a cursor, so that a flood costs one lane a bounded amount of memory. Pure.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "model/delivery.h"
#include "model/event.h"
#include "store/store.h"

namespace posthorn::deliver {

/// A pending delivery in memory.
struct Row {
  store::Due due;
  std::shared_ptr<const model::Event> event;  ///< May be null: then it is loaded before sending.
  /// It could not be sent and waits until here. Its due time stays as the store knows it: a read
  /// finds it by that alone.
  Instant not_before{INT64_MIN};

  [[nodiscard]] bool may_go(Instant now) const { return due.due_at <= now && not_before <= now; }

  [[nodiscard]] store::DueCursor place() const { return {due.due_at, due.id}; }
};

/// Knows every pending delivery of the lane up to a place in (due, id) order: each is a row here or
/// busy. What lies beyond is in the store alone. One thread.
class Window {
 public:
  /// Rows due later than this from now are not kept: the store remembers them.
  static constexpr Millis horizon = 30s;

  /// Begins knowing nothing: all is in the store.
  Window() = default;

  /// A pending delivery that came into being, or whose due time was moved.
  void add(Row row, Instant now, std::size_t rows_max);

  // -- reading from the store, one read at a time
  /// Whether a read would bring rows that may be due.
  [[nodiscard]] bool wants_read(Instant now, std::size_t rows_max) const;
  /// Begins a read behind the cursor that is returned.
  store::DueCursor begin_read();
  /// What the read found, in order; `limit` is what was asked for.
  void end_read(std::vector<store::Due> found, std::size_t limit, Instant now,
                std::size_t rows_max);
  /// The read failed; it is wanted again from `retry_at` on.
  void fail_read(Instant retry_at);
  [[nodiscard]] bool reading() const { return reading_; }

  // -- taking
  /// Rows in (due, id) order.
  [[nodiscard]] const std::map<store::DueCursor, Row>& rows() const { return rows_; }
  /// Takes a row out and remembers it as busy (in flight or not yet recorded).
  Row take(std::map<store::DueCursor, Row>::const_iterator place);
  /// Takes a row out that someone else keeps account of.
  void drop(std::map<store::DueCursor, Row>::const_iterator place) { rows_.erase(place); }
  /// A row that was read by other means becomes busy; false when it already is.
  bool take_directly(DeliveryId id);
  /// The busy row is settled (or dropped): a stale read must not bring it back.
  void settle(DeliveryId id);
  [[nodiscard]] bool busy(DeliveryId id) const { return busy_.contains(id); }
  [[nodiscard]] std::size_t busy_count() const { return busy_.size(); }

  /// Forgets all rows but the busy ones: the store is asked anew.
  void forget();

  /// A lower bound of the due times of what is in the store alone; none: nothing is.
  [[nodiscard]] std::optional<Instant> beyond() const { return beyond_; }
  /// A lower bound of the due times of all that waits; none: nothing is pending but what is busy.
  [[nodiscard]] std::optional<Instant> next_due() const;
  /// Nothing is pending but what is in memory.
  [[nodiscard]] bool complete() const { return !beyond_; }
  /// All that is due or had attempts is a row here, busy, or was dropped: the store alone holds
  /// only what was never tried and is not due yet.
  [[nodiscard]] bool shows_all_due(Instant now) const {
    return !beyond_ || (*beyond_ > now && !hides_beyond_);
  }

 private:
  void keep_at_most(std::size_t rows_max);
  void leave_in_store(const store::DueCursor& place);
  void note_beyond(const store::Due& due);

  static constexpr store::DueCursor everything{Instant{INT64_MAX}, DeliveryId{UINT64_MAX}};

  std::map<store::DueCursor, Row> rows_;
  std::set<DeliveryId> busy_;
  store::DueCursor known_until_{};  ///< All pending at or before this place are in memory.
  std::optional<Instant> beyond_{Instant{INT64_MIN}};  ///< Of what lies behind known_until_.
  bool hides_beyond_ = true;  ///< There may be more due there than beyond_ says, or attempted.

  bool reading_ = false;
  bool forgotten_ = false;                       ///< forget() came during the read.
  std::vector<Row> came_meanwhile_;              ///< Arrivals beyond known_until_ during the read.
  std::optional<store::DueCursor> missed_from_;  ///< The first arrival that found no room there.
  std::set<DeliveryId> settled_meanwhile_;
};

}  // namespace posthorn::deliver
