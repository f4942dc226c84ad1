#include "mime/mail.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/bytes.h"
#include "mime/charset.h"

namespace posthorn::mime {
namespace {

std::string lines(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

TEST_CASE("a mail gives who wrote what to whom") {
  const auto mail = read_mail(lines(R"(Date: Thu, 09 Oct 2025 10:51:50 +0200
From: =?UTF-8?Q?Ad=C3=A9la?= <adela@example.com>
To: Support <support@desk.example.com>,
 "Lovelace, Ada" <ada@example.com>
Cc: Team: a@x.example, b@x.example;
Reply-To: other@example.com
Message-ID: <raw6@mail.example.com>
In-Reply-To: <ticket-1@desk.example>
References: <root@desk.example>
 <ticket-1@desk.example>
Subject: =?ISO-8859-2?Q?Probl=E9m?= =?utf-8?B?w7w=?=
 folded
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-2
Content-Transfer-Encoding: quoted-printable

d=ECkuji=
!
)"));
  REQUIRE(mail.has_value());
  CHECK(mail->message_id == "raw6@mail.example.com");
  CHECK(mail->in_reply_to == "ticket-1@desk.example");
  CHECK(mail->references == std::vector<std::string>{"root@desk.example", "ticket-1@desk.example"});
  CHECK(mail->from == Address{"adela@example.com", "Adéla"});
  CHECK(mail->to == std::vector<Address>{{"support@desk.example.com", "Support"},
                                         {"ada@example.com", "Lovelace, Ada"}});
  CHECK(mail->cc == std::vector<Address>{{"a@x.example", ""}, {"b@x.example", ""}});
  CHECK(mail->reply_to == std::vector<Address>{{"other@example.com", ""}});
  CHECK(mail->subject == "Problémü folded");
  CHECK(mail->date == parse_rfc3339("2025-10-09T08:51:50Z"));
  CHECK(mail->text == "děkuji!\r\n");
  CHECK(mail->html.empty());
  REQUIRE(mail->header("auto-submitted"));
  CHECK(*mail->header("auto-submitted") == "auto-replied");
  CHECK(mail->header("Precedence") == nullptr);
}

TEST_CASE("text, html and attachments are told apart, inline images by their ids") {
  const auto mail = read_mail(R"(From: a@b.example
Content-Type: multipart/mixed; boundary="out er"

preamble
--out er
Content-Type: multipart/related; boundary=rel

--rel
Content-Type: multipart/alternative; boundary=alt

--alt

plain
--alt
Content-Type: text/html; charset=utf-8

<b>html</b>
--alt--
--rel
Content-Type: image/png
Content-ID: <img1@x>
Content-Transfer-Encoding: base64

AP8B
--rel--
--out er
Content-Type: text/plain; name="=?utf-8?q?n=C3=A4me.txt?="

attached
--out er
Content-Disposition: attachment; filename*0*=utf-8''na%C3%AF; filename*1*=ve.bin
Content-Type: application/x-thing

x
--out er
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/mixed; boundary=none

text
--out er--
epilogue)");
  REQUIRE(mail.has_value());
  CHECK(mail->text == "plain");
  CHECK(mail->html == "<b>html</b>");
  REQUIRE(mail->attachments.size() == 4);
  const auto& image = mail->attachments[0];
  CHECK(image.content_type == "image/png");
  CHECK(image.content_id == "img1@x");
  CHECK(image.is_inline);
  CHECK(image.size == 3);
  CHECK(image.content == std::string("\x00\xff\x01", 3));
  CHECK(image.sha256 == "47ffa3ea45a70b8a41c2c0825df323c00a8b7a01c1ea06083cc41dddcc001123");
  CHECK(mail->attachments[1].filename == "näme.txt");
  CHECK(mail->attachments[1].content == "attached");
  CHECK_FALSE(mail->attachments[1].is_inline);
  CHECK(mail->attachments[2].filename == "naïve.bin");
  CHECK(mail->attachments[2].content_type == "application/x-thing");
  CHECK(mail->attachments[3].content_type == "message/rfc822");
  CHECK(mail->attachments[3].content.starts_with("Subject: inner\n"));
}

TEST_CASE("broken mail is read as far as it goes") {
  CHECK_FALSE(read_mail("").has_value());
  CHECK_FALSE(read_mail("\r\nonly a body").has_value());
  CHECK_FALSE(read_mail("no header here\n").has_value());
  const auto mail = read_mail(
      "From sender Thu Oct  9 10:51:50 2025\nFrom : caf\xe9 <x@y.example>\nnonsense\n"
      "Subject: caf\xe9 \xff\nDate: tomorrow\nMessage-ID: no brackets a@b\n"
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nno final boundary");
  REQUIRE(mail.has_value());
  CHECK(mail->from == Address{"x@y.example", "café"});
  CHECK(mail->subject == "café ÿ");
  CHECK_FALSE(mail->date.has_value());
  CHECK(mail->message_id == "a@b");
  CHECK(mail->text == "no final boundary");
}

TEST_CASE("a decoded header holds no control character, so it cannot begin another line") {
  const auto mail =
      read_mail("Subject: =?utf-8?q?a=0D=0ABcc:_x?=\nFrom: =?utf-8?q?a=00b?= <x@y>\n\n");
  CHECK(mail->subject == "a  Bcc: x");
  CHECK(is_utf8(mail->from->name));
  CHECK(mail->from->name.find('\0') == std::string::npos);
}

TEST_CASE("multiparts are read ten deep; what lies deeper is kept raw") {
  const auto nested = [](int depth) {
    std::string raw = "From: a@b\n";
    for (int i = 0; i < depth; ++i) {
      const std::string name = "b" + std::to_string(i);
      raw += "Content-Type: multipart/mixed; boundary=" + name + "x\n\n--" + name + "x\n";
    }
    return raw + "Content-Type: text/plain\n\ndeep";
  };
  const auto ten = read_mail(nested(depth_max));
  CHECK(ten->text == "deep");
  CHECK_FALSE(ten->too_deep);
  const auto eleven = read_mail(nested(depth_max + 1));
  CHECK(eleven->too_deep);
  CHECK(eleven->text.empty());
  REQUIRE(eleven->attachments.size() == 1);
  CHECK(eleven->attachments[0].content_type == "multipart/mixed");
  CHECK(eleven->attachments[0].content.ends_with("deep"));
  CHECK(read_mail(nested(20'000))->too_deep);
}

TEST_CASE("a thousand parts are read, what comes after them is kept raw") {
  std::string raw = "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n";
  for (std::size_t i = 0; i < parts_max; ++i) raw += "--b\nContent-Type: x/y\n\n1\n";
  CHECK(read_mail(raw)->attachments.size() == parts_max);
  CHECK_FALSE(read_mail(raw)->too_many_parts);
  const auto more = read_mail(raw + "--b\nContent-Type: x/y\n\n2\n--b--");
  CHECK(more->too_many_parts);
  REQUIRE(more->attachments.size() == parts_max + 1);
  CHECK(more->attachments.back().content == "Content-Type: x/y\n\n2\n--b--");
}

TEST_CASE("a thousand headers are kept, one more is not") {
  std::string raw;
  for (std::size_t i = 0; i < headers_max + 1; ++i) raw += "X: 1\n";
  CHECK(read_mail(raw + "\nbody")->headers.size() == headers_max);
  CHECK(read_mail(raw + "\nbody")->text == "body");
}

TEST_CASE("attachments past 25 MiB keep their facts without their bytes") {
  const std::string large(decoded_bytes_max - 4, 'x');
  const auto mail = read_mail(
      "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: x/y\n\n" + large +
      "\n--b\nContent-Type: x/y\n\n12345\n--b\nContent-Type: x/y\n\n1234\n--b--");
  REQUIRE(mail->attachments.size() == 3);
  CHECK_FALSE(mail->attachments[0].left_out);
  CHECK(mail->attachments[1].left_out);
  CHECK(mail->attachments[1].size == 5);
  CHECK(mail->attachments[1].content.empty());
  CHECK(mail->attachments[2].content == "1234");
  CHECK(mail->too_large);
}

TEST_CASE("of many references the first and the last ones are kept") {
  std::string raw;
  for (int i = 0; i < 150; ++i) raw += "<" + std::to_string(i) + "@x> ";
  const auto ids = read_message_ids(raw);
  REQUIRE(ids.size() == message_ids_max);
  CHECK(ids.front() == "0@x");
  CHECK(ids[1] == "51@x");
  CHECK(ids.back() == "149@x");
  CHECK(read_message_ids("<a b@x\r\n\t.y>") == std::vector<std::string>{"ab@x.y"});
  CHECK(read_message_ids("<>").empty());
  CHECK(read_message_ids("nothing").empty());
  CHECK(read_message_ids("<unclosed@x") == std::vector<std::string>{"unclosed@x"});
}

TEST_CASE("a list of addresses is read to its end however long it is") {
  std::string raw = "\"Team, (x\" <first@x.example>";
  for (int i = 0; i < 900; ++i)
    raw += ", (a, b) Name " + std::to_string(i) + " <a" + std::to_string(i) + "@x.example>";
  const auto found = read_addresses(raw);
  REQUIRE(found.size() == 901);
  CHECK(found.front() == Address{"first@x.example", "Team, (x"});
  CHECK(found.back().address == "a899@x.example");
  std::string none;
  for (int i = 0; i < 32'000; ++i) none += "a,";
  CHECK(read_addresses(none).size() <= addresses_max);
}

TEST_CASE("a character that lies across a window of the converter stays whole") {
  const std::string begin(4095, 'x');
  std::string long_text = begin;
  for (int i = 0; i < 5000; ++i) long_text += "\x82\xa0";
  std::string want = begin;
  for (int i = 0; i < 5000; ++i) want += "あ";
  CHECK(to_utf8(long_text, "shift_jis") == want);
  CHECK(to_utf8(long_text + "\x82", "shift_jis") == want + "\xef\xbf\xbd");
}

TEST_CASE("any bytes in any charset become UTF-8") {
  CHECK(to_utf8("d\xe9j\xe0 vu", "iso-8859-1") == "déjà vu");
  CHECK(to_utf8("\x80", "ISO-8859-1") == "€");
  CHECK(to_utf8("\xd0\xf2", "koi8-r") == "пР");
  CHECK(to_utf8("\x1b$B$3$s\x1b(B", "iso-2022-jp") == "こん");
  CHECK(to_utf8("caf\xe9", "") == "café");
  CHECK(to_utf8("café", "us-ascii") == "café");
  CHECK(to_utf8("caf\xe9", "utf-8") == "caf\xef\xbf\xbd");
  CHECK(to_utf8("x", "../../evil//TRANSLIT") == "x");
  CHECK(to_utf8(std::string("a\0b", 3), "utf-8") ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(to_utf8("\xe6\x97", "utf-8") == "\xef\xbf\xbd\xef\xbf\xbd");
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  for (const auto charset : {"", "utf-8", "utf-16", "utf-7", "gb2312", "big5", "shift_jis",
                             "iso-2022-kr", "windows-1251", "unknown-8bit"}) {
    CAPTURE(charset);
    const auto text = to_utf8(every, charset);
    CHECK(is_utf8(text));
    CHECK(text.find('\0') == std::string::npos);
  }
}

}  // namespace
}  // namespace posthorn::mime
