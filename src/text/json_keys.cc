#include "text/json_keys.h"

#include <sys/random.h>

#include <cstring>
#include <string>

#include "base/assert.h"
#include "text/json_scan.h"

namespace posthorn::text::scan {
namespace {

struct Seed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

// No result depends on the seed, only which names would share a slot; so it is not injected.
const Seed& seed() {
  static const Seed value = [] {
    Seed made;
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

std::uint64_t hash_of(const Seed& with, std::uint32_t object, std::string_view text) {
  std::uint64_t state = with.first ^ (text.size() * 0x9E3779B97F4A7C15ULL) ^ object;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    state = fold(state ^ word, with.second | 1);
  }
  if (left > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    state = fold(state ^ word, with.second | 1);
  }
  return fold(state ^ with.second, 0xA0761D6478BD642FULL);
}

std::string meaning(std::string_view inside) {
  std::string text;
  append_unescaped(text, inside);
  return text;
}

}  // namespace

bool KeySet::add(std::uint32_t object, std::string_view inside, bool escaped) {
  if ((size_ + 1) * 2 > mask_ + 1) grow();
  const std::uint64_t hash =
      escaped ? hash_of(seed(), object, meaning(inside)) : hash_of(seed(), object, inside);
  for (std::size_t i = hash & mask_; slots_[i].object != 0; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.hash == hash && slot.object == object &&
        meaning({slot.inside, slot.length}) == meaning(inside))
      return false;
  }
  put({hash, inside.data(), static_cast<std::uint32_t>(inside.size()), object});
  ++size_;
  return true;
}

void KeySet::put(const Slot& slot) {
  std::size_t i = slot.hash & mask_;
  while (slots_[i].object != 0) i = (i + 1) & mask_;
  slots_[i] = slot;
}

void KeySet::grow() {
  std::vector<Slot> old(slots_, slots_ + mask_ + 1);
  more_.assign(old.size() * 4, Slot{});
  slots_ = more_.data();
  mask_ = more_.size() - 1;
  for (const Slot& slot : old)
    if (slot.object != 0) put(slot);
}

}  // namespace posthorn::text::scan
