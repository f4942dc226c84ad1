#pragma once
// What goes on beside the hot path: expanding large fan-outs, retention, and mail from the outbox.

#include <atomic>
#include <memory>

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
               env::MailSender& mail, env::Log& log, store::Retention retention);
  ~Housekeeping();
  void start();
  task<> stop();

 private:
  task<> expand();
  task<> retain();
  task<> send_mails();
  void wake_expansion();
  void wake_mails();

  /// A sleep that wake() ends early.
  class Alarm;

  asio::io_context& context_;
  env::Clock& clock_;
  store::Store& store_;
  env::MailSender& mail_;
  env::Log& log_;
  store::Retention retention_;
  env::TaskGroup tasks_;
  std::unique_ptr<Alarm> expansion_alarm_, mail_alarm_;
  std::shared_ptr<void> listening_;
};

}  // namespace posthorn::app
