// GitHub: a hook's deliveries, newest first, with a cursor in the Link header; what was in one is
// asked for one by one. Kept for 3 days. A delivery's guid is X-GitHub-Delivery, also when it is
// redelivered.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "ingest/pollers/list.h"
#include "ingest/pollers/parts.h"
#include "text/form.h"

namespace posthorn::ingest::pollers {
namespace {

std::string repository_problem(std::string_view text) {
  const auto slash = text.find('/');
  const bool good = slash != text.npos && slash > 0 && slash + 1 < text.size() &&
                    text.find("..") == text.npos && is_made_of(text.substr(0, slash), "-_.") &&
                    is_made_of(text.substr(slash + 1), "-_.");
  return good ? std::string() : "takes owner/name";
}

std::string organization_problem(std::string_view text) {
  return is_made_of(text, "-_") ? std::string() : "takes the organisation's name in addresses";
}

std::string hook_problem(std::string_view text) {
  const bool good =
      text.size() <= 19 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return good ? std::string()
              : "takes the number at the end of the webhook's address in GitHub's settings";
}

std::string token_problem(std::string_view text) {
  return text.size() <= 512 && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; })
             ? std::string()
             : "takes a token such as github_pat_…";
}

constexpr std::array github_fields{
    Field{.name = "token",
          .kind = FieldKind::secret,
          .required = true,
          .help = "A fine-grained token that may read the webhooks of the repository or the "
                  "organisation.",
          .problem = token_problem},
    Field{.name = "repository",
          .kind = FieldKind::text,
          .help = "owner/name, for a repository's webhook.",
          .problem = repository_problem},
    Field{.name = "organization",
          .kind = FieldKind::text,
          .help = "The organisation, for a webhook of its own.",
          .problem = organization_problem},
    Field{.name = "hook_id",
          .kind = FieldKind::text,
          .required = true,
          .help = "The number at the end of the webhook's address in GitHub's settings.",
          .problem = hook_problem},
    Field{.name = "only_undelivered",
          .kind = FieldKind::boolean,
          .help = "Only deliveries that GitHub says failed.",
          .fallback = "true"},
};

void check(const Settings& settings, model::Faults& faults) {
  const bool repository = !settings.text("repository").empty();
  if (repository == !settings.text("organization").empty())
    faults.add("/repository", "required", "takes either a repository or an organization");
}

std::string base_url(const Settings&) { return "https://api.github.com"; }

std::string deliveries_path(const Settings& settings) {
  const auto& repository = settings.text("repository");
  return (repository.empty() ? "/orgs/" + settings.text("organization") : "/repos/" + repository) +
         "/hooks/" + settings.text("hook_id") + "/deliveries";
}

const json::object* first_waiting(const json::object& cursor) {
  const auto* waiting = array_in(page_of(cursor), "waiting");
  return waiting != nullptr && !waiting->empty() ? waiting->front().if_object() : nullptr;
}

Request request(const Situation& situation, const json::object& cursor) {
  std::string path = deliveries_path(situation.settings);
  if (const auto* delivery = first_waiting(cursor)) {
    path += "/" + id_in(*delivery, "id");
  } else {
    std::vector<text::FormField> query{{"per_page", std::to_string(situation.page_size)}};
    if (situation.settings.boolean("only_undelivered")) query.push_back({"status", "failure"});
    if (auto next = text_in(page_of(cursor), "next"); !next.empty())
      query.push_back({"cursor", std::move(next)});
    path += "?" + text::write_form(query);
  }
  return {.path = std::move(path),
          .headers = {{"Authorization", "Bearer " + situation.settings.text("token")},
                      {"Accept", "application/vnd.github+json"},
                      {"X-GitHub-Api-Version", "2022-11-28"},
                      {"User-Agent", "Posthorn"}},
          .body = {}};
}

/// The cursor of the page behind this one, out of `<…?cursor=x>; rel="next"`; empty: it is the
/// last.
std::string next_of(const Answer& answer) {
  std::string_view link = answer.header("Link");
  while (!link.empty()) {
    const auto one = link.substr(0, link.find(','));
    link.remove_prefix(std::min(link.size(), one.size() + 1));
    if (one.find("rel=\"next\"") == one.npos) continue;
    const auto query = one.find('?');
    const auto end = one.find('>');
    if (query == one.npos || end == one.npos || end < query) continue;
    if (const auto form = text::parse_form(one.substr(query + 1, end - query - 1)))
      return std::string(form->value("cursor"));
  }
  return {};
}

/// What follows when nothing of the page waits any more.
Step settled(const Situation& situation, Step step) {
  const auto& page = page_of(step.cursor);
  const auto* waiting = array_in(page, "waiting");
  step.more = (waiting != nullptr && !waiting->empty()) || !text_in(page, "next").empty();
  if (!step.more) {
    const auto newest = whole_in(page, "newest");
    step.cursor = finished(situation, std::move(step.cursor), newest);
  }
  return step;
}

