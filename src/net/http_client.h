#pragma once
// Sends webhooks: HTTP/1.1 over the egress guard, with kept connections.

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "env/http_sender.h"
#include "net/egress.h"
#include "net/http_client_pool.h"

namespace posthorn::net {

struct HttpClientConfig {
  PoolLimits pool;
  std::size_t urls_max = 16'384;  ///< URLs (and the TLS sessions of their origins) remembered.
};

/// One per io_context, used on its thread only. A request costs one write and one read on a kept
/// connection. One that dies there before the reply's first byte is sent once more, on a new
/// connection, within the same deadline: the peer may see it twice. Redirects are not followed,
/// bodies not inflated, proxies of the environment not used.
class HttpClient final : public env::HttpSender {
 public:
  /// `egress` outlives it.
  explicit HttpClient(Egress& egress, HttpClientConfig config = {});
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  /// No send() may be under way.
  ~HttpClient() override;

  /// A header that would change the framing (Host, Content-Length, Transfer-Encoding, Connection,
  /// …) or hold CR, LF or NUL is refused, and so is a method that is not a token.
  task<env::Exchange> send(env::OutgoingRequest request) override;

  /// Closes the idle connections.
  void close_idle() { pool_.close_all(); }
  [[nodiscard]] std::size_t idle_count() const { return pool_.idle_count(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  /// What the text of a URL stands for: judged and parsed once, for the same text and the same
  /// policy give the same result. Shared with the attempts that use it.
  struct Target {
    std::string text;
    text::Url url;
    std::string host_header;  ///< " <target> HTTP/1.1\r\nHost: <authority>\r\n"
    std::shared_ptr<Origin> origin;
  };
  using TargetPointer = std::shared_ptr<const Target>;
  struct Talk;

  Result<TargetPointer> target(const std::string& url);
  task<> attempt(TargetPointer target, const env::OutgoingRequest& request, std::string head,
                 Deadline& deadline, env::Exchange& exchange);
  task<Talk> talk(Wire& wire, std::string_view head, const env::OutgoingRequest& request,
                  Deadline& deadline, env::Exchange& exchange);
  void tick();

  Egress& egress_;
  HttpClientConfig config_;
  ConnectionPool pool_;
  std::list<TargetPointer> targets_;  // Used last at the front.
  std::unordered_map<std::string_view, std::list<TargetPointer>::iterator> by_text_;
  SteadyTimer sweep_timer_;
  bool sweeping_ = false;
  std::vector<char> scratch_;  // Filled and read between two suspensions.
  std::size_t in_flight_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // The timer's handler may come late.
};

}  // namespace posthorn::net
