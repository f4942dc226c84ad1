#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include "crypto/crypto.h"
#include "model/document.h"
#include "model/endpoint_json.h"
#include "model/endpoint_parts.h"
#include "model/members.h"
#include "model/names.h"
#include "text/filter.h"

namespace posthorn::model {
namespace {

constexpr std::size_t url_bytes_max = 2048;
constexpr std::int64_t disable_span_ms_max = 30LL * 24 * 3600 * 1000;
constexpr std::size_t event_types_max = 100, channels_max = 20;

/// Reads the members of one body into one endpoint.
class Reading {
 public:
  Reading(const json::object& input, Faults& faults, Endpoint& endpoint, const EndpointRules& rules)
      : members_(input, faults), endpoint_(endpoint), rules_(rules) {}

  void url() {
    if (is_new()) members_.require("url");
    const auto given = members_.text("url", {.min = 1, .max = url_bytes_max});
    if (!given) return;
    if (const auto checked = rules_.check_url(*given); !checked)
      return members_.add("url", "url_refused", checked.error().what);
    endpoint_.url = *given;
  }

  void event_types() {
    // A client that clears its list must not get everything instead.
    if (!is_new() && members_.is_null("event_types"))
      return members_.add("event_types", "type",
                          R"(takes a list of event types or patterns, not null; ["*"] is all)");
    or_default("event_types", &Endpoint::event_types, [this] {
      return members_.texts("event_types", {.min = 1, .max = event_types_max},
                            [](std::string_view text) {
                              return is_event_type_pattern(text)
                                         ? ""
                                         : "takes an event type or pattern of dotted [a-z0-9_*] "
                                           "like \"ticket.*\", at most 128 bytes";
                            });
    });
  }

  void routing() {
    event_types();
    or_default("channels", &Endpoint::channels, [this] {
      return members_.texts("channels", {.min = 0, .max = channels_max}, [](std::string_view text) {
        return is_label(text) ? "" : "takes 1 to 128 of letters, digits and _.:-";
      });
    });
    filter();
  }

  void filter() {
    const json::value* given = members_.find("filter");
    if (given == nullptr) return;
    endpoint_.filter.clear();
    if (given->is_null()) return;
    std::vector<text::FilterFault> wrong;
    if (!text::Filter::parse(*given, wrong)) {
      for (auto& fault : wrong)
        members_.faults().add("/filter" + fault.pointer, "format", std::move(fault.what));
      return;
    }
    endpoint_.filter = json::serialize(*given);
  }

  void secret() {
    const json::value* given = members_.find("secret");
    if (given == nullptr && is_new())
      endpoint_.secrets = {{make_secret(rules_.random), rules_.now, std::nullopt, std::nullopt}};
    if (given == nullptr) return;
    if (given->is_null()) return endpoint_.secrets.clear();
    if (!is_new())
      return members_.add("secret", "read_only",
                          "can be removed with null; a new one is set by rotate-secret, so that "
                          "both verify for a while");
    const auto text = read_secret_text(members_);
    if (text) endpoint_.secrets = {{Secret(*text), rules_.now, std::nullopt, std::nullopt}};
  }

  void asymmetric() {
    const auto wanted = members_.boolean("asymmetric");
    if (!wanted) return;
    if (!*wanted) {
      endpoint_.key_pair.reset();
    } else if (!endpoint_.key_pair) {
      auto pair = crypto::make_ed25519(rules_.random.bytes(32));
      endpoint_.key_pair = SigningKeyPair{std::move(pair.seed), std::move(pair.public_key)};
    }
  }

  void headers() {
    if (members_.is_null("headers")) return endpoint_.headers.clear();
    if (const json::object* given = members_.object("headers"))
      endpoint_.headers =
          read_headers(*given, members_.faults(), members_.pointer("headers"), endpoint_.headers);
  }

  void retry() {
    const json::value* given = members_.find("retry");
    if (given == nullptr) return;
    endpoint_.retry = read_retry(*given, members_.faults(), members_.pointer("retry"));
  }

  void sending() {
    or_default("timeout_ms", &Endpoint::timeout, [this]() -> std::optional<Millis> {
      const auto ms = members_.integer("timeout_ms", 1000, 30'000);
      if (!ms) return std::nullopt;
      return Millis{*ms};
    });
    or_default("format", &Endpoint::format,
               [this] { return members_.one_of("format", payload_formats); });
    or_default("ordering", &Endpoint::ordering,
               [this] { return members_.one_of("ordering", orderings); });
    or_default("on_exhausted", &Endpoint::on_exhausted,
               [this] { return members_.one_of("on_exhausted", exhausted_actions); });
    or_default("probing", &Endpoint::probing, [this] { return members_.boolean("probing"); });
    or_default("concurrency", &Endpoint::concurrency_max,
               [this] { return small("concurrency", 1, 256); });
    if (members_.is_null("rate_limit"))
      endpoint_.rate_per_second.reset();
    else if (const auto rate = members_.number("rate_limit", 0.001, 100'000))
      endpoint_.rate_per_second = *rate;
    or_default("disable_after", &Endpoint::disable_after,
               [this] { return small("disable_after", 0, 1000); });
    or_default("disable_min_span_ms", &Endpoint::disable_min_span,
               [this]() -> std::optional<Millis> {
                 const auto ms = members_.integer("disable_min_span_ms", 0, disable_span_ms_max);
                 if (!ms) return std::nullopt;
                 return Millis{*ms};
               });
  }

  void notes() {
    or_default("description", &Endpoint::description,
               [this] { return members_.text("description", {.min = 0, .max = 1024}); });
    endpoint_.metadata = read_metadata(members_, std::move(endpoint_.metadata));
  }

  std::optional<std::string> application() {
    const auto given = members_.text("application", {.min = 1, .max = 128});
    if (!given || is_new()) return given;
    members_.add("application", "read_only",
                 "an endpoint stays with its application: make one in the other instead");
    return std::nullopt;
  }

  void finish() {
    members_.refuse_read_only({"id", "object", "workspace_id", "application_id", "signing",
                               "enabled", "disabled_reason", "disabled_at", "created_at",
                               "updated_at", "version"});
    members_.refuse_unknown();
  }

 private:
  [[nodiscard]] bool is_new() const { return !endpoint_.id; }

  /// Null brings back what a new Endpoint has.
  template <class Value, class Read>
  void or_default(std::string_view name, Value Endpoint::* field, Read read) {
    if (members_.is_null(name))
      endpoint_.*field = Endpoint{}.*field;
    else if (auto given = read())
      endpoint_.*field = *std::move(given);
  }
  std::optional<int> small(std::string_view name, int min, int max) {
    const auto given = members_.integer(name, min, max);
    if (!given) return std::nullopt;
    return static_cast<int>(*given);
  }

  Members members_;
  Endpoint& endpoint_;
  const EndpointRules& rules_;
};

}  // namespace

EndpointInput read_endpoint(const json::object& input, Faults& faults, Endpoint base,
                            const EndpointRules& rules) {
  EndpointInput out{std::move(base), std::nullopt};
  Reading reading(input, faults, out.endpoint, rules);
  reading.url();
  reading.routing();
  out.application = reading.application();
  reading.secret();
  reading.asymmetric();
  reading.headers();
  reading.retry();
  reading.sending();
  reading.notes();
  reading.finish();
  return out;
}

}  // namespace posthorn::model
