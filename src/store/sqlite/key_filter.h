#pragma once
// Which of the older buckets of event_keys or request_keys may hold a key: Bloom filters, so that a
// new key is looked up in the newest bucket and nowhere else. A wrong "maybe" costs one lookup.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"

namespace posthorn::store {

/// The first 16 bytes of SHA-256(workspace, client id).
std::string event_key_hash(WorkspaceId workspace, std::string_view client_id);

/// The first 16 bytes of SHA-256(source, text).
std::string request_key_hash(SourceId source, std::string_view text);

/// A Bloom filter: with 16 bits a key under 1 % wrong answers. Keys are 16 random bytes.
class KeyFilter {
 public:
  /// `bytes`: a multiple of 64.
  explicit KeyFilter(std::size_t bytes);
  void add(std::string_view hash);
  [[nodiscard]] bool may_hold(std::string_view hash) const;

 private:
  static constexpr std::size_t words_per_block = 8;  ///< One cache line.
  [[nodiscard]] std::size_t block_of(std::string_view hash) const;
  std::vector<std::uint64_t> words_;
};

/// The buckets that are there, with filters for each segment of 512 buckets and, in the newest
/// segments, for each bucket. Used by the writer's thread.
class KeyFilters {
 public:
  /// 1 024 ids: a commit's new keys, which are random, land in a handful of pages.
  static constexpr int bucket_bits = 10;
  static constexpr int segment_bits = 9;
  /// So many of the newest segments have filters for their buckets: 33 million keys, in 128 MiB
  /// with the segments' own. An older segment whose filter says "maybe" is looked into bucket by
  /// bucket.
  static constexpr std::size_t bucket_filters_max = 64;
  /// So many have a filter of their own: 268 million keys. Older ones are always looked into.
  static constexpr std::size_t segment_filters_max = 512;

  [[nodiscard]] static std::int64_t bucket_of(std::uint64_t id) {
    return static_cast<std::int64_t>(id >> bucket_bits);
  }
  /// The buckets that are there; each is looked into until merge() was called for it.
  void load(const std::vector<std::int64_t>& buckets);
  /// A key was written.
  void add(std::int64_t bucket, std::string_view hash);
  /// All keys that the bucket held when it was loaded: their hashes, 16 bytes each.
  void merge(std::int64_t bucket, std::string_view hashes);
  /// False when the bucket does not hold the key.
  [[nodiscard]] bool may_hold(std::int64_t bucket, std::string_view hash) const;
  /// Buckets below `current` that may hold the key, newest first.
  [[nodiscard]] std::vector<std::int64_t> candidates(std::int64_t current,
                                                     std::string_view hash) const;
  /// Loaded buckets whose keys are to be read for merge(), newest first.
  [[nodiscard]] std::vector<std::int64_t> unread() const;

 private:
  struct Bucket {
    std::unique_ptr<KeyFilter> filter;  ///< Null: none is kept.
    bool unread = false;                ///< It may hold more than its filter knows.
    [[nodiscard]] bool may_hold(std::string_view hash) const {
      return unread || !filter || filter->may_hold(hash);
    }
  };
  struct Segment {
    std::unique_ptr<KeyFilter> filter;  ///< Null: none is kept.
    bool has_bucket_filters = true;
    std::map<std::int64_t, Bucket, std::greater<>> buckets;
    int unread = 0;  ///< Of its buckets.
  };
  Segment& segment_of(std::int64_t bucket);
  void drop_old_filters();
  static Bucket& bucket_in(Segment& segment, std::int64_t bucket);

  std::map<std::int64_t, Segment, std::greater<>> segments_;
};

}  // namespace posthorn::store
