#include "benchmark/peers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace posthorn::benchmark {

namespace {

std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(now.tv_nsec);
}
std::uint64_t now_ns() { return nanoseconds(CLOCK_MONOTONIC); }

/// The length of the first complete message in `buffer`; 0 while it is incomplete. `status` is set
/// for replies.
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

struct Peer {
  int fd = -1;
  SSL* tls = nullptr;
  std::string in;
  std::string out;           ///< What could not be written yet.
  std::uint64_t due_ns = 0;  ///< When the request under way was due.
  bool waiting = false;

  /// >0: bytes appended; 0: nothing now; -1: closed.
  int read_some() {
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

  bool write(std::string_view bytes) {
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

  bool flush() {
    if (out.empty()) return true;
    const std::string rest = std::exchange(out, {});
    return write(rest);
  }

  void close_it() {
    if (tls != nullptr) SSL_free(std::exchange(tls, nullptr));
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
};

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

constexpr std::string_view no_content = "HTTP/1.1 204 No Content\r\n\r\n";

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
    ++sent_;
    if (stamp_at_ != std::string::npos) write_stamp(request_, stamp_at_, due_ns);
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
    if (std::exchange(peer.waiting, false)) idle_.push_back(index);
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

TestCertificate make_test_certificate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  for (const auto& [id, value] : {std::pair{NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"},
                                  std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_set_version(certificate, 2);
  X509_sign(certificate, key, EVP_sha256());
  const auto pem = [](auto&& write) {
    BIO* memory = BIO_new(BIO_s_mem());
    write(memory);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(memory, &text);
    std::string out(text, static_cast<std::size_t>(size));
    BIO_free(memory);
    return out;
  };
  TestCertificate made{pem([&](BIO* b) { PEM_write_bio_X509(b, certificate); }), pem([&](BIO* b) {
                         PEM_write_bio_PrivateKey(b, key, nullptr, nullptr, 0, nullptr, nullptr);
                       })};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

void serve_floor(const TestCertificate* certificate) {
  SSL_CTX* context = nullptr;
  if (certificate != nullptr) {
    context = SSL_CTX_new(TLS_server_method());
    BIO* memory = BIO_new_mem_buf(certificate->certificate_pem.data(),
                                  static_cast<int>(certificate->certificate_pem.size()));
    X509* chain = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
    BIO* key_memory =
        BIO_new_mem_buf(certificate->key_pem.data(), static_cast<int>(certificate->key_pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_memory, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, chain);
    SSL_CTX_use_PrivateKey(context, key);
  }
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  std::printf("ready %d\n", port);
  std::fflush(stdout);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Peer>> peers(1);  // slot 0 stands for the listener
  watch(poll, listener, 0);
  epoll_event events[256];
  for (;;) {
    const int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const auto slot = events[i].data.u64;
      if (slot == 0) {
        for (int fd;
             (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          set_no_delay(fd);
          auto peer = std::make_unique<Peer>();
          peer->fd = fd;
          if (context != nullptr) {
            peer->tls = SSL_new(context);
            SSL_set_fd(peer->tls, fd);
            SSL_set_accept_state(peer->tls);
          }
          peers.push_back(std::move(peer));
          watch(poll, fd, peers.size() - 1);
        }
        continue;
      }
      auto& peer = *peers[slot];
      const int got = peer.read_some();
      bool alive = got >= 0;
      std::size_t length = 0;
      while (alive && (length = message_length(peer.in, nullptr)) != 0) {
        peer.in.erase(0, length);
        alive = peer.write(no_content);
      }
      if (!alive) peer.close_it();
    }
  }
}

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
