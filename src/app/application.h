#pragma once
// The composition root: makes every object in order, owns them, and ends them in reverse.

#include <memory>
#include <optional>
#include <string>

#include "app/config.h"
#include "base/secret.h"

namespace posthorn::app {

struct StartOptions {
  /// A restored backup stays paused until it is said what to send: "all", or a moment (RFC 3339)
  /// before which what is pending is cancelled.
  std::optional<std::string> resume_from;
};

/// A running Posthorn: threads for requests, deliveries and housekeeping; the store has its own.
class Application {
 public:
  /// Everything is up when it returns. Errors: conflict (the folder is in use), invalid
  /// (certificate, key file), unsupported (newer schema), io.
  static Result<std::unique_ptr<Application>> start(Config config, StartOptions options);
  ~Application();

  /// "127.0.0.1:8420": where plain http is served.
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::string tls_address() const;  ///< Empty without TLS.
  [[nodiscard]] const Secret& admin_key() const;
  /// The key was made at this start: it is shown now and never again.
  [[nodiscard]] bool admin_key_is_new() const;
  [[nodiscard]] bool is_paused() const;

  /// Blocks until SIGTERM or SIGINT, then drains and returns. A second signal ends the process at
  /// once.
  void run_until_signal();
  /// Drains: no new requests, attempts under way end within the configured time.
  void stop();

 private:
  struct State;
  explicit Application(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::app
