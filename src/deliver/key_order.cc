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
  if (std::exchange(state.forgotten, false)) state.behind = true;
  if (state.behind) return ask(key, state);
  if (retry_at) return wait(key, state, *retry_at);
  keys_.erase(found);
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
