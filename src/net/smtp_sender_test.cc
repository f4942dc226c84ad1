#include "net/smtp_sender.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "net/http_client_test_peer.h"
#include "net/system.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;

namespace {

/// What a server saw of one mail.
struct Seen {
  std::mutex mutex;
  std::vector<std::string> commands;
  std::string message;
  bool was_tls = false;
};

/// A server that knows as much SMTP as the tests need. `context`: it offers STARTTLS.
Peer::Behave smtp_server(Seen& seen, SSL_CTX* context = nullptr,
                         std::string answer_to_data = "250 ok") {
  return [&seen, context, answer_to_data](PeerConnection& connection) {
    connection.write("220 test ESMTP\r\n");
    bool secure = false;
    for (std::string line = connection.read_line(); !line.empty(); line = connection.read_line()) {
      {
        const std::scoped_lock lock(seen.mutex);
        seen.commands.push_back(line);
      }
      if (line.starts_with("EHLO")) {
        connection.write(context != nullptr && !secure ? "250-test\r\n250 STARTTLS\r\n"
                         : secure                      ? "250-test\r\n250 AUTH PLAIN\r\n"
                                                       : "250 test\r\n");
      } else if (line == "STARTTLS") {
        connection.write("220 go\r\n");
        secure = connection.start_tls(context);
        if (!secure) return;
      } else if (line == "DATA") {
        connection.write("354 go\r\n");
        std::string message;
        for (line = connection.read_line(); line != "."; line = connection.read_line()) {
          message += line + "\n";
          if (message.size() > 100'000) return;
        }
        const std::scoped_lock lock(seen.mutex);
        seen.message = message;
        seen.was_tls = secure;
        connection.write(answer_to_data + "\r\n");
      } else if (line.starts_with("AUTH")) {
        connection.write("334 \r\n");
        connection.read_line();
        connection.write("235 ok\r\n");
      } else if (line == "QUIT") {
        connection.write("221 bye\r\n");
        return;
      } else {
        connection.write("250 ok\r\n");
      }
    }
  };
}

env::Mail notice() {
  env::Mail mail;
  mail.to = {"ops@example.com", "cto@example.com"};
  mail.subject = "Endpoint disabled: Büro";
  mail.text = "It failed 10 times.\n.\nSee the console.\n";
  mail.message_id = "ntf_0000000000001@posthorn.example.com";
  return mail;
}

SmtpConfig config_for(const Peer& peer) {
  SmtpConfig config;
  config.host = "127.0.0.1";
  config.port = peer.port();
  config.security = SmtpSecurity::none;
  config.from = "posthorn@example.com";
  config.allow_private_host = true;
  config.limit = Millis(10'000);
  return config;
}

struct Sender {
  explicit Sender(SmtpConfig config) : smtp(std::move(config), client.policy, clock) {}
  Result<> send(env::Mail mail) { return client.run(smtp.send(std::move(mail))); }

  Client client{egress::Overrides()};
  SystemClock clock;
  SmtpSender smtp;
};

std::string body_of(const std::string& message) {
  std::string packed = message.substr(message.find("\n\n") + 2);
  std::erase(packed, '\n');
  return from_base64(packed).value_or("not base64");
}

}  // namespace

TEST_CASE("smtp: a mail arrives with its recipients, Message-ID and text") {
  Seen seen;
  Peer peer(smtp_server(seen));
  Sender sender(config_for(peer));
  const auto sent = sender.send(notice());
  CHECK_MESSAGE(sent, (sent ? "" : sent.error().what));
  const std::scoped_lock lock(seen.mutex);
  const auto said = [&seen](std::string_view line) {
    return std::ranges::any_of(seen.commands,
                               [line](const auto& command) { return command.starts_with(line); });
  };
  CHECK(said("EHLO example.com"));
  CHECK(said("MAIL FROM:<posthorn@example.com>"));
  CHECK(said("RCPT TO:<ops@example.com>"));
  CHECK(said("RCPT TO:<cto@example.com>"));
  CHECK(seen.message.find("Message-ID: <ntf_0000000000001@posthorn.example.com>\n") !=
        std::string::npos);
  CHECK(seen.message.find("Subject: =?UTF-8?B?") != std::string::npos);
  CHECK(body_of(seen.message) == "It failed 10 times.\r\n.\r\nSee the console.\r\n");
}

TEST_CASE("smtp: with STARTTLS the login and the mail go over TLS only") {
  const TestCertificate certificate({});
  Seen seen;
  Peer peer(smtp_server(seen, certificate.server()));
  SmtpConfig config = config_for(peer);
  config.security = SmtpSecurity::start_tls;
  config.user = "posthorn";
  config.password = Secret("hunter2");
  SUBCASE("a certificate that is trusted") {
    config.extra_ca_file = certificate.trusting().extra_ca_file;
    Sender sender(config);
    const auto sent = sender.send(notice());
    CHECK_MESSAGE(sent, (sent ? "" : sent.error().what));
    const std::scoped_lock lock(seen.mutex);
    CHECK(seen.was_tls);
  }
  SUBCASE("one that is not") {
    Sender sender(config);
    const auto sent = sender.send(notice());
    REQUIRE_FALSE(sent);
    CHECK(sent.error().code == Errc::io);
    const std::scoped_lock lock(seen.mutex);
    CHECK(seen.message.empty());
    for (const auto& command : seen.commands) CHECK_FALSE(command.starts_with("AUTH"));
  }
}

TEST_CASE("smtp: a server without STARTTLS gets no mail when TLS was asked for") {
  Seen seen;
  Peer peer(smtp_server(seen));
  SmtpConfig config = config_for(peer);
  config.security = SmtpSecurity::start_tls;
  Sender sender(config);
  CHECK_FALSE(sender.send(notice()));
  const std::scoped_lock lock(seen.mutex);
  CHECK(seen.message.empty());
}

TEST_CASE("smtp: a private address is refused unless the configuration allows it") {
  Seen seen;
  Peer peer(smtp_server(seen));
  SmtpConfig config = config_for(peer);
  config.allow_private_host = false;
  Sender sender(config);
  const auto sent = sender.send(notice());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::refused);
  CHECK(peer.accepted() == 0);
}

TEST_CASE("smtp: what the server refuses is an error in words, for good or for now") {
  Seen seen;
  std::string answer;
  Errc wanted{};
  SUBCASE("for good") {
    answer = "554 no spam";
    wanted = Errc::refused;
  }
  SUBCASE("for now") {
    answer = "451 later";
    wanted = Errc::io;
  }
  Peer peer(smtp_server(seen, nullptr, answer));
  Sender sender(config_for(peer));
  const auto sent = sender.send(notice());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == wanted);
  CHECK(sent.error().what.find(answer.substr(0, 3)) != std::string::npos);
}

