#include "api/received_shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "ingest/source_index.h"
#include "model/document.h"
#include "model/names.h"
#include "text/json_payload.h"

namespace posthorn::api {

namespace {

constexpr std::size_t body_shown_max = 64U << 10;

/// Headers that carry the secret itself, not a signature made with it.
constexpr std::array<std::string_view, 8> secret_headers{
    "authorization", "proxy-authorization", "cookie",  "x-telegram-bot-api-secret-token",
    "x-api-key",     "x-auth-token",        "x-token", "x-webhook-token"};

/// Hides what a call carries of its source's own secrets: there are providers that send them along
/// instead of signing with them.
class Mask {
 public:
  Mask(const Context& context, SourceId source) : live_(context.ports.sources.by_id(source)) {
    if (!live_) return;
    for (const auto& field : live_->source.provider->fields) {
      using enum providers::FieldKind;
      if (field.kind == secret)
        for (const auto& value : live_->settings.all(field.name)) secrets_.push_back(value);
      if (field.kind == credentials)
        for (const auto& one : live_->settings.credentials(field.name))
          secrets_.push_back(one.password);
    }
    std::erase(secrets_, "");
  }

  [[nodiscard]] std::string header(std::string_view name, std::string_view value) const {
    const auto lower = to_lower_ascii(name);
    const bool hidden =
        std::ranges::find(secret_headers, std::string_view(lower)) != secret_headers.end() ||
        is_own_header(name) || std::ranges::any_of(secrets_, [value](const auto& secret) {
          return value.find(secret) != std::string_view::npos;
        });
    return hidden ? "***" : model::utf8_or_printable(value);
  }

  [[nodiscard]] std::string url(std::string_view url) const {
    const auto question = std::min(url.find('?'), url.size());
    std::string out(url.substr(0, question));
    for (auto begin = question; begin < url.size();) {
      const auto end = std::min(url.find('&', begin + 1), url.size());
      const auto part = url.substr(begin, end - begin);  // With the '?' or '&' before it.
      const auto equals = part.find('=');
      out += equals != std::string_view::npos &&
                     hides(part.substr(1, equals - 1), part.substr(equals + 1))
                 ? std::string(part.substr(0, equals + 1)) + "***"
                 : std::string(part);
      begin = end;
    }
    return out;
  }

 private:
  /// A source may keep its static secret under a header's name of its own.
  [[nodiscard]] bool is_own_header(std::string_view name) const {
    if (!live_) return false;
    const auto& provider = live_->source.provider->name;
    return (provider == "generic_token" || provider == "gupshup") &&
           equal_ignoring_case_ascii(live_->settings.text("header"), name);
  }
  [[nodiscard]] bool hides(std::string_view name, std::string_view value) const {
    if (live_ && !name.empty() && live_->settings.text("param") == name) return true;
    const auto decoded = percent_decode(value, true);
    return decoded && std::ranges::find(secrets_, *decoded) != secrets_.end();
  }

