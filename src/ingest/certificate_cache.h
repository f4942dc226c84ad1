#pragma once
// Certificates that a provider names in its calls (SNS), fetched through the egress guard.

#include <map>
#include <mutex>
#include <string>

#include "base/error.h"
#include "env/clock.h"
#include "ingest/fetcher.h"

namespace posthorn::ingest {

/// Keeps each certificate for a day, and a failure for ten seconds, so that forged calls do not
/// make us call out again and again. At most 64 addresses: an address passes the provider's own
/// rule before it comes here. Thread-safe; a coroutine resumes on its caller's executor.
class CertificateCache {
 public:
  CertificateCache(Fetcher& fetcher, const env::Clock& clock) : fetcher_(fetcher), clock_(clock) {}

  /// The PEM behind the address. Errors: unavailable, with what the exchange said.
  task<Result<std::string>> fetch(std::string url);

 private:
  struct Entry {
    std::string pem;  ///< Empty: it could not be fetched.
    std::string error;
    Tick until;
  };
  Fetcher& fetcher_;
  const env::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace posthorn::ingest
