#include "net/system.h"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "net/console_log.h"
#include "net/mmap_journal.h"

using namespace posthorn;
using namespace posthorn::net;

namespace {

struct TemporaryFile {
  TemporaryFile() {
    folder_ = std::filesystem::temp_directory_path() / "posthorn-test-XXXXXX";
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    path = folder_ + "/journal";
  }
  ~TemporaryFile() {
    ::unlink(path.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string path;

 private:
  std::string folder_;
};

}  // namespace

TEST_CASE("system clock: a wait ends when its moment has come") {
  asio::io_context context{1};
  SystemClock clock;
  const Tick start = clock.steady();
  Tick woken{};
  asio::co_spawn(context, clock.sleep_until(start + 30ms),
                 [&](std::exception_ptr) { woken = clock.steady(); });
  context.run();
  CHECK(woken >= start + 30ms);
  bool past = false;
  asio::co_spawn(context, clock.sleep_until(start), [&](std::exception_ptr bug) { past = !bug; });
  context.restart();
  context.run();
  CHECK(past);
}

TEST_CASE("system clock: cancelling wakes a wait that would last for ever") {
  asio::io_context context{1};
  SystemClock clock;
  asio::cancellation_signal signal;
  bool threw = false;
  asio::co_spawn(context, clock.sleep_until(Tick{std::numeric_limits<std::int64_t>::max()}),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&](std::exception_ptr error) { threw = error != nullptr; }));
  context.run_one();
  signal.emit(asio::cancellation_type::all);
  context.run();
  CHECK(threw);
}

TEST_CASE("system clock: the wall clock is in this century") {
  CHECK(SystemClock().now() > Instant{1'700'000'000'000});
}

TEST_CASE("system random: numbers stay below their bound and reach all values") {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 2000; ++i) {
    const auto value = random.below(7);
    REQUIRE(value < 7);
    seen.insert(value);
    REQUIRE(random.below(1) == 0);
    REQUIRE(random.below(~0ULL) < ~0ULL);
  }
  CHECK(seen.size() == 7);
}

TEST_CASE("system random: threads do not share their bytes") {
  SystemRandom random;
  std::vector<std::string> drawn(8);
  std::vector<std::thread> threads;
  for (auto& place : drawn)
    threads.emplace_back([&random, &place] {
      place = random.bytes(16) + std::to_string(random.below(1ULL << 63U));
    });
  for (auto& thread : threads) thread.join();
  CHECK(std::set<std::string>(drawn.begin(), drawn.end()).size() == drawn.size());
  CHECK(random.bytes(0).empty());
}

TEST_CASE("log: a line of JSON can be parsed and cannot be forged") {
  const std::string nasty = "a\"b\\c\nd\x1b[31m\xff{}";
  const std::vector<env::Field> fields{{"delivery", nasty}, {"attempts", 3}};
  const std::string line =
      json_line(Instant{1'700'000'000'123}, env::Level::warning, "delivery.failed", fields);
  CHECK(line.find('\n') == std::string::npos);
  const auto parsed = boost::json::parse(line).as_object();
  CHECK(parsed.at("time").as_string() == "2023-11-14T22:13:20.123Z");
  CHECK(parsed.at("level").as_string() == "warning");
  CHECK(parsed.at("event").as_string() == "delivery.failed");
  CHECK(parsed.at("attempts").as_int64() == 3);
  const std::string shown(parsed.at("delivery").as_string());
  CHECK(shown.find('\x1b') == std::string::npos);
  CHECK(shown.starts_with("a\"b"));
}

TEST_CASE("log: a line for people shows its fields and no control characters") {
  const std::vector<env::Field> fields{
      {"url", "https://x.example/"}, {"why", "no\nanswer"}, {"n", 2}};
  const std::string line =
      text_line(Instant{1'700'000'000'123}, env::Level::info, "attempt.failed", fields);
  CHECK(line.starts_with("22:13:20.123 info    attempt.failed url=https://x.example/ why=\"no"));
  CHECK(line.ends_with(" n=2"));
  CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("log: what is below the level is dropped") {
  std::ostringstream out;
  ConsoleLog log(env::Level::warning, LogFormat::json,
                 std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  log.debug("a.debug");
  log.info("an.info");
  log.warning("a.warning", {{"n", 1}});
  log.error("an.error");
  const std::string text = out.str();
  CHECK(text.find("debug") == std::string::npos);
  CHECK(text.find("an.info") == std::string::npos);
  CHECK(text.find("a.warning") != std::string::npos);
  CHECK(text.find("an.error") != std::string::npos);
  CHECK(std::ranges::count(text, '\n') == 2);
}

TEST_CASE("journal: what was begun and not ended is left behind, once") {
  const TemporaryFile file;
  {
    auto journal = MmapJournal::open(file.path, 4);
    REQUIRE(journal);
    CHECK((*journal)->take_leftovers().empty());
    const auto first = (*journal)->begin(DeliveryId{7});
    (*journal)->begin(DeliveryId{8});
    (*journal)->end(first);
    (*journal)->begin(DeliveryId{9});
  }
  for (const std::uint32_t in_flight_max : {2U, 8U}) {
    auto journal = MmapJournal::open(file.path, in_flight_max);
    REQUIRE(journal);
    auto left = (*journal)->take_leftovers();
    std::ranges::sort(left);
    if (in_flight_max == 2) {
      CHECK(left == std::vector{DeliveryId{8}, DeliveryId{9}});
    } else {
      CHECK(left.empty());
    }
    CHECK((*journal)->take_leftovers().empty());
  }
}

TEST_CASE("journal: it survives kill -9 and slots are used again") {
  const TemporaryFile file;
  const pid_t child = ::fork();
  if (child == 0) {
    auto journal = MmapJournal::open(file.path, 3);
    for (std::uint64_t i = 1; i <= 1000; ++i) (*journal)->end((*journal)->begin(DeliveryId{i}));
    (*journal)->begin(DeliveryId{2001});
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  auto journal = MmapJournal::open(file.path, 3);
  REQUIRE(journal);
  CHECK((*journal)->take_leftovers() == std::vector{DeliveryId{2001}});
}

TEST_CASE("journal: a file that is not one is refused and left alone") {
  const TemporaryFile file;
  const std::string text = "sixteen bytes ok";
  std::ofstream(file.path) << text;
  const auto journal = MmapJournal::open(file.path, 4);
  REQUIRE_FALSE(journal);
  CHECK(journal.error().code == Errc::corrupt);
  std::stringstream kept;
  kept << std::ifstream(file.path).rdbuf();
  CHECK(kept.str() == text);
  CHECK_FALSE(MmapJournal::open(file.path, 0));
  CHECK_FALSE(MmapJournal::open("/nonexistent/journal", 4));
}
