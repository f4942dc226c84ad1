#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

namespace posthorn::sim {

/// FNV-1a over everything that happened in a world: two runs of a seed must agree.
class Digest {
 public:
  using Trace =
      std::function<void(std::string_view what, std::uint64_t a, std::uint64_t b, std::uint64_t c)>;
  /// Shows each line as it is added.
  void trace(Trace trace) { trace_ = std::move(trace); }

  void add(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
    if (trace_) trace_(what, a, b, c);
    for (const char byte : what) mix(static_cast<unsigned char>(byte));
    for (const std::uint64_t number : {a, b, c})
      for (int shift = 0; shift < 64; shift += 8) mix((number >> shift) & 0xff);
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  void mix(std::uint64_t byte) { value_ = (value_ ^ byte) * 0x100000001b3ULL; }
  Trace trace_;
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace posthorn::sim
