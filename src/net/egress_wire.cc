#include "net/egress_wire.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/redirect_error.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace posthorn::net {

namespace {

using Status = WireStep::Status;
// One TLS record carries at most this much.
constexpr std::size_t record_bytes = 16 * 1024;
constexpr std::size_t small_bytes = 4 * 1024;
constexpr std::size_t write_bytes_max = std::size_t{1} << 30;

}  // namespace

WireStep Wire::socket_step(long moved, Status again) {
  if (moved > 0) return {Status::done, static_cast<std::size_t>(moved)};
  if (moved == 0) return {Status::closed, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {again, 0};
  failure_ = std::generic_category().message(errno);
  return {Status::failed, 0};
}

WireStep Wire::tls_step(int result) {
  if (result > 0) return {Status::done, static_cast<std::size_t>(result)};
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Status::want_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Status::want_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Status::closed, 0};
    case SSL_ERROR_SSL:
      if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        failure_ = "the peer closed the connection";
        return {Status::closed, 0};
      }
      failure_ = tls_failure(ssl_.get(), 0);
      return {Status::failed, 0};
    default:
      failure_ = tls_failure(nullptr, system_error);
      return {Status::failed, 0};
  }
}

WireStep Wire::try_read(std::span<char> into) {
  if (!ssl_) {
    const auto got = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
    return socket_step(got, Status::want_read);
  }
  errno = 0;
  return tls_step(SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())));
}

WireStep Wire::try_write(std::string_view first, std::string_view second) {
  // A head and a small body go out as one piece: copying a kilobyte costs less than handing over
  // two buffers, and with TLS it saves a record. One thread's is enough: it is used up at once.
  thread_local std::array<char, record_bytes> joined;
  const std::size_t joined_max = ssl_ ? record_bytes : small_bytes;
  const std::size_t total = first.size() + second.size();
  if (!first.empty() && !second.empty() &&
      (total <= joined_max || (ssl_ && first.size() < joined_max))) {
    const std::size_t of_second = std::min(second.size(), joined_max - first.size());
    std::memcpy(joined.data(), first.data(), first.size());
    std::memcpy(joined.data() + first.size(), second.data(), of_second);
    first = std::string_view(joined.data(), first.size() + of_second);
    second = {};
  }
  if (ssl_) {
    const std::string_view part = first.empty() ? second : first;
    errno = 0;
    return tls_step(SSL_write(ssl_.get(), part.data(),
                              static_cast<int>(std::min(part.size(), write_bytes_max))));
  }
  if (second.empty())
    return socket_step(::send(socket_.native_handle(), first.data(), first.size(), MSG_NOSIGNAL),
                       Status::want_write);
  std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                             iovec{const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return socket_step(::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL),
                     Status::want_write);
}

task<bool> Wire::ready(Status want, Deadline& deadline) {
  if (deadline.over()) co_return false;
  const auto what = want == Status::want_write ? Socket::wait_write : Socket::wait_read;
  boost::system::error_code error;
  deadline.watch(&socket_);
  co_await socket_.async_wait(what, asio::redirect_error(use_task, error));
  deadline.watch(nullptr);
  // An error of the socket itself shows at the step that follows.
  co_return !deadline.over();
}

task<bool> Wire::write_all(std::string_view first, std::string_view second, Deadline& deadline) {
  while (!first.empty() || !second.empty()) {
    const WireStep step = try_write(first, second);
    if (step.status == Status::done) {
      const std::size_t of_first = std::min(step.bytes, first.size());
      first.remove_prefix(of_first);
      second.remove_prefix(step.bytes - of_first);
      continue;
    }
    if (step.status == Status::closed || step.status == Status::failed) co_return false;
    if (!co_await ready(step.status, deadline)) co_return false;
  }
  co_return true;
}

task<WireStep> Wire::read_some(std::span<char> into, Deadline& deadline) {
  if (deadline.over()) co_return WireStep{Status::want_read, 0};
  if (!ssl_) {
    boost::system::error_code error;
    deadline.watch(&socket_);
    const std::size_t got = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()),
                                                             asio::redirect_error(use_task, error));
    deadline.watch(nullptr);
    if (!error) co_return WireStep{Status::done, got};
    if (error == asio::error::eof) co_return WireStep{Status::closed, 0};
    if (error == asio::error::operation_aborted) co_return WireStep{Status::want_read, 0};
    failure_ = error.message();
    co_return WireStep{Status::failed, 0};
  }
  // Nothing can be there yet unless a record was read only in part: waiting first saves a call.
  if (SSL_has_pending(ssl_.get()) == 0 && !co_await ready(Status::want_read, deadline))
    co_return WireStep{Status::want_read, 0};
  for (;;) {
    const WireStep step = try_read(into);
    if (step.status != Status::want_read && step.status != Status::want_write) co_return step;
    if (!co_await ready(step.status, deadline)) co_return WireStep{Status::want_read, 0};
  }
}

task<bool> Wire::start_tls(TlsClient& client, const std::string& host, bool host_is_address,
                           std::shared_ptr<TlsSession> session, Deadline& deadline) {
  session_ = std::move(session);
  auto started = client.start(socket_.native_handle(), host, host_is_address, session_.get());
  if (!started) {
    failure_ = std::move(started).error().what;
    co_return false;
  }
  ssl_ = *std::move(started);
  for (;;) {
    errno = 0;
    const WireStep step = tls_step(SSL_do_handshake(ssl_.get()));
    if (step.status == Status::done) break;
    if (step.status == Status::closed || step.status == Status::failed) {
      // What failed once with a kept session must not fail for ever because of it.
      if (session_) session_->drop();
      if (failure_.empty()) failure_ = "the peer closed the connection";
      co_return false;
    }
    if (!co_await ready(step.status, deadline)) co_return false;
  }
  tls_ = std::string(SSL_get_version(ssl_.get())) + " " + SSL_get_cipher_name(ssl_.get());
  co_return true;
}

Wire::~Wire() {
  if (!ssl_ || SSL_is_init_finished(ssl_.get()) == 0) return;
  // Without it OpenSSL takes the session for broken, and it could not be resumed.
  if (!failure_.empty()) SSL_set_quiet_shutdown(ssl_.get(), 1);
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool Wire::is_quiet() {
  char byte = 0;
  // With TLS there may be session tickets to take in, which are no data.
  if (ssl_) return try_read({&byte, 1}).status == Status::want_read;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace posthorn::net
