#pragma once
// How ingest calls out: always through the egress guard.

#include "env/http_sender.h"
#include "env/task.h"

namespace posthorn::ingest {

/// Thread-safe; a coroutine resumes on its caller's executor.
class Fetcher {
 public:
  virtual ~Fetcher() = default;
  /// As env::HttpSender::send.
  virtual task<env::Exchange> fetch(env::OutgoingRequest request) = 0;
};

/// A GET without headers of its own.
inline env::OutgoingRequest get_of(std::string url, Millis limit = Millis{10'000}) {
  env::OutgoingRequest request;
  request.method = "GET";
  request.url = std::move(url);
  request.body = share("");
  request.limit = limit;
  return request;
}

}  // namespace posthorn::ingest
