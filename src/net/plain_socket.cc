#include "net/plain_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"

namespace posthorn::net {

// ------------------------------------------------------------------------------------ the set

PlainSocketSet::PlainSocketSet(asio::io_context& context)
    : asio::execution_context::service(context), poll_(context, epoll_create1(EPOLL_CLOEXEC)) {}

void PlainSocketSet::add(PlainSocket& socket) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &socket;
  // Out of kernel memory: the socket stays silent until its deadline closes it.
  epoll_ctl(poll_.native_handle(), EPOLL_CTL_ADD, socket.descriptor_, &event);
  socket.place_ = sockets_.size();
  sockets_.push_back(&socket);
  if (!waiting_) wait();
}

void PlainSocketSet::remove(PlainSocket& socket) {
  epoll_ctl(poll_.native_handle(), EPOLL_CTL_DEL, socket.descriptor_, nullptr);
  for (auto i = event_; i < events_end_; ++i)
    if (events_[i].data.ptr == &socket) events_[i].data.ptr = nullptr;
  std::ranges::replace(unsent_, &socket, nullptr);
  sockets_.back()->place_ = socket.place_;
  std::swap(sockets_[socket.place_], sockets_.back());
  sockets_.pop_back();
  // So that a context with nothing else to do ends.
  boost::system::error_code ignored;  // Nothing to be ended is as good.
  if (sockets_.empty()) poll_.cancel(ignored);
}

void PlainSocketSet::shutdown() {
  // A handler owns the frame that its socket lives in, and a frame may own others.
  std::vector<PlainSocket::Handler> handlers;
  for (auto* socket : sockets_) handlers.push_back(std::exchange(socket->handler_, {}));
  handlers.clear();
  boost::system::error_code ignored;  // Closing cannot be refused.
  poll_.close(ignored);
}

void PlainSocketSet::wait() {
  waiting_ = true;
  poll_.async_wait(asio::posix::descriptor_base::wait_read,
                   [this](const boost::system::error_code&) {
                     waiting_ = false;
                     take_turn();
                     if (!sockets_.empty() && !waiting_) wait();
                   });
}

bool PlainSocketSet::send_later(PlainSocket& socket) {
  if (in_turn_) unsent_.push_back(&socket);
  return in_turn_;
}

void PlainSocketSet::take_turn() {
  const int count = epoll_wait(poll_.native_handle(), events_.data(), events_max, 0);
  events_end_ = static_cast<std::size_t>(std::max(count, 0));
  in_turn_ = true;
  for (event_ = 0; event_ < events_end_;) {
    const auto& event = events_[event_++];
    if (event.data.ptr != nullptr)
      static_cast<PlainSocket*>(event.data.ptr)->on_event(event.events);
    if (unsent_.size() >= sent_together_max) send_unsent();
  }
  in_turn_ = false;
  send_unsent();
}

void PlainSocketSet::send_unsent() {
  for (std::size_t i = 0; i < unsent_.size(); ++i)
    if (unsent_[i] != nullptr) unsent_[i]->send_unsent();
  unsent_.clear();
}

// --------------------------------------------------------------------------------- the socket

PlainSocket::PlainSocket(asio::io_context& context, int descriptor)
    : executor_(context.get_executor()),
      set_(asio::use_service<PlainSocketSet>(context)),
      descriptor_(descriptor) {
  set_.add(*this);
}

PlainSocket::~PlainSocket() {
  boost::system::error_code ignored;  // Closing cannot be refused.
  close(ignored);
}

void PlainSocket::begin(Operation operation, Handler handler) {
  PH_ASSERT(!handler_);
  operation_ = operation;
  if (unsent_.empty() && (operation.kind == Kind::write || readable_ || descriptor_ < 0))
    if (const auto outcome = attempt(); !outcome.would_block)
      return end_later(std::move(handler), outcome);
  handler_ = std::move(handler);
}

PlainSocket::Outcome PlainSocket::attempt() {
  if (operation_.room != nullptr) {
    const auto given = operation_.room->room();
    operation_.bytes = given.data();
    operation_.size = given.size();
  }
  const auto& [kind, bytes, size, room] = operation_;
  const auto count = kind == Kind::read ? ::recv(descriptor_, bytes, size, 0)
                                        : ::send(descriptor_, bytes, size, MSG_NOSIGNAL);
  const bool would_block = count < 0 && (errno == EAGAIN || errno == EINTR);
  if (count < 0 && !would_block) return {{errno, boost::system::system_category()}};
  // What comes behind a short read makes an event of its own.
  if (kind == Kind::read && (would_block || static_cast<std::size_t>(count) < size))
    readable_ = ended_;
  if (would_block) return {{}, 0, true};
  if (kind == Kind::read && count == 0) return {asio::error::eof};
  return {{}, static_cast<std::size_t>(count)};
}

void PlainSocket::on_event(std::uint32_t events) {
  ended_ = ended_ || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  readable_ = readable_ || ended_ || (events & EPOLLIN) != 0;
  go_on();
}

void PlainSocket::go_on() {
  if (!handler_ || (operation_.kind == Kind::read && !readable_)) return;
  const auto outcome = attempt();
  if (outcome.would_block) return;
  // What goes on may be the end of this socket.
  std::exchange(handler_, {})(outcome.error, outcome.bytes);
}

bool PlainSocket::send_with_others(std::string_view bytes) {
  if (descriptor_ < 0 || !set_.send_later(*this)) return false;
  unsent_ = bytes;
  return true;
}

void PlainSocket::send_unsent() {
  const auto sent = ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  const bool failed = sent < 0 && errno != EAGAIN;  // The read finds that out, too.
  unsent_.remove_prefix(failed ? unsent_.size() : static_cast<std::size_t>(std::max(sent, 0L)));
  if (unsent_.empty()) return go_on();
  if (handler_) std::exchange(handler_, {})(asio::error::would_block, 0);
}

/// Not from within the call that begins an operation: its caller is not suspended yet.
void PlainSocket::end_later(Handler handler, Outcome outcome) {
  asio::post(executor_, [handler = std::move(handler), outcome]() mutable {
    handler(outcome.error, outcome.bytes);
  });
}

void PlainSocket::cancel(boost::system::error_code& error) {
  error = {};
  if (handler_) end_later(std::exchange(handler_, {}), {asio::error::operation_aborted});
}

void PlainSocket::close(boost::system::error_code& error) {
  cancel(error);
  if (descriptor_ < 0) return;
  if (!unsent_.empty()) send_unsent();
  set_.remove(*this);
  ::close(std::exchange(descriptor_, -1));
}

void PlainSocket::shutdown(asio::socket_base::shutdown_type what,
                           boost::system::error_code& error) {
  error = {};
  if (::shutdown(descriptor_, what) != 0) error = {errno, boost::system::system_category()};
}

}  // namespace posthorn::net
