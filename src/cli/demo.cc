#include "cli/demo.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "cli/output.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

constexpr auto patience = std::chrono::seconds(15);

std::string text_at(const json::value& value, std::string_view pointer) {
  return cell(text::at_pointer(value, pointer));
}

/// Polls until the delivery has ended, or patience has.
json::value wait_for_delivery(Client& client, const std::string& event_id) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::mutex mutex;
  std::condition_variable never;
  for (;;) {
    auto page = client.call("GET", "/v1/deliveries?event_id=" + encode(event_id));
    const auto& rows = page.at("data").as_array();
    if (!rows.empty() && text_at(rows.front(), "/status") != "pending")
      return client.call("GET", "/v1/deliveries/" + encode(text_at(rows.front(), "/id")));
    if (std::chrono::steady_clock::now() > deadline) return nullptr;
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(5), [] { return false; });
  }
}

}  // namespace

int run_demo(Client& client) {
  try {
    const auto bin = client.call("POST", "/v1/bins", R"({"name":"demo"})");
    const auto bin_id = text_at(bin, "/id");
    json::object wanted{{"url", "bin://" + bin_id},
                        {"event_types", json::array{"ticket.*"}},
                        {"description", "demo"}};
    const auto endpoint = client.call("POST", "/v1/endpoints", json::serialize(wanted));
    const auto event = client.call(
        "POST", "/v1/events",
        R"({"type":"ticket.created","data":{"id":1042,"subject":"Cannot sign in","priority":"high","requester":{"name":"Asha Rao","email":"asha@example.com"}}})");
    const auto event_id = text_at(event, "/id");
    fmt::print("demo --> ticket.created  {}  to bin {}\n", event_id, bin_id);
    const auto delivery = wait_for_delivery(client, event_id);
    if (delivery.is_null()) {
      fmt::print(stderr, "posthorn: demo: the delivery did not end within {} s\n",
                 patience.count());
      return failed;
    }
    const auto captures = client.call("GET", "/v1/bins/" + encode(bin_id) + "/requests");
    const auto& rows = captures.at("data").as_array();
    const bool succeeded = text_at(delivery, "/status") == "succeeded";
    const auto first = rows.empty() ? json::value(nullptr) : rows.front();
    const auto verdict = [&first](std::string_view pointer) {
      const auto said = text_at(first, pointer);
      return said == "valid" ? std::string("ok") : said;
    };
    const auto body_signature = verdict("/signatures/x_webhook_signature");
    const auto standard = verdict("/signatures/webhook_signature");
    fmt::print("demo <-- {}  {} ms  attempt {}  X-Webhook-Signature {}  webhook-signature {}\n",
               text_at(delivery, "/last_status_code"),
               text_at(delivery, "/attempts/0/timings/total_ms"),
               text_at(delivery, "/attempt_count"), body_signature, standard);
    // The demo's endpoint would take every later ticket event too: it goes, its bin and the log
    // stay.
    client.call("DELETE", "/v1/endpoints/" + encode(text_at(endpoint, "/id")));
    if (!succeeded || body_signature != "ok" || standard != "ok") {
      fmt::print(stderr, "posthorn: demo: the delivery ended as {}\n",
                 text_at(delivery, "/status"));
      return failed;
    }
    fmt::print("next     posthorn events get {} --explain\n", event_id);
    fmt::print("next     posthorn endpoints create https://example.com/hooks --types 'ticket.*'\n");
    return done;
  } catch (const CallFailed& failure) {
    fmt::print(stderr, "posthorn: demo: {}\n", failure.message);
    return failed;
  }
}

}  // namespace posthorn::cli
