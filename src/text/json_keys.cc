#include "text/json_keys.h"

#include <sys/random.h>

#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/assert.h"
#include "text/json_scan.h"

namespace posthorn::text::scan {
namespace {

// No result depends on the seed, only which names would share a slot; so it is not injected.
const HashSeed& process_seed() {
  static const HashSeed value = [] {
    HashSeed made;
    PH_ASSERT(getrandom(&made, sizeof made, 0) == static_cast<ssize_t>(sizeof made));
    return made;
  }();
  return value;
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
std::uint64_t load(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// The 1 to 8 bytes in one word; loads of fixed size overlap, a copy of variable length would cost
/// a call.
std::uint64_t short_word(const char* at, std::size_t size) {
  if (size >= 4) return load<std::uint32_t>(at) | (load<std::uint32_t>(at + size - 4) << 32);
  const auto byte = [at](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i]));
  };
  return byte(0) | (byte(size / 2) << 8) | (byte(size - 1) << 16);
}

std::uint64_t hash_of(const HashSeed& with, std::uint32_t object, std::string_view text) {
  // The length and the object go in first: the overlapping loads alone do not tell lengths apart.
  std::uint64_t state = with.first ^ ((std::uint64_t{object} << 32) | text.size());
  const std::uint64_t multiplier = with.second | 1;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left > 8; at += 8, left -= 8) state = fold(state ^ load<std::uint64_t>(at), multiplier);
  if (left > 0) state = fold(state ^ short_word(at, left), multiplier);
  return fold(state ^ with.second, 0xA0761D6478BD642FULL);
}

std::string meaning(std::string_view inside) {
  std::string text;
  append_unescaped(text, inside);
  return text;
}

}  // namespace

// first_keys_ is left as it is: see the header.
KeySet::KeySet()  // NOLINT(cppcoreguidelines-pro-type-member-init)
    : slots_(first_slots_.data()),
      keys_(first_keys_.data()),
      mask_(first_slots_.size() - 1),
      seed_(process_seed()) {}

bool KeySet::add(std::uint32_t object, std::string_view inside, bool escaped) {
  static_assert(json_keys_max <= std::numeric_limits<Number>::max());
  if ((size_ + 1) * 2 > mask_ + 1) grow();
  const std::uint64_t hash =
      escaped ? hash_of(seed_, object, meaning(inside)) : hash_of(seed_, object, inside);
  std::size_t i = hash & mask_;
  for (; slots_[i] != 0; i = (i + 1) & mask_) {
    const Key& key = keys_[slots_[i] - 1];
    if (key.hash == hash && key.object == object &&
        meaning({key.inside, key.length}) == meaning(inside))
      return false;
  }
  keys_[size_] = {hash, inside.data(), static_cast<std::uint32_t>(inside.size()), object};
  slots_[i] = static_cast<Number>(++size_);
  return true;
}

void KeySet::grow() {
  const std::size_t slots = (mask_ + 1) * 4;
  std::vector<Key> keys(keys_, keys_ + size_);
  keys.resize(slots / 2);
  more_keys_ = std::move(keys);
  keys_ = more_keys_.data();
  more_slots_.assign(slots, 0);
  slots_ = more_slots_.data();
  mask_ = slots - 1;
  for (std::size_t number = 1; number <= size_; ++number) {
    std::size_t i = keys_[number - 1].hash & mask_;
    while (slots_[i] != 0) i = (i + 1) & mask_;
    slots_[i] = static_cast<Number>(number);
  }
}

}  // namespace posthorn::text::scan