  ingest::LiveSourcePtr live_;
  std::vector<std::string> secrets_;
};

json::value verdict_shape(const model::ReceivedRequest& request) {
  if (request.verdict.empty()) return nullptr;
  auto parsed = text::parse_payload(request.verdict);
  return parsed ? *std::move(parsed) : json::value(nullptr);
}

/// ": its reason" of the verdict; empty when there is none.
std::string reason_of(const model::ReceivedRequest& request) {
  const auto verdict = verdict_shape(request);
  const auto* object = verdict.if_object();
  const auto* reason = object != nullptr ? object->if_contains("reason") : nullptr;
  if (reason == nullptr || !reason->is_string() || reason->get_string().empty()) return {};
  return ": " + std::string(reason->get_string());
}

}  // namespace

json::object request_shape(const Context& context, const model::ReceivedRequest& request) {
  json::array events;
  for (const auto id : request.events) events.push_back(json::value(id.text()));
  return {{"id", request.id.text()},
          {"object", "request"},
          {"source_id", request.source.text()},
          {"workspace_id", request.workspace.text()},
          {"received_at", to_rfc3339(request.received_at)},
          {"origin", model::name_of(model::request_origins, request.origin)},
          {"method", request.method},
          {"url", Mask(context, request.source).url(request.url)},
          {"remote_address", model::text_or_null(request.remote_address)},
          {"body_bytes", request.body_bytes},
          {"reply_status", request.reply_status},
          {"state", model::name_of(model::request_states, request.state)},
          {"attempts", request.attempts},
          {"next_attempt_at", request.state == model::RequestState::received
                                  ? json::value(to_rfc3339(request.due_at))
                                  : json::value(nullptr)},
          {"duplicate_of", model::id_or_null(request.duplicate_of)},
          {"error", model::text_or_null(request.error)},
          {"events", std::move(events)},
          {"events_new", request.events_new},
          {"processed_at", request.processed_at == Instant{0}
                               ? json::value(nullptr)
                               : json::value(to_rfc3339(request.processed_at))}};
}

json::object request_detail(const Context& context, const model::ReceivedRequest& request) {
  auto shown = request_shape(context, request);
  const Mask mask(context, request.source);
  json::array headers;
  for (const auto& [name, value] : request.headers)
    headers.push_back(json::array{model::utf8_or_printable(name), mask.header(name, value)});
  shown["headers"] = std::move(headers);
  shown["body"] = nullptr;
  shown["body_base64"] = nullptr;
  shown["body_truncated"] = false;
  if (request.body) {
    const auto part = std::string_view(*request.body).substr(0, body_shown_max);
    shown["body_truncated"] = static_cast<std::int64_t>(part.size()) < request.body_bytes;
    // Text that is cut inside a character is shown as bytes.
    if (is_utf8(part))
      shown["body"] = part;
    else
      shown["body_base64"] = to_base64(part);
  }
  shown["verdict"] = verdict_shape(request);
  shown["state_in_words"] = in_words(context, request);
  return shown;
}

task<std::expected<model::ReceivedRequest, Problem>> own_request(Context& context,
                                                                 const Call& call) {
  const auto id = call.id<RequestId>();
  if (!id) co_return std::unexpected(not_found("request"));
  auto found = co_await context.ports.store.request(*id);
  if (!found) co_return std::unexpected(problem_of(found.error()));
  if (!*found || (*found)->workspace != call.workspace())
    co_return std::unexpected(not_found("request"));
  co_return **std::move(found);
}

std::string in_words(const Context& context, const model::ReceivedRequest& request) {
  using model::RequestState;
  const auto live = context.ports.sources.by_id(request.source);
  switch (request.state) {
    case RequestState::received:
      if (live && live->source.paused) return "waits: its source is paused";
      return request.attempts == 0
                 ? "waits for the worker"
                 : fmt::format("failed {} times and is tried again at {}: {}", request.attempts,
                               to_rfc3339(request.due_at), request.error);
    case RequestState::processed:
      if (request.events.empty()) return "was worked on; it says nothing that makes an event";
      return request.events_new == static_cast<int>(request.events.size())
                 ? fmt::format("made {} event{}", request.events_new,
                               request.events_new == 1 ? "" : "s")
                 : fmt::format("made {} of its {} events; the others were there already",
                               request.events_new, request.events.size());
    case RequestState::duplicate:
      return fmt::format("says what {} said; nothing was done again", request.duplicate_of.text());
    case RequestState::refused:
      return "was refused" + reason_of(request);
    case RequestState::unparsed:
      return "verifies, but cannot be read" + reason_of(request);
    case RequestState::invalid:
      return "verifies, but fields that are relied on are missing or wrong";
    case RequestState::parked:
      return fmt::format("was given up after {} failures: {}", request.attempts, request.error);
    case RequestState::answered:
      return "was a handshake and was answered";
  }
  return "";
}

}  // namespace posthorn::api
