#include "api/idempotency.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "text/json.h"

namespace posthorn::api {

namespace {

constexpr std::string_view header_name = "Idempotency-Key";

Problem bad_key(std::string_view code, std::string_view detail) {
  return {400,
          "invalid_idempotency_key",
          fmt::format("{} {}", header_name, detail),
          {{std::string(header_name), std::string(code), std::string(detail)}},
          {}};
}

/// The key itself, without the quotes that the header's draft asks for.
std::optional<std::string_view> key_text(std::string_view value) {
  value = trim(value);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  const bool visible = std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7F; });
  if (value.empty() || value.size() > 255 || !visible) return std::nullopt;
  return value;
}

std::string place_of(std::string_view name) { return fmt::format("idempotent_reply:{}", name); }

json::object reply_shape(const http::Response& reply) {
  json::array headers;
  for (const auto& [name, value] : reply.headers) headers.push_back(json::array{name, value});
  return {{"status", reply.status},
          {"content_type", reply.content_type},
          {"headers", std::move(headers)},
          {"body", reply.body}};
}

Result<http::Response> reply_from(std::string_view text) {
  PH_TRY(const auto parsed, text::parse_json(text));
  http::Response reply;
  try {
    const auto& shape = parsed.as_object();
    reply.status = static_cast<int>(shape.at("status").as_int64());
    reply.content_type = std::string(shape.at("content_type").as_string());
    for (const auto& pair : shape.at("headers").as_array())
      reply.headers.emplace_back(std::string(pair.at(0).as_string()),
                                 std::string(pair.at(1).as_string()));
    reply.body = std::string(shape.at("body").as_string());
  } catch (const std::exception& broken) {
    return fail(Errc::corrupt, fmt::format("a kept reply: {}", broken.what()));
  }
  return reply;
}

struct Kept {
  std::string fingerprint;
  std::optional<std::string> sealed;
};

Result<Kept> kept_from(const model::Object& object) {
  PH_TRY(const auto parsed, text::parse_json(object.document));
  const auto* document = parsed.if_object();
  const auto* fingerprint = document == nullptr ? nullptr : document->if_contains("fingerprint");
  if (fingerprint == nullptr || !fingerprint->is_string())
    return fail(Errc::corrupt, fmt::format("kept reply {}: not one's document", object.id));
  Kept kept{std::string(fingerprint->get_string()), std::nullopt};
  if (const auto* sealed = document->if_contains("reply"); sealed != nullptr && sealed->is_string())
    kept.sealed = std::string(sealed->get_string());
  return kept;
}

}  // namespace

InFlightKeys::Hold InFlightKeys::hold(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!names_.insert(name).second) return {};
  return {*this, name};
}

InFlightKeys::Hold& InFlightKeys::Hold::operator=(Hold&& other) noexcept {
  std::swap(keys_, other.keys_);
  std::swap(name_, other.name_);
  return *this;
}

InFlightKeys::Hold::~Hold() {
  if (keys_ == nullptr) return;
  const std::lock_guard lock(keys_->mutex_);
  keys_->names_.erase(name_);
}

std::expected<std::optional<IdempotencyClaim>, Problem> claim_of(const Context& context,
                                                                 const Call& call) {
  const auto& head = call.request.head;
  const auto value = head.header(header_name);
  if (!value || head.method != "POST") return std::nullopt;
  if (head.header_count(header_name) > 1)
    return std::unexpected(bad_key("duplicate", "is given more than once"));
  const auto key = key_text(*value);
  if (!key)
    return std::unexpected(bad_key(
        "format", fmt::format("takes 1 to 255 visible ASCII characters, quoted or not; not {}",
                              model::shown(*value))));
  IdempotencyClaim claim;
  claim.name = context.ports.vault
                   .keyed_hash(fmt::format("idempotency\n{}\n{}\n{}", call.workspace().value,
                                           call.caller.actor(), *key))
                   .substr(0, 40);
  claim.fingerprint = to_hex(
      crypto::sha256(fmt::format("{}\n{}\n{}", head.method, head.target, call.request.body)));
  return claim;
}

task<std::optional<Answer>> kept_answer(Context& context, Call& call) {
  auto& claim = *call.idempotency;
  const auto found = co_await context.ports.store.object_by_name(
      model::ObjectKind::idempotent_reply, call.workspace(), claim.name);
  if (!found) co_return Answer(problem_of(found.error()));
  if (!*found) co_return std::nullopt;
  if ((*found)->expires_at && *(*found)->expires_at <= call.now) {
    claim.stale_id = (*found)->id;
    claim.stale_version = (*found)->version;
    co_return std::nullopt;
  }
  const auto kept = kept_from(**found);
  if (!kept) co_return Answer(problem_of(kept.error()));
  if (kept->fingerprint != claim.fingerprint)
    co_return Answer(Problem{422,
                             "idempotency_key_reused",
                             "this Idempotency-Key was used for another request less than 24 "
                             "hours ago; take a new key for a new request",
                             {},
                             {}});
  if (!kept->sealed)
    co_return Answer(conflict("idempotent_reply_lost",
                              "the first request with this Idempotency-Key was carried out, but "
                              "the server stopped before its answer was kept; look at the list "
                              "for what it made"));
  const auto plain = context.ports.vault.open(*kept->sealed, place_of(claim.name));
  if (!plain) co_return Answer(problem_of(plain.error()));
  auto reply = reply_from(*plain);
  if (!reply) co_return Answer(problem_of(reply.error()));
  reply->headers.emplace_back("Idempotency-Replayed", "true");
  co_return Answer(*std::move(reply));
}

store::ObjectWrite kept_reply(const Context& context, const Call& call,
                              const http::Response* reply) {
  const auto& claim = *call.idempotency;
  json::object document{{"fingerprint", claim.fingerprint}};
  if (reply != nullptr)
    document["reply"] =
        context.ports.vault.seal(json::serialize(reply_shape(*reply)), place_of(claim.name));
  store::ObjectWrite made;
  made.object.kind = model::ObjectKind::idempotent_reply;
  made.object.workspace = call.workspace();
  made.object.name = claim.name;
  made.object.expires_at = call.now + context.config.idempotency_kept;
  made.object.document = json::serialize(document);
  const auto replaced = claim.kept_id != 0 ? claim.kept_id : claim.stale_id;
  if (replaced != 0) {
    made.action = store::ObjectWrite::Action::replace;
    made.object.id = replaced;
    made.expected_version = claim.kept_id != 0 ? 0 : claim.stale_version;
  }
  return made;
}

task<Result<>> keep_reply(Context& context, Call& call, const http::Response& reply) {
  if (call.idempotency->reply_kept) co_return Result<>{};
  store::Batch batch;
  batch.objects.push_back(kept_reply(context, call, &reply));
  PH_CO_TRY(const auto applied, co_await context.ports.store.apply(std::move(batch)));
  call.idempotency->kept_id = applied.objects.back().id;
  call.idempotency->reply_kept = true;
  co_return Result<>{};
}

}  // namespace posthorn::api
