#pragma once
// The other side of a measurement, made as cheap as it can be: bare epoll servers and clients on
// loopback, with or without TLS. They are the limits that Posthorn is held against, and its load.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::benchmark {

/// A self-signed P-256 certificate for "localhost" made for one run.
struct TestCertificate {
  std::string certificate_pem, key_pem;
};
TestCertificate make_test_certificate();

/// Answers every request on 127.0.0.1 with a fixed 204; one thread, one read and one write a
/// request. Prints "ready PORT". Never returns.
[[noreturn]] void serve_floor(const TestCertificate* tls);

struct LoadOptions {
  std::uint16_t port = 0;
  std::string request;  ///< The whole request, sent again and again.
  int connections = 256;
  double seconds = 2;
  bool tls = false;
  double rate = 0;  ///< Requests a second over all connections, sent on time whatever came back; 0:
                    ///< as fast as answers come.
  /// Called before each request is sent, with the time already written into it; may change bytes
  /// but not their number. May be null.
  std::function<void(std::string& request)> change;
  /// Called for each request's end with its number (from 0, in the order they were sent) and the
  /// answer's status; 0: the connection was lost. May be null.
  std::function<void(std::uint64_t number, int status)> on_answer;
};

/// One request may carry the moment it was sent: this text is overwritten by 20 digits of
/// nanoseconds (CLOCK_MONOTONIC).
inline constexpr std::string_view stamp_mark = "@@@@@@@@@@@@@@@@@@@@";

struct LoadResult {
  std::uint64_t answered = 0;  ///< 2xx answers.
  std::uint64_t refused = 0;   ///< Other answers and lost connections.
  double seconds = 0;
  double cpu_us = 0;                ///< Of this thread, for one answered request.
  std::vector<float> latencies_ms;  ///< Of each answered request, from the moment it was due.
};

/// A closed loop (or, with `rate`, an open one) over keep-alive connections; runs on the calling
/// thread.
LoadResult run_load(const LoadOptions& options);

/// Load and receiver of an end-to-end measurement in one thread: publishes as fast as answers come
/// but never has more than `outstanding_max` published and not yet received, and notes when each
/// arrives.
struct EndToEndOptions {
  LoadOptions load;
  std::uint64_t outstanding_max = 4000;
};
struct EndToEndResult {
  LoadResult published;
  std::uint64_t received = 0;  ///< Within the measured seconds.
  std::uint64_t received_in_all = 0;
  double drained_after_seconds = 0;  ///< How long after the last publish everything had arrived;
                                     ///< negative: it had not after 10 s.
  std::vector<float> latencies_ms;   ///< From the stamp in the body to its arrival.
};

class EndToEnd {
 public:
  EndToEnd();
  ~EndToEnd();
  /// Where the receiver listens on 127.0.0.1 (plain http).
  [[nodiscard]] std::uint16_t sink_port() const;
  EndToEndResult run(const EndToEndOptions& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The value below which `share` (0 to 1) of the values lie; sorts them. 0 for none.
double percentile(std::vector<float>& values, double share);

}  // namespace posthorn::benchmark
