#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "egress/policy.h"
#include "egress/refused.h"

namespace posthorn::egress {
namespace {

bool consists_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

constexpr std::string_view letters_and_digits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view small_letters = "abcdefghijklmnopqrstuvwxyz";

/// eu-west-1, us-gov-west-1: an area, perhaps gov, a direction of a closed list, a number. The list
/// keeps out what a bucket's host could look like (s3-us-west-2).
bool is_region(std::string_view text) {
  static constexpr std::array<std::string_view, 9> directions{
      "central",   "north",     "south",     "east",     "west",
      "northeast", "northwest", "southeast", "southwest"};
  const std::size_t area_end = text.find('-');
  if (area_end != 2 || !consists_of(text.substr(0, 2), small_letters)) return false;
  text.remove_prefix(3);
  if (text.starts_with("gov-")) text.remove_prefix(4);
  const std::size_t direction_end = text.find('-');
  if (direction_end == std::string_view::npos) return false;
  const std::string_view number = text.substr(direction_end + 1);
  return std::ranges::find(directions, text.substr(0, direction_end)) != directions.end() &&
         consists_of(number, "0123456789") && number.size() <= 2 && number.front() != '0';
}

bool is_sns_host(std::string_view host) {
  constexpr std::string_view prefix = "sns.";
  constexpr std::string_view china = ".amazonaws.com.cn";
  constexpr std::string_view world = ".amazonaws.com";
  if (!host.starts_with(prefix)) return false;
  host.remove_prefix(prefix.size());
  const bool in_china = host.ends_with(china);
  if (!in_china && !host.ends_with(world)) return false;
  const std::string_view region = host.substr(0, host.size() - (in_china ? china : world).size());
  return is_region(region) && region.starts_with("cn-") == in_china;
}

bool is_certificate_path(std::string_view target) {
  constexpr std::string_view prefix = "/SimpleNotificationService-";
  constexpr std::string_view suffix = ".pem";
  if (!target.starts_with(prefix) || !target.ends_with(suffix)) return false;
  target.remove_prefix(prefix.size());
  return target.size() > suffix.size() &&
         consists_of(target.substr(0, target.size() - suffix.size()), letters_and_digits);
}

/// parse_url has checked that two hexadecimal digits follow each %.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    out += *from_hex(text.substr(i + 1, 2));
    i += 2;
  }
  return out;
}

/// Action=ConfirmSubscription, TopicArn and Token, each once and nothing else.
Result<> check_confirmation(std::string_view target, std::span<const std::string> allowed_topics) {
  if (!target.starts_with("/?")) return refused("an SNS SubscribeURL has the path / and a query");
  std::optional<std::string> action;
  std::optional<std::string> topic;
  std::optional<std::string> token;
  std::string_view rest = target.substr(2);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    auto* const value = name == "Action"     ? &action
                        : name == "TopicArn" ? &topic
                        : name == "Token"    ? &token
                                             : nullptr;
    if (value == nullptr || *value)
      return refused(
          "an SNS SubscribeURL has the parameters Action, TopicArn and Token, each once; "
          "got \"" +
          printable(name) + "\"" + (value == nullptr ? "" : " again"));
    *value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
  }
  if (!action || *action != "ConfirmSubscription")
    return refused("an SNS SubscribeURL has Action=ConfirmSubscription");
  if (!token || token->empty()) return refused("an SNS SubscribeURL has a Token");
  if (!topic) return refused("an SNS SubscribeURL has a TopicArn");
  if (std::ranges::find(allowed_topics, *topic) == allowed_topics.end())
    return refused("the topic \"" + printable(*topic) + "\" is not one that this source allows");
  return {};
}

}  // namespace

Result<text::Url> check_sns_url(SnsUrl kind, std::string_view given,
                                std::span<const std::string> allowed_topics) {
  PH_TRY(text::Url url, text::parse_url(given));
  if (!is_sns_host(url.host) || given != "https://" + url.host + url.target)
    return refused(
        "an address that SNS names begins with https://sns.REGION.amazonaws.com/ (.cn in "
        "China), without a port; got \"" +
        printable(given.substr(0, 100)) + "\"");
  if (kind == SnsUrl::subscribe) {
    if (auto checked = check_confirmation(url.target, allowed_topics); !checked)
      return fail(std::move(checked).error());
  } else if (!is_certificate_path(url.target)) {
    return refused("an SNS certificate is at /SimpleNotificationService-ID.pem; got \"" +
                   printable(url.target.substr(0, 100)) + "\"");
  }
  return url;
}

}  // namespace posthorn::egress
