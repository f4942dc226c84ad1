#include "egress/check_cases.h"

#include <boost/json/parse.hpp>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "egress/policy.h"
#include "text/json.h"

namespace posthorn::egress {
namespace {

namespace json = text::json;

/// A member that must be text.
Result<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_string())
    return fail(Errc::invalid, "\"" + std::string(name) + "\" must be text");
  return std::string(value->get_string());
}

/// A member that is a list of text; absent and null are an empty list.
Result<std::vector<std::string>> list_of(const json::object& object, std::string_view name) {
  std::vector<std::string> list;
  const json::value* const value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return list;
  if (!value->is_array())
    return fail(Errc::invalid, "\"" + std::string(name) + "\" must be a list of text");
  for (const json::value& item : value->get_array()) {
    if (!item.is_string())
      return fail(Errc::invalid, "\"" + std::string(name) + "\" must be a list of text");
    list.emplace_back(item.get_string());
  }
  return list;
}

/// Why the policy refuses; empty when it does not.
using Verdict = std::string;

Result<Verdict> judge_sns(const json::object& one) {
  PH_TRY(const std::string url, text_of(one, "url"));
  PH_TRY(const std::string kind, text_of(one, "kind"));
  PH_TRY(const std::vector<std::string> topics, list_of(one, "allowed_topics"));
  if (kind != "cert" && kind != "subscribe")
    return fail(Errc::invalid, "\"kind\" must be cert or subscribe; got \"" + kind + "\"");
  const auto checked =
      check_sns_url(kind == "cert" ? SnsUrl::cert : SnsUrl::subscribe, url, topics);
  return checked ? Verdict{} : checked.error().what;
}

Result<Verdict> judge_endpoint(const json::object& one) {
  static const Policy policy;
  PH_TRY(const std::string url, text_of(one, "url"));
  PH_TRY(const std::string stage, text_of(one, "stage"));
  PH_TRY(const std::vector<std::string> resolves_to, list_of(one, "resolves_to"));
  if (stage != "register" && stage != "connect")
    return fail(Errc::invalid, "\"stage\" must be register or connect; got \"" + stage + "\"");
  const auto checked = policy.check_url(url);
  if (!checked) return checked.error().what;
  if (stage == "register") return Verdict{};
  std::vector<Address> answer;
  for (const std::string& item : resolves_to) {
    const auto address = parse_address(item);
    if (!address) return Verdict{"the resolver's answer is no address: " + printable(item)};
    answer.push_back(*address);
  }
  if (const auto vetted = policy.check_answer(*checked, answer); !vetted)
    return vetted.error().what;
  if (const auto* target = one.if_contains("redirects_to"); target != nullptr && !target->is_null())
    return Verdict{"the reply redirects, and a redirect is never followed: the 3xx is a failure"};
  return Verdict{};
}

}  // namespace

Result<> check_cases(std::istream& cases, bool sns, std::ostream& out) {
  const std::string source{std::istreambuf_iterator<char>(cases), {}};
  // Not text::parse_json: among the cases are URLs with a NUL.
  boost::system::error_code failure;
  const json::value parsed = json::parse(source, failure);
  if (failure) return fail(Errc::invalid, "the cases are not JSON: " + failure.message());
  if (!parsed.is_array()) return fail(Errc::invalid, "the cases must be a JSON array");
  std::string lines;
  std::size_t index = 0;
  for (const json::value& one : parsed.get_array()) {
    const std::string place = "case " + std::to_string(index);
    if (!one.is_object()) return fail(Errc::invalid, place + ": must be an object");
    auto judged = sns ? judge_sns(one.get_object()) : judge_endpoint(one.get_object());
    if (!judged) return fail(std::move(judged).error().within(place));
    lines += "{\"index\":" + std::to_string(index) + ",\"verdict\":\"" +
             (judged->empty() ? "accept" : "reject") + "\",\"why\":";
    text::append_json_string(lines, *judged);
    lines += "}\n";
    ++index;
  }
  out << lines;
  return {};
}

}  // namespace posthorn::egress
