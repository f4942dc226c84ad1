#include "store/sqlite/key_filter.h"

#include <cstring>
#include <utility>

#include "base/assert.h"
#include "crypto/crypto.h"

namespace posthorn::store {
namespace {

constexpr std::size_t hash_bytes = 16;
constexpr std::size_t segment_filter_bytes = std::size_t{1} << 20;
constexpr std::size_t bucket_filter_bytes = std::size_t{2} << 10;

std::uint64_t word_at(std::string_view hash, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, hash.data() + offset, 8);
  return word;
}

std::string key_hash(std::uint64_t owner, std::string_view key) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &owner, 8);
  text.append(key);
  std::string hash = crypto::sha256(text);
  hash.resize(hash_bytes);
  return hash;
}

}  // namespace

std::string event_key_hash(WorkspaceId workspace, std::string_view client_id) {
  return key_hash(workspace.value, client_id);
}

std::string request_key_hash(SourceId source, std::string_view text) {
  return key_hash(source.value, text);
}

KeyFilter::KeyFilter(std::size_t bytes) : words_(bytes / 8) {
  PH_ASSERT(!words_.empty() && words_.size() % words_per_block == 0);
}

std::size_t KeyFilter::block_of(std::string_view hash) const {
  PH_ASSERT(hash.size() == hash_bytes);
  return word_at(hash, 0) % (words_.size() / words_per_block) * words_per_block;
}

void KeyFilter::add(std::string_view hash) {
  const std::size_t block = block_of(hash);
  std::uint64_t bits = word_at(hash, 8);
  for (int i = 0; i < 6; ++i, bits >>= 9)
    words_[block + ((bits >> 6) & 7)] |= std::uint64_t{1} << (bits & 63);
}

bool KeyFilter::may_hold(std::string_view hash) const {
  const std::size_t block = block_of(hash);
  std::uint64_t bits = word_at(hash, 8);
  for (int i = 0; i < 6; ++i, bits >>= 9)
    if ((words_[block + ((bits >> 6) & 7)] >> (bits & 63) & 1) == 0) return false;
  return true;
}

KeyFilters::Segment& KeyFilters::segment_of(std::int64_t bucket) {
  auto [place, fresh] = segments_.try_emplace(bucket >> segment_bits);
  if (fresh) {
    place->second.filter = std::make_unique<KeyFilter>(segment_filter_bytes);
    drop_old_filters();
  }
  return place->second;
}

void KeyFilters::drop_old_filters() {
  // Newest first. A segment in 524 288 ids is a new one, so all are looked at.
  std::size_t age = 0;
  for (auto& [number, segment] : segments_) {
    if (age >= bucket_filters_max && std::exchange(segment.has_bucket_filters, false))
      for (auto& [bucket, place] : segment.buckets) place.filter = {};
    if (age >= segment_filters_max) segment.filter = {};
    ++age;
  }
}

KeyFilters::Bucket& KeyFilters::bucket_in(Segment& segment, std::int64_t bucket) {
  auto [place, fresh] = segment.buckets.try_emplace(bucket);
  if (fresh && segment.has_bucket_filters)
    place->second.filter = std::make_unique<KeyFilter>(bucket_filter_bytes);
  return place->second;
}

void KeyFilters::load(const std::vector<std::int64_t>& buckets) {
  segments_.clear();
  for (const std::int64_t bucket : buckets) {
    Segment& segment = segment_of(bucket);
    bucket_in(segment, bucket).unread = true;
    ++segment.unread;
  }
}

void KeyFilters::add(std::int64_t bucket, std::string_view hash) {
  Segment& segment = segment_of(bucket);
  Bucket& place = bucket_in(segment, bucket);
  if (segment.filter) segment.filter->add(hash);
  if (place.filter) place.filter->add(hash);
}

void KeyFilters::merge(std::int64_t bucket, std::string_view hashes) {
  for (; !hashes.empty(); hashes.remove_prefix(hash_bytes))
    add(bucket, hashes.substr(0, hash_bytes));
  Segment& segment = segment_of(bucket);
  if (std::exchange(bucket_in(segment, bucket).unread, false)) --segment.unread;
}

bool KeyFilters::may_hold(std::int64_t bucket, std::string_view hash) const {
  const auto segment = segments_.find(bucket >> segment_bits);
  if (segment == segments_.end()) return false;
  const auto place = segment->second.buckets.find(bucket);
  return place != segment->second.buckets.end() && place->second.may_hold(hash);
}

std::vector<std::int64_t> KeyFilters::candidates(std::int64_t current,
                                                 std::string_view hash) const {
  std::vector<std::int64_t> found;
  for (const auto& [number, segment] : segments_) {
    const bool known = segment.filter && segment.unread == 0;
    if (known && !segment.filter->may_hold(hash)) continue;
    for (const auto& [bucket, place] : segment.buckets)
      if (bucket < current && place.may_hold(hash)) found.push_back(bucket);
  }
  return found;
}

std::vector<std::int64_t> KeyFilters::unread() const {
  std::vector<std::int64_t> found;
  for (const auto& [number, segment] : segments_)
    for (const auto& [bucket, place] : segment.buckets)
      if (segment.filter && place.unread) found.push_back(bucket);
  return found;
}

}  // namespace posthorn::store
