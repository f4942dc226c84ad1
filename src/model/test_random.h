#pragma once
// For the tests of model/ alone: bytes that count up, so that every draw differs and is known.

#include <cstdint>
#include <string>

#include "env/random.h"

namespace posthorn::model {

class CountingRandom final : public env::Random {
 public:
  std::string bytes(std::size_t count) override {
    std::string out(count, '\0');
    for (char& c : out) c = static_cast<char>(next_++ & 0xFF);
    return out;
  }
  std::uint64_t below(std::uint64_t bound) override { return next_++ % bound; }

 private:
  std::uint64_t next_ = 0;
};

}  // namespace posthorn::model
