#include "deliver/key_order.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"

namespace posthorn::deliver {

KeyOrder::Turn KeyOrder::turn(const Row& row) {
  const auto [found, fresh] = keys_.try_emplace(row.due.key_hash);
  auto& key = found->second;
  if (row.due.replay_of) {
    if (!fresh && (key.phase == Phase::busy || key.phase == Phase::asking)) return Turn::leave;
    if (key.phase == Phase::waiting) waiting_.erase({key.wakes_at, row.due.key_hash});
    key.behind = key.behind || !fresh;
    key.phase = Phase::busy;
    return Turn::send;
  }
  if (fresh) ask(row.due.key_hash, key);
  key.behind = true;
  return Turn::drop;
}

void KeyOrder::go(std::uint64_t key) {
  PH_ASSERT(is_free(key));
  auto& state = keys_[key];
  state.phase = Phase::busy;
  state.unasked = true;
}

bool KeyOrder::may_be_blocked(std::uint64_t key) const {
  if (!heads_block_ || planted(Planted::blocking_head_ignored)) return false;
  return exhausted_.contains(key) || (!knows_exhausted_ && !unblocked_.contains(key));
}

void KeyOrder::let_heads_block(bool block) {
  heads_block_ = block;
  if (!block) forget_exhausted();
}

void KeyOrder::know_exhausted(std::set<std::uint64_t> keys) {
  exhausted_.merge(keys);
  unblocked_.clear();
  knows_exhausted_ = true;
}

void KeyOrder::exhausted(std::uint64_t key) {
  if (!heads_block_ || key == 0) return;
  if (exhausted_.size() >= remembered_max) forget_exhausted();
  exhausted_.insert(key);
  unblocked_.erase(key);
}

void KeyOrder::note_unblocked(std::uint64_t key) {
  exhausted_.erase(key);
  if (knows_exhausted_) return;
  if (unblocked_.size() >= remembered_max) unblocked_.clear();
  unblocked_.insert(key);
}

void KeyOrder::forget_exhausted() {
  exhausted_.clear();
  unblocked_.clear();
  knows_exhausted_ = false;
}

std::optional<store::Due> KeyOrder::answer(std::uint64_t key, std::vector<store::Due> pending,
                                           std::optional<DeliveryId> blocking_head, Instant now) {
  const auto found = keys_.find(key);
  PH_ASSERT(found != keys_.end() && found->second.phase == Phase::asking);
  auto& state = found->second;
  if (std::exchange(state.forgotten, false)) {
    ask(key, state);
    return std::nullopt;
  }
  // Replays go their own way through the window.
  std::erase_if(pending, [](const store::Due& due) { return static_cast<bool>(due.replay_of); });
  if (blocking_head) {
    exhausted(key);
  } else if (heads_block_) {
    note_unblocked(key);
  }
  const auto begun_or_due = [now](const store::Due& due) {
    return due.attempts > 0 || due.due_at <= now;
  };
  const auto head = std::ranges::find_if(pending, begun_or_due);
  if (head == pending.end()) {
    if (state.behind) {
      ask(key, state);
    } else {
      keys_.erase(found);
    }
    return std::nullopt;
  }
  if (std::any_of(std::next(head), pending.end(), begun_or_due)) state.behind = true;
  if (blocking_head && *blocking_head < head->id && !planted(Planted::blocking_head_ignored)) {
    state.phase = Phase::blocked;
    return std::nullopt;
  }
  if (head->due_at > now) {
    wait(key, state, head->due_at);
    return std::nullopt;
  }
  state.phase = Phase::busy;
  for (auto delayed = pending.begin(); delayed != head; ++delayed)
    state.true_until = std::min(state.true_until, delayed->due_at);
  return *head;
}

void KeyOrder::fail_answer(std::uint64_t key, Instant retry_at) {
  wait(key, keys_.at(key), retry_at);
}

void KeyOrder::settled(std::uint64_t key, std::optional<Instant> retry_at) {
  const auto found = keys_.find(key);
  PH_ASSERT(found != keys_.end() && found->second.phase == Phase::busy);
  auto& state = found->second;
  state.true_until = Instant{INT64_MAX};
  state.unasked = false;
  if (std::exchange(state.forgotten, false)) state.behind = true;
  if (state.behind) return ask(key, state);
  if (retry_at) return wait(key, state, *retry_at);
  keys_.erase(found);
}

void KeyOrder::postponed(std::uint64_t key, Instant until) {
  auto& state = keys_.at(key);
  PH_ASSERT(state.phase == Phase::busy);
  state = {};
  wait(key, state, until);
}

std::vector<std::uint64_t> KeyOrder::take_questions(Instant now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const std::uint64_t key = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    ask(key, keys_.at(key));
  }
  for (const auto key : questions_) keys_.at(key).behind = false;
  return std::exchange(questions_, {});
}

std::optional<Instant> KeyOrder::next_question_at() const {
  if (!questions_.empty()) return Instant{INT64_MIN};
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first;
}

void KeyOrder::forget() {
  waiting_.clear();
  for (auto entry = keys_.begin(); entry != keys_.end();) {
    auto& [key, state] = *entry;
    if (state.phase == Phase::busy || state.phase == Phase::asking) {
      state.forgotten = true;
      ++entry;
    } else {
      entry = keys_.erase(entry);
    }
  }
}

void KeyOrder::wait(std::uint64_t key, Key& state, Instant until) {
  state.phase = Phase::waiting;
  state.wakes_at = until;
  waiting_.insert({until, key});
}

void KeyOrder::ask(std::uint64_t key, Key& state) {
  state.phase = Phase::asking;
  questions_.push_back(key);
}

}  // namespace posthorn::deliver
