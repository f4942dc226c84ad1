#include "api/handlers.h"
#include "api/received_shapes.h"
#include "api/request_replay.h"
#include "ingest/effects.h"
#include "model/document.h"
#include "model/names.h"
#include "providers/diagnose.h"

namespace posthorn::api {

namespace {

json::array steps_shape(const providers::Verification& verification) {
  json::array steps;
  for (const auto& step : verification.steps)
    steps.push_back({{"what", step.what},
                     {"passed", step.passed},
                     {"detail", model::text_or_null(step.detail)}});
  return steps;
}

/// Other settings that the request may have been meant for.
std::vector<providers::Candidate> candidates_for(const Context& context,
                                                 const ingest::LiveSource& live) {
  std::vector<providers::Candidate> candidates;
  const auto& provider = *live.source.provider;
  model::Faults ignored;
  for (const auto& previous : live.source.previous) {
    json::object config = live.source.config;
    for (const auto& field : provider.fields)
      if (field.name == previous.field && !field.plural.empty()) config.erase(field.plural);
    config[previous.field] = previous.value;
    candidates.push_back({providers::Candidate::Kind::old_secret,
                          "which counted until " + to_rfc3339(previous.until),
                          providers::Settings::read(provider.fields, config, ignored)});
  }
  constexpr std::size_t candidates_max = 50;
  for (const auto& other : context.ports.sources.all(live.source.workspace)) {
    if (candidates.size() >= candidates_max) break;
    if (other->source.id != live.source.id && other->source.provider == live.source.provider)
      candidates.push_back(
          {providers::Candidate::Kind::other_source, other->source.name, other->settings});
  }
  return candidates;
}

/// Verified with today's settings: `now` and `likely_mistakes`, or why that cannot be done.
task<json::object> verified_now(Context& context, const model::ReceivedRequest& request) {
  json::object shown{
      {"now", nullptr}, {"now_unknown_because", nullptr}, {"likely_mistakes", json::array{}}};
  if (request.origin == model::RequestOrigin::poll) {
    shown["now_unknown_because"] = "polling found it at the provider: nobody signed it";
    co_return shown;
  }
  const auto live = context.ports.sources.by_id(request.source);
  if (!live || !has_whole_body(request)) {
    shown["now_unknown_because"] = live ? "its body is not kept whole" : "its source was deleted";
    co_return shown;
  }
  const auto settings = co_await settings_for(context.ports.certificates, live, request);
  if (!settings) {
    shown["now_unknown_because"] = settings.error().what;
    co_return shown;
  }
  const ingest::Stored stored(request);
  const auto& provider = *live->source.provider;
  const auto verification = provider.verify(*settings, stored.incoming(), request.received_at);
  shown["now"] = json::object{{"verified", verification.verified},
                              {"reason", model::text_or_null(verification.reason)},
                              {"steps", steps_shape(verification)}};
  if (verification.verified) co_return shown;
  auto& mistakes = shown["likely_mistakes"].as_array();
  for (const auto& mistake :
       providers::diagnose(provider, *settings, stored.incoming(), request.received_at,
                           candidates_for(context, *live)))
    mistakes.push_back({{"code", mistake.code}, {"sentence", mistake.sentence}});
  co_return shown;
}

}  // namespace

task<Answer> explain_request(Context& context, Call& call) {
  const auto request = co_await own_request(context, call);
  if (!request) co_return request.error();
  auto shown = co_await verified_now(context, *request);
  const auto detail = request_detail(context, *request);
  shown["object"] = "request_explanation";
  shown["request_id"] = request->id.text();
  shown["state"] = detail.at("state");
  shown["in_words"] = detail.at("state_in_words");
  shown["at_receipt"] = detail.at("verdict");
  shown["events"] = detail.at("events");
  shown["duplicate_of"] = detail.at("duplicate_of");
  co_return json_response(200, shown);
}

}  // namespace posthorn::api
