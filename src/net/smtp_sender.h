#pragma once
// Mail to people (the notice of a disabled endpoint) over SMTP.

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "base/secret.h"
#include "egress/policy.h"
#include "env/clock.h"
#include "env/mail_sender.h"

namespace posthorn::net {

/// How the connection to the SMTP server is secured.
enum class SmtpSecurity : std::uint8_t {
  start_tls,  ///< Plain at first; a server without STARTTLS is refused.
  tls,        ///< From the first byte (port 465).
  none,       ///< In clear: only for a relay on the same machine or network.
};

struct SmtpConfig {
  std::string host;  ///< Empty: no mail is sent.
  std::uint16_t port = 587;
  SmtpSecurity security = SmtpSecurity::start_tls;
  std::string user;  ///< Empty: no login. Never sent over a connection in clear.
  Secret password;
  std::string from;                 ///< A bare address.
  std::string helo;                 ///< Our name in EHLO; empty: what stands after the @ of `from`.
  bool allow_private_host = false;  ///< The operator's own relay may have a private address: `host`
                                    ///< is then not judged by the policy, all else still is.
  std::string extra_ca_file;        ///< PEM, believed instead of the system's roots.
  Millis limit{30'000};             ///< For a whole mail: lookup, connection, dialogue.
};

/// All faults of the configuration, in words; empty when it can be used (or is switched off).
std::vector<std::string> problems(const SmtpConfig& config);

/// The mail as it goes over the wire (RFC 5322, CRLF, body in base64). Errors: invalid (an address
/// or the Message-ID holds what would end a line or a field).
Result<std::string> to_message(const SmtpConfig& config, const env::Mail& mail, Instant now);

/// Sends one mail at a time on a thread of its own, with libcurl, over a connection that the egress
/// guard made: one lookup, every address vetted, only those dialled. send() may be called on any
/// io_context. Cancelling a send() leaves the mail to the thread: it may still arrive.
class SmtpSender final : public env::MailSender {
 public:
  /// Mails that wait; more are unavailable.
  static constexpr std::size_t waiting_max = 1000;

  /// `config` has no problems(). The references outlive it.
  SmtpSender(SmtpConfig config, const egress::Policy& policy, const env::Clock& clock);
  SmtpSender(const SmtpSender&) = delete;
  SmtpSender& operator=(const SmtpSender&) = delete;
  /// Ends the dialogue under way and drops the mails that wait. Before the io_contexts that used
  /// it.
  ~SmtpSender() override;

  [[nodiscard]] bool configured() const override { return !config_.host.empty(); }
  /// Besides those of the interface: invalid (see to_message), unavailable, cancelled.
  task<Result<>> send(env::Mail mail) override;

 private:
  struct Thread;
  SmtpConfig config_;
  const env::Clock& clock_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace posthorn::net
