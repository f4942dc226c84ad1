// web_form: what people type into a form on a web page, sent by the browser itself or by a script.
// Nobody signs: only the page's origin is checked, which browsers alone are held to. Document:
// docs/providers.md.

#include "providers/web_form.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "text/form.h"
#include "text/url.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t message_bytes_max = 1000;

std::string problem_of_origin(std::string_view text) {
  const auto url = text::parse_url(text);
  const bool fits = url && text == url->scheme + "://" + url->authority();
  return fits ? "" : "takes a page's origin, such as https://www.example.com, without a path";
}

std::string problem_of_redirect(std::string_view text) {
  const auto url = text::parse_url(text);
  return url && url->scheme == "https" ? "" : "takes an https:// address";
}

std::string problem_of_message(std::string_view text) {
  return text.size() <= message_bytes_max && is_utf8(text) ? "" : "takes at most 1000 bytes";
}

constexpr std::array form_fields{
    Field{.name = "allowed_origins",
          .kind = FieldKind::texts,
          .required = true,
          .help = "The origins of the pages that hold the form, such as https://www.example.com.",
          .problem = problem_of_origin},
    Field{.name = "honeypot",
          .help = "The name of a field that people do not see: what fills it is a bot and is "
                  "dropped without a word."},
    Field{.name = "required_fields",
          .kind = FieldKind::texts,
          .help = "Fields that must not be empty."},
    Field{.name = "redirect_url",
          .help = "Where a browser that posts the form itself is sent afterwards.",
          .problem = problem_of_redirect},
    Field{.name = "success_message",
          .help = "What is answered where no redirect_url is set.",
          .fallback = "Thank you. We have received your message.",
          .problem = problem_of_message},
    Field{.name = "rate_per_minute",
          .kind = FieldKind::integer,
          .help = "Posts that one address may make in a minute.",
          .fallback = "10",
          .min = 1,
          .max = 10'000},
};

constexpr std::array<std::string_view, 2> sample_names{"form", "json"};

constexpr std::string_view set_up =
    R"(1. Set the origin of your page (`https://www.example.com`) here in `allowed_origins`.
2. Let the form post here:
   `<form method="post" action="{url}" enctype="multipart/form-data">` with fields such as `name`, `email`, `subject`, `message`.
   A script may post the same as `multipart/form-data`, urlencoded or JSON.
3. Add a field that people do not see (`<input name="website" style="display:none" tabindex="-1" autocomplete="off">`) and set its name here as `honeypot`.
4. `redirect_url` says where the browser goes afterwards; `required_fields` what must be filled in.
)";

bool is_allowed(const Settings& settings, std::string_view origin) {
  const auto& known = settings.all("allowed_origins");
  return std::ranges::find(known, origin) != known.end();
}

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  const Reply forbidden{.status = 403};
  if (!steps.check(!settings.all("allowed_origins").empty(), "an origin is set",
                   "the source has no allowed_origins, so nothing is accepted"))
    return std::move(steps).refused(forbidden);
  const bool is_preflight =
      request.method == "OPTIONS" && request.header_count("Access-Control-Request-Method") == 1;
  if (!steps.check(is_preflight || request.method == "POST", "a POST, or the preflight of one",
                   "forms are sent by POST"))
    return std::move(steps).refused(Reply{.status = 405, .headers = {{"Allow", "POST, OPTIONS"}}});
  const auto origin = single_header(steps, request, "Origin");
  if (!origin) return std::move(steps).refused(forbidden);
  if (!steps.check(
          is_allowed(settings, *origin), "the page's origin is allowed",
          "the origin \"" + printable(origin->substr(0, 200)) + "\" is not among allowed_origins"))
    return std::move(steps).refused(forbidden);
  return std::move(steps).verified();
}

void allow_origin(Reply& reply, const Settings& settings, const Incoming& request) {
  reply.headers.emplace_back("Vary", "Origin");
  const auto origin = request.header("Origin");
  if (origin && request.header_count("Origin") == 1 && is_allowed(settings, *origin))
    reply.headers.emplace_back("Access-Control-Allow-Origin", *origin);
}

/// The preflight of a script that posts JSON.
std::optional<Reply> challenge(const Settings& settings, const Incoming& request) {
  if (request.method != "OPTIONS") return std::nullopt;
  const auto origin = request.header("Origin");
  if (!origin || !request.header("Access-Control-Request-Method")) return std::nullopt;
  Reply reply{.status = is_allowed(settings, *origin) ? 204 : 403};
  allow_origin(reply, settings, request);
  if (reply.status == 403) return reply;
  reply.headers.emplace_back("Access-Control-Allow-Methods", "POST");
  reply.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type");
  reply.headers.emplace_back("Access-Control-Max-Age", "600");
  return reply;
}

bool is_bot(const Settings& settings, const WebForm& form) {
  const auto& honeypot = settings.text("honeypot");
  return !honeypot.empty() && !form.first_of({honeypot}).empty();
}

std::vector<std::string> missing_fields(const Settings& settings, const WebForm& form) {
  std::vector<std::string> missing;
  for (const auto& name : settings.all("required_fields"))
    if (form.first_of({name}).empty()) missing.push_back(name);
  return missing;
}

bool is_address(std::string_view text) {
  const auto at = text.find('@');
  return at != text.npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == text.npos &&
         text.find_first_of(" \t\r\n<>,;\"") == text.npos;
}

std::string email_of(const WebForm& form) {
  return form.first_of({"email", "e-mail", "email_address", "your-email", "mail"});
}

