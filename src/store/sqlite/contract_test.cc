#include "store/contract/contract.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;

namespace {

class SqliteHarness final : public contract::Harness {
 public:
  SqliteHarness() { reopen(); }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    SqliteOptions options;
    options.folder = folder_.path();
    options.clock = &clock();
    options.log = &log_;
    options.ballast_bytes = 0;
    options.writer_cache_kib = 2048;
    options.reader_cache_kib = 1024;
    store_ = testing::must(SqliteStore::open(options));
  }

 private:
  testing::TestFolder folder_;
  env::NullLog log_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace

TEST_CASE("sqlite: keeps the contract of a store") {
  contract::run_store_contract([] { return std::make_unique<SqliteHarness>(); });
}
