// Every provider's verify, challenge, parse, reply and sample on any request, and diagnose() on
// small ones. The first byte picks the provider, the second what is done; then come lines "Name:
// value", an empty line, and the body.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "providers/cloudevents.h"
#include "providers/diagnose.h"
#include "providers/provider.h"
#include "text/json.h"

namespace json = boost::json;
namespace providers = posthorn::providers;

namespace {

constexpr posthorn::Instant now{1'760'000'000'000};
constexpr std::string_view url = "https://hooks.example.com/in/abc?a=1";

/// One of them is well formed for every field that wants a special form.
constexpr std::array<std::string_view, 10> texts{
    "fake-secret-0001-of-some-length",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "0123456789abcdef0123456789abcdef",
    "AC0123456789abcdef0123456789abcdef",
    "https://hooks.example.com",
    "+4930123456",
    "123456789",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/"
    "m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==",
    "arn:aws:sns:eu-west-1:123456789012:topic",
};

json::value plausible(const providers::Field& field) {
  using providers::FieldKind;
  switch (field.kind) {
    case FieldKind::integer:
      return std::max<std::int64_t>(field.min, 60);
    case FieldKind::boolean:
      return true;
    case FieldKind::choice:
      return json::value(field.choices.front());
    case FieldKind::credentials:
      return {{"username", "desk"}, {"password", "secret"}};
    case FieldKind::map:
      return json::object{};
    default:
      break;
  }
  const auto fits = std::ranges::find_if(texts, [&](std::string_view text) {
    return field.problem == nullptr || field.problem(text).empty();
  });
  return fits == texts.end() ? json::value(nullptr) : json::value(*fits);
}

/// What is required and what is secret; the rest has fallbacks.
providers::Settings settings_of(const providers::Provider& provider) {
  json::object config;
  for (const auto& field : provider.fields)
    if (!field.for_cases_only && (field.required || field.kind == providers::FieldKind::secret ||
                                  field.kind == providers::FieldKind::credentials))
      config[field.name] = plausible(field);
  posthorn::model::Faults faults;
  return providers::read_settings(provider, config, faults);
}

const providers::Settings& known_settings(const providers::Provider& provider) {
  static std::map<std::string_view, providers::Settings> all;
  const auto found = all.find(provider.name);
  if (found != all.end()) return found->second;
  return all.emplace(provider.name, settings_of(provider)).first->second;
}

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

/// Takes the header lines off the front of `rest`.
Headers read_headers(std::string_view& rest) {
  Headers headers;
  while (!rest.empty() && headers.size() < 50) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    headers.emplace_back(line.substr(0, colon), posthorn::trim(line.substr(colon + 1)));
  }
  return headers;
}

void look_at(const providers::Verification& verification) {
  PH_ASSERT(!verification.steps.empty());
  PH_ASSERT(verification.verified == verification.reason.empty());
  for (const auto& step : verification.steps) PH_ASSERT(!step.what.empty());
  PH_ASSERT(verification.steps.back().passed == verification.verified);
}

void look_at(const providers::Provider& provider, const providers::Parsed& parsed) {
  if (!parsed.unreadable.empty()) PH_ASSERT(parsed.events.empty());
  if (parsed.idempotency_key) PH_ASSERT(posthorn::is_utf8(*parsed.idempotency_key));
  for (const auto& event : parsed.events) {
    PH_ASSERT(!event.type.empty());
    PH_ASSERT(posthorn::is_utf8(event.type) && posthorn::is_utf8(event.provider_event));
    PH_ASSERT(posthorn::is_utf8(event.idempotency_key));
    PH_ASSERT(providers::event_name(provider, event).starts_with(provider.name));
    std::string written;
    posthorn::text::append_json(written, event.fields);
    PH_ASSERT(posthorn::is_utf8(written));
  }
  for (const auto& fault : parsed.faults)
    PH_ASSERT(!fault.code.empty() && posthorn::is_utf8(fault.pointer));
}

void run(const providers::Provider& provider, const providers::Incoming& request) {
  const auto& settings = known_settings(provider);
  look_at(provider.verify(settings, request, now));
  if (provider.challenge != nullptr) (void)provider.challenge(settings, request);
  look_at(provider, provider.parse(settings, request));
  if (provider.reply != nullptr) (void)provider.reply(settings, request);
  (void)providers::cloudevents_handshake(request);
}

/// A body of any bytes, signed as the provider does: it must verify.
void run_signed(const providers::Provider& provider, std::string_view body, std::size_t pick) {
  if (body.empty() || provider.samples.empty()) return;
  const auto& settings = known_settings(provider);
  const auto made =
      providers::make_sample(provider, settings,
                             {.url = url,
                              .event = provider.samples[pick % provider.samples.size()],
                              .unique = "0123456789abcdef",
                              .now = now,
                              .body = body});
  if (!made) return;
  const Headers headers(made->headers.begin(), made->headers.end());
  run(provider, {.method = made->method, .url = made->url, .headers = headers, .body = made->body});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto all = providers::registry();
  const auto& provider = *all[data[0] % all.size()];
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[1] % 2 == 1) {
    run_signed(provider, rest, data[1] / 2);
    return 0;
  }
  const Headers headers = read_headers(rest);
  constexpr std::array<std::string_view, 3> methods{"POST", "GET", "OPTIONS"};
  const providers::Incoming request{.method = methods[data[1] / 2 % methods.size()],
                                    .url = url,
                                    .headers = headers,
                                    .body = rest};
  run(provider, request);
  if (data[1] % 16 == 8 && size < 512)
    (void)providers::diagnose(provider, known_settings(provider), request, now);
  return 0;
}
