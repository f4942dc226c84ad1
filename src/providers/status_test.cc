#include "providers/status.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 6> statuses{"queued",      "sent",      "failed",
                                                   "undelivered", "delivered", "read"};

TEST_CASE("a status moves up and never down or sideways") {
  // Row: where the message stands; column: what comes in; in the order of `statuses`.
  constexpr std::array<std::string_view, 6> rises{
      ".XXXXX",  // queued
      "..XXXX",  // sent
      "....XX",  // failed
      "....XX",  // undelivered
      ".....X",  // delivered
      "......",  // read
  };
  for (std::size_t from = 0; from < statuses.size(); ++from)
    for (std::size_t to = 0; to < statuses.size(); ++to) {
      CAPTURE(statuses[from]);
      CAPTURE(statuses[to]);
      CHECK(status_rises(statuses[from], statuses[to]) == (rises[from][to] == 'X'));
    }
}

TEST_CASE("whatever order callbacks come in, the message ends at the same status") {
  std::array<std::string_view, 5> order{"queued", "sent", "undelivered", "delivered", "read"};
  std::ranges::sort(order);
  int orders = 0;
  do {
    std::string stands;
    for (const auto status : order)
      if (status_rises(stands, status)) stands = status;
    CHECK(stands == "read");
    ++orders;
  } while (std::ranges::next_permutation(order).found);
  CHECK(orders == 120);
}

TEST_CASE("a word that is no canonical status moves nothing, and everything moves on from it") {
  for (const auto status : statuses) {
    CHECK(is_message_status(status));
    CHECK(status_rises("", status));
    CHECK(status_rises("received", status));
    CHECK_FALSE(status_rises(status, ""));
    CHECK_FALSE(status_rises(status, "deleted"));
    CHECK_FALSE(status_rises(status, "READ"));
  }
  for (const auto* const word : {"", "Sent", "sent ", "received", "deleted"})
    CHECK_FALSE(is_message_status(word));
  CHECK_FALSE(status_rises("", ""));
}

}  // namespace
}  // namespace posthorn::providers
