#include "deliver/lane.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace posthorn::deliver {

void LaneQueue::configure(const model::Endpoint& endpoint) {
  pace_.configure(endpoint);
  ordered_ = endpoint.ordering == model::Ordering::key;
  keys_.let_heads_block(endpoint.on_exhausted == model::OnExhausted::block);
  refresh();
}

void LaneQueue::hold() {
  held_ = true;
  refresh();
}

void LaneQueue::release() {
  held_ = false;
  pace_.reset();
  refresh();
}

void LaneQueue::refresh() {
  // Rows whose key let them go are busy there; they come back through the store.
  for (auto& row : std::exchange(ready_, {})) {
    window_.settle(row.due.id);
    keys_.settled(row.due.key_hash, std::nullopt);
  }
  window_.forget();
  keys_.forget();
}

void LaneQueue::add(Row row, Instant now, std::size_t rows_max) {
  if (held_) return;
  window_.add(std::move(row), now, rows_max);
}

std::optional<LaneQueue::Taken> LaneQueue::take(Instant now) {
  if (held_ || !pace_.may_begin(now)) return std::nullopt;
  auto row = choose(now);
  if (!row) return std::nullopt;
  Taken taken{*std::move(row), pace_.probing()};
  taken.row.not_before = Instant{INT64_MIN};
  pace_.begin(now);
  return taken;
}

std::optional<Row> LaneQueue::choose(Instant now) {
  while (!ready_.empty()) {
    Row row = std::move(ready_.front());
    ready_.pop_front();
    const std::uint64_t key = row.due.key_hash;
    if (!keys_.overtaken(key, now) || planted(Planted::overtaking_ignored)) return row;
    window_.settle(row.due.id);
    keys_.settled(key, now);
  }
  const auto& rows = window_.rows();
  if (planted(Planted::taken_early)) now = now + 2s;
  for (auto entry = rows.begin(); entry != rows.end() && entry->first.due_at <= now;) {
    const Row& row = entry->second;
    if (!row.may_go(now)) {
      ++entry;
      continue;
    }
    if (!ordered_ || row.due.key_hash == 0 || planted(Planted::order_ignored))
      return window_.take(entry);
    const auto here = entry++;
    const std::uint64_t key = row.due.key_hash;
    if (!row.due.replay_of && window_.shows_all_due(now)) {
      if (keys_.went_unasked(key)) continue;  // It goes when the one in flight has settled.
      if (keys_.is_free(key)) {
        const auto head = head_of(key, now);
        if (!head->second.may_go(now)) continue;  // It was tried before, and waits for its time.
        keys_.go(key);
        return window_.take(head);
      }
    }
    switch (keys_.turn(row)) {
      case KeyOrder::Turn::send:
        return window_.take(here);
      case KeyOrder::Turn::drop:
        window_.drop(here);
        break;
      case KeyOrder::Turn::leave:
        break;
    }
  }
  return std::nullopt;
}

LaneQueue::Place LaneQueue::head_of(std::uint64_t key, Instant now) const {
  const auto& rows = window_.rows();
  auto head = rows.end();
  for (auto entry = rows.begin(); entry != rows.end(); ++entry) {
    const auto& due = entry->second.due;
    if (due.key_hash != key || due.replay_of || (due.due_at > now && due.attempts == 0)) continue;
    if (head == rows.end() || due.id < head->second.due.id) head = entry;
  }
  return head;
}

std::optional<Instant> LaneQueue::wake_at(Instant now) {
  if (held_) return std::nullopt;
  std::optional<Instant> wake;
  const auto consider = [&wake, now](std::optional<Instant> at) {
    if (at && *at > now) wake = std::min(wake.value_or(*at), *at);
  };
  consider(window_.beyond());
  consider(keys_.next_question_at());
  // A lane with all its slots taken is woken by the end of an attempt, not by time.
  const auto pace = pace_.may_begin_at(now);
  if (!pace) return wake;
  const auto& rows = window_.rows();
  const auto later = rows.upper_bound({now, DeliveryId{UINT64_MAX}});
  if (!ready_.empty() || later != rows.begin()) consider(pace);
  if (*pace <= now)
    for (auto due = rows.begin(); due != later; ++due) consider(due->second.not_before);
  if (later != rows.end()) consider(std::max(later->first.due_at, *pace));
  return wake;
}

void LaneQueue::sent(DeliveryId id, bool success, Instant started, Instant now) {
  pace_.end(id, success, started, now);
}

void LaneQueue::put_back(Row row, Instant now, std::size_t rows_max) {
  pace_.abandon();
  const store::Due due = row.due;
  settled(due, std::move(row), now, rows_max);
}

void LaneQueue::settled(const store::Due& due, std::optional<Row> again, Instant now,
                        std::size_t rows_max) {
  window_.settle(due.id);
  if (held_) again.reset();
  if (due.key_hash != 0 && keys_.busy(due.key_hash)) {
    const bool own_way = static_cast<bool>(due.replay_of);
    if (again && !own_way && again->not_before > again->due.due_at)
      return keys_.postponed(due.key_hash, again->not_before);
    std::optional<Instant> retry_at;
    if (again && !own_way) retry_at = again->due.due_at;
    keys_.settled(due.key_hash, retry_at);
    if (!own_way) return;
  }
  if (again) window_.add(*std::move(again), now, rows_max);
}

std::vector<std::uint64_t> LaneQueue::take_questions(Instant now) {
  if (held_) return {};
  return keys_.take_questions(now);
}

void LaneQueue::answer(std::uint64_t key, std::vector<store::Due> pending,
                       std::optional<DeliveryId> blocking_head, Instant now) {
  const auto head = keys_.answer(key, std::move(pending), blocking_head, now);
  if (!head) return;
  if (!window_.take_directly(head->id)) {
    keys_.settled(key, now + 1s);
    return;
  }
  ready_.push_back(Row{*head, nullptr});
}

bool LaneQueue::quiet() const {
  return window_.busy_count() == 0 && !window_.reading() && keys_.size() == 0 &&
         pace_.in_flight() == 0;
}

}  // namespace posthorn::deliver
