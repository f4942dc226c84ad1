#include "ingest/certificate_cache.h"

#include <optional>

namespace posthorn::ingest {
namespace {
constexpr Millis certificate_kept{24h}, failure_kept{10s};
constexpr std::size_t entries_max = 64;
}  // namespace

task<Result<std::string>> CertificateCache::fetch(std::string url) {
  const Tick now = clock_.steady();
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(url);
    if (known != entries_.end() && now < known->second.until) {
      if (known->second.pem.empty()) co_return fail(Errc::unavailable, known->second.error);
      co_return known->second.pem;
    }
  }
  const auto exchange = co_await fetcher_.fetch(get_of(url));
  Entry entry;
  if (exchange.result != env::ExchangeResult::ok)
    entry.error = exchange.detail;
  else if (exchange.status != 200 || exchange.body_truncated)
    entry.error = "the certificate's address answered " + std::to_string(exchange.status);
  else
    entry.pem = exchange.body;
  entry.until = now + (entry.pem.empty() ? failure_kept : certificate_kept);
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= entries_max && !entries_.contains(url)) entries_.erase(entries_.begin());
  const auto& stored = entries_[url] = std::move(entry);
  if (stored.pem.empty()) co_return fail(Errc::unavailable, stored.error);
  co_return stored.pem;
}

}  // namespace posthorn::ingest
