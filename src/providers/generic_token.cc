// Any sender that proves itself with Basic credentials, a bearer token, or a fixed text in a header
// of its own. Nothing of the body is signed. Ready field maps: field_map.h.

#include <array>

#include "base/bytes.h"
#include "providers/basic_auth.h"
#include "providers/cloudevents.h"
#include "providers/common.h"
#include "providers/field_map.h"
#include "providers/list.h"
#include "providers/named_event.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view authorization = "Authorization";

constexpr std::array token_fields{
    Field{.name = "token",
          .plural = "tokens",
          .kind = FieldKind::secret,
          .help = "The token that the sender gives as `Authorization: Bearer <token>`, or alone in "
                  "the header named by `header`."},
    Field{.name = "header",
          .help = "The header that carries the token alone; a bearer token unless given.",
          .problem = problem_of_header_name},
    Field{.name = "credentials",
          .kind = FieldKind::credentials,
          .help = "User name and password of Basic authentication, instead of a token."},
    Field{.name = "preset",
          .kind = FieldKind::choice,
          .help = "How to read the payload: Alertmanager, Grafana alerts, uptime monitors (Uptime "
                  "Kuma, UptimeRobot), CRM contacts, or none of them.",
          .fallback = "none",
          .choices = preset_names},
};
constexpr auto fields = joined(token_fields, named_event_fields);

constexpr std::array<std::string_view, 1> samples{"sample.created"};

constexpr std::string_view instructions =
    R"(1. Think of a long random token and set it here as `token`; or `credentials` for Basic authentication.
2. At the sender, add a webhook with the URL `{url}` and the header `Authorization: Bearer <token>`. Where it lets you set another header only, name that header here as `header`.
   - Alertmanager: `receivers[].webhook_configs[]` with `url` and `http_config.authorization.credentials`; set `preset` to `alertmanager`.
   - Grafana: a contact point of type **Webhook** with the authorization header's scheme `Bearer` and credentials; `preset` is `grafana`.
   - Uptime Kuma: a notification of type **Webhook** with the additional header; UptimeRobot: an alert contact of type **Web-Hook**; `preset` is `uptime`.
3. Name where the event's id and name are, unless a preset knows: `id_header` or `id_json_pointer`, `event_header` or `event_json_pointer`.
)";

bool token_matches(const Settings& settings, std::string_view given) {
  bool matches = false;
  for (const auto& token : settings.all("token"))
    matches |= crypto::equal_in_constant_time(crypto::sha256(token), crypto::sha256(given));
  return matches;
}

bool credentials_match(const Settings& settings, const Credentials& given) {
  bool matches = false;
  for (const auto& known : settings.credentials("credentials")) {
    const bool name = crypto::equal_in_constant_time(crypto::sha256(known.username),
                                                     crypto::sha256(given.username));
    const bool password = crypto::equal_in_constant_time(crypto::sha256(known.password),
                                                         crypto::sha256(given.password));
    matches |= static_cast<bool>(static_cast<int>(name) & static_cast<int>(password));
  }
  return matches;
}

bool takes_tokens(const Settings& settings) { return !settings.all("token").empty(); }
bool takes_credentials(const Settings& settings) {
  return !settings.credentials("credentials").empty();
}

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  if (!steps.check(takes_tokens(settings) || takes_credentials(settings), "a secret is set",
                   "the source has neither a token nor credentials, so nothing can be verified"))
    return std::move(steps).refused();
  const auto& own = settings.text("header");
  const bool is_own = !own.empty() && takes_tokens(settings) &&
                      (!takes_credentials(settings) || request.header_count(own) > 0);
  const auto header = single_header(steps, request, is_own ? std::string_view(own) : authorization);
  if (!header) return std::move(steps).refused();
  if (is_own) {
    if (!steps.check(token_matches(settings, *header), "the token in " + own,
                     own + " is not the source's token"))
      return std::move(steps).refused();
    return std::move(steps).verified();
  }
  if (const auto given = basic_credentials(*header); given && takes_credentials(settings)) {
    if (!steps.check(credentials_match(settings, *given), "user name and password",
                     "Authorization holds another user name or password than the source"))
      return std::move(steps).refused();
    return std::move(steps).verified();
  }
  const auto token = own.empty() && takes_tokens(settings) ? bearer_token(*header) : std::nullopt;
  const std::string expected =
      takes_credentials(settings)
          ? (own.empty() && takes_tokens(settings) ? "Basic credentials or a Bearer token"
                                                   : "Basic credentials")
          : "a Bearer token";
  if (!steps.check(token.has_value(), expected, "Authorization does not hold " + expected))
    return std::move(steps).refused();
  if (!steps.check(token_matches(settings, *token), "the bearer token",
                   "the bearer token is not the source's token"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

bool names_its_place(const Settings& settings) {
  for (const auto& field : named_event_fields)
    if (!settings.text(field.name).empty()) return true;
  return false;
}

Parsed parse(const Settings& settings, const Incoming& request) {
  const auto& preset = settings.text("preset");
  if (preset == "none") return parse_named_event(settings, request);
  return parse_preset(preset, request);
}

void check(const Settings& settings, std::vector<model::Fault>& faults) {
  if (!takes_tokens(settings) && !takes_credentials(settings))
    faults.push_back({.pointer = "/token",
                      .code = "required",
                      .detail = "is missing: give a token, or credentials"});
  if (!settings.text("header").empty() && !takes_tokens(settings))
    faults.push_back({.pointer = "/header",
                      .code = "not_allowed",
                      .detail = "names the header of the token, but there is no token"});
  if (settings.text("preset") != "none" && names_its_place(settings))
    faults.push_back({.pointer = "/preset",
                      .code = "not_allowed",
                      .detail = "knows where the id and the event are: leave out the others, or "
                                "take the preset \"none\""});
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  made.headers = {{"Content-Type", "application/json"}};
  if (takes_tokens(settings)) {
    const auto& own = settings.text("header");
    const auto& token = settings.text("token");
    if (own.empty())
      made.headers.emplace_back(authorization, "Bearer " + token);
    else
      made.headers.emplace_back(own, token);
  } else {
    const auto& [username, password] = settings.credentials("credentials").front();
    made.headers.emplace_back(authorization, "Basic " + to_base64(username + ":" + password));
  }
  const auto& preset = settings.text("preset");
  if (preset == "none") {
    if (auto filled = fill_named_sample(made, settings, order); !filled)
      return fail(std::move(filled).error());
  } else {
    made.body =
        order.body.empty() ? json_text(preset_sample(preset, order)) : std::string(order.body);
  }
  return made;
}

}  // namespace

const Provider generic_token{
    .name = "generic_token",
    .title = "Any sender with a token",
    .carries = "alerts, monitors, CRM hooks and webhooks of any system that sends a fixed token",
    .fields = fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .challenge = cloudevents_challenge,
    .parse = parse,
    .sample = sample,
    .check = check,
};

}  // namespace posthorn::providers
