#include "app/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/bytes.h"
#include "store/sqlite/files.h"
#include "text/nearest.h"
#include "text/url.h"

namespace posthorn::app {

namespace {

using Fault = std::optional<std::string>;

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = trim(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return items;
}

template <class T>
Fault set_number(T& target, std::string_view value, long long least, long long most) {
  long long number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least || number > most)
    return fmt::format("takes a whole number from {} to {}", least, most);
  target = static_cast<T>(number);
  return {};
}

Fault set_switch(bool& target, std::string_view value) {
  if (value != "true" && value != "false") return "takes true or false";
  target = value == "true";
  return {};
}

template <class... Allowed>
Fault set_choice(std::string& target, std::string_view value, Allowed... allowed) {
  if (((value != allowed) && ...)) return "takes one of the words named";
  target = value;
  return {};
}

Fault set_text(std::string& target, std::string_view value) {
  target = value;
  return {};
}

/// Checks that it can be read, so that a wrong path is told with the other faults.
Fault set_file(std::string& target, std::string_view value) {
  target = value;
  if (target.empty()) return {};
  if (::access(target.c_str(), R_OK) != 0)
    return fmt::format("cannot be read: {}", std::generic_category().message(errno));
  std::error_code error;
  if (std::filesystem::is_directory(target, error)) return "is a folder";
  return {};
}

Fault set_base_url(std::string& target, std::string_view value) {
  target = value;
  if (target.empty()) return {};
  if (const auto url = text::parse_url(value); !url) return url.error().what;
  if (value.ends_with('/')) return "takes no slash at the end";
  if (value.contains('?')) return "takes no query";
  return {};
}

/// A bare address that cannot leave its field in a mail's head.
bool is_mail_address(std::string_view text) {
  const auto at = text.rfind('@');
  return text.size() <= 254 && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         std::ranges::all_of(text, [](char c) {
           return c > ' ' && c < '\x7f' && !std::string_view("<>()[],;:\\\"").contains(c);
         });
}

Fault set_networks(std::vector<egress::Cidr>& target, std::string_view value) {
  target.clear();
  for (const auto& item : split_list(value)) {
    const auto cidr = egress::parse_cidr(item);
    if (!cidr) return fmt::format("\"{}\" is not a network like 10.1.0.0/16", item);
    target.push_back(*cidr);
  }
  return {};
}

Fault set_address(std::string& target, std::string_view value) {
  const auto colon = value.rfind(':');
  int port = -1;
  if (colon != std::string_view::npos && !set_number(port, value.substr(colon + 1), 0, 65535) &&
      colon > 0) {
    target = value;
    return {};
  }
  return "takes ADDRESS:PORT, such as 0.0.0.0:8420";
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table{
      {"data", "a folder", "Where everything is kept.",
       [](Config& c, std::string_view v) { return set_text(c.data, v); }},
      {"listen", "ADDRESS:PORT", "Where plain http is served; port 0 takes any free one.",
       [](Config& c, std::string_view v) { return set_address(c.listen, v); }},
      {"public_url", "a URL without a slash at the end",
       "What others call this server, such as https://hooks.example.com.",
       [](Config& c, std::string_view v) { return set_base_url(c.public_url, v); }},
      {"dev", "true or false", "Deliveries to localhost and by plain http are allowed.",
       [](Config& c, std::string_view v) { return set_switch(c.dev, v); }},
      {"admin_key", "at least 16 characters", "The key of the first administrator.",
       [](Config& c, std::string_view v) -> Fault {
         if (v.size() < 16) return "takes at least 16 characters";
         c.admin_key = Secret(std::string(v));
         return {};
       }},
      {"trusted_proxies", "networks",
       "Proxies that are exempt from the limit on connections and whose X-Forwarded-Proto counts.",
       [](Config& c, std::string_view v) -> Fault {
         std::vector<egress::Cidr> checked;
         if (auto fault = set_networks(checked, v)) return fault;
         c.trusted_proxies = split_list(v);
         return {};
       }},
      {"tls.listen", "ADDRESS:PORT", "Where https is served.",
       [](Config& c, std::string_view v) { return set_address(c.tls_listen, v); }},
      {"tls.certificate", "a PEM file", "The certificate chain; read again when it changes.",
       [](Config& c, std::string_view v) { return set_file(c.tls_certificate, v); }},
      {"tls.key", "a PEM file", "Its private key.",
       [](Config& c, std::string_view v) { return set_file(c.tls_key, v); }},
      {"log.format", "auto, text or json", "auto: text on a terminal, else json.",
       [](Config& c, std::string_view v) {
         return set_choice(c.log_format, v, "auto", "text", "json");
       }},
      {"log.level", "debug, info, warning or error", "What is written and all above it.",
       [](Config& c, std::string_view v) {
         return set_choice(c.log_level, v, "debug", "info", "warning", "error");
       }},
      {"delivery.in_flight", "1 to 4096", "Attempts under way at once, over all endpoints.",
       [](Config& c, std::string_view v) { return set_number(c.delivery_in_flight, v, 1, 4096); }},
      {"delivery.drain", "1s to 10m", "How long a stop waits for attempts under way.",
       [](Config& c, std::string_view v) -> Fault {
         const auto span = parse_duration(v);
         if (!span || *span < 1s || *span > 10min) return "takes a time from 1s to 10m";
         c.drain_limit = *span;
         return {};
       }},
      {"ingest.in_flight_mb", "1 to 65536",
       "MiB of bodies that may be received at once; past it 503.",
       [](Config& c, std::string_view v) {
         return set_number(c.ingest_in_flight_mb, v, 1, 65536);
       }},
      {"notices.mail_to", "mail addresses", "Who is told about disabled endpoints.",
       [](Config& c, std::string_view v) -> Fault {
         c.admin_mails = split_list(v);
         for (const auto& address : c.admin_mails)
           if (!is_mail_address(address))
             return fmt::format("\"{}\" is not a mail address", printable(address));
         return {};
       }},
      {"smtp.url", "smtp://HOST:PORT or smtps://HOST:PORT", "The server that takes our mail.",
       [](Config& c, std::string_view v) -> Fault {
         const auto scheme = v.find("://");
         std::string address;
         if ((!v.starts_with("smtp://") && !v.starts_with("smtps://")) ||
             set_address(address, v.substr(scheme + 3)) || address.ends_with(":0"))
           return "takes smtp://HOST:PORT or smtps://HOST:PORT";
         c.smtp_url = v;
         return {};
       }},
      {"smtp.user", "text", "Empty: no sign-in.",
       [](Config& c, std::string_view v) { return set_text(c.smtp_user, v); }},
      {"smtp.password", "text", "",
       [](Config& c, std::string_view v) -> Fault {
         c.smtp_password = Secret(std::string(v));
         return {};
       }},
      {"smtp.from", "a mail address", "The sender of our mail.",
       [](Config& c, std::string_view v) -> Fault {
         c.smtp_from = v;
         if (!v.empty() && !is_mail_address(v)) return "takes an address such as hooks@example.com";
         return {};
       }},
      {"smtp.require_tls", "true or false", "Refuse a server without TLS.",
       [](Config& c, std::string_view v) { return set_switch(c.smtp_require_tls, v); }},
      {"egress.allow", "networks", "Networks that deliveries may reach besides public ones.",
       [](Config& c, std::string_view v) { return set_networks(c.egress.allow, v); }},
      {"egress.deny", "networks", "Networks that deliveries may never reach.",
       [](Config& c, std::string_view v) { return set_networks(c.egress.deny, v); }},
      {"egress.allow_ports", "ports", "Ports that deliveries may use besides 443 and 1024-65535.",
       [](Config& c, std::string_view v) -> Fault {
         c.egress.allow_ports.clear();
         for (const auto& item : split_list(v)) {
           std::uint16_t port = 0;
           if (auto fault = set_number(port, item, 1, 65535)) return fault;
           c.egress.allow_ports.push_back(port);
         }
         return {};
       }},
      {"egress.nat64_prefix", "a network",
       "Judge the IPv4 address inside addresses of this prefix.",
       [](Config& c, std::string_view v) -> Fault {
         c.egress.nat64_prefix = egress::parse_cidr(v);
         if (!c.egress.nat64_prefix || !egress::is_nat64_prefix(*c.egress.nat64_prefix))
           return "takes a network like 64:ff9b::/96";
         return {};
       }},
      {"egress.proxy", "http://HOST:PORT", "Everything that leaves goes through this proxy.",
       [](Config& c, std::string_view v) -> Fault {
         if (!v.starts_with("http://")) return "takes http://HOST:PORT";
         c.egress_proxy = v;
         return {};
       }},
      {"egress.ca_file", "a PEM file", "Certificates that are trusted besides the system's.",
       [](Config& c, std::string_view v) { return set_file(c.extra_ca_file, v); }},
      {"retention.payload_days", "0 to 36500", "Days that event payloads are kept; 0: for ever.",
       [](Config& c, std::string_view v) {
         return set_number(c.retention.payload_days, v, 0, 36500);
       }},
      {"retention.event_days", "0 to 36500", "Days that events and settled deliveries are kept.",
       [](Config& c, std::string_view v) {
         return set_number(c.retention.event_days, v, 0, 36500);
       }},
      {"retention.attempt_days", "0 to 36500", "Days that attempts are kept.",
       [](Config& c, std::string_view v) {
         return set_number(c.retention.attempt_days, v, 0, 36500);
       }},
      {"retention.request_days", "0 to 36500", "Days that received requests are kept.",
       [](Config& c, std::string_view v) {
         return set_number(c.retention.request_days, v, 0, 36500);
       }},
      {"retention.refused_days", "0 to 36500", "Days that refused requests are kept.",
       [](Config& c, std::string_view v) {
         return set_number(c.retention.refused_days, v, 0, 36500);
       }},
      {"retention.audit_days", "0 to 36500", "Days that the audit log is kept.",
       [](Config& c, std::string_view v) {
         return set_number(c.retention.audit_days, v, 0, 36500);
       }},
      {"store.ballast_mb", "0 to 4096", "Space kept free so that a full disk can be mended.",
       [](Config& c, std::string_view v) { return set_number(c.ballast_mb, v, 0, 4096); }},
      {"api.rate_per_minute", "0 to 10000000", "Requests of one workspace a minute; 0: unlimited.",
       [](Config& c, std::string_view v) {
         return set_number(c.rate_per_minute, v, 0, 10'000'000);
       }},
  };
  return table;
}

namespace {

std::string environment_name(std::string_view key) {
  std::string name = "POSTHORN_";
  for (const char c : key) {
    if (c == '.')
      name += "__";
    else
      name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

const Setting* find_setting(std::string_view key) {
  for (const auto& setting : settings())
    if (setting.key == key) return &setting;
  return nullptr;
}

std::string nearest_key(std::string_view key) {
  std::vector<std::string_view> known;
  for (const auto& setting : settings()) known.push_back(setting.key);
  const auto near = text::nearest(key, known);
  return near ? fmt::format("; did you mean \"{}\"?", *near) : "";
}

/// A TOML value as the text that a setting takes; nullopt for tables and dates.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::string joined;
    for (const auto& item : *list) {
      const auto text = text_of(item);
      if (!text || text->find(',') != std::string::npos) return {};
      joined += (joined.empty() ? "" : ",") + *text;
    }
    return joined;
  }
  return {};
}

class Reader {
 public:
  Config config;
  std::vector<std::string> faults;

