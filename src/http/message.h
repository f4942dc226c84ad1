#pragma once
// HTTP messages as the application sees them, without sockets. net/http_server.h moves the bytes.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "env/task.h"

namespace posthorn::http {

struct HeaderView {
  std::string_view name;   ///< As sent; compare without case.
  std::string_view value;  ///< Trimmed.
};

/// A request's head, strictly parsed. Views look into the session's buffer and live until the reply
/// is made.
struct RequestHead {
  std::string_view method;  ///< Upper case: GET HEAD POST PUT PATCH DELETE OPTIONS; another is
                            ///< refused before this.
  std::string_view
      target;  ///< As sent (origin form; of an absolute form only what follows the authority).
  std::string_view path;              ///< Of the target, still percent-encoded; begins with '/'.
  std::string_view query;             ///< Without '?'; may be empty.
  std::string_view host;              ///< Of the Host header.
  std::string_view target_authority;  ///< Of an absolute target; empty for the usual origin form.
  int minor_version = 1;              ///< HTTP/1.x
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  std::vector<HeaderView> headers;  ///< At most header_count_max.
  std::string_view request_id;      ///< As Request::request_id; empty before the head is whole.

  /// The first header of that name (case does not matter); nullopt when absent.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  /// How many there are of that name.
  [[nodiscard]] int header_count(std::string_view name) const;
};

struct Request {
  RequestHead head;
  std::string_view body;            ///< Decoded from chunked; content codings are left alone.
  std::string_view remote_address;  ///< "192.0.2.1" (of the connection, not of a header).
  bool tls = false;
  std::string_view request_id;  ///< Ours, or the caller's X-Request-Id when it is sane.
};

/// Writes the body of a streamed answer. Each write returns when the bytes are handed to the
/// socket; false: the peer has gone.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual task<bool> write(std::string bytes) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool close = false;  ///< Close the connection after it.
  std::function<task<>(BodyWriter&)>
      stream;  ///< When set, body is ignored: chunked, until the function returns.
};

/// How much body the server may read for this request.
struct Admitted {
  std::size_t body_bytes_max = 0;
  /// Kept until the answer is made (or the connection ends): what counts it among those in flight.
  std::shared_ptr<void> hold = nullptr;
};

/// What a server runs. Called on the server's io_context.
class Service {
 public:
  virtual ~Service() = default;
  /// After the head, before a byte of the body is read: refuse now (unknown route, no key, too
  /// large, overload), or say how much may come.
  virtual std::variant<Admitted, Response> admit(const RequestHead& head,
                                                 std::string_view remote_address) = 0;
  /// The whole request is there. Must not throw for bad input; an exception is a bug and becomes a
  /// 500.
  virtual task<Response> serve(const Request& request) = 0;
  /// The answer to a head that could not be parsed (400, 408, 413, 414, 431, 421, 405, 501 as 400).
  /// `request_id` is the one that goes out with it.
  virtual Response refuse(int status, std::string_view detail, std::string_view request_id) = 0;
};

}  // namespace posthorn::http
