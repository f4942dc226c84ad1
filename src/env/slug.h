#pragma once
// Addresses that only those know who were told.

#include <cstdint>
#include <string>

#include "base/id.h"
#include "env/random.h"

namespace posthorn::env {

/// 128 random bits as 26 characters of base32.
inline std::string make_slug(Random& random) {
  const auto bytes = random.bytes(16);
  std::uint64_t halves[2] = {0, 0};
  for (std::size_t i = 0; i < 16; ++i)
    halves[i / 8] = halves[i / 8] << 8 | static_cast<unsigned char>(bytes[i]);
  return to_base32(halves[0]) + to_base32(halves[1]);
}

}  // namespace posthorn::env