std::string name_of(const WebForm& form) {
  if (auto name = form.first_of({"name", "full_name", "fullname", "your-name"}); !name.empty())
    return name;
  const auto first = form.first_of({"first_name", "firstname"});
  const auto last = form.first_of({"last_name", "lastname"});
  return first + (first.empty() || last.empty() ? "" : " ") + last;
}

/// Every field under its name; a name that came more than once gives a list.
json::object all_fields(const WebForm& form) {
  json::object all;
  for (const auto& [name, value] : form.fields) {
    auto* known = all.if_contains(name);
    if (known == nullptr)
      all[name] = value;
    else if (auto* list = known->if_array())
      list->push_back(json::value(value));
    else
      *known = json::array{*known, json::value(value)};
  }
  return all;
}

json::array files_of(const WebForm& form) {
  json::array files;
  for (const auto& one : form.files)
    files.push_back({{"filename", one.filename},
                     {"content_type", one.content_type},
                     {"size", one.size},
                     {"sha256", one.sha256}});
  return files;
}

Parsed parse(const Settings& settings, const Incoming& request) {
  const auto form = read_web_form(request);
  if (!form) return unreadable("the form cannot be read: " + form.error().what);
  Parsed parsed;
  const auto own_id = form->first_of({"submission_id"});
  parsed.idempotency_key = own_id.empty() ? digest_of(*form) : own_id;
  parsed.key_is_digest = own_id.empty();
  if (is_bot(settings, *form)) {
    parsed.faults.push_back({"/" + settings.text("honeypot"), "not_allowed",
                             "the field that people do not see is filled in: a bot"});
    return parsed;
  }
  for (const auto& name : missing_fields(settings, *form))
    parsed.faults.push_back({"/" + name, "required", "is missing or empty"});
  const auto email = email_of(*form);
  if (!email.empty() && !is_address(email))
    parsed.faults.push_back({"/email", "format", "is not an e-mail address"});
  if (form->fields.empty() && form->files.empty())
    parsed.faults.push_back({"", "required", "the form is empty"});
  if (!parsed.faults.empty()) return parsed;
  NormalisedEvent event;
  event.type = "message.inbound";
  auto& fields = event.fields;
  fields["from"] = email.empty() ? json::value(nullptr) : json::value(email);
  fields["name"] = name_of(*form);
  fields["email"] = email;
  fields["subject"] = form->first_of({"subject", "topic", "your-subject"});
  fields["text"] = form->first_of({"message", "text", "body", "comment", "comments", "description",
                                   "question", "your-message"});
  fields["timestamp"] = nullptr;
  fields["fields"] = all_fields(*form);
  if (!form->files.empty()) fields["attachments"] = files_of(*form);
  parsed.events.push_back(std::move(event));
  return parsed;
}

/// A browser that navigates by the form; a script asks for something else.
bool is_navigation(const Incoming& request, const WebForm& form) {
  const auto accept = request.header("Accept").value_or("");
  return !form.is_json && accept.find("text/html") != accept.npos;
}

/// People must see what they left out; a bot is told nothing.
Reply reply(const Settings& settings, const Incoming& request) {
  Reply reply;
  allow_origin(reply, settings, request);
  const auto form = read_web_form(request);
  const bool is_plain = form && is_navigation(request, *form);
  std::string wrong;
  if (!form) wrong = "The form cannot be read.";
  if (form && !is_bot(settings, *form)) {
    for (const auto& fault : parse(settings, request).faults)
      wrong += (wrong.empty() ? "" : " ") + fault.pointer.substr(fault.pointer.empty() ? 0 : 1) +
               ": " + fault.detail + ".";
  }
  const auto& redirect = settings.text("redirect_url");
  const auto& said = wrong.empty() ? settings.text("success_message") : wrong;
  if (!wrong.empty()) reply.status = 422;
  if (is_plain && wrong.empty() && !redirect.empty()) {
    reply.status = 303;
    reply.headers.emplace_back("Location", redirect);
  } else if (is_plain) {
    reply.body = said + "\n";
  } else {
    reply.content_type = "application/json";
    reply.body = json_text(json::object{{"ok", wrong.empty()}, {"message", said}}) + "\n";
  }
  return reply;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  const std::vector<text::FormField> typed{{"name", "Ada Lovelace"},
                                           {"email", "ada@example.com"},
                                           {"subject", "Where is my order?"},
                                           {"message", "Order 4711 has not arrived."},
                                           {"submission_id", std::string(order.unique)}};
  std::vector<text::FormField> fields;
  for (const auto& name : settings.all("required_fields"))
    if (std::ranges::find(typed, name, &text::FormField::name) == typed.end())
      fields.push_back({name, "sample"});
  fields.insert(fields.begin(), typed.begin(), typed.end());
  const bool is_json = order.event == "json";
  json::object body;
  for (const auto& [name, value] : fields) body[name] = value;
  Sample made{.url = std::string(order.url)};
  made.body = !order.body.empty() ? std::string(order.body)
              : is_json           ? json_text(body)
                                  : text::write_form(fields);
  made.headers = {
      {"Content-Type", is_json ? "application/json" : "application/x-www-form-urlencoded"},
      {"Accept", is_json ? "application/json" : "text/html"},
      {"Origin", settings.text("allowed_origins")}};
  return made;
}

}  // namespace

const Provider web_form{
    .name = "web_form",
    .title = "Web form",
    .carries = "what people type into a form on a web page",
    .fields = form_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .challenge = challenge,
    .parse = parse,
    .reply = reply,
    .sample = sample,
    .unverified = true,
};

}  // namespace posthorn::providers