  void set(std::string_view where, std::string_view key, std::string_view value) {
    const auto* setting = find_setting(key);
    if (setting == nullptr) {
      faults.push_back(
          fmt::format("{}: unknown setting \"{}\"{}", where, printable(key), nearest_key(key)));
      return;
    }
    const bool secret = key == "admin_key" || key == "smtp.password";
    if (const auto fault = setting->set(config, value))
      faults.push_back(fmt::format("{}: {}: {}; allowed: {}; given: {}", where, key, *fault,
                                   setting->allowed,
                                   secret ? "***" : "\"" + printable(value.substr(0, 80)) + "\""));
  }

  void document(const std::string& path, std::string_view text) {
    try {
      const auto parsed = toml::parse(text, path);
      table(path, parsed, "");
    } catch (const toml::parse_error& error) {
      const auto& at = error.source().begin;
      faults.push_back(fmt::format("{}:{}:{}: {}", path, at.line, at.column, error.description()));
    }
  }

  void table(std::string_view where, const toml::table& from, const std::string& prefix) {
    for (const auto& [name, node] : from) {
      const std::string key = prefix + std::string(name.str());
      if (const auto* inner = node.as_table()) {
        table(where, *inner, key + ".");
      } else if (const auto text = text_of(node)) {
        set(where, key, *text);
      } else {
        faults.push_back(
            fmt::format("{}: {}: takes text, a number, true, false or a list of these without "
                        "commas inside",
                        where, printable(key)));
      }
    }
  }
};

constexpr std::string_view usual_file = "/etc/posthorn/posthorn.toml";

}  // namespace

Result<Config> load_config(const std::optional<std::string>& file,
                           const std::map<std::string, std::string>& environment) {
  Reader reader;
  const std::string path = file ? *file : std::string(usual_file);
  const auto text = store::read_file(path);
  if (text)
    reader.document(path, *text);
  else if (file || text.error().code != Errc::not_found)
    reader.faults.push_back("the file cannot be read: " + text.error().what);
  // Variables of the command line's client and of the tests are not settings of the server.
  static const std::set<std::string, std::less<>> of_the_client{
      "POSTHORN_URL",       "POSTHORN_KEY",   "POSTHORN_KEY_FILE",   "POSTHORN_SECRET",
      "POSTHORN_WORKSPACE", "POSTHORN_CASES", "POSTHORN_NO_PROGRESS"};
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("POSTHORN_") || of_the_client.contains(name)) continue;
    std::string key;
    for (const auto& setting : settings())
      if (environment_name(setting.key) == name) key = setting.key;
    if (key.empty()) {
      reader.faults.push_back(fmt::format("{}: no such setting{}", printable(name),
                                          nearest_key(to_lower_ascii(name.substr(9)))));
    } else {
      reader.set(name, key, value);
    }
  }
  if (reader.config.tls_listen.empty() != reader.config.tls_certificate.empty() ||
      reader.config.tls_certificate.empty() != reader.config.tls_key.empty())
    reader.faults.push_back(
        "tls.listen, tls.certificate and tls.key go together: set all three or none");
  if (!reader.config.smtp_url.empty() && reader.config.smtp_from.empty())
    reader.faults.push_back("smtp.from: needed when smtp.url is set");
  if (reader.config.smtp_url.starts_with("smtp://") && !reader.config.smtp_require_tls &&
      !reader.config.smtp_user.empty())
    reader.faults.push_back(
        "smtp.user: a password is not sent in clear; allowed: smtp.require_tls = true, or an "
        "smtps:// URL in smtp.url");
  if (reader.faults.empty()) return std::move(reader.config);
  std::string all;
  for (const auto& fault : reader.faults) all += (all.empty() ? "" : "\n") + fault;
  return fail(Errc::invalid, all);
}

std::vector<std::string> warnings(const Config& config) {
  std::vector<std::string> found;
  if (config.dev)
    found.push_back("dev mode: deliveries to localhost and by plain http are allowed");
  if (!config.egress.allow.empty())
    found.push_back("egress.allow opens networks that are closed by default");
  if (!config.egress.allow_ports.empty())
    found.push_back("egress.allow_ports opens ports that are closed by default");
  if (!config.egress_proxy.empty())
    found.push_back("egress.proxy: everything leaves through a proxy");
  if (config.smtp_url.empty())
    found.push_back("smtp.url is not set: notices of disabled endpoints are not sent by mail");
  else if (config.admin_mails.empty())
    found.push_back("notices.mail_to is not set: notices of disabled endpoints are sent to nobody");
  return found;
}

}  // namespace posthorn::app
