#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "env/task.h"

namespace posthorn::env {

/// Plain text in UTF-8. Addresses are bare (`ops@example.com`).
struct Mail {
  std::vector<std::string> to;
  std::string subject;
  std::string text;
  std::string message_id;  ///< Without angle brackets; stable over retries of one notice.
};

class MailSender {
 public:
  virtual ~MailSender() = default;
  /// False when no SMTP server is configured: then send() answers unsupported.
  [[nodiscard]] virtual bool configured() const = 0;
  /// Done when the server has taken the mail. Errors: unsupported, refused (this mail, or the
  /// server's address, for good: others may pass), timed_out, io.
  virtual task<Result<>> send(Mail mail) = 0;
};

}  // namespace posthorn::env
