// The clients of a measurement: load, and load with a receiver of what it causes.

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <utility>

#include "benchmark/peers.h"
#include "benchmark/wire.h"

namespace posthorn::benchmark {

namespace {

std::uint64_t stamp_in(std::string_view message) {
  const auto at = message.find("\"sent_ns\":\"");
  std::uint64_t stamp = 0;
  if (at != std::string_view::npos && message.size() > at + 31)
    std::from_chars(message.data() + at + 11, message.data() + at + 31, stamp);
  return stamp;
}

void write_stamp(std::string& request, std::size_t at, std::uint64_t value) {
  for (std::size_t i = stamp_mark.size(); i-- > 0; value /= 10)
    request[at + i] = static_cast<char>('0' + value % 10);
}

/// The client side: connections that each have at most one request under way.
class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options), poll_(epoll_create1(EPOLL_CLOEXEC)), request_(options.request) {
    stamp_at_ = request_.find(stamp_mark);
    if (options_.tls) context_ = SSL_CTX_new(TLS_client_method());
    peers_.resize(static_cast<std::size_t>(options_.connections));
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      open(peers_[i]);
      watch(poll_, peers_[i].fd, i);
      idle_.push_back(i);
    }
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() {
    for (auto& peer : peers_) peer.close_it();
    if (context_ != nullptr) SSL_CTX_free(context_);
    ::close(poll_);
  }

  [[nodiscard]] int poll_fd() const { return poll_; }
  [[nodiscard]] bool has_idle() const { return !idle_.empty(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

  void send(std::uint64_t due_ns) {
    auto& peer = peers_[idle_.back()];
    idle_.pop_back();
    peer.due_ns = due_ns;
    peer.waiting = true;
    peer.number = sent_++;
    if (stamp_at_ != std::string::npos) write_stamp(request_, stamp_at_, due_ns);
    if (options_.change) options_.change(request_);
    if (!peer.write(request_)) lose(peer);
  }

  /// Handles one readable connection.
  void on_readable(std::uint64_t index, LoadResult& result) {
    auto& peer = peers_[index];
    if (peer.fd < 0) return;
    for (;;) {
      const int got = peer.read_some();
      if (got < 0) {
        if (peer.waiting) ++result.refused;
        return lose(peer);
      }
      if (got == 0) break;
      int status = 0;
      if (const auto length = message_length(peer.in, &status); length != 0) {
        peer.in.erase(0, length);
        peer.waiting = false;
        idle_.push_back(static_cast<std::size_t>(index));
        if (options_.on_answer) options_.on_answer(peer.number, status);
        if (status / 100 == 2) {
          ++result.answered;
          result.latencies_ms.push_back(
              static_cast<float>(static_cast<double>(now_ns() - peer.due_ns) / 1e6));
        } else {
          ++result.refused;
        }
      }
      if (peer.tls == nullptr || SSL_pending(peer.tls) == 0) break;
    }
    peer.flush();
  }

 private:
  void open(Peer& peer) {
    peer.fd = connect_to_loopback(options_.port);
    if (context_ == nullptr) return;
    peer.tls = SSL_new(context_);
    SSL_set_fd(peer.tls, peer.fd);
    SSL_set_tlsext_host_name(peer.tls, "localhost");
    // The handshakes come before the measured time: blocking here is simplest.
    fcntl(peer.fd, F_SETFL, fcntl(peer.fd, F_GETFL) & ~O_NONBLOCK);
    if (SSL_connect(peer.tls) != 1) throw std::runtime_error("TLS handshake failed");
    fcntl(peer.fd, F_SETFL, fcntl(peer.fd, F_GETFL) | O_NONBLOCK);
  }

  void lose(Peer& peer) {
    peer.close_it();
    peer.in.clear();
    peer.out.clear();
    const auto index = static_cast<std::size_t>(&peer - peers_.data());
    open(peer);
    watch(poll_, peer.fd, index);
    if (!std::exchange(peer.waiting, false)) return;
    idle_.push_back(index);
    if (options_.on_answer) options_.on_answer(peer.number, 0);
  }

  LoadOptions options_;
  int poll_;
  std::string request_;
  std::size_t stamp_at_ = std::string::npos;
  SSL_CTX* context_ = nullptr;
  std::vector<Peer> peers_;
  std::vector<std::size_t> idle_;
  std::uint64_t sent_ = 0;
};

/// Sends when the pace allows: at once for a closed loop, else by the clock.
class Pace {
 public:
  Pace(double rate, std::uint64_t begin_ns)
      : gap_ns_(rate > 0 ? 1e9 / rate : 0), next_ns_(static_cast<double>(begin_ns)) {}
  [[nodiscard]] bool ready(std::uint64_t now) const {
    return gap_ns_ <= 0 || static_cast<double>(now) >= next_ns_;
  }
  std::uint64_t take(std::uint64_t now) {
    if (gap_ns_ <= 0) return now;
    const auto due = static_cast<std::uint64_t>(next_ns_);
    next_ns_ += gap_ns_;
    return due;
  }
  [[nodiscard]] int wait_ms() const { return gap_ns_ > 0 ? 0 : 100; }

 private:
  double gap_ns_, next_ns_;
};

}  // namespace

LoadResult run_load(const LoadOptions& options) {
  Load load(options);
  LoadResult result;
  result.latencies_ms.reserve(1'000'000);
  const auto begin = now_ns();
  const auto cpu_begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  const auto end = begin + static_cast<std::uint64_t>(options.seconds * 1e9);
  Pace pace(options.rate, begin);
  epoll_event events[256];
  auto now = begin;
  while (now < end) {
    while (load.has_idle() && pace.ready(now)) load.send(pace.take(now));
    const int count = epoll_wait(load.poll_fd(), events, 256, pace.wait_ms());
    for (int i = 0; i < count; ++i) load.on_readable(events[i].data.u64, result);
    now = now_ns();
  }
  result.seconds = static_cast<double>(now - begin) / 1e9;
  result.cpu_us = result.answered == 0
                      ? 0
                      : static_cast<double>(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu_begin) /
                            1e3 / static_cast<double>(result.answered);
  return result;
}

struct EndToEnd::State {
  std::uint16_t port = 0;
  int listener = -1;
  int poll = -1;
  std::vector<std::unique_ptr<Peer>> peers{1};
  std::uint64_t received = 0;

