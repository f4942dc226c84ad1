#pragma once
// The configuration: defaults in the struct, one table of settings (config.cc) that makes the
// file's keys, the environment's names, the checks and docs/operations.md's reference.
//
// Last wins: defaults, /etc/posthorn/posthorn.toml (or --config FILE), POSTHORN_* variables, flags.
// `delivery.timeout` in the file is POSTHORN_DELIVERY__TIMEOUT in the environment.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "egress/policy.h"
#include "store/store.h"

namespace posthorn::app {

struct Config {
  std::string data = "./data";
  std::string listen = "127.0.0.1:8420";
  std::string public_url;  ///< What others call this server; empty: http://<listen>.
  bool dev = false;        ///< Opens loopback and plain http for deliveries.
  Secret admin_key;        ///< Empty: made at the first start and printed once.
  std::vector<std::string> trusted_proxies;  ///< CIDRs, exempt from the limit on connections; their
                                             ///< X-Forwarded-Proto is believed.

  std::string tls_certificate, tls_key;
  std::string tls_listen;  ///< Empty: no TLS listener.

  std::string log_format = "auto";  ///< auto, text, json
  std::string log_level = "info";

  int delivery_in_flight = 512;
  Millis drain_limit = 15s;
  std::vector<std::string> admin_mails;

  std::string smtp_url;  ///< smtp://host:587 or smtps://host:465; empty: no mail.
  std::string smtp_user, smtp_from;
  Secret smtp_password;
  bool smtp_require_tls = true;

  egress::Overrides egress;
  std::string egress_proxy;   ///< http://host:port; everything leaves through it.
  std::string extra_ca_file;  ///< PEM certificates trusted besides the system's.

  int ingest_in_flight_mb = 128;  ///< Of bodies that are being received; past it 503.
  store::Retention retention;
  std::size_t ballast_mb = 64;
  int rate_per_minute = 0;  ///< API requests of one workspace a minute; 0: unlimited.
};

/// One line of the table.
struct Setting {
  std::string_view key;      ///< "delivery.in_flight"
  std::string_view allowed;  ///< In words, for errors and the reference: "1 to 4096".
  std::string_view help;
  /// Takes the text of a value; an error says what is wrong with it.
  std::optional<std::string> (*set)(Config&, std::string_view value);
};
const std::vector<Setting>& settings();

/// Reads the file (when given or at its usual place) and the environment (every variable that
/// begins with POSTHORN_; those of the command line's other commands, such as POSTHORN_URL and
/// POSTHORN_SECRET, are left alone). Error: invalid, with every fault, one a line.
Result<Config> load_config(const std::optional<std::string>& file,
                           const std::map<std::string, std::string>& environment);

/// What the operator should be warned about: opened networks, dev mode, no mail.
std::vector<std::string> warnings(const Config& config);

}  // namespace posthorn::app
