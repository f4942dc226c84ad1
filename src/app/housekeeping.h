#pragma once
// What goes on beside the hot path: retention, mail from the outbox, and replay jobs.

#include <memory>

#include "api/replay_runner.h"
#include "env/alarm.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/mail_sender.h"
#include "env/task_group.h"
#include "store/store.h"

namespace posthorn::app {

/// Runs on one io_context. Construct, start(), and stop() before the context ends.
class Housekeeping {
 public:
  Housekeeping(asio::io_context& context, env::Clock& clock, store::Store& store,
               env::MailSender& mail, api::ReplayRunner& replays, env::Log& log,
               store::Retention retention);
  ~Housekeeping();
  void start();
  task<> stop();

 private:
  task<> retain();
  task<> send_mails();
  enum class MailFate : std::uint8_t {
    settled,         ///< Sent, or never will be: it can go.
    kept,            ///< To be tried again, after the others.
    server_is_down,  ///< No use in trying the others now.
  };
  task<MailFate> send_mail(const model::Object& object);
  /// Tries each mail once. False when one is left.
  task<bool> send_waiting_mails();
  void wake_mails();

  asio::io_context& context_;
  env::Clock& clock_;
  store::Store& store_;
  env::MailSender& mail_;
  api::ReplayRunner& replays_;
  env::Log& log_;
  store::Retention retention_;
  env::TaskGroup tasks_;
  env::Alarm mail_alarm_;
  bool stopping_ = false;
  std::shared_ptr<void> listening_;
};

}  // namespace posthorn::app
