#pragma once
// The sockets of plain connections, in an epoll set of their own. A request costs one recv and one
// send here; Asio's sockets queue an operation, post its end and look at the socket's state too.
// Internal to http_server.

#include <sys/epoll.h>

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "env/task.h"

namespace posthorn::net {

class PlainSocket;

/// Where a read puts its bytes, asked for when they are there: a connection that only waits need
/// not hold room.
class ReadRoom {
 public:
  virtual asio::mutable_buffer room() = 0;

 protected:
  ~ReadRoom() = default;
};

/// The plain sockets of one io_context, which watches the set as if it were one descriptor for as
/// long as there is a socket in it. A service, so that it outlives the sockets in suspended frames.
class PlainSocketSet final : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit PlainSocketSet(asio::io_context& context);
  void add(PlainSocket& socket);
  void remove(PlainSocket& socket);
  /// Has `socket` send what is unsent when the turn ends. False: none is under way.
  bool send_later(PlainSocket& socket);

 private:
  void shutdown() override;
  void wait();
  void take_turn();
  void send_unsent();

  asio::posix::basic_stream_descriptor<executor> poll_;
  std::vector<PlainSocket*> sockets_;
  std::vector<PlainSocket*> unsent_;  ///< Of this turn; null: closed since.
  bool waiting_ = false, in_turn_ = false;
  static constexpr int events_max = 256;  ///< Of one turn; others of the context come between.
  /// What the kernel and the connection hold of a socket is still in the cache when it is sent.
  static constexpr std::size_t sent_together_max = 32;
  std::array<epoll_event, events_max> events_{};
  std::size_t event_ = 0, events_end_ = 0;  ///< Of events_: not yet looked at.
};

/// A connected TCP socket with the part of Asio's stream interface that a connection uses. Reads
/// or writes one thing at a time; used on the context's thread.
class PlainSocket {
 public:
  using executor_type = executor;

  /// Takes over a descriptor that does not block.
  PlainSocket(asio::io_context& context, int descriptor);
  ~PlainSocket();
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;

  [[nodiscard]] executor get_executor() const { return executor_; }
  [[nodiscard]] int native_handle() const { return descriptor_; }

  template <class Token>
  auto async_read_some(asio::mutable_buffer room, Token&& token) {
    return start({Kind::read, room.data(), room.size(), nullptr}, std::forward<Token>(token));
  }
  template <class Token>
  auto async_read_some(ReadRoom& room, Token&& token) {
    return start({Kind::read, nullptr, 0, &room}, std::forward<Token>(token));
  }
  template <class Token>
  auto async_write_some(asio::const_buffer bytes, Token&& token) {
    return start({Kind::write, const_cast<void*>(bytes.data()), bytes.size(), nullptr},
                 std::forward<Token>(token));
  }
  /// Leaves `bytes`, which stay where they are, to be sent when the sockets that are readable now
  /// have been served: so a busy peer is woken once for many answers. False: there are no others;
  /// nothing is done. Only before a read, which ends with would_block when not all could be sent;
  /// take_unsent() says how much is left to the caller.
  bool send_with_others(std::string_view bytes);
  std::size_t take_unsent() { return std::exchange(unsent_, {}).size(); }
  /// Ends what is waited for with operation_aborted.
  void cancel(boost::system::error_code& error);
  void close(boost::system::error_code& error);
  void shutdown(asio::socket_base::shutdown_type what, boost::system::error_code& error);

 private:
  friend class PlainSocketSet;
  using Handler = std::move_only_function<void(boost::system::error_code, std::size_t)>;
  enum class Kind : std::uint8_t { read, write };
  struct Operation {
    Kind kind = Kind::read;
    void* bytes = nullptr;
    std::size_t size = 0;
    ReadRoom* room = nullptr;  ///< Set: instead of bytes and size.
  };
  struct Outcome {
    boost::system::error_code error;
    std::size_t bytes = 0;
    bool would_block = false;
  };

  template <class Token>
  auto start(Operation operation, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this, operation](auto&& handler) { begin(operation, std::move(handler)); }, token);
  }
  void begin(Operation operation, Handler handler);
  Outcome attempt();
  void on_event(std::uint32_t events);
  void send_unsent();
  void go_on();
  void end_later(Handler handler, Outcome outcome);

  executor executor_;
  PlainSocketSet& set_;
  int descriptor_;
  std::size_t place_ = 0;  ///< In the set.
  bool readable_ = false;  ///< Since the last event no read has come back short.
  bool ended_ = false;     ///< By the peer: there is no event for what is still to be read.
  std::string_view unsent_;
  Operation operation_;
  Handler handler_;  ///< Set while an operation waits.
};

}  // namespace posthorn::net
