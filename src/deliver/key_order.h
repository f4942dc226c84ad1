#pragma once
// Ordering::key: strictly in the order of ids for each key, one at a time. A failing head holds up
// its own key alone. Pure: what the store says about a key comes in as an answer.
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
  };

  void wait(std::uint64_t key, Key& state, Instant until);
  void ask(std::uint64_t key, Key& state);

  std::map<std::uint64_t, Key> keys_;
  std::set<std::pair<Instant, std::uint64_t>> waiting_;
  std::vector<std::uint64_t> questions_;
};

}  // namespace posthorn::deliver
