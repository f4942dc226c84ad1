#include "store/memory/memory_store.h"

#include "store/contract/contract.h"
#include "store/memory/tables.h"

using namespace posthorn;

namespace {

class MemoryHarness final : public store::contract::Harness {
 public:
  store::Store& store() override { return *store_; }
  void reopen() override {
    auto tables = store_->tables();
    store_ = std::make_unique<store::MemoryStore>(clock(), std::move(tables));
  }

 private:
  std::unique_ptr<store::MemoryStore> store_ = std::make_unique<store::MemoryStore>(clock());
};

}  // namespace

TEST_CASE("memory store: keeps the contract") {
  store::contract::run_store_contract([] { return std::make_unique<MemoryHarness>(); });
}

TEST_CASE("memory store: check() finds what is broken") {
  store::contract::FixedClock clock;
  store::MemoryStore broken(clock);
  store::Batch batch;
  for (int i = 0; i < 2; ++i) {
    store::NewEvent made;
    made.event.workspace = WorkspaceId{1};
    made.targets = {EndpointId{1}};
    batch.events.push_back(made);
    batch.audit.push_back({.action = "a"});
  }
  batch.objects.push_back({.object = {.kind = model::ObjectKind::bin, .name = "x"}});
  for (int i = 0; i < 2; ++i) {
    store::NewRequest received;
    received.request.source = SourceId{5};
    received.keys.push_back({.text = "k"});
    batch.requests.push_back(received);
  }
  REQUIRE(broken.apply_blocking(std::move(batch)).has_value());
  auto& tables = *broken.tables();
  const auto faults = [&] { return store::contract::must(broken.check()).size(); };
  CHECK(faults() == 0);
  SUBCASE("a lane that is due too late") { tables.lanes.begin()->second.next_due = {INT64_MAX}; }
  SUBCASE("an event that is gone") { tables.events.erase(EventId{1}); }
  SUBCASE("a delivery that is gone") { tables.erase(DeliveryId{2}); }
  SUBCASE("an attempt that is not there") {
    tables.deliveries.begin()->second.delivery.attempts = 1;
  }
  SUBCASE("an audit entry that was changed") { tables.audit[AuditId{1}].action = "b"; }
  SUBCASE("an audit entry that is gone") {
    tables.audit[AuditId{2}].previous_hash = "";
    tables.audit[AuditId{2}].hash = store::audit_hash_of(tables.audit[AuditId{2}]);
  }
  SUBCASE("a name that leads nowhere") { tables.names.clear(); }
  const auto change_request = [&](RequestId id, auto change) {
    auto& row = tables.requests.at(id).request;
    auto next = std::make_shared<model::ReceivedRequest>(*row);
    change(*next);
    row = std::move(next);
  };
  SUBCASE("a request that the queue does not have") { tables.received.clear(); }
  SUBCASE("a request that is queued and does not wait") {
    change_request({1}, [](auto& row) { row.state = model::RequestState::parked; });
  }
  SUBCASE("a request in a state that is none") {
    change_request({2}, [](auto& row) { row.state = static_cast<model::RequestState>(8); });
  }
  SUBCASE("a duplicate of nothing") {
    change_request({2}, [](auto& row) { row.duplicate_of = {}; });
  }
  SUBCASE("a duplicate of what is not there") {
    change_request({2}, [](auto& row) { row.duplicate_of = {77}; });
  }
  SUBCASE("a request whose id was not given") { tables.next_request = 2; }
  SUBCASE("a key that nobody registered") { tables.request_keys.clear(); }
  SUBCASE("a key that names who did not claim it") {
    tables.request_keys.begin()->second = RequestId{2};
  }
  CHECK(faults() > 0);
}
