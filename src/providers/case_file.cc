#include "providers/case_file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/bytes.h"
#include "model/members.h"
#include "providers/provider.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

/// A case's request with the bytes that Incoming looks into.
struct CaseRequest {
  std::string method, url, body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string_view, std::string_view>> views;

  [[nodiscard]] Incoming incoming() {
    views.assign(headers.begin(), headers.end());
    return {.method = method, .url = url, .headers = views, .body = body};
  }
};

Result<CaseRequest> read_request(const json::object& given) {
  model::Faults faults;
  model::Members members(given, faults, "/request");
  CaseRequest request;
  constexpr model::Members::TextLimits any{.min = 0, .max = 64UL << 20};
  for (const auto name : {"method", "url", "body_base64", "headers"}) members.require(name);
  request.method = members.text("method", any).value_or("POST");
  request.url = members.text("url", any).value_or("");
  if (auto body = from_base64(members.text("body_base64", any).value_or("")))
    request.body = *std::move(body);
  else
    members.add("body_base64", "format", "is not base64");
  if (const auto* headers = members.object("headers")) {
    for (const auto& header : *headers) {
      json::array values;
      if (header.value().is_array())
        values = header.value().get_array();
      else
        values.push_back(header.value());
      for (const auto& value : values) {
        if (!value.is_string()) {
          faults.add("/request/headers", "type", "takes texts or lists of texts");
          continue;
        }
        request.headers.emplace_back(header.key(), trim(std::string_view(value.get_string())));
      }
    }
  }
  if (auto read = faults.result(); !read) return fail(std::move(read).error());
  return request;
}

json::object shown(const Reply& reply) {
  return {{"status", reply.status}, {"content_type", reply.content_type}, {"body", reply.body}};
}

json::object shown(const NormalisedEvent& event) {
  json::object out{{"type", event.type}};
  out["provider_event"] =
      event.provider_event.empty() ? json::value(nullptr) : json::value(event.provider_event);
  if (!event.idempotency_key.empty()) out["idempotency_key"] = event.idempotency_key;
  for (const auto& field : event.fields) out[field.key()] = field.value();
  return out;
}

json::object shown(const Action& action) {
  return {{action.type, action.url.empty() ? action.topic : action.url}};
}

json::object refused(std::string_view reason, const std::optional<Reply>& reply) {
  json::object line{{"verified", false}, {"reason", reason}, {"idempotency_key", nullptr}};
  line["events"] = json::array();
  line["response"] = shown(reply.value_or(Reply{.status = 401}));
  return line;
}

json::object judged(const Provider& provider, const Settings& settings, const Incoming& request,
                    Instant now) {
  const auto verification = provider.verify(settings, request, now);
  if (!verification.verified) return refused(verification.reason, verification.refusal);
  json::object line{{"verified", true}, {"reason", nullptr}, {"idempotency_key", nullptr}};
  line["events"] = json::array();
  if (provider.challenge != nullptr) {
    if (const auto answer = provider.challenge(settings, request)) {
      line["response"] = shown(*answer);
      return line;
    }
  }
  const Parsed parsed = provider.parse(settings, request);
  if (parsed.idempotency_key) line["idempotency_key"] = *parsed.idempotency_key;
  for (const auto& event : parsed.events) line["events"].get_array().push_back(shown(event));
  line["response"] = shown(provider.reply != nullptr ? provider.reply(settings, request) : Reply{});
  if (parsed.action) line["action"] = shown(*parsed.action);
  if (!parsed.unreadable.empty()) {
    line["parse_error"] = true;
    line["parse_error_detail"] = parsed.unreadable;
  }
  if (!parsed.faults.empty()) {
    json::array faults;
    for (const auto& fault : parsed.faults)
      faults.push_back({{"pointer", fault.pointer}, {"detail", fault.detail}});
    line["faults"] = std::move(faults);
  }
  return line;
}

}  // namespace

Result<json::object> play_case(const json::object& given) {
  model::Faults faults;
  model::Members members(given, faults);
  members.require("provider");
  members.require("request");
  members.require("now");
  const auto name = members.text("provider", {.min = 1, .max = 100}).value_or("");
  const auto now = members.number("now", 0, 1e12).value_or(0);
  const auto* sent = members.object("request");
  const auto* config = members.object("secret");
  if (auto read = faults.result(); !read) return fail(std::move(read).error());
  const Provider* provider = find_provider(name);
  if (provider == nullptr) return fail(Errc::invalid, "no provider is called \"" + name + "\"");
  PH_TRY(auto request, read_request(*sent));
  model::Faults wrong;
  const auto settings =
      read_settings(*provider, config ? *config : json::object(), wrong, "/secret", true);
  if (!wrong.empty()) return refused("the settings are wrong: " + wrong.summary(), {});
  return judged(*provider, settings, request.incoming(),
                Instant{static_cast<std::int64_t>(now * 1000)});
}

namespace {

Result<json::object> play_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) return fail(Errc::io, "it cannot be read");
  PH_TRY(const auto parsed, text::parse_payload(bytes));
  if (!parsed.is_object()) return fail(Errc::invalid, "it is not a JSON object");
  return play_case(parsed.get_object());
}

}  // namespace

Result<> check_cases(const std::filesystem::path& folder, std::ostream& out) {
  std::error_code failed;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::recursive_directory_iterator each(folder, failed), end;
       !failed && each != end; each.increment(failed))
    if (each->is_regular_file() && each->path().extension() == ".json")
      files.push_back(each->path());
  if (failed)
    return fail(Errc::invalid, folder.string() + " cannot be listed: " + failed.message());
  if (files.empty()) return fail(Errc::invalid, folder.string() + " holds no case (*.json)");
  std::ranges::sort(files);
  for (const auto& path : files) {
    auto line = play_file(path);
    if (!line) return fail(std::move(line).error().within(path.string()));
    json::object named{
        {"case", path.parent_path().filename().string() + "/" + path.stem().string()}};
    for (auto& member : *line) named[member.key()] = std::move(member.value());
    out << text::json_text(named) << '\n';
  }
  return {};
}

}  // namespace posthorn::providers
