#pragma once
// What the door made of a request's body, for the worker, who comes a moment later and would parse
// it again.

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "ingest/source_index.h"

namespace posthorn::ingest {

using ParsedPtr = std::shared_ptr<const providers::Parsed>;

/// A bounded memory: what is not taken is overwritten. Any thread.
class ParsedRequests {
 public:
  /// Larger bodies are parsed again: what nobody takes must not hold much.
  static constexpr std::size_t body_bytes_max = 8 << 10;
  static constexpr std::size_t places_count = 2048;

  void put(SharedBytes body, LiveSourcePtr live, ParsedPtr parsed);
  /// What was put for this body (the object, not its bytes) under the same settings; null: it must
  /// be parsed.
  ParsedPtr take(const SharedBytes& body, const LiveSourcePtr& live);

 private:
  /// Holding the body keeps its address its own.
  struct Place {
    SharedBytes body;
    LiveSourcePtr live;
    ParsedPtr parsed;
  };
  Place& place_of(const SharedBytes& body);

  std::mutex mutex_;
  std::vector<Place> places_ = std::vector<Place>(places_count);
};

}  // namespace posthorn::ingest
