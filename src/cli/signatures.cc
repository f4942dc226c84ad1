// verify, sign, egress check: offline, without a server

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iostream>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "cli/provider_check.h"
#include "cli/signature_case.h"
#include "crypto/crypto.h"
#include "deliver/message.h"
#include "egress/check_cases.h"
#include "egress/policy.h"
#include "providers/case_file.h"

namespace posthorn::cli {

namespace {

struct Signed {
  std::string secret_file, body, id, at, public_key;
  std::vector<std::string> headers;
  int tolerance_seconds = 300;
  std::string cases, case_file, secret;
  std::string provider, method = "POST", url;  ///< Of a provider's request.
  ConfigInput config;
  const CLI::Option* body_option = nullptr;

  /// An empty body can be signed, too.
  [[nodiscard]] bool has_body() const { return body_option->count() > 0; }
};

/// What a case file says, below what the flags say.
Signed with_case(const Signed& flags) {
  if (flags.case_file.empty()) return flags;
  if (flags.has_body() || !flags.headers.empty())
    throw CallFailed{usage, "give --case, or --body and --header, not both", nullptr};
  const auto found = read_signature_case(flags.case_file);
  Signed both = flags;
  both.body = found.body;
  both.headers = found.headers;
  both.secret = found.secret.value_or("");
  if (both.id.empty()) both.id = found.id.value_or("");
  if (both.at.empty()) both.at = found.at.value_or("");
  if (both.public_key.empty()) both.public_key = found.public_key.value_or("");
  return both;
}

std::string body_of(const Signed& options) {
  return options.case_file.empty() ? text_argument(options.body) : options.body;
}

/// The secret from a file, standard input or POSTHORN_SECRET: never from an argument, which others
/// can see. Empty when none is given.
std::string find_secret(const Context& context, const Signed& options) {
  std::string text;
  if (!options.secret_file.empty()) {
    text = text_argument(options.secret_file == "-" ? "-" : "@" + options.secret_file);
  } else if (const auto found = context.environment.find("POSTHORN_SECRET");
             found != context.environment.end()) {
    text = found->second;
  } else {
    text = options.secret;
  }
  return std::string(trim(std::string_view(text).substr(0, text.find_first_of("\r\n"))));
}

std::string read_secret(const Context& context, const Signed& options) {
  auto secret = find_secret(context, options);
  if (secret.empty())
    throw CallFailed{
        usage,
        "no secret: give --secret-file FILE (or - for standard input), set POSTHORN_SECRET, or "
        "write it into the case file; --public-key whpk_... alone does for v1a signatures",
        nullptr};
  return secret;
}

/// The key's bytes; empty when none is given.
std::string read_public_key(const std::string& given) {
  constexpr std::string_view prefix = "whpk_";
  constexpr std::size_t key_bytes = 32;
  if (given.empty()) return {};
  const auto key = given.starts_with(prefix)
                       ? from_base64(std::string_view(given).substr(prefix.size()))
                       : std::nullopt;
  if (!key || key->size() != key_bytes)
    throw CallFailed{usage,
                     fmt::format("--public-key takes whpk_ and the base64 of 32 bytes, not \"{}\"",
                                 printable(given)),
                     nullptr};
  return *key;
}

Instant moment(const std::string& text) {
  if (text.empty())
    return {std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
                .count()};
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return {seconds * 1000};
  if (const auto parsed = parse_rfc3339(text)) return *parsed;
  throw CallFailed{usage, "--at takes unix seconds or RFC 3339, such as 2026-11-21T06:34:31Z",
                   nullptr};
}

/// Steps of a verification, printed as they are taken; ends with the first that fails.
class Steps {
 public:
  explicit Steps(const OutputOptions& output) : output_(output) {}
  void ok(std::string_view what, std::string_view detail) { add(what, "ok", detail); }
  /// Neither good nor bad: what was not, or did not need to be, shown.
  void note(std::string_view what, std::string_view detail) { add(what, "note", detail); }
  void failed(std::string_view what, std::string_view detail) {
    add(what, "FAIL", detail);
    good_ = false;
  }
  int finish() {
    if (output_.as_json)
      fmt::print("{}\n", json::serialize(json::object{{"verified", good_}, {"steps", steps_}}));
    else
      fmt::print("{}\n", good_ ? "verified" : "NOT VERIFIED");
    return good_ ? done : bad_signature;
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  void add(std::string_view what, std::string_view result, std::string_view detail) {
    steps_.push_back(json::object{{"step", what}, {"result", result}, {"detail", detail}});
    if (!output_.as_json) fmt::print("{:<24} {:<5} {}\n", what, result, printable(detail));
  }
  const OutputOptions& output_;
  json::array steps_;
  bool good_ = true;
};

std::optional<std::string> header_value(const std::vector<std::string>& lines,
                                        std::string_view name) {
  for (const auto& line : lines) {
    const auto colon = line.find(':');
    if (colon != std::string::npos &&
        equal_ignoring_case_ascii(trim(std::string_view(line).substr(0, colon)), name))
      return std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return {};
}

void verify_body_signature(Steps& steps, std::string_view header, const std::string& secret,
                           const std::string& body) {
  steps.ok("X-Webhook-Signature", header);
  if (!header.starts_with("sha256=")) return steps.failed("form", "takes sha256=<64 hex digits>");
  const auto expected = to_hex(crypto::hmac(crypto::Digest::sha256, secret, body));
  if (crypto::equal_in_constant_time(header.substr(7), expected))
    return steps.ok("HMAC of the body", fmt::format("{} bytes, sha256 {}", body.size(),
                                                    to_hex(crypto::sha256(body)).substr(0, 16)));
  // The usual mistakes, each named when it would have made the signature pass.
  std::string hint = "another secret, or another body than was signed";
  const auto passes = [&header](std::string_view key, std::string_view text) {
    return crypto::equal_in_constant_time(header.substr(7),
                                          to_hex(crypto::hmac(crypto::Digest::sha256, key, text)));
  };
  if (passes(secret, body + "\n"))
    hint = "it passes with a line end added to the body: the body was trimmed on its way here";
  else if (body.ends_with('\n') &&
           passes(secret, std::string_view(body).substr(0, body.size() - 1)))
    hint = "it passes without the last line end of the body: an editor or shell added it";
  else if (passes(deliver::standard_webhooks_key(secret), body))
    hint =
        "it passes with the decoded secret: the sender must use the secret's text as the key here";
  steps.failed("HMAC of the body", hint);
}

/// What the signatures of a webhook-signature header are checked with; one of both may be empty.
struct StandardKeys {
  std::string secret, public_key;
};

/// The place of the first signature of the header that matches, by version; 0: none.
struct Matching {
  int hmac = 0, ed25519 = 0, seen = 0;
};

Matching match_signatures(std::string_view header, const StandardKeys& keys,
                          std::string_view signed_text) {
  Matching found;
  std::string expected;
  if (!keys.secret.empty())
    expected =
        "v1," + to_base64(crypto::hmac(crypto::Digest::sha256,
                                       deliver::standard_webhooks_key(keys.secret), signed_text));
  while (!header.empty()) {
    const auto entry = header.substr(0, header.find(' '));
    header.remove_prefix(std::min(header.size(), entry.size() + 1));
    ++found.seen;
    if (found.hmac == 0 && !expected.empty() && crypto::equal_in_constant_time(entry, expected))
      found.hmac = found.seen;
    if (found.ed25519 > 0 || keys.public_key.empty() || !entry.starts_with("v1a,")) continue;
    const auto signature = from_base64(entry.substr(4));
    if (signature && crypto::ed25519_verify(keys.public_key, *signature, signed_text))
      found.ed25519 = found.seen;
  }
  return found;
}

/// Says which signature was verified by what: one that matches is enough, as the standard has it.
void judge(Steps& steps, const Matching& found, const StandardKeys& keys, std::string_view header,
           std::string_view signed_text) {
  if (found.hmac > 0)
    steps.ok("HMAC (v1)", fmt::format("signature {} of the header, by the secret", found.hmac));
  if (found.ed25519 > 0)
    steps.ok("ed25519 (v1a)",
             fmt::format("signature {} of the header, by the public key", found.ed25519));
  if (found.hmac == 0 && found.ed25519 > 0 && !keys.secret.empty())
    steps.note("HMAC (v1)", "no signature matches the secret: only the public key verified it");
  if (found.hmac > 0 || found.ed25519 > 0) return;
  const bool undecoded =
      keys.secret.starts_with("whsec_") &&
      header.find(to_base64(crypto::hmac(crypto::Digest::sha256, keys.secret, signed_text))) !=
          std::string_view::npos;
  steps.failed("signature",
               undecoded ? "it passes with the secret's text as the key: decode what follows whsec_"
                         : fmt::format("none of {} matches: another {}, or another body, id or "
                                       "timestamp than was signed",
                                       found.seen, keys.secret.empty() ? "public key" : "secret"));
}

void verify_standard(Steps& steps, const Signed& options, std::string_view header,
                     const StandardKeys& keys, const std::string& body) {
  const auto id = header_value(options.headers, "webhook-id");
  const auto timestamp = header_value(options.headers, "webhook-timestamp");
  steps.ok("webhook-signature", header);
  if (!id || id->empty()) return steps.failed("webhook-id", "is missing");
  steps.ok("webhook-id", *id);
  std::int64_t seconds = 0;
  if (!timestamp ||
      std::from_chars(timestamp->data(), timestamp->data() + timestamp->size(), seconds).ptr !=
          timestamp->data() + timestamp->size() ||
      timestamp->empty())
    return steps.failed("webhook-timestamp", "takes whole unix seconds");
  const auto age = moment(options.at).unix_seconds() - seconds;
  if (age > options.tolerance_seconds || age < -options.tolerance_seconds)
    steps.failed("age", fmt::format("{} s old, at most {} s either way (--tolerance, --at)", age,
                                    options.tolerance_seconds));
  else
    steps.ok("age", fmt::format("{} s", age));
  const std::string signed_text = *id + "." + *timestamp + "." + body;
  judge(steps, match_signatures(header, keys, signed_text), keys, header, signed_text);
}

int verify(const Context& context, const Signed& flags) {
  if (!flags.cases.empty()) {
    const auto checked = providers::check_cases(flags.cases, std::cout);
    if (!checked) throw CallFailed{usage, checked.error().what, nullptr};
    return done;
  }
  if (!flags.provider.empty() || is_provider_case(flags.case_file))
    return check_provider_request(context, {.provider = flags.provider,
                                            .config = flags.config,
                                            .case_file = flags.case_file,
                                            .method = flags.method,
                                            .url = flags.url,
                                            .body = flags.body,
                                            .headers = flags.headers,
                                            .at = flags.at});
  if (!flags.config.empty())
    throw CallFailed{usage, "--set and --config are a provider's: say --provider NAME", nullptr};
  if (flags.case_file.empty() && (!flags.has_body() || flags.headers.empty()))
    throw CallFailed{usage, "give --body and --header, or --case FILE, or --cases FOLDER", nullptr};
  const auto options = with_case(flags);
  StandardKeys keys;
  keys.public_key = read_public_key(options.public_key);
  const auto simple = header_value(options.headers, "X-Webhook-Signature");
  const auto standard = header_value(options.headers, "webhook-signature");
  if (!simple && !standard)
    throw CallFailed{usage,
                     "no signature to verify: give --header 'X-Webhook-Signature: sha256=...' or "
                     "the three webhook-* headers",
                     nullptr};
  // The public key does for v1a alone: everything else needs the secret.
  keys.secret = standard && !keys.public_key.empty() ? find_secret(context, options)
                                                     : read_secret(context, options);
  const auto body = body_of(options);
  Steps steps(context.output);
  if (simple && !keys.secret.empty())
    verify_body_signature(steps, *simple, keys.secret, body);
  else if (simple)
    steps.note("X-Webhook-Signature", "not checked: that needs the secret");
  if (standard) verify_standard(steps, options, *standard, keys, body);
  return steps.finish();
}

int sign(const Context& context, const Signed& flags) {
  if (flags.case_file.empty() && !flags.has_body())
    throw CallFailed{usage, "give --body, or --case FILE", nullptr};
  const auto options = with_case(flags);
  const auto body = body_of(options);
  model::Endpoint endpoint;
  model::EndpointSecret secret;
  secret.text = Secret(read_secret(context, options));
  endpoint.secrets.push_back(std::move(secret));
  deliver::HmacCache cache;
  const auto at = moment(options.at);
  const std::string id = options.id.empty() ? "evt_0000000000001" : options.id;
  const auto made = deliver::sign(endpoint, id, at, body, cache);
  if (context.output.as_json) {
    fmt::print("{}\n", json::serialize(
                           json::object{{"X-Webhook-Signature", made.hex_current},
                                        {"webhook-id", id},
                                        {"webhook-timestamp", std::to_string(at.unix_seconds())},
                                        {"webhook-signature", made.standard}}));
  } else {
    fmt::print(
        "X-Webhook-Signature: {}\nwebhook-id: {}\nwebhook-timestamp: {}\nwebhook-signature: {}\n",
        made.hex_current, id, at.unix_seconds(), made.standard);
  }
  return done;
}

struct EgressCheck {
  std::string url, cases, kind = "endpoint";
  std::vector<std::string> resolves_to, topics;
};

int egress_check(const Context& context, const EgressCheck& options) {
  if (!options.cases.empty()) {
    std::ifstream cases(options.cases);
    if (!cases) throw CallFailed{usage, fmt::format("{} cannot be read", options.cases), nullptr};
    const auto checked = egress::check_cases(cases, options.kind == "sns", std::cout);
    if (!checked)
      throw CallFailed{usage, fmt::format("{}: {}", options.cases, checked.error().what), nullptr};
    return done;
  }
  if (options.url.empty()) throw CallFailed{usage, "give a URL, or --cases FILE", nullptr};
  const egress::Policy policy;
  std::string why;
  if (options.kind == "sns") {
    const auto certificate = egress::check_sns_url(egress::SnsUrl::cert, options.url);
    if (!certificate &&
        !egress::check_sns_url(egress::SnsUrl::subscribe, options.url, options.topics))
      why = certificate.error().what;
  } else {
    const auto url = policy.check_url(options.url);
    if (!url) {
      why = url.error().what;
    } else if (!options.resolves_to.empty()) {
      std::vector<egress::Address> answer;
      for (const auto& text : options.resolves_to) {
        const auto address = egress::parse_address(text);
        if (!address)
          throw CallFailed{usage, fmt::format("--resolves-to: \"{}\" is not an IP address", text),
                           nullptr};
        answer.push_back(*address);
      }
      if (const auto checked = policy.check_answer(*url, answer); !checked)
        why = checked.error().what;
    }
  }
  if (context.output.as_json)
    fmt::print("{}\n", json::serialize(json::object{{"url", options.url},
                                                    {"verdict", why.empty() ? "accept" : "reject"},
                                                    {"why", why}}));
  else
    fmt::print("{}{}\n", why.empty() ? "would be sent" : "refused: ", printable(why));
  return why.empty() ? done : failed;
}

void add_signed_options(CLI::App& command, Signed& options) {
  command.add_option("--secret-file", options.secret_file,
                     "A file with the secret, or - for standard input [POSTHORN_SECRET]");
  options.body_option =
      command.add_option("--body", options.body, "The raw body: text, @file or -");
  command.add_option("--case", options.case_file,
                     "A JSON file (or -) with the request and its secret instead: see below");
  command.add_option("--at", options.at, "The moment: unix seconds or RFC 3339 (default now)");
}

}  // namespace

void add_signatures(CLI::App& root, Context& context) {
  auto verified = std::make_shared<Signed>();
  auto* verify_command = root.add_subcommand(
      "verify", "Verifies a webhook's signature, and says step by step why not");
  add_signed_options(*verify_command, *verified);
  verify_command
      ->add_option("--header", verified->headers, "NAME: VALUE of the request (repeatable)")
      ->allow_extra_args(false);
  verify_command->add_option("--cases", verified->cases,
                             "A folder of provider cases: one JSON line for each");
  verify_command->add_option("--provider", verified->provider,
                             "A provider's request, with its settings by --set and --config");
  add_config_options(*verify_command, verified->config, false);
  verify_command->add_option("--method", verified->method, "Of a provider's request");
  verify_command->add_option("--url", verified->url,
                             "As the provider called it (some sign it): https://host/in/...");
  verify_command->add_option("--public-key", verified->public_key,
                             "whpk_..., for v1a signatures; does without a secret");
  verify_command->add_option("--tolerance", verified->tolerance_seconds,
                             "Seconds that the timestamp may differ");
  verify_command->footer(
      "Example:\n  posthorn verify --secret-file secret.txt --body @body.json --header "
      "'X-Webhook-Signature: sha256=...'\n"
      "  posthorn verify --public-key whpk_... --body @body.json --header 'webhook-id: ...' "
      "--header 'webhook-timestamp: ...' --header 'webhook-signature: v1a,...'\n"
      "  posthorn verify --case request.json\n"
      "where request.json is {\"secret\": \"whsec_...\", \"now\": 1763700000, \"request\": "
      "{\"headers\": {\"webhook-id\": \"...\"}, \"body_base64\": \"...\"}}\n"
      "  posthorn verify --provider stripe --set signing_secret=@secret.txt --body @body.json "
      "--header 'Stripe-Signature: t=...,v1=...'\n"
      "or with {\"provider\": \"stripe\", \"secret\": {\"signing_secret\": \"whsec_...\"}, "
      "\"request\": {...}} as the file of --case.\n"
      "Ends with 0 when it verifies, 8 when it does not.");
  verify_command->callback([&context, verified] {
    context.action = [&context, verified] { return verify(context, *verified); };
  });

  auto to_sign = std::make_shared<Signed>();
  auto* sign_command = root.add_subcommand("sign", "Makes the signature headers of a body");
  add_signed_options(*sign_command, *to_sign);
  sign_command->add_option("--id", to_sign->id, "The webhook-id");
  sign_command->footer(
      "Examples:\n  posthorn sign --secret-file secret.txt --body @body.json --id evt_1\n"
      "  posthorn sign --case request.json\n"
      "where request.json is {\"secret\": \"whsec_...\", \"id\": \"evt_1\", \"now\": 1763700000, "
      "\"request\": {\"body\": \"...\"}} (or body_base64)");
  sign_command->callback([&context, to_sign] {
    context.action = [&context, to_sign] { return sign(context, *to_sign); };
  });

  auto* egress = root.add_subcommand("egress", "The guard of everything that leaves");
  egress->require_subcommand(1);
  auto checked = std::make_shared<EgressCheck>();
  auto* check = egress->add_subcommand("check", "Would this URL be sent to, and why not?");
  check->add_option("URL", checked->url);
  check
      ->add_option("--resolves-to", checked->resolves_to,
                   "Addresses that its name resolves to (comma)")
      ->delimiter(',');
  check->add_option("--cases", checked->cases, "A file of cases: one JSON line for each");
  check->add_option("--topic", checked->topics,
                    "With --kind sns: topics whose SubscribeURL is accepted (repeatable)");
  check->add_option("--kind", checked->kind, "endpoint or sns")
      ->check(CLI::IsMember({"endpoint", "sns"}));
  add_examples(*check, {"https://10.0.0.1/", "https://example.com/hooks --resolves-to 203.0.113.7"},
               "Ends with 0 when it would be sent to, 1 when it is refused.");
  check->callback([&context, checked] {
    context.action = [&context, checked] { return egress_check(context, *checked); };
  });
}

}  // namespace posthorn::cli
