#include "providers/diagnose.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "providers/body_variants.h"
#include "providers/request_times.h"
#include "providers/secret_variants.h"
#include "providers/url_variants.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

/// What stays the same from trial to trial, the budget, and what was found.
class Diagnosis {
 public:
  Diagnosis(const Provider& provider, const Settings& settings, const Incoming& request,
            Instant now)
      : provider_(provider), settings_(settings), request_(request), now_(now) {}

  std::vector<LikelyMistake> run(std::span<const Candidate> candidates) {
    if (passes(settings_, request_, now_)) return {};
    try_candidates(candidates);
    try_clock();
    try_secrets();
    try_setting_of_header();
    try_choices();
    try_urls();
    try_bodies();
    return std::move(found_);
  }

 private:
  bool passes(const Settings& settings, const Incoming& request, Instant now) {
    if (calls_ == diagnosis_calls_max || bytes_ > diagnosis_bytes_max) return false;
    ++calls_;
    bytes_ += request.body.size();
    return provider_.verify(settings, request, now).verified;
  }

  void add(std::string_view code, std::string sentence) {
    if (std::ranges::find(found_, code, &LikelyMistake::code) == found_.end())
      found_.push_back({std::string(code), std::move(sentence)});
  }

  void try_candidates(std::span<const Candidate> candidates) {
    for (const auto& candidate : candidates) {
      if (!passes(candidate.settings, request_, now_)) continue;
      if (candidate.kind == Candidate::Kind::old_secret)
        add("old_secret", "It verifies with the secret that was replaced (" + candidate.name +
                              "): the sender still signs with the old one. Give the sender the new "
                              "secret, or both to this source until it has it.");
      else
        add("secret_of_other_source", "It verifies with the settings of the source \"" +
                                          candidate.name + "\"" + mode() +
                                          ": the sender has this source's address, but the secret "
                                          "of that one.");
    }
  }

  /// Stripe and others say in the body which mode it is.
  [[nodiscard]] std::string mode() const {
    const auto body = text::parse_payload(request_.body);
    const auto* object = body ? body->if_object() : nullptr;
    const auto* live = object != nullptr ? object->if_contains("livemode") : nullptr;
    if (live == nullptr || !live->is_bool()) return "";
    return live->get_bool() ? " (the request is of live mode)" : " (the request is of test mode)";
  }

  void try_clock() {
    for (const auto at : request_times(request_, now_)) {
      if (!passes(settings_, request_, at)) continue;
      const auto off = now_ - at;
      const auto span = to_human(off.count() < 0 ? -off : off);
      add("clock", "The signature is right, but its time is " + span +
                       (off.count() < 0 ? " ahead: the sender's clock or this server's is wrong."
                                        : " old: a clock is wrong, or an old request was sent "
                                          "again."));
      return;
    }
  }

  void try_secrets() {
    for (const auto& field : provider_.fields) {
      if (field.kind != FieldKind::secret && field.kind != FieldKind::public_key) continue;
      for (const auto& secret : settings_.all(field.name))
        visit_secret_variants(secret, [&](const SecretVariant& variant) {
          if (!passes(settings_.with(field.name, {variant.secret}), request_, now_)) return false;
          add(variant.code,
              "It verifies with " + std::string(field.name) + " " + variant.what + ".");
          return true;
        });
    }
  }

  /// generic_hmac and generic_token: the header is a setting.
  void try_setting_of_header() {
    if (settings_.text("header").empty()) return;
    for (const auto& [name, value] : request_.headers) {
      if (value.empty() || name == settings_.text("header")) continue;
      if (!passes(settings_.with("header", {std::string(name)}), request_, now_)) continue;
      add("setting", "The signature is in the header " + std::string(name) + ", not in " +
                         settings_.text("header") + ": set `header` to it.");
      return;
    }
  }

  /// generic_hmac: hash, encoding and what is in front.
  void try_choices() {
    const auto* algorithm = field_of("algorithm");
    const auto* encoding = field_of("encoding");
    const auto* secret_encoding = field_of("secret_encoding");
    if (algorithm == nullptr || encoding == nullptr || secret_encoding == nullptr) return;
    const auto given = request_.header(settings_.text("header")).value_or("");
    std::set<std::string> prefixes{settings_.text("prefix")};
    for (const auto mark : {'=', ',', ':', ' '})
      if (const auto at = given.find(mark); at != given.npos && at < 16)
        prefixes.insert(std::string(given.substr(0, at + 1)));
    prefixes.insert("");
    for (const auto& hash : algorithm->choices)
      for (const auto& text : encoding->choices)
        for (const auto& key : secret_encoding->choices)
          for (const auto& prefix : prefixes) {
            const auto changed = settings_.with("algorithm", {std::string(hash)})
                                     .with("encoding", {std::string(text)})
                                     .with("secret_encoding", {std::string(key)})
                                     .with("prefix", {prefix});
            if (!passes(changed, request_, now_)) continue;
            std::string sentence = "It verifies with";
            for (const auto name : {"algorithm", "encoding", "secret_encoding", "prefix"})
              if (changed.text(name) != settings_.text(name))
                sentence += std::string(sentence.ends_with("with") ? " `" : ", `") + name + "` \"" +
                            printable(changed.text(name)) + "\"";
            return add("setting", sentence + ": set it so.");
          }
  }

  [[nodiscard]] const Field* field_of(std::string_view name) const {
    const auto field = std::ranges::find(provider_.fields, name, &Field::name);
    return field == provider_.fields.end() ? nullptr : &*field;
  }

  void try_urls() {
    if (!provider_.signs_url) return;
    visit_url_variants(request_, [&](const UrlVariant& variant) {
      Incoming changed = request_;
      changed.url = variant.url;
      if (!passes(settings_, changed, now_)) return false;
      add("url",
          "It verifies for " + printable(variant.url) + ", which differs in " + variant.changed +
              ": the sender signs the URL that it calls, in front of every proxy. Correct it "
              "at the sender, or the public base URL here.");
      return true;
    });
  }

  void try_bodies() {
    if (request_.body.size() > diagnosis_body_bytes_max) return;
    visit_body_variants(request_.body, [&](const BodyVariant& variant) {
      Incoming changed = request_;
      changed.body = variant.body;
      if (!passes(settings_, changed, now_)) return false;
      add(variant.code, "The signature is that of the body " + variant.what +
                            ": something on the way (a proxy, a framework) changed the bytes. "
                            "They must arrive as they were sent.");
      return true;
    });
  }

  const Provider& provider_;
  const Settings& settings_;
  const Incoming& request_;
  const Instant now_;
  int calls_ = 0;
  std::size_t bytes_ = 0;
  std::vector<LikelyMistake> found_;
};

}  // namespace

std::vector<LikelyMistake> diagnose(const Provider& provider, const Settings& settings,
                                    const Incoming& request, Instant now,
                                    std::span<const Candidate> candidates) {
  return Diagnosis(provider, settings, request, now).run(candidates);
}

}  // namespace posthorn::providers
