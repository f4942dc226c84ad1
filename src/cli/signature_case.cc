#include "cli/signature_case.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "text/json.h"

namespace posthorn::cli {

namespace {

/// Takes what is there and keeps every fault.
class CaseReader {
 public:
  std::optional<std::string> text(const json::object& from, std::string_view name,
                                  std::string_view parent) {
    const auto* value = from.if_contains(name);
    if (value == nullptr) return {};
    if (const auto* found = value->if_string()) return std::string(*found);
    fault(fmt::format("{}/{}", parent, name), "takes text");
    return {};
  }

  void only(const json::object& from, std::string_view parent,
            std::initializer_list<std::string_view> known) {
    for (const auto& member : from) {
      if (std::ranges::find(known, std::string_view(member.key())) != known.end()) continue;
      fault(fmt::format("{}/{}", parent, text::pointer_token(member.key())),
            fmt::format("is not known here; known are {}", fmt::join(known, ", ")));
    }
  }

  void fault(std::string_view pointer, std::string_view what) {
    faults_ += fmt::format("\n  {} {}", printable(pointer), printable(what));
  }

  void finish(const std::string& file) const {
    if (!faults_.empty())
      throw CallFailed{usage, fmt::format("{} cannot be used:{}", file, faults_), nullptr};
  }

 private:
  std::string faults_;
};

void read_headers(CaseReader& reader, const json::object& request, SignatureCase& into) {
  const auto* value = request.if_contains("headers");
  if (value == nullptr) return;
  const auto* headers = value->if_object();
  if (headers == nullptr) return reader.fault("/request/headers", "takes an object");
  for (const auto& [name, given] : *headers) {
    const auto pointer = "/request/headers/" + text::pointer_token(name);
    const auto add = [&](const json::value& one) {
      if (const auto* found = one.if_string())
        into.headers.push_back(fmt::format("{}: {}", std::string_view(name), std::string(*found)));
      else
        reader.fault(pointer, "takes text, or a list of texts");
    };
    if (const auto* list = given.if_array())
      for (const auto& one : *list) add(one);
    else
      add(given);
  }
}

void read_request(CaseReader& reader, const json::object& request, SignatureCase& into) {
  reader.only(request, "/request", {"method", "url", "headers", "body", "body_base64"});
  reader.text(request, "method", "/request");
  reader.text(request, "url", "/request");
  read_headers(reader, request, into);
  const auto plain = reader.text(request, "body", "/request");
  const auto packed = reader.text(request, "body_base64", "/request");
  if (request.contains("body") == request.contains("body_base64"))
    return reader.fault("/request", "takes either body or body_base64");
  if (plain) into.body = *plain;
  if (!packed) return;
  if (auto bytes = from_base64(*packed))
    into.body = *std::move(bytes);
  else
    reader.fault("/request/body_base64", "is not base64");
}

}  // namespace

SignatureCase read_signature_case(const std::string& file) {
  const auto parsed = text::parse_json(text_argument(file == "-" ? file : "@" + file));
  if (!parsed) throw CallFailed{usage, fmt::format("{}: {}", file, parsed.error().what), nullptr};
  CaseReader reader;
  SignatureCase found;
  const auto* given = parsed->if_object();
  if (given == nullptr) {
    reader.fault("/", "takes an object");
  } else if (given->contains("provider")) {
    reader.fault("/provider", "is for a provider's request: say --provider NAME too");
  } else {
    reader.only(*given, "", {"name", "secret", "request", "now", "id", "public_key"});
    found.secret = reader.text(*given, "secret", "");
    found.id = reader.text(*given, "id", "");
    found.public_key = reader.text(*given, "public_key", "");
    if (const auto* now = given->if_contains("now")) {
      if (now->is_int64())
        found.at = std::to_string(now->get_int64());
      else
        reader.fault("/now", "takes whole unix seconds");
    }
    const auto* request = given->if_contains("request");
    if (request != nullptr && request->is_object())
      read_request(reader, request->get_object(), found);
    else
      reader.fault("/request", "takes an object with headers and body or body_base64");
  }
  reader.finish(file);
  return found;
}

}  // namespace posthorn::cli
