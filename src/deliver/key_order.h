#pragma once
// Ordering::key: strictly in the order of ids for each key, one at a time. A failing head holds up
// its own key alone. Pure: what the store says about a key comes in as an answer.
//
// The store is asked only about keys of which the memory may not show all that counts: something
// due or begun lies in the store alone, or an exhausted head may block the key.
//
// A delivery goes first in its key when no other pending one with a lower id has begun (has
// attempts) or is due: so a delayed event takes its place when it is due. A replay by hand waits
// for the attempt in flight of its key and for nothing else: it is how a blocked key is freed.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "deliver/window.h"

namespace posthorn::deliver {

class KeyOrder {
 public:
  /// What to do with a due row of a key.
  enum class Turn : std::uint8_t {
    send,  ///< Now; the key is busy from here on.
    drop,  ///< Out of the window: the key finds it in the store when its turn comes.
    leave  ///< Look at it again when the key is free.
  };
  Turn turn(const Row& row);
  /// Whether nothing is known of the key that would keep its lowest due row from going: no attempt
  /// in flight, no retry that waits, no exhausted head.
  [[nodiscard]] bool is_free(std::uint64_t key) const {
    return !keys_.contains(key) && !may_be_blocked(key);
  }
  /// The row that is_free() allowed goes now, without asking; the key is busy from here on.
  void go(std::uint64_t key);
  /// Whether the key's attempt in flight was allowed by go(): what else is known of the key can
  /// wait in the window.
  [[nodiscard]] bool went_unasked(std::uint64_t key) const {
    const auto found = keys_.find(key);
    return found != keys_.end() && found->second.phase == Phase::busy && found->second.unasked;
  }

  // -- exhausted heads
  /// Whether exhausted heads block their keys (OnExhausted::block). While they do not, nothing is
  /// kept of them.
  void let_heads_block(bool block);
  /// The keys that had an exhausted delivery at some moment since let_heads_block(true); some may
  /// be resolved. Until this is known, each key is asked about once.
  void know_exhausted(std::set<std::uint64_t> keys);
  [[nodiscard]] bool wants_exhausted() const { return heads_block_ && !knows_exhausted_; }
  /// A delivery of the key was exhausted just now.
  void exhausted(std::uint64_t key);

  /// Keys that the store must be asked about now (then answer() or fail_answer()), each once.
  std::vector<std::uint64_t> take_questions(Instant now);
  /// When take_questions() next has something by time alone.
  [[nodiscard]] std::optional<Instant> next_question_at() const;

  /// What the store knows: the key's pending deliveries by id, and its exhausted head if that
  /// blocks. The delivery whose turn it is, now busy; none: the key waits or is done.
  std::optional<store::Due> answer(std::uint64_t key, std::vector<store::Due> pending,
                                   std::optional<DeliveryId> blocking_head, Instant now);
  /// Whether the answer for a busy key is no longer true: since then a delayed delivery with a
  /// lower id has become due, and goes first.
  [[nodiscard]] bool overtaken(std::uint64_t key, Instant now) const {
    const auto found = keys_.find(key);
    return found != keys_.end() && found->second.true_until <= now;
  }
  /// The store could not be asked: later again.
  void fail_answer(std::uint64_t key, Instant retry_at);

  /// The key's delivery in flight was recorded; `retry_at`: it waits for its next attempt.
  void settled(std::uint64_t key, std::optional<Instant> retry_at);
  /// The key's delivery in flight was not sent after all: the key waits, whatever else came up.
  void postponed(std::uint64_t key, Instant until);

  /// The store may hold something else now: what is known of keys that are not busy is forgotten
  /// and found again through the window's rows.
  void forget();

  [[nodiscard]] bool busy(std::uint64_t key) const {
    const auto found = keys_.find(key);
    return found != keys_.end() && found->second.phase == Phase::busy;
  }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  enum class Phase : std::uint8_t {
    asking,   ///< The store is being asked.
    busy,     ///< An attempt is in flight or being recorded.
    waiting,  ///< Its head waits for the next attempt.
    blocked,  ///< By an exhausted head.
  };
  struct Key {
    Phase phase = Phase::asking;
    Instant wakes_at;               ///< While waiting.
    Instant true_until{INT64_MAX};  ///< While busy: when an earlier, delayed one becomes due.
    bool behind = false;            ///< Others of the key came up since the store was asked.
    bool forgotten = false;         ///< forget() came while it was being asked about.
    bool unasked = false;           ///< While busy: by go().
  };

  static constexpr std::size_t remembered_max = 4096;

  [[nodiscard]] bool may_be_blocked(std::uint64_t key) const;
  void note_unblocked(std::uint64_t key);
  void forget_exhausted();
  void wait(std::uint64_t key, Key& state, Instant until);
  void ask(std::uint64_t key, Key& state);

  std::map<std::uint64_t, Key> keys_;
  std::set<std::pair<Instant, std::uint64_t>> waiting_;
  std::vector<std::uint64_t> questions_;
  bool heads_block_ = true;
  bool knows_exhausted_ = false;       ///< exhausted_ has all of them.
  std::set<std::uint64_t> exhausted_;  ///< Keys that may be blocked.
  std::set<std::uint64_t>
      unblocked_;  ///< Keys that the store said are not; without those of exhausted_.
};

}  // namespace posthorn::deliver
