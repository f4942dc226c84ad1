#include "net/smtp_sender.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/bytes.h"
#include "net/egress.h"
#include "net/egress_deadline.h"
#include "net/resolver.h"

namespace posthorn::net {

namespace {

// Shared by the coroutine that waits and the thread that sends, because either may end first.
struct Job {
  Job(executor where, env::Mail content, std::string text)
      : home(where), timer(where), mail(std::move(content)), message(std::move(text)) {}
  executor home;
  SteadyTimer timer;                // On `home` only.
  std::optional<Result<>> outcome;  // On `home` only.
  env::Mail mail;
  std::string message;
};

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class CurlLibrary {
 public:
  CurlLibrary() { curl_global_init(CURL_GLOBAL_DEFAULT); }
};

/// What the callbacks of one transfer need.
struct Transfer {
  int descriptor;  ///< Connected and vetted; libcurl's once it has taken it.
  std::string_view left;
  const std::atomic<bool>& stopping;
};

std::size_t read_message(char* into, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t part = std::min(size * count, transfer.left.size());
  std::memcpy(into, transfer.left.data(), part);
  transfer.left.remove_prefix(part);
  return part;
}

curl_socket_t hand_over_socket(void* context, curlsocktype, curl_sockaddr*) {
  return std::exchange(static_cast<Transfer*>(context)->descriptor, CURL_SOCKET_BAD);
}

int say_connected(void*, curl_socket_t, curlsocktype) { return CURL_SOCKOPT_ALREADY_CONNECTED; }

int watch_stop(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(context)->stopping ? 1 : 0;
}

std::string in_brackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

struct SmtpSender::Thread {
  Thread(const SmtpConfig& settings, const egress::Policy& rules)
      : config(settings), policy(rules), thread([this] { run(); }) {}

  const SmtpConfig& config;
  const egress::Policy& policy;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Job>> waiting;
  std::atomic<bool> stopping{false};
  std::thread thread;  // Last: it uses the rest.

  void stop() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    thread.join();
  }

  bool add(std::shared_ptr<Job> job) {
    const std::scoped_lock lock(mutex);
    if (waiting.size() >= waiting_max) return false;
    waiting.push_back(std::move(job));
    changed.notify_one();
    return true;
  }

  void run() {
    static const CurlLibrary library;
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (stopping) return;
      std::shared_ptr<Job> job = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      Result<> outcome = deliver(*job);
      const executor home = job->home;
      asio::post(home, [job = std::move(job), outcome = std::move(outcome)] {
        job->outcome = outcome;
        job->timer.cancel();
      });
      lock.lock();
    }
  }

  Result<std::vector<egress::Address>> vetted_addresses() {
    std::vector<egress::Address> found;
    if (const auto literal = egress::parse_address(config.host))
      found.push_back(*literal);
    else {
      PH_TRY(found, lookup(config.host));
    }
    if (config.allow_private_host) return found;
    for (const auto& address : found)
      if (const auto reason = policy.denied(address))
        return fail(Errc::refused, fmt::format("smtp host {}: {}", config.host, *reason));
    return found;
  }

  Result<> deliver(const Job& job) {
    const auto start = SteadyClock::now();
    PH_TRY(const auto addresses, vetted_addresses());
    PH_TRY(const int descriptor, dial_blocking(addresses, config.port, config.limit, stopping));
    Transfer transfer{descriptor, job.message, stopping};
    const Result<> sent = talk(transfer, job, start);
    if (transfer.descriptor != CURL_SOCKET_BAD) ::close(transfer.descriptor);
    return sent;
  }

  Result<> talk(Transfer& transfer, const Job& job, SteadyClock::time_point start) {
    const std::unique_ptr<CURL, CurlDeleter> handle(curl_easy_init());
    if (!handle) return fail(Errc::io, "libcurl has no memory");
    CURL* curl = handle.get();
    const auto used = std::chrono::duration_cast<Millis>(SteadyClock::now() - start);
    const std::string helo =
        config.helo.empty() ? config.from.substr(config.from.rfind('@') + 1) : config.helo;
    const std::string url =
        fmt::format("{}://{}:{}/{}", config.security == SmtpSecurity::tls ? "smtps" : "smtp",
                    in_brackets(config.host), config.port, helo);
    // The name stands for the connection that is already there: libcurl looks nothing up.
    std::unique_ptr<curl_slist, ListDeleter> pinned;
    if (!egress::parse_address(config.host))
      pinned.reset(curl_slist_append(
          nullptr, fmt::format("{}:{}:127.0.0.1", config.host, config.port).c_str()));
    std::unique_ptr<curl_slist, ListDeleter> recipients;
    for (const auto& address : job.mail.to)
      recipients.reset(curl_slist_append(recipients.release(), ("<" + address + ">").c_str()));
    std::array<char, CURL_ERROR_SIZE> error{};
    const std::string from = "<" + config.from + ">";
    const std::string password(config.password.reveal());
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(curl, CURLOPT_RESOLVE, pinned.get());
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, hand_over_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, say_connected);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     static_cast<long>(std::max<std::int64_t>((config.limit - used).count(), 1)));
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     static_cast<long>(config.security == SmtpSecurity::none ? CURLUSESSL_NONE
                                                                             : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!config.extra_ca_file.empty())
      curl_easy_setopt(curl, CURLOPT_CAINFO, config.extra_ca_file.c_str());
    if (!config.user.empty()) {
      curl_easy_setopt(curl, CURLOPT_USERNAME, config.user.c_str());
      curl_easy_setopt(curl, CURLOPT_PASSWORD, password.c_str());
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) return {};
    long answer = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    std::string reason =
        error[0] != '\0' ? printable(error.data()) : std::string(curl_easy_strerror(code));
    if (answer >= 400) reason += fmt::format(" (the server answered {})", answer);
    const Errc kind = code == CURLE_OPERATION_TIMEDOUT              ? Errc::timed_out
                      : code == CURLE_ABORTED_BY_CALLBACK           ? Errc::cancelled
                      : code != CURLE_LOGIN_DENIED && answer >= 500 ? Errc::refused
                                                                    : Errc::io;
    return fail(kind, fmt::format("mail over {}:{}: {}", config.host, config.port, reason));
  }
};

SmtpSender::SmtpSender(SmtpConfig config, const egress::Policy& policy, const env::Clock& clock)
    : config_(std::move(config)), clock_(clock) {
  if (configured()) thread_ = std::make_unique<Thread>(config_, policy);
}

SmtpSender::~SmtpSender() {
  if (thread_) thread_->stop();
}

task<Result<>> SmtpSender::send(env::Mail mail) {
  if (!configured()) co_return fail(Errc::unsupported, "no SMTP server is configured");
  PH_CO_TRY(auto message, to_message(config_, mail, clock_.now()));
  auto job = std::make_shared<Job>(co_await asio::this_coro::executor, std::move(mail),
                                   std::move(message));
  job->timer.expires_at(SteadyClock::time_point::max());
  if (!thread_->add(job))
    co_return fail(Errc::unavailable, "too many mails wait for the SMTP server");
  boost::system::error_code ended;
  co_await job->timer.async_wait(asio::redirect_error(use_task, ended));
  if (job->outcome) co_return *job->outcome;
  co_return fail(Errc::cancelled, "cancelled; the mail may still be sent");
}

}  // namespace posthorn::net
