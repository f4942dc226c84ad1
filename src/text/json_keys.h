#pragma once
// Finds a name that occurs twice in one object of a JSON text. Not for use outside text/.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace posthorn::text::scan {

struct HashSeed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// The names of all objects of one document, in one open-addressed table. Names are compared by
/// what they mean ("a" is "\u0061"), by a hash that a stranger cannot predict and then by the
/// bytes.
class KeySet {
 public:
  KeySet();
  KeySet(const KeySet&) = delete;
  KeySet& operator=(const KeySet&) = delete;

  /// False when object number `object` (from 1) has the name already. `inside` is what stands
  /// between the quotes, already checked, and must stay where it is.
  bool add(std::uint32_t object, std::string_view inside, bool escaped);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Key {
    std::uint64_t hash;
    const char* inside;
    std::uint32_t length;
    std::uint32_t object;
  };
  /// Of a key, from 1; 0 in an empty slot.
  using Number = std::uint16_t;

  void grow();

  // Enough for most documents without an allocation. Only the slots are cleared for a document: the
  // keys, twelve times their size, count up to size_.
  std::array<Number, 64> first_slots_{};
  std::array<Key, 32> first_keys_;
  std::vector<Number> more_slots_;
  std::vector<Key> more_keys_;
  Number* slots_;
  Key* keys_;
  std::size_t mask_;
  std::size_t size_ = 0;
  const HashSeed& seed_;  ///< Of the process.
};

}  // namespace posthorn::text::scan
