#include "cli/provider_check.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>

#include "base/bytes.h"
#include "model/members.h"
#include "providers/diagnose.h"
#include "text/json_payload.h"

namespace posthorn::cli {

namespace {

/// One request with its settings, from a file, flags, or both.
struct Given {
  const providers::Provider* provider = nullptr;
  providers::Settings settings;
  std::string method, url, body;
  std::vector<std::pair<std::string, std::string>> headers;
  Instant now;
};

json::object read_case(const std::string& file) {
  if (file.empty()) return {};
  auto parsed = text::parse_payload(text_argument(file == "-" ? file : "@" + file));
  if (!parsed) throw CallFailed{usage, fmt::format("{}: {}", file, parsed.error().what), nullptr};
  if (!parsed->is_object()) throw CallFailed{usage, file + " takes a JSON object", nullptr};
  return std::move(parsed->as_object());
}

void read_request(const json::object& request, model::Faults& faults, Given& into) {
  constexpr model::Members::TextLimits any{.min = 0, .max = 64UL << 20};
  model::Members members(request, faults, "/request");
  into.method = members.text("method", {.min = 1, .max = 16}).value_or("POST");
  into.url = members.text("url", any).value_or("");
  const auto packed = members.text("body_base64", any);
  if (const auto* plain = members.find("body"); plain != nullptr && packed)
    members.add("body", "not_allowed", "takes either body or body_base64");
  else if (plain != nullptr && !plain->is_string())
    members.add("body", "type", "takes text");
  else if (plain != nullptr)
    into.body = plain->get_string();
  if (packed) {
    if (auto bytes = from_base64(*packed))
      into.body = *std::move(bytes);
    else
      members.add("body_base64", "format", "is not base64");
  }
  const auto add = [&](std::string_view name, const json::value& value) {
    if (const auto* text = value.if_string())
      into.headers.emplace_back(name, *text);
    else
      members.add("headers", "type", "takes texts, or lists of texts");
  };
  if (const auto* headers = members.object("headers"))
    for (const auto& [name, value] : *headers) {
      if (const auto* list = value.if_array())
        for (const auto& one : *list) add(name, one);
      else
        add(name, value);
    }
  members.refuse_unknown();
}

Instant moment_of(const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return {seconds * 1000};
  if (const auto parsed = parse_rfc3339(text)) return *parsed;
  throw CallFailed{usage, "--at takes unix seconds or RFC 3339, such as 2026-11-21T06:34:31Z",
                   nullptr};
}

void apply_flags(const ProviderCheck& options, Given& given) {
  if (options.method != "POST") given.method = options.method;
  if (!options.url.empty()) given.url = options.url;
  if (!options.body.empty()) given.body = text_argument(options.body);
  for (const auto& line : options.headers) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) throw CallFailed{usage, "--header takes NAME: VALUE", nullptr};
    given.headers.emplace_back(trim(std::string_view(line).substr(0, colon)),
                               trim(std::string_view(line).substr(colon + 1)));
  }
  if (!options.at.empty()) given.now = moment_of(options.at);
}

