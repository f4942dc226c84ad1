#include "store/sqlite/key_filter.h"

#include <cstring>

#include "base/assert.h"
#include "crypto/crypto.h"

namespace posthorn::store {
namespace {

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
  hash.resize(16);
  return hash;
}

}  // namespace

std::string event_key_hash(WorkspaceId workspace, std::string_view client_id) {
  return key_hash(workspace.value, client_id);
}

std::string request_key_hash(SourceId source, std::string_view text) {
  return key_hash(source.value, text);
}

void KeyFilter::add(std::string_view hash) {
  PH_ASSERT(hash.size() == 16);
  const std::size_t block = word_at(hash, 0) % (words_count / words_per_block) * words_per_block;
  std::uint64_t bits = word_at(hash, 8);
  for (int i = 0; i < 6; ++i, bits >>= 9)
    words_[block + ((bits >> 6) & 7)] |= std::uint64_t{1} << (bits & 63);
}

bool KeyFilter::may_hold(std::string_view hash) const {
  PH_ASSERT(hash.size() == 16);
  const std::size_t block = word_at(hash, 0) % (words_count / words_per_block) * words_per_block;
  std::uint64_t bits = word_at(hash, 8);
  for (int i = 0; i < 6; ++i, bits >>= 9)
    if ((words_[block + ((bits >> 6) & 7)] >> (bits & 63) & 1) == 0) return false;
  return true;
}

void KeyFilter::merge(const KeyFilter& other) {
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
}

KeyFilters::Segment& KeyFilters::segment_of(std::int64_t bucket) {
  auto [place, fresh] = segments_.try_emplace(bucket >> segment_bits);
  if (fresh) {
    place->second.filter = std::make_unique<KeyFilter>();
    if (segments_.size() > filters_max)
      std::next(segments_.begin(), filters_max)->second.filter = {};
  }
  return place->second;
}

void KeyFilters::load(const std::vector<std::int64_t>& buckets) {
  segments_.clear();
  for (const std::int64_t bucket : buckets) {
    Segment& segment = segment_of(bucket);
    segment.buckets.insert(bucket);
    segment.unread.insert(bucket);
  }
}

void KeyFilters::add(std::int64_t bucket, std::string_view hash) {
  Segment& segment = segment_of(bucket);
  segment.buckets.insert(bucket);
  if (segment.filter) segment.filter->add(hash);
}

void KeyFilters::merge(std::int64_t bucket, const KeyFilter& keys) {
  Segment& segment = segment_of(bucket);
  if (segment.filter) segment.filter->merge(keys);
  segment.unread.erase(bucket);
}

bool KeyFilters::may_hold(std::int64_t bucket, std::string_view hash) const {
  const auto place = segments_.find(bucket >> segment_bits);
  if (place == segments_.end() || !place->second.buckets.contains(bucket)) return false;
  const Segment& segment = place->second;
  return !segment.filter || !segment.unread.empty() || segment.filter->may_hold(hash);
}

std::vector<std::int64_t> KeyFilters::candidates(std::int64_t current,
                                                 std::string_view hash) const {
  std::vector<std::int64_t> found;
  for (const auto& [number, segment] : segments_) {
    const bool known = segment.filter && segment.unread.empty();
    if (known && !segment.filter->may_hold(hash)) continue;
    for (const std::int64_t bucket : segment.buckets)
      if (bucket < current) found.push_back(bucket);
  }
  return found;
}

std::vector<std::int64_t> KeyFilters::unread() const {
  std::vector<std::int64_t> found;
  for (const auto& [number, segment] : segments_)
    if (segment.filter) found.insert(found.end(), segment.unread.begin(), segment.unread.end());
  return found;
}

}  // namespace posthorn::store