  void poll_once(EndToEndResult& result, std::uint64_t measured_until, int wait_ms) {
    epoll_event events[256];
    const int count = epoll_wait(poll, events, 256, wait_ms);
    for (int i = 0; i < count; ++i) {
      const auto slot = events[i].data.u64;
      if (slot == 0) {
        for (int fd;
             (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          set_no_delay(fd);
          auto peer = std::make_unique<Peer>();
          peer->fd = fd;
          peers.push_back(std::move(peer));
          watch(poll, fd, peers.size() - 1);
        }
        continue;
      }
      auto& peer = *peers[slot];
      bool alive = peer.read_some() >= 0;
      std::size_t length = 0;
      while (alive && (length = message_length(peer.in, nullptr)) != 0) {
        const auto now = now_ns();
        ++received;
        if (now <= measured_until) {
          ++result.received;
          if (const auto stamp = stamp_in(std::string_view(peer.in).substr(0, length));
              stamp != 0 && stamp < now)
            result.latencies_ms.push_back(
                static_cast<float>(static_cast<double>(now - stamp) / 1e6));
        }
        peer.in.erase(0, length);
        alive = peer.write(no_content);
      }
      if (!alive) peer.close_it();
    }
  }
};

EndToEnd::EndToEnd() : state_(std::make_unique<State>()) {
  state_->listener = listen_on_loopback(state_->port);
  state_->poll = epoll_create1(EPOLL_CLOEXEC);
  watch(state_->poll, state_->listener, 0);
}

EndToEnd::~EndToEnd() {
  for (auto& peer : state_->peers)
    if (peer) peer->close_it();
  ::close(state_->listener);
  ::close(state_->poll);
}

std::uint16_t EndToEnd::sink_port() const { return state_->port; }

EndToEndResult EndToEnd::run(const EndToEndOptions& options) {
  Load load(options.load);
  EndToEndResult result;
  const auto received_before = state_->received;
  const auto begin = now_ns();
  const auto end = begin + static_cast<std::uint64_t>(options.load.seconds * 1e9);
  Pace pace(options.load.rate, begin);
  epoll_event events[256];
  auto now = begin;
  while (now < end) {
    while (load.has_idle() && pace.ready(now) &&
           load.sent() - (state_->received - received_before) < options.outstanding_max)
      load.send(pace.take(now));
    const int count = epoll_wait(load.poll_fd(), events, 256, 0);
    for (int i = 0; i < count; ++i) load.on_readable(events[i].data.u64, result.published);
    state_->poll_once(result, end, count == 0 && options.load.rate <= 0 ? 1 : 0);
    now = now_ns();
  }
  result.published.seconds = static_cast<double>(now - begin) / 1e9;
  const auto give_up = now + 10'000'000'000ULL;
  while (state_->received - received_before < load.sent() && now_ns() < give_up) {
    const int count = epoll_wait(load.poll_fd(), events, 256, 0);
    for (int i = 0; i < count; ++i) load.on_readable(events[i].data.u64, result.published);
    state_->poll_once(result, end, 1);
  }
  result.received_in_all = state_->received - received_before;
  result.drained_after_seconds =
      result.received_in_all < load.sent() ? -1 : static_cast<double>(now_ns() - now) / 1e9;
  return result;
}

double percentile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  return static_cast<double>(values[index]);
}

}  // namespace posthorn::benchmark
