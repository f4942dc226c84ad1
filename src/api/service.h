#pragma once
// The HTTP API: everything under /v1, the bins under /b, and the server's own pages.

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "api/ports.h"
#include "http/message.h"

namespace posthorn::api {

class Context;

/// Thread-safe after start(): several servers on different io_contexts may share one. What is
/// mutable is in memory only to answer quickly; the store is what counts.
class Service final : public http::Service {
 public:
  Service(Ports ports, Config config);
  ~Service() override;

  /// Makes the `default` workspace and application when they are missing, reads what every call
  /// needs (with the endpoints into the routing table unless it has some), and begins to listen to
  /// the store. Errors: those of the store; corrupt.
  task<Result<>> start();

  /// What links and the OpenAPI document call this server, when that is known only now (port 0).
  /// Before the first call is served, or on the io_context of the only server.
  void set_public_url(std::string url);

  /// Ends the open event streams, so that a server can drain. Calls go on being answered.
  void end_streams();

  std::variant<http::Admitted, http::Response> admit(const http::RequestHead& head,
                                                     std::string_view remote_address) override;
  task<http::Response> serve(const http::Request& request) override;
  http::Response refuse(int status, std::string_view detail, std::string_view request_id) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::api
