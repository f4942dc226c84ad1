#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace posthorn::env {

/// Randomness. Thread-safe. In production from the operating system's generator: fit for keys.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string bytes(std::size_t count) = 0;
  /// Uniform in [0, bound); bound > 0.
  virtual std::uint64_t below(std::uint64_t bound) = 0;
};

}  // namespace posthorn::env
