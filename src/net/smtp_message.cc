#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/bytes.h"
#include "net/smtp_sender.h"

namespace posthorn::net {

namespace {

constexpr std::size_t address_max = 254;
constexpr std::size_t base64_line = 76;
/// An encoded word is at most 75 bytes: 45 bytes of text as base64 with its frame fit.
constexpr std::size_t word_bytes = 45;

/// A bare address of printable ASCII that cannot leave its field.
bool is_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return text.size() <= address_max && at != std::string_view::npos && at > 0 &&
         at + 1 < text.size() && std::ranges::all_of(text, [](char c) {
           return c > ' ' && c < '\x7f' && !std::string_view("<>()[],;:\\\"").contains(c);
         });
}

bool is_ascii_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

/// RFC 2047 when it needs to be; a line break becomes a space.
std::string encode_subject(std::string_view subject) {
  std::string plain(subject);
  for (char& c : plain)
    if (c == '\r' || c == '\n' || c == '\t' || c == '\0') c = ' ';
  // A long word would have to be folded, and "=?" would read as an encoded one.
  if (is_ascii_text(plain) && plain.size() <= 900 && plain.find("=?") == std::string::npos)
    return plain;
  std::string out;
  while (!plain.empty()) {
    std::size_t length = std::min(plain.size(), word_bytes);
    // A character is not cut in two.
    while (length < plain.size() && length > 1 &&
           (static_cast<unsigned char>(plain[length]) & 0xC0U) == 0x80U)
      --length;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + to_base64(plain.substr(0, length)) + "?=";
    plain.erase(0, length);
  }
  return out;
}

std::string to_date(Instant now) {
  static constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = now.unix_seconds();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000",
                     days.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                     months.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// Lines end with CRLF inside the encoded text too (RFC 2045 6.8).
std::string canonical(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r') continue;
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

}  // namespace

std::vector<std::string> problems(const SmtpConfig& config) {
  std::vector<std::string> found;
  if (config.host.empty()) return found;
  const auto is_host = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '-' || c == ':' || c == '_';
    });
  };
  if (!is_host(config.host))
    found.push_back("smtp host: \"" + printable(config.host) +
                    "\" is neither a name nor an address");
  if (!is_host(config.helo))
    found.push_back("smtp helo: \"" + printable(config.helo) + "\" is not a host name");
  if (config.port == 0) found.emplace_back("smtp port: 0 is no port");
  if (!is_address(config.from))
    found.push_back("smtp from: \"" + printable(config.from) + "\" is not a bare address");
  if (!config.user.empty() && config.security == SmtpSecurity::none)
    found.emplace_back("smtp user: a password is not sent over a connection in clear");
  if (config.limit < Millis(1000) || config.limit > Millis(300'000))
    found.emplace_back("smtp limit: 1 s to 5 min are allowed");
  return found;
}

Result<std::string> to_message(const SmtpConfig& config, const env::Mail& mail, Instant now) {
  if (mail.to.empty()) return fail(Errc::invalid, "a mail needs a recipient");
  std::string to;
  for (const auto& address : mail.to) {
    if (!is_address(address))
      return fail(Errc::invalid, "\"" + printable(address) + "\" is not a bare mail address");
    if (!to.empty()) to += ",\r\n ";
    to += address;
  }
  if (!is_address(mail.message_id))
    return fail(Errc::invalid, "\"" + printable(mail.message_id) + "\" is not a Message-ID");
  std::string out = fmt::format(
      "Date: {}\r\nFrom: Posthorn <{}>\r\nTo: {}\r\nMessage-ID: <{}>\r\nSubject: {}\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n",
      to_date(now), config.from, to, mail.message_id, encode_subject(mail.subject));
  const std::string body = to_base64(canonical(mail.text));
  for (std::size_t at = 0; at < body.size(); at += base64_line)
    out.append(body, at, base64_line).append("\r\n");
  return out;
}

}  // namespace posthorn::net
