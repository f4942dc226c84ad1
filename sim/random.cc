#include "sim/random.h"

namespace posthorn::sim {

SimRandom::SimRandom(std::uint64_t seed, std::string_view subject) : state_(seed) {
  for (const char c : subject) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  next();
}

std::uint64_t SimRandom::next() {  // splitmix64
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::string SimRandom::bytes(std::size_t count) {
  std::string made(count, '\0');
  for (char& c : made) c = static_cast<char>(next());
  return made;
}

std::uint64_t SimRandom::below(std::uint64_t bound) { return next() % bound; }

Millis SimRandom::span(Millis from, Millis to) {
  return from + Millis(static_cast<std::int64_t>(
                    below(static_cast<std::uint64_t>((to - from).count()) + 1)));
}

int SimRandom::number(int from, int to) {
  return from + static_cast<int>(below(static_cast<std::uint64_t>(to - from) + 1));
}

}  // namespace posthorn::sim