Given read_given(const ProviderCheck& options) {
  const auto file = read_case(options.case_file);
  Given given;
  given.now = Instant{
      std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
  model::Faults faults;
  model::Members members(file, faults);
  const auto named = members.text("provider", {.min = 1, .max = 64});
  if (const auto now = members.number("now", 0, 1e12))
    given.now = Instant{static_cast<std::int64_t>(*now * 1000)};
  if (const auto* request = members.object("request")) read_request(*request, faults, given);
  json::object config;
  if (const auto* secret = members.object("secret")) config = *secret;
  if (!faults.empty()) {
    std::string lines;
    for (const auto& fault : faults.all())
      lines += fmt::format("\n  {} {}", fault.pointer, printable(fault.detail));
    throw CallFailed{usage, fmt::format("{} cannot be used:{}", options.case_file, lines), nullptr};
  }
  given.provider =
      &provider_named(!options.provider.empty() ? options.provider : named.value_or(""));
  for (auto& [name, value] : read_config(options.config, given.provider->fields))
    config[name] = value;
  // A certificate that a provider is fetched from elsewhere can be given by hand here.
  given.settings = read_settings(config, *given.provider, true);
  apply_flags(options, given);
  if (given.method.empty()) given.method = "POST";
  if (given.url.empty() && given.provider->signs_url)
    throw CallFailed{usage,
                     fmt::format("{} signs the URL too: give --url as it was called, such as "
                                 "https://hooks.example.com/in/…",
                                 given.provider->title),
                     nullptr};
  return given;
}

json::array events_of(const providers::Provider& provider, const providers::Parsed& parsed) {
  json::array events;
  for (const auto& event : parsed.events)
    events.push_back({{"type", providers::event_name(provider, event)},
                      {"kind", event.type},
                      {"idempotency_key", event.idempotency_key.empty()
                                              ? json::value(parsed.idempotency_key.value_or(""))
                                              : json::value(event.idempotency_key)}});
  return events;
}

void print_for_people(const json::object& result) {
  const auto text = [](const json::value& value) {
    return printable(std::string_view(value.get_string()));
  };
  for (const auto& step : result.at("steps").as_array())
    fmt::print("{:<4} {}{}{}\n", step.at("passed") == true ? "ok" : "FAIL", text(step.at("what")),
               step.at("detail").as_string().empty() ? "" : ": ", text(step.at("detail")));
  fmt::print("{}\n", result.at("verified") == true ? "verified" : "NOT VERIFIED");
  if (const auto reason = text(result.at("reason")); !reason.empty()) fmt::print("  {}\n", reason);
  for (const auto& mistake : result.at("likely_mistakes").as_array())
    fmt::print("probably ({}): {}\n", text(mistake.at("code")), text(mistake.at("sentence")));
  for (const auto& event : result.at("events").as_array())
    fmt::print("says {} ({}), key {}\n", text(event.at("type")), text(event.at("kind")),
               text(event.at("idempotency_key")));
  if (const auto problem = text(result.at("unusable_because")); !problem.empty())
    fmt::print("but nothing can be made of it: {}\n", problem);
}

}  // namespace

bool is_provider_case(const std::string& case_file) {
  // Standard input can be read once only.
  return !case_file.empty() && case_file != "-" && read_case(case_file).contains("provider");
}

int check_provider_request(const Context& context, const ProviderCheck& options) {
  const auto given = read_given(options);
  const auto& provider = *given.provider;
  std::vector<std::pair<std::string_view, std::string_view>> views(given.headers.begin(),
                                                                   given.headers.end());
  const providers::Incoming incoming{
      .method = given.method, .url = given.url, .headers = views, .body = given.body};
  const auto verification = provider.verify(given.settings, incoming, given.now);
  json::object result{{"provider", provider.name},
                      {"verified", verification.verified},
                      {"reason", verification.reason},
                      {"steps", json::array{}},
                      {"likely_mistakes", json::array{}},
                      {"events", json::array{}},
                      {"unusable_because", ""}};
  for (const auto& step : verification.steps)
    result["steps"].as_array().push_back(
        {{"what", step.what}, {"passed", step.passed}, {"detail", step.detail}});
  if (verification.verified) {
    const auto parsed = provider.parse(given.settings, incoming);
    result["events"] = events_of(provider, parsed);
    std::string problem = parsed.unreadable;
    for (const auto& fault : parsed.faults)
      problem += fmt::format("{}{} {}", problem.empty() ? "" : "; ", fault.pointer, fault.detail);
    result["unusable_because"] = problem;
  } else {
    for (const auto& mistake : providers::diagnose(provider, given.settings, incoming, given.now))
      result["likely_mistakes"].as_array().push_back(
          {{"code", mistake.code}, {"sentence", mistake.sentence}});
  }
  if (context.output.as_json)
    fmt::print("{}\n", json::serialize(result));
  else
    print_for_people(result);
  return verification.verified ? done : bad_signature;
}

}  // namespace posthorn::cli
