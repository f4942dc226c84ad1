#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "inspect/bin.h"
#include "model/members.h"
#include "text/headers.h"
#include "text/json.h"

namespace posthorn::inspect {

namespace {

std::string place_of(WorkspaceId workspace, std::string_view slug) {
  return fmt::format("bin:{}:{}:verify_secret", workspace.value, slug);
}

json::object to_json(const Reply& reply) {
  json::object headers;
  for (const auto& header : reply.headers) headers[header.name] = header.value;
  return {{"status", reply.status},
          {"headers", std::move(headers)},
          {"body", reply.body},
          {"delay_ms", reply.delay.count()}};
}

/// Headers that would break the framing of the answer, or that the server writes itself.
bool is_refused(std::string_view name) {
  const auto lower = to_lower_ascii(name);
  for (const std::string_view refused :
       {"content-length", "transfer-encoding", "connection", "keep-alive", "trailer", "upgrade",
        "te", "date", "set-cookie"})
    if (lower == refused) return true;
  return false;
}

void read_headers(model::Members& members, Reply& reply, model::Faults& faults) {
  const json::object* given = members.object("headers");
  if (given == nullptr) return;
  if (given->size() > 20) members.add("headers", "too_many", "takes at most 20 headers");
  reply.headers.clear();
  for (const auto& [name, value] : *given) {
    const auto pointer = members.pointer("headers") + "/" + text::pointer_token(name);
    if (!text::is_token(name) || is_refused(name)) {
      faults.add(pointer, "not_allowed", "is not the name of a header that a bin may answer with");
    } else if (!value.is_string() || !text::is_field_value(value.get_string()) ||
               value.get_string().size() > 1024) {
      faults.add(pointer, "format", "takes text of at most 1024 bytes without control characters");
    } else {
      reply.headers.push_back({std::string(name), std::string(value.get_string())});
    }
  }
}

Reply read_reply(const json::object& input, model::Faults& faults, const std::string& pointer) {
  Reply reply;
  model::Members members(input, faults, pointer);
  if (const auto status = members.integer("status", 200, 599))
    reply.status = static_cast<int>(*status);
  read_headers(members, reply, faults);
  if (auto body = members.text("body", {.min = 0, .max = reply_body_bytes_max}))
    reply.body = *std::move(body);
  if (const auto delay = members.integer("delay_ms", 0, reply_delay_max.count()))
    reply.delay = Millis{*delay};
  members.refuse_unknown();
  return reply;
}

void read_replies(model::Members& members, Bin& bin, model::Faults& faults) {
  const json::object* one = members.object("response");
  const json::array* several = members.array("responses");
  if (one != nullptr && several != nullptr)
    return members.add("response", "not_allowed", "is not taken beside responses");
  if (one != nullptr) bin.replies = {read_reply(*one, faults, "/response")};
  if (several == nullptr) return;
  if (several->empty() || several->size() > replies_max)
    return members.add("responses", "out_of_range", "takes 1 to 20 answers");
  bin.replies.clear();
  for (std::size_t i = 0; i < several->size(); ++i) {
    const json::object* entry = (*several)[i].if_object();
    if (entry == nullptr)
      faults.add(fmt::format("/responses/{}", i), "type", "takes an object");
    else
      bin.replies.push_back(read_reply(*entry, faults, fmt::format("/responses/{}", i)));
  }
}

void read_secret(model::Members& members, Bin& bin) {
  const json::value* given = members.find("verify_secret");
  if (given == nullptr) return;
  if (given->is_null()) {
    bin.verify_secret = Secret();
  } else if (!given->is_string() || given->get_string().empty() ||
             given->get_string().size() > 256) {
    members.add("verify_secret", "type", "takes text of 1 to 256 bytes, or null");
  } else {
    bin.verify_secret = Secret(std::string(given->get_string()));
  }
}

}  // namespace

Bin read_bin(const json::object& input, model::Faults& faults, Bin base) {
  model::Members members(input, faults);
  if (auto name = members.text("name", {.min = 0, .max = 128})) base.name = *std::move(name);
  read_replies(members, base, faults);
  read_secret(members, base);
  members.refuse_unknown();
  return base;
}

model::Object to_object(const Bin& bin, const crypto::Vault& vault) {
  json::object document{{"name", bin.name}, {"created_ms", bin.created_at.unix_ms}};
  auto& replies = document["responses"].emplace_array();
  for (const auto& reply : bin.replies) replies.push_back(to_json(reply));
  if (!bin.verify_secret.empty())
    document["verify_secret"] =
        vault.seal(bin.verify_secret.reveal(), place_of(bin.workspace, bin.slug));
  model::Object object;
  object.kind = model::ObjectKind::bin;
  object.id = bin.id.value;
  object.workspace = bin.workspace;
  object.name = bin.slug;
  object.document = json::serialize(document);
  return object;
}

Result<Bin> bin_from(const model::Object& object, const crypto::Vault& vault) {
  const auto broken = [&object](std::string_view what) {
    return fail(Errc::corrupt, fmt::format("bin {}: {}", object.id, what));
  };
  PH_TRY(auto parsed, text::parse_json(object.document));
  json::object* document = parsed.if_object();
  if (object.kind != model::ObjectKind::bin || document == nullptr)
    return broken("its document is not a bin's");
  Bin bin;
  bin.id = BinId{object.id};
  bin.workspace = object.workspace;
  bin.slug = object.name;
  bin.created_at = object.created_at;
  bin.updated_at = object.updated_at;
  bin.version = object.version;
  const json::value* sealed = document->if_contains("verify_secret");
  if (sealed != nullptr && sealed->is_string()) {
    PH_TRY(auto secret,
           vault.open(std::string_view(sealed->get_string()), place_of(bin.workspace, bin.slug)));
    bin.verify_secret = Secret(std::move(secret));
  }
  document->erase("verify_secret");
  document->erase("created_ms");
  model::Faults faults;
  bin = read_bin(*document, faults, std::move(bin));
  if (!faults.empty()) return broken(faults.summary());
  return bin;
}

json::object to_api(const Bin& bin, std::string_view public_url) {
  json::array replies;
  for (const auto& reply : bin.replies) replies.push_back(to_json(reply));
  return {{"id", bin.id.text()},
          {"object", "bin"},
          {"name", bin.name},
          {"url", fmt::format("{}/b/{}", public_url, bin.slug)},
          {"endpoint_url", "bin://" + bin.id.text()},
          {"responses", std::move(replies)},
          {"verifies", !bin.verify_secret.empty()},
          {"created_at", to_rfc3339(bin.created_at)},
          {"updated_at", to_rfc3339(bin.updated_at)}};
}

}  // namespace posthorn::inspect
