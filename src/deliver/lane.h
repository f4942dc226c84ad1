#pragma once
// One endpoint's queue: what is taken next, and when. It does no I/O: the engine tells it what
// happened and asks what to do. See docs/delivery.md.

#include <optional>
#include <vector>

#include "deliver/key_order.h"
#include "deliver/pace.h"
#include "deliver/window.h"
#include "model/delivery.h"
#include "model/endpoint.h"

namespace posthorn::deliver {

class LaneQueue {
 public:
  LaneQueue(const model::Endpoint& endpoint, Millis probe_gap_max, int known_failures)
      : pace_(endpoint, probe_gap_max, known_failures),
        ordered_(endpoint.ordering == model::Ordering::key) {
    keys_.let_heads_block(endpoint.on_exhausted == model::OnExhausted::block);
  }

  /// The endpoint was edited: what is pending is looked at anew.
  void configure(const model::Endpoint& endpoint);
  /// The endpoint was disabled or deleted: nothing is taken; what is busy goes on.
  void hold();
  /// It was enabled again: a fresh start.
  void release();
  [[nodiscard]] bool ordered() const { return ordered_; }
  [[nodiscard]] bool held() const { return held_; }
  /// Deliveries were changed in the store by others.
  void refresh();

  void add(Row row, Instant now, std::size_t rows_max);

  /// What may be sent now: the row is busy from here on and holds a slot of the lane.
  struct Taken {
    Row row;
    bool probe = false;
  };
  std::optional<Taken> take(Instant now);
  /// After take() gave nothing: when to ask again if nothing else happens, later than now. None:
  /// only when something happens.
  [[nodiscard]] std::optional<Instant> wake_at(Instant now);

  /// The taken row was sent; its slot is free. It stays busy until settled() or put_back().
  void sent(DeliveryId id, bool success, Instant started, Instant now);
  /// The taken row was not sent after all: slot free, to be tried again from `row.not_before` on.
  void put_back(Row row, Instant now, std::size_t rows_max);
  /// The end was recorded: `again` is the row as it waits for its next attempt.
  void settled(const store::Due& due, std::optional<Row> again, Instant now, std::size_t rows_max);

  // -- reads, which the engine does
  [[nodiscard]] bool wants_read(Instant now, std::size_t rows_max) const {
    return !held_ && window_.wants_read(now, rows_max);
  }
  Window& window() { return window_; }
  [[nodiscard]] const Window& window() const { return window_; }
  /// Keys that the store must be asked about, as KeyOrder.
  std::vector<std::uint64_t> take_questions(Instant now);
  void answer(std::uint64_t key, std::vector<store::Due> pending,
              std::optional<DeliveryId> blocking_head, Instant now);
  void fail_answer(std::uint64_t key, Instant retry_at) { keys_.fail_answer(key, retry_at); }
  /// Whether knowing all keys with exhausted deliveries would save questions.
  [[nodiscard]] bool wants_exhausted() const { return ordered_ && keys_.wants_exhausted(); }
  void know_exhausted(std::set<std::uint64_t> keys) { keys_.know_exhausted(std::move(keys)); }
  /// A delivery of the key was exhausted; before settled().
  void exhausted(std::uint64_t key) { keys_.exhausted(key); }

  [[nodiscard]] const Pace& pace() const { return pace_; }
  /// Deliveries known in memory that wait.
  [[nodiscard]] std::size_t waiting() const { return window_.rows().size() + ready_.size(); }
  /// Nothing is in flight, unrecorded, being read or asked about.
  [[nodiscard]] bool quiet() const;

 private:
  std::optional<Row> choose(Instant now);
  using Place = std::map<store::DueCursor, Row>::const_iterator;
  /// The lowest row of the key that is due or had attempts; replays do not count.
  [[nodiscard]] Place head_of(std::uint64_t key, Instant now) const;

  Window window_;
  KeyOrder keys_;
  Pace pace_;
  std::deque<Row> ready_;  ///< Whose key let them go; busy already.
  bool ordered_;
  bool held_ = false;
};

}  // namespace posthorn::deliver