TEST_CASE("smtp: a server that stalls is given up at the limit") {
  Peer peer([](PeerConnection& connection) { connection.wait_until_gone(); });
  SmtpConfig config = config_for(peer);
  config.limit = Millis(1000);
  Sender sender(config);
  const auto sent = sender.send(notice());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::timed_out);
}

TEST_CASE("smtp: ending the sender ends the dialogue that stalls") {
  Peer peer([](PeerConnection& connection) { connection.wait_until_gone(); });
  Client client;
  const SystemClock clock;
  bool ended = false;
  {
    SmtpSender smtp(config_for(peer), client.policy, clock);
    asio::co_spawn(client.context, smtp.send(notice()),
                   [&ended](std::exception_ptr, Result<> sent) { ended = !sent; });
    while (peer.accepted() == 0) client.context.poll();
  }
  while (!ended) client.context.run_one();
  CHECK(ended);
}

TEST_CASE("smtp: nothing is configured") {
  Sender sender{SmtpConfig()};
  CHECK_FALSE(sender.smtp.configured());
  const auto sent = sender.send(notice());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == Errc::unsupported);
}

TEST_CASE("smtp message: nothing can leave its field") {
  SmtpConfig config;
  config.from = "posthorn@example.com";
  env::Mail mail = notice();
  SUBCASE("recipient with a line break") { mail.to = {"a@example.com\r\nBcc: b@example.com"}; }
  SUBCASE("recipient with a bracket") { mail.to = {"a@example.com>, <b@example.com"}; }
  SUBCASE("two recipients in one") { mail.to = {"a@example.com,b@example.com"}; }
  SUBCASE("recipient with a space") { mail.to = {"a b@example.com"}; }
  SUBCASE("no recipient") { mail.to = {}; }
  SUBCASE("empty recipient") { mail.to = {""}; }
  SUBCASE("Message-ID with a line break") { mail.message_id = "a@b\r\nX: y"; }
  const auto message = to_message(config, mail, Instant{0});
  REQUIRE_FALSE(message);
  CHECK(message.error().code == Errc::invalid);
}

TEST_CASE("smtp message: a subject of any length and letters stays one header") {
  SmtpConfig config;
  config.from = "posthorn@example.com";
  env::Mail mail = notice();
  mail.subject = "ä\r\nBcc: x@example.com";
  for (int i = 0; i < 100; ++i) mail.subject += "€";
  const auto message = to_message(config, mail, Instant{1'795'254'563'000});
  REQUIRE(message);
  CHECK(message->find("\r\nBcc:") == std::string::npos);
  CHECK(message->starts_with("Date: Sat, 21 Nov 2026 "));
  std::string decoded;
  std::size_t at = message->find("Subject:");
  const std::size_t end = message->find("\r\nMIME-Version");
  while ((at = message->find("=?UTF-8?B?", at)) < end) {
    const std::size_t close = message->find("?=", at);
    CHECK(close + 2 - at <= 75);
    const auto word = from_base64(message->substr(at + 10, close - at - 10));
    REQUIRE(word);
    CHECK(is_utf8(*word));
    decoded += *word;
    at = close;
  }
  std::string expected = "ä  Bcc: x@example.com";
  for (int i = 0; i < 100; ++i) expected += "€";
  CHECK(decoded == expected);
}

TEST_CASE("smtp: all faults of a configuration are named at once") {
  SmtpConfig config;
  CHECK(problems(config).empty());
  config.host = "mail example";
  config.port = 0;
  config.from = "nobody";
  config.helo = "a b";
  config.limit = Millis(1);
  config.security = SmtpSecurity::none;
  config.user = "x";
  CHECK(problems(config).size() == 6);
}
