// A disk that is really full: a tmpfs of 32 MiB in a mount namespace of a child process.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;

namespace {

constexpr int not_allowed = 77;

bool mount_small_disk(const std::string& folder) {
  const auto user = ::getuid();
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << fmt::format("0 {} 1", user);
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=32m") == 0;
}

/// Ends the child with a sentence when `holds` is false.
void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "full disk: %s\n", what);
  std::_Exit(1);
}

/// The value of a call that must succeed; a failing assertion of the test would unwind the child
/// into the parent's code.
template <class T>
T need(Result<T> result) {
  if (!result) expect(false, result.error().what.c_str());
  return *std::move(result);
}
template <class T>
T need(task<Result<T>> work) {
  return need(wait_for(std::move(work)));
}

NewEvent event_of_64_kib(Instant now) {
  auto fresh = new_event("a.b", {});
  fresh.event.created_at = now;
  fresh.event.data = share(noise(64 << 10));
  return fresh;
}

NewRequest request_of_64_kib(Instant now, model::RequestState state) {
  NewRequest fresh = new_request({}, noise(64 << 10));
  fresh.request.received_at = now;
  fresh.request.state = state;
  return fresh;
}

/// Publishes until the disk is full, lets retention make room, and publishes again.
void live_on_small_disk(const std::string& folder, int rounds) {
  contract::FixedClock clock;
  env::NullLog log;
  SqliteOptions options;
  options.folder = folder;
  options.clock = &clock;
  options.log = &log;
  options.ballast_bytes = 6 << 20;
  options.heal_gap = 10ms;
  options.checkpoint_bytes = 256 << 10;
  options.log_bytes_max = 1 << 20;
  options.fatal = [](const std::string& why) { expect(false, why.c_str()); };
  auto store = need(SqliteStore::open(options));
  EventReceipt last;
  for (int round = 0; round < rounds; ++round) {
    Result<Applied> made = store->apply_blocking(batch_of(event_of_64_kib(clock.now())));
    expect(made.has_value(), "nothing can be published at first");
    Batch requests = batch_of(request_of_64_kib(clock.now(), model::RequestState::received));
    requests.requests.push_back(request_of_64_kib(clock.now(), model::RequestState::processed));
    const auto received = need(store->apply_blocking(std::move(requests))).requests;
    int published = 0;
    for (; made && published < 2000; ++published) {
      last = made->events[0];
      made = store->apply_blocking(batch_of(event_of_64_kib(clock.now())));
    }
    expect(published > 20, "the disk was full too soon");
    expect(!made.has_value(), "the disk never filled");
    expect(made.error().code == Errc::unavailable, "a full disk must answer unavailable");
    expect(!store->accepting(), "the store must say that it takes nothing");
    expect(!std::filesystem::exists(folder + "/ballast"), "the ballast must be given up");
    expect(need(store->events({last.id})).size() == 1, "reading must go on");

    clock.advance(31 * 24h);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!store->accepting()) {
      expect(std::chrono::steady_clock::now() < deadline, "it must heal by itself");
      const auto more = wait_for(store->retain({}, clock.now(), 20));
      expect(more || more.error().code == Errc::unavailable, "retention may only be short of room");
    }
    expect(std::filesystem::file_size(folder + "/ballast") == 6 << 20, "the ballast must be back");
    expect(need(store->check()).empty(), "no invariant may be broken");
    while (need(store->retain({}, clock.now(), 1000))) {
    }
    expect(need(store->request(received[0].id)).has_value(), "a request that waits must stay");
    expect(!need(store->request(received[1].id)).has_value(), "one that is done must go");
    expect(need(store->events({last.id})).at(0)->data == nullptr, "retention must have run");
  }
}

}  // namespace

TEST_CASE("full disk: retention makes room, the ballast comes back, and publishing goes on") {
  TestFolder folder;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!mount_small_disk(folder.path())) std::_Exit(not_allowed);
    try {
      live_on_small_disk(folder.path(), /*rounds=*/3);
    } catch (const std::exception& bug) {
      expect(false, bug.what());
    }
    std::_Exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == not_allowed) {
    MESSAGE("skipped: mount namespaces are not allowed here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}
