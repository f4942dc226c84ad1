#pragma once
// The command line as a client of the API.

#include <boost/json/value.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "cli/exit_code.h"
#include "cli/http_call.h"

namespace posthorn::cli {

namespace json = boost::json;

/// An answer that is not 2xx, or none: told to the user, then the process ends with `exit_code`.
struct CallFailed {
  ExitCode exit_code = failed;
  std::string message;  ///< For people, several lines for several faults.
  json::value problem;  ///< The problem+json document, or null.
};

struct ClientOptions {
  std::string url;        ///< --url, POSTHORN_URL, else http://127.0.0.1:8420.
  Secret key;             ///< POSTHORN_KEY or --key-file.
  std::string workspace;  ///< Sent as X-Posthorn-Workspace when not empty.
};

/// Blocking calls; a 429 is waited for (Retry-After) up to three times.
class Client {
 public:
  explicit Client(ClientOptions options);

  /// The parsed JSON answer; null for an empty body. Throws CallFailed.
  json::value call(std::string_view method, std::string_view target,
                   const std::optional<std::string>& body = {},
                   std::string_view idempotency_key = {});
  /// The answer's bytes as they are. Throws CallFailed.
  std::string bytes(std::string_view target);

  /// A server-sent event.
  struct Message {
    std::string name, id, data;
  };
  /// Reads a stream until `take` says false; goes on behind the last message when the connection
  /// breaks. Throws CallFailed when the server refuses it, or cannot be reached for a minute.
  void stream(std::string_view target, const std::function<bool(const Message&)>& take);

 private:
  [[nodiscard]] HttpCall prepare(std::string_view method, std::string_view target) const;
  [[nodiscard]] HttpAnswer ask(const HttpCall& call) const;

  ClientOptions options_;
};

/// Percent-encodes one query value or path segment.
std::string encode(std::string_view text);

/// Appends name=value to a target's query, encoded, unless the value is empty.
void add_query(std::string& target, std::string_view name, std::string_view value);

}  // namespace posthorn::cli
