#pragma once
// Which of the older buckets of event_keys or request_keys may hold a key: Bloom filters, so that a
// new key is looked up in the newest bucket and nowhere else. A wrong "maybe" costs one lookup.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"

namespace posthorn::store {

/// The first 16 bytes of SHA-256(workspace, client id).
std::string event_key_hash(WorkspaceId workspace, std::string_view client_id);

/// The first 16 bytes of SHA-256(source, text).
std::string request_key_hash(SourceId source, std::string_view text);

/// 1 MiB: 16 bits a key of a full segment, under 1 % wrong answers. Keys are 16 random bytes.
class KeyFilter {
 public:
  KeyFilter() : words_(words_count) {}
  void add(std::string_view hash);
  [[nodiscard]] bool may_hold(std::string_view hash) const;
  void merge(const KeyFilter& other);

 private:
  static constexpr std::size_t words_count = std::size_t{1} << 17;
  static constexpr std::size_t words_per_block = 8;  ///< One cache line.
  std::vector<std::uint64_t> words_;
};

/// The buckets that are there, and a filter for each segment of 64 of them. Used by the writer's
/// thread.
class KeyFilters {
 public:
  /// 8 192 ids: random keys land in so few pages that a commit writes each of them for several
  /// keys.
  static constexpr int bucket_bits = 13;
  static constexpr int segment_bits = 6;
  /// 33 million keys in 64 MiB; older buckets are always looked into.
  static constexpr std::size_t filters_max = 64;

  [[nodiscard]] static std::int64_t bucket_of(std::uint64_t id) {
    return static_cast<std::int64_t>(id >> bucket_bits);
  }
  /// The buckets that are there; a segment's filter is not used until merge() was called for each
  /// of its buckets.
  void load(const std::vector<std::int64_t>& buckets);
  /// A key was written.
  void add(std::int64_t bucket, std::string_view hash);
  /// All keys that the bucket held when it was loaded.
  void merge(std::int64_t bucket, const KeyFilter& keys);
  /// False when the bucket does not hold the key.
  [[nodiscard]] bool may_hold(std::int64_t bucket, std::string_view hash) const;
  /// Buckets below `current` that may hold the key, newest first.
  [[nodiscard]] std::vector<std::int64_t> candidates(std::int64_t current,
                                                     std::string_view hash) const;
  /// Loaded buckets whose keys are to be read for merge(), newest first.
  [[nodiscard]] std::vector<std::int64_t> unread() const;

 private:
  using Buckets = std::set<std::int64_t, std::greater<>>;
  struct Segment {
    std::unique_ptr<KeyFilter> filter;  ///< Null: none is kept.
    Buckets buckets, unread;
  };
  Segment& segment_of(std::int64_t bucket);

  std::map<std::int64_t, Segment, std::greater<>> segments_;
};

}  // namespace posthorn::store
