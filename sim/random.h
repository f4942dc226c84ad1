#pragma once
// Draws that depend on the seed alone. Each subject of a world has a stream of its own, so that one
// more draw in one of them does not shift the others.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "env/random.h"

namespace posthorn::sim {

class SimRandom final : public env::Random {
 public:
  SimRandom(std::uint64_t seed, std::string_view subject);

  std::string bytes(std::size_t count) override;
  std::uint64_t below(std::uint64_t bound) override;

  [[nodiscard]] bool chance(int percent) {
    return below(100) < static_cast<std::uint64_t>(percent);
  }
  /// Uniform in [from, to].
  [[nodiscard]] Millis span(Millis from, Millis to);
  /// Uniform in [from, to].
  [[nodiscard]] int number(int from, int to);

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

}  // namespace posthorn::sim
