#include "app/housekeeping.h"

#include "app/outgoing_mail.h"

namespace posthorn::app {

namespace {
constexpr int rows_a_step = 500;
/// Short, since retention is also what frees a full disk; a look that finds nothing is a few index
/// reads.
constexpr Millis retention_gap = 30s;
constexpr Millis between_steps = 20ms;
constexpr Millis mail_retry_first = 30s, mail_retry_max = 30min;
constexpr Millis backstop = 10s;
/// How long a mail that the server refuses is tried again.
constexpr Millis refused_for_max = 72h;
}  // namespace

Housekeeping::Housekeeping(asio::io_context& context, env::Clock& clock, store::Store& store,
                           env::MailSender& mail, api::ReplayRunner& replays, env::Log& log,
                           store::Retention retention)
    : context_(context),
      clock_(clock),
      store_(store),
      mail_(mail),
      replays_(replays),
      log_(log),
      retention_(retention),
      tasks_(context, log, {}),
      mail_alarm_(context, clock) {}

Housekeeping::~Housekeeping() = default;

void Housekeeping::start() {
  listening_ = store_.listen([this](const std::shared_ptr<const store::CommitNotice>& notice) {
    for (const auto& object : notice->objects)
      if (object.kind == model::ObjectKind::outgoing_mail && !object.removed) wake_mails();
  });
  tasks_.spawn("replay_jobs", replays_.run());
  tasks_.spawn("retain", retain());
  if (mail_.configured()) tasks_.spawn("send_mails", send_mails());
}

void Housekeeping::wake_mails() {
  asio::post(context_, [this] { mail_alarm_.ring(); });
}

task<> Housekeeping::stop() {
  listening_.reset();
  replays_.stop();
  stopping_ = true;
  mail_alarm_.ring();
  co_await tasks_.stop();
}

task<> Housekeeping::retain() {
  for (;;) {
    for (;;) {
      auto more = co_await store_.retain(retention_, clock_.now(), rows_a_step);
      if (!more) log_.warning("retention.failed", {{"what", more.error().what}});
      if (!more || !*more) break;
      // A pause lets the commits of others pass between two steps.
      co_await clock_.sleep_until(clock_.steady() + between_steps);
    }
    co_await clock_.sleep_until(clock_.steady() + retention_gap);
  }
}

task<Housekeeping::MailFate> Housekeeping::send_mail(const model::Object& object) {
  auto mail = read_outgoing_mail(object.document);
  if (!mail) {
    log_.error("mail.unreadable", {{"mail", object.id}, {"what", mail.error().what}});
    co_return MailFate::settled;
  }
  const auto sent = co_await mail_.send(std::move(*mail));
  if (sent) {
    log_.info("mail.sent", {{"mail", object.name}});
    co_return MailFate::settled;
  }
  const bool refused = sent.error().code == Errc::refused;
  const bool given_up = refused && clock_.now() - object.created_at > refused_for_max;
  log_.warning(given_up ? "mail.given_up" : "mail.failed",
               {{"mail", object.name}, {"what", sent.error().what}});
  if (given_up) co_return MailFate::settled;
  // One that the server does not take must not keep back the others.
  co_return refused ? MailFate::kept : MailFate::server_is_down;
}

task<bool> Housekeeping::send_waiting_mails() {
  bool all_settled = true;
  store::ObjectFilter everything;
  store::Page page;
  page.oldest_first = true;
  for (;;) {
    const auto found =
        co_await store_.list_objects(model::ObjectKind::outgoing_mail, everything, page);
    if (!found) co_return false;
    for (const auto& object : found->rows) {
      const MailFate fate = co_await send_mail(object);
      if (fate != MailFate::settled) all_settled = false;
      if (fate == MailFate::server_is_down) co_return false;
      if (fate == MailFate::kept) continue;
      // Sent first, removed afterwards: a crash between the two sends the same Message-ID again.
      store::Batch removal;
      store::ObjectWrite gone;
      gone.action = store::ObjectWrite::Action::remove;
      gone.object = object;
      removal.objects.push_back(std::move(gone));
      const auto removed = co_await store_.apply(std::move(removal));
      if (!removed) all_settled = false;
    }
    if (!found->next) co_return all_settled;
    page.after = *found->next;
  }
}

task<> Housekeeping::send_mails() {
  Millis pause = mail_retry_first;
  while (!stopping_) {
    const bool all_settled = co_await send_waiting_mails();
    co_await mail_alarm_.wait_until(clock_.steady() + (all_settled ? backstop : pause));
    pause = all_settled ? mail_retry_first : std::min(pause * 2, mail_retry_max);
  }
}

}  // namespace posthorn::app
