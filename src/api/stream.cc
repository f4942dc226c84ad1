#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "api/handlers.h"
#include "api/received_shapes.h"
#include "model/event_json.h"

namespace posthorn::api {

namespace {

constexpr Millis heartbeat = 15s;
constexpr Millis gather_gap = 50ms;  ///< Commits that follow each other closely are read together.
constexpr int page_rows = 100;       ///< In memory for one stream, however slow its reader is.

struct Place {
  std::uint64_t event = 0, attempt = 0, request = 0;
};

/// What one open stream knows. Lives in the frame of its coroutine.
struct Stream {
  Context& context;
  Caller caller;
  bool events = true, deliveries = true, requests = false;
  Place place;
  bool has_gap = false;
  std::uint64_t changes_place = 0;  ///< In Context::request_changes.

  [[nodiscard]] std::string list_name() const {
    return fmt::format("stream\n{}", caller.workspace.value);
  }
  [[nodiscard]] std::string cursor() const {
    return context.cursors.encode(list_name(), {{"e", std::to_string(place.event)},
                                                {"a", std::to_string(place.attempt)},
                                                {"r", std::to_string(place.request)}});
  }
  [[nodiscard]] std::string message(std::string_view name, std::string_view data) const {
    return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", cursor(), name, data);
  }
};

Problem bad_cursor(std::string_view pointer, std::string_view given) {
  const auto detail = fmt::format("takes the id of a message of this workspace's stream, not {}",
                                  model::shown(given));
  return {400,
          "invalid_cursor",
          fmt::format("{} {}", pointer, detail),
          {{std::string(pointer), "format", detail}},
          {}};
}

std::uint64_t number(const text::CursorFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  std::uint64_t value = 0;
  if (found != fields.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

/// The newest rows that are there: where a stream without a cursor begins.
task<Result<Place>> newest(Context& context) {
  const store::Page last{.after = 0, .limit = 1, .oldest_first = false};
  store::EventFilter any_event;
  Place place;
  PH_CO_TRY(const auto events, co_await context.ports.store.list_events(any_event, last));
  if (!events.rows.empty()) place.event = events.rows.front()->id.value;
  PH_CO_TRY(const auto attempts, co_await context.ports.store.list_attempts(std::nullopt, last));
  if (!attempts.rows.empty()) place.attempt = attempts.rows.front().id.value;
  store::RequestFilter any_request;
  PH_CO_TRY(const auto requests, co_await context.ports.store.list_requests(any_request, last));
  if (!requests.rows.empty()) place.request = requests.rows.front().id.value;
  co_return place;
}

/// Whether retention took events that the cursor has not seen.
task<Result<bool>> has_gap_behind(Context& context, const Stream& stream) {
  const store::Page first{.after = 0, .limit = 1, .oldest_first = true};
  if (stream.requests) {
    store::RequestFilter any_request;
    PH_CO_TRY(const auto requests, co_await context.ports.store.list_requests(any_request, first));
    if (!requests.rows.empty() && requests.rows.front().id.value > stream.place.request + 1)
      co_return true;
  }
  store::EventFilter any_event;
  PH_CO_TRY(const auto events, co_await context.ports.store.list_events(any_event, first));
  co_return !events.rows.empty() && events.rows.front()->id.value > stream.place.event + 1;
}

/// What is new since the stream's place, as messages; moves the place.
task<Result<std::string>> new_events(Stream& stream) {
  std::string out;
  store::EventFilter filter;
  filter.workspace = stream.caller.workspace;
  const store::Page page{.after = stream.place.event, .limit = page_rows, .oldest_first = true};
  PH_CO_TRY(const auto found, co_await stream.context.ports.store.list_events(filter, page));
  for (const auto& event : found.rows) {
    stream.place.event = event->id.value;
    std::string text;
    model::append_event_json(text, *event, false);
    out += stream.message("event", text);
  }
  if (found.next) stream.place.event = std::max(stream.place.event, *found.next);
  co_return out;
}

task<Result<std::string>> new_attempts(Stream& stream) {
  std::string out;
  const store::Page page{.after = stream.place.attempt, .limit = page_rows, .oldest_first = true};
  PH_CO_TRY(const auto found,
            co_await stream.context.ports.store.list_attempts(std::nullopt, page));
  const auto routing = stream.context.ports.routing.current();
  for (const auto& attempt : found.rows) {
    stream.place.attempt = attempt.id.value;
    const auto endpoint = routing->endpoint(attempt.endpoint);
    if (!endpoint || endpoint->workspace != stream.caller.workspace) continue;
    out += stream.message("attempt", json::serialize(model::to_api(attempt)));
  }
  if (found.next) stream.place.attempt = std::max(stream.place.attempt, *found.next);
  co_return out;
}

/// Requests that were told of and have changed since, then new ones as they are now.
task<Result<std::string>> new_requests(Stream& stream) {
  std::string out;
  const auto workspace = stream.caller.workspace;
  for (const auto& request : stream.context.request_changes.since(stream.changes_place))
    if (request->workspace == workspace && request->id.value <= stream.place.request)
      out += stream.message("request", json::serialize(request_shape(stream.context, *request)));
  store::RequestFilter filter;
  filter.workspace = workspace;
  const store::Page page{.after = stream.place.request, .limit = page_rows, .oldest_first = true};
  PH_CO_TRY(const auto found, co_await stream.context.ports.store.list_requests(filter, page));
  for (const auto& request : found.rows) {
    stream.place.request = request.id.value;
    out += stream.message("request", json::serialize(request_shape(stream.context, request)));
  }
  if (found.next) stream.place.request = std::max(stream.place.request, *found.next);
  co_return out;
}

task<Result<std::string>> news(Stream& stream) {
  std::string out;
  if (stream.events) {
    PH_CO_TRY(out, co_await new_events(stream));
  }
  if (stream.deliveries) {
    PH_CO_TRY(const auto more, co_await new_attempts(stream));
    out += more;
  }
  if (stream.requests) {
    PH_CO_TRY(const auto more, co_await new_requests(stream));
    out += more;
  }
  co_return out;
}

/// Counts an open stream while it lives.
class Open {
 public:
  explicit Open(env::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Open() { gauge_.add(-1); }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

 private:
  env::Gauge& gauge_;
};

task<> write_stream(std::shared_ptr<Stream> stream, http::BodyWriter& writer) {
  auto& context = stream->context;
  auto& clock = context.ports.clock;
  const Open open(context.metrics.streams);
  const RequestChanges::Watch watch(context.request_changes);
  stream->changes_place = context.request_changes.end();
  auto waiter = context.streams->join();
  std::string opening = "retry: 2000\n\n";
  if (stream->has_gap) opening += stream->message("gap", "{}");
  if (!co_await writer.write(std::move(opening))) co_return;
  auto spoken_at = clock.steady();
  for (;;) {
    auto text = co_await news(*stream);
    if (!text) {
      context.ports.log.warning("stream.ended", {{"error", text.error().what}});
      co_return;
    }
    if (text->empty() && clock.steady() - spoken_at >= heartbeat) *text = ": ping\n\n";
    if (!text->empty()) {
      if (!co_await writer.write(*std::move(text))) co_return;
      spoken_at = clock.steady();
      if (!context.streams->ended()) continue;
    }
    if (!co_await waiter.wait(clock, spoken_at + heartbeat)) co_return;
    if (!context.directory.is_still_valid(stream->caller, clock.now())) co_return;
    co_await clock.sleep_until(std::min(clock.steady() + gather_gap, spoken_at + heartbeat));
  }
}

}  // namespace

task<Answer> open_stream(Context& context, Call& call) {
  auto stream =
      std::make_shared<Stream>(Stream{.context = context, .caller = call.caller, .place = {}});
  if (const auto topics = call.query.list("topics"); !topics.empty()) {
    stream->events = std::ranges::find(topics, "events") != topics.end();
    stream->deliveries = std::ranges::find(topics, "deliveries") != topics.end();
    stream->requests = std::ranges::find(topics, "requests") != topics.end();
  }
  for (const auto& [wanted, topic, scope] :
       {std::tuple(stream->events, "events", Scope::events_read),
        std::tuple(stream->deliveries, "deliveries", Scope::deliveries_read),
        std::tuple(stream->requests, "requests", Scope::requests_read)})
    if (wanted && !allows(call.caller.scopes, scope))
      co_return Problem{403,
                        "missing_scope",
                        fmt::format("the topic {} needs the scope {}", topic, to_string(scope)),
                        {},
                        {}};
  const auto header = call.request.head.header("Last-Event-ID");
  const bool is_header = header && !header->empty();
  const auto given = is_header ? std::optional<std::string>(*header) : call.query.text("cursor");
  if (given) {
    const auto fields = context.cursors.decode(stream->list_name(), *given);
    if (!fields) co_return bad_cursor(is_header ? "Last-Event-ID" : "?cursor", *given);
    PH_CO_TRY(stream->place, co_await newest(context));
    stream->place.event = number(*fields, "e");
    stream->place.attempt = number(*fields, "a");
    // A cursor from before there were requests stands at their end.
    if (fields->contains("r")) stream->place.request = number(*fields, "r");
    PH_CO_TRY(stream->has_gap, co_await has_gap_behind(context, *stream));
  } else {
    PH_CO_TRY(stream->place, co_await newest(context));
  }
  http::Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("X-Accel-Buffering", "no");
  // The function may be called after the handler's frame is gone: it owns the stream and only
  // starts the coroutine, whose frame then owns it.
  response.stream = [stream](http::BodyWriter& writer) { return write_stream(stream, writer); };
  co_return response;
}

}  // namespace posthorn::api
