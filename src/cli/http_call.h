#pragma once
// One HTTP exchange of the command line, blocking.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::cli {

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> body;  ///< None: no body at all.
  long timeout_seconds = 120;       ///< Of the whole exchange; 0: none, for streams.
};

struct HttpAnswer {
  long status = 0;
  std::string content_type;
  int retry_after_seconds = 0;
  std::string body;
};

/// Redirects are not followed. Throws CallFailed (unreachable) when there is no answer.
HttpAnswer perform(const HttpCall& call);

/// The same with the body of a 2xx given to `take` as it comes; what `take` was given is not in the
/// answer. Ends when the peer ends it or `take` says false. Throws CallFailed (unreachable) when
/// the connection breaks.
HttpAnswer perform(const HttpCall& call, const std::function<bool(std::string_view)>& take);

/// Waits without spinning; the command line has nothing else to do meanwhile.
void wait_milliseconds(int milliseconds);

}  // namespace posthorn::cli