bool is_delivered(const json::object& delivery) {
  const auto status = whole_in(delivery, "status_code");
  return status >= 200 && status < 300;
}

std::expected<Step, Refusal> read_list(const Situation& situation, const json::object& cursor,
                                       const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto* list = body->if_array();
  if (list == nullptr) return unexpected_form("no list of deliveries");
  const auto& page = page_of(cursor);
  const auto from = page.empty() ? window_of(situation, cursor).from : whole_in(page, "from");
  auto newest = whole_in(page, "newest");
  bool any_in_window = false;
  json::array waiting;
  for (const auto& one : *list) {
    const auto* delivery = one.if_object();
    const auto id = delivery != nullptr ? id_in(*delivery, "id") : std::string();
    if (!hook_problem(id).empty() || id.empty()) return unexpected_form("a delivery without an id");
    const auto at = seconds_of(text_in(*delivery, "delivered_at"));
    newest = std::max(newest, at);
    if (at < from) continue;
    any_in_window = true;
    if (is_seen(cursor, id)) continue;
    if (situation.settings.boolean("only_undelivered") && is_delivered(*delivery)) continue;
    waiting.push_back({{"id", id}, {"at", at}});
  }
  std::ranges::reverse(waiting);
  Step step{.items = {}, .cursor = cursor, .more = false, .note = {}};
  step.cursor["page"] = {{"next", any_in_window ? next_of(answer) : std::string()},
                         {"from", from},
                         {"newest", newest},
                         {"waiting", std::move(waiting)}};
  return settled(situation, std::move(step));
}

/// The call as it was made. Its signature stays in it, as a record: the payload here is not the
/// same bytes.
Headers headers_of(const json::object& delivery, const json::object& request) {
  Headers headers{{"Content-Type", "application/json"},
                  {"X-GitHub-Delivery", text_in(delivery, "guid")},
                  {"X-GitHub-Event", text_in(delivery, "event")}};
  const auto* given = object_in(request, "headers");
  if (given == nullptr) return headers;
  for (const auto& header : *given) {
    const auto known = std::ranges::any_of(headers, [&header](const auto& one) {
      return equal_ignoring_case_ascii(one.first, header.key());
    });
    if (!known && header.value().is_string())
      headers.emplace_back(header.key(), header.value().get_string());
  }
  return headers;
}

Step without_first(const json::object& cursor) {
  const auto id = id_in(*first_waiting(cursor), "id");
  const auto at = whole_in(*first_waiting(cursor), "at");
  Step step{.items = {}, .cursor = cursor, .more = false, .note = {}};
  auto& waiting = step.cursor["page"].get_object()["waiting"].get_array();
  waiting.erase(waiting.begin());
  remember(step.cursor, id, at);
  return step;
}

std::expected<Step, Refusal> read_delivery(const Situation& situation, const json::object& cursor,
                                           const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto id = id_in(*first_waiting(cursor), "id");
  const auto* delivery = body->if_object();
  if (delivery == nullptr || text_in(*delivery, "guid").empty())
    return unexpected_form("no delivery");
  const auto* sent = object_in(*delivery, "request");
  const auto* payload = sent != nullptr ? object_in(*sent, "payload") : nullptr;
  Step step = without_first(cursor);
  if (payload == nullptr)
    step.note = "delivery " + id + " was left out: GitHub does not have its payload any more";
  else
    step.items.push_back(
        {.key = text_in(*delivery, "guid"),
         .url = std::string(situation.base_url) + deliveries_path(situation.settings) + "/" + id,
         .headers = headers_of(*delivery, *sent),
         .body = text::json_text(*payload)});
  return settled(situation, std::move(step));
}

std::optional<Step> give_up(const Situation& situation, const json::object& cursor) {
  if (first_waiting(cursor) == nullptr) return std::nullopt;
  const auto id = id_in(*first_waiting(cursor), "id");
  auto step = settled(situation, without_first(cursor));
  step.note = "delivery " + id + " was left out";
  return step;
}

std::expected<Step, Refusal> read(const Situation& situation, const json::object& cursor,
                                  const Answer& answer) {
  return first_waiting(cursor) != nullptr ? read_delivery(situation, cursor, answer)
                                          : read_list(situation, cursor, answer);
}

}  // namespace

const Poller github{
    .provider = "github",
    .what = "deliveries of a webhook that failed",
    .fields = github_fields,
    .base_url = base_url,
    .account = deliveries_path,
    .begin = begin_window,
    .request = request,
    .read = read,
    .give_up = give_up,
    .check = check,
};

}  // namespace posthorn::ingest::pollers
