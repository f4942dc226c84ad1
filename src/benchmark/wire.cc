#include "benchmark/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace posthorn::benchmark {

std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::size_t message_length(std::string_view buffer, int* status) {
  const auto end = buffer.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (status != nullptr && buffer.size() > 12)
    std::from_chars(buffer.data() + 9, buffer.data() + 12, *status);
  std::size_t length = 0;
  // Only our own servers and clients are read here, and they write one of these two spellings.
  for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
    const auto at = buffer.find(name);
    if (at != std::string_view::npos && at < end) {
      const char* from = buffer.data() + at + name.size();
      std::from_chars(from, buffer.data() + end, length);
      break;
    }
  }
  return buffer.size() >= end + 4 + length ? end + 4 + length : 0;
}

int Peer::read_some() {
  char chunk[16384];
  int got = 0;
  if (tls != nullptr) {
    got = SSL_read(tls, chunk, sizeof chunk);
    if (got <= 0) {
      const int why = SSL_get_error(tls, got);
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
  } else {
    got = static_cast<int>(::read(fd, chunk, sizeof chunk));
    if (got < 0) return errno == EAGAIN ? 0 : -1;
    if (got == 0) return -1;
  }
  in.append(chunk, static_cast<std::size_t>(got));
  return got;
}

bool Peer::write(std::string_view bytes) {
  if (!out.empty()) {
    out += bytes;
    return true;
  }
  long put = 0;
  if (tls != nullptr) {
    put = SSL_write(tls, bytes.data(), static_cast<int>(bytes.size()));
    if (put <= 0) {
      const int why = SSL_get_error(tls, static_cast<int>(put));
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
      put = 0;
    }
  } else {
    put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno != EAGAIN) return false;
      put = 0;
    }
  }
  if (static_cast<std::size_t>(put) < bytes.size())
    out = bytes.substr(static_cast<std::size_t>(put));
  return true;
}

bool Peer::flush() {
  if (out.empty()) return true;
  const std::string rest = std::exchange(out, {});
  return write(rest);
}

void Peer::close_it() {
  if (tls != nullptr) SSL_free(std::exchange(tls, nullptr));
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int listen_on_loopback(std::uint16_t& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0)
    throw std::runtime_error("cannot listen on loopback");
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

int connect_to_loopback(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    throw std::runtime_error("cannot connect to 127.0.0.1:" + std::to_string(port));
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  set_no_delay(fd);
  return fd;
}

void watch(int poll, int fd, std::uint64_t data) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = data;
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace posthorn::benchmark
