#pragma once
// What the bare servers and the bare clients share: connections on loopback, read and written with
// as little as can be. Internal to peers.h.

#include <openssl/ssl.h>
#include <time.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::benchmark {

std::uint64_t nanoseconds(clockid_t clock);
inline std::uint64_t now_ns() { return nanoseconds(CLOCK_MONOTONIC); }

/// The length of the first complete message in `buffer`; 0 while it is incomplete. `status` is set
/// for replies.
std::size_t message_length(std::string_view buffer, int* status);

/// One connection.
struct Peer {
  int fd = -1;
  SSL* tls = nullptr;
  std::string in;
  std::string out;           ///< What could not be written yet.
  std::uint64_t due_ns = 0;  ///< When the request under way was due.
  std::uint64_t number = 0;  ///< Of the request under way.
  bool waiting = false;

  /// >0: bytes appended to `in`; 0: nothing now; -1: closed.
  int read_some();
  /// False: closed.
  bool write(std::string_view bytes);
  bool flush();
  void close_it();
};

/// A listening socket that does not block; `port` becomes its port.
int listen_on_loopback(std::uint16_t& port);
/// A connected socket that does not block. Throws std::runtime_error.
int connect_to_loopback(std::uint16_t port);
void set_no_delay(int fd);
/// Has `poll` (an epoll set) report `fd` as `data` while it is readable.
void watch(int poll, int fd, std::uint64_t data);

inline constexpr std::string_view no_content = "HTTP/1.1 204 No Content\r\n\r\n";

}  // namespace posthorn::benchmark
