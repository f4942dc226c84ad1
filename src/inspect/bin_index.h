#pragma once
// Every bin in memory, so that a call to one needs no query; and the writing of captures.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "env/clock.h"
#include "inspect/bin.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::inspect {

/// What came in, before it is a Capture.
struct Received {
  std::string method;
  std::string path, query;
  std::vector<env::Header> headers;
  std::string body;
  std::string remote_address;
};

/// Thread-safe. `load` comes first.
class BinIndex {
 public:
  BinIndex(store::Store& store, const crypto::Vault& vault, const publish::RoutingTable& routing,
           const env::Clock& clock)
      : store_(store), vault_(vault), routing_(routing), clock_(clock) {}

  /// Reads all bins. Errors: those of the store; corrupt.
  task<Result<>> load();

  [[nodiscard]] std::shared_ptr<const Bin> by_slug(std::string_view slug) const;
  [[nodiscard]] std::shared_ptr<const Bin> by_id(BinId id) const;
  /// "bin://bin_…"; nullptr when it is none that exists.
  [[nodiscard]] std::shared_ptr<const Bin> by_url(std::string_view url) const;
  [[nodiscard]] std::size_t count(WorkspaceId workspace) const;
  void upsert(Bin bin);
  void remove(BinId id);
  /// Reads one bin again after a commit elsewhere changed it.
  task<Result<>> refresh(BinId id);

  /// Keeps the request and says what to answer; the caller waits Reply::delay. Durable when it
  /// returns. Errors: unavailable.
  task<Result<Reply>> capture(std::shared_ptr<const Bin> bin, Received received);

 private:
  struct Entry {
    std::shared_ptr<const Bin> bin;
    std::size_t answers = 0;             ///< Given so far: the place in Bin::replies.
    std::deque<std::uint64_t> captures;  ///< Made by this process, oldest first.
  };
  /// The bin's own secret, or those of the endpoints that point at it.
  [[nodiscard]] Trust trust_of(const Bin& bin) const;
  [[nodiscard]] Reply next_reply(const Bin& bin);

  store::Store& store_;
  const crypto::Vault& vault_;
  const publish::RoutingTable& routing_;
  const env::Clock& clock_;
  mutable std::mutex mutex_;
  std::map<BinId, Entry> bins_;
  std::unordered_map<std::string, BinId> slugs_;
};

}  // namespace posthorn::inspect
