#include "api/handlers.h"
#include "api/parameters.h"
#include "api/route.h"

namespace posthorn::api {

namespace {

constexpr std::array since_only{
    QueryParameter{"since", Takes::moment, "From then on; a day by default"}};
constexpr std::array event_type_parameters{
    limit_parameter, cursor_parameter,
    QueryParameter{"archived", Takes::boolean, "true: archived ones too"}};
constexpr std::array event_parameters{
    limit_parameter,
    cursor_parameter,
    type_parameter,
    application_parameter,
    QueryParameter{"key", Takes::text, "Of this key"},
    since_parameter,
    until_parameter,
    QueryParameter{"with_data", Takes::boolean, "true: with their payloads"}};
constexpr std::array endpoint_parameters{limit_parameter, cursor_parameter, application_parameter};
constexpr std::array feed_parameters{limit_parameter, cursor_parameter, since_parameter};
constexpr std::array own_delivery_parameters{limit_parameter,  cursor_parameter, event_parameter,
                                             status_parameter, type_parameter,   code_parameter,
                                             since_parameter,  until_parameter};
constexpr std::array attempt_parameters{limit_parameter, cursor_parameter, endpoint_parameter};
constexpr std::array source_parameters{
    limit_parameter, cursor_parameter, provider_parameter,
    QueryParameter{"paused", Takes::boolean, "Paused ones alone, or those that are not"}};
constexpr std::array stream_parameters{
    QueryParameter{"topics", Takes::topics, "events, deliveries (both by default), requests"},
    QueryParameter{"cursor", Takes::cursor, "As Last-Event-ID, for clients without that header"}};

using Tag = std::string_view;
using Summary = std::string_view;

constexpr Route route(std::string_view method, std::string_view pattern, Scope scope,
                      Handler handler, Tag tag, Summary summary) {
  Route made;
  made.method = method;
  made.pattern = pattern;
  made.scope = scope;
  made.handler = handler;
  made.tag = tag;
  made.summary = summary;
  return made;
}
constexpr Route get(std::string_view pattern, Scope scope, Handler handler, Tag tag,
                    Summary summary) {
  return route("GET", pattern, scope, handler, tag, summary);
}
constexpr Route post(std::string_view pattern, Scope scope, Handler handler, Tag tag,
                     Summary summary) {
  return route("POST", pattern, scope, handler, tag, summary);
}
constexpr Route patch(std::string_view pattern, Scope scope, Handler handler, Tag tag,
                      Summary summary) {
  return route("PATCH", pattern, scope, handler, tag, summary);
}
constexpr Route remove(std::string_view pattern, Scope scope, Handler handler, Tag tag,
                       Summary summary) {
  return route("DELETE", pattern, scope, handler, tag, summary);
}
constexpr Route any(std::string_view pattern, Scope scope, Handler handler, Tag tag,
                    Summary summary) {
  return route("ANY", pattern, scope, handler, tag, summary);
}

/// The one table: what is not here does not exist.
constexpr std::array route_table{
    // -- the server
    get("/", Scope::open, &front_page, "server", "What this is").gives_text("text/plain"),
    get("/healthz", Scope::open, &health, "server", "The process answers").gives("Health"),
    get("/readyz", Scope::open, &readiness, "server",
        "Whether publishes are taken and delivered; 503 when not")
        .gives("Readiness"),
    get("/metrics", Scope::open, &metrics_page, "server", "Prometheus metrics")
        .gives_text("text/plain"),
    get("/v1/openapi.json", Scope::open, &openapi_page, "server", "This document").gives("OpenApi"),
    get("/v1/meta", Scope::any, &meta, "server", "Version, time, and what your key may do")
        .gives("Meta"),
    get("/v1/lookup/{id}", Scope::any, &look_up, "server",
        "What an id stands for and where it is; takes every kind of id and the UUID of a delivery")
        .gives("Lookup"),
    // -- publishing
    post("/v1/events", Scope::events_write, &publish_events, "events",
         "Publishes one event, or up to 500 with an answer for each")
        .reads(Body::raw, "PublishBody")
        .or_gzip()
        .gives("PublishReply", 202)
        .audited("events.publish"),
    post("/v1/publish/{type}", Scope::events_write, &publish_bare, "events",
         "Publishes the body as the data of one event")
        .reads(Body::raw, "EventData")
        .gives("EventReceipt", 202)
        .audited("events.publish"),
    get("/v1/events", Scope::events_read, &list_events, "events", "Events, newest first")
        .takes(event_parameters)
        .gives("EventList"),
    get("/v1/events/{id}", Scope::events_read, &get_event, "events",
        "One event with its data, by its id or the publisher's own")
        .gives("Event"),
    get("/v1/events/{id}/explain", Scope::events_read, &explain_event, "events",
        "Why each endpoint did or did not get it, and where each delivery stands")
        .gives("Explanation"),
    remove("/v1/events/{id}/content", Scope::events_write, &erase_event_content, "events",
           "Removes the payload; the event itself stays")
        .gives_nothing()
        .audited("event.erase"),
    // -- workspaces and applications
    get("/v1/workspaces", Scope::admin, &list_workspaces, "workspaces", "Every workspace")
        .takes(page_parameters)
        .gives("WorkspaceList"),
    post("/v1/workspaces", Scope::admin, &create_workspace, "workspaces",
         "A new workspace with its default application")
        .reads(Body::object, "WorkspaceInput")
        .gives("Workspace", 201)
        .audited("workspace.create"),
    get("/v1/workspaces/{id}", Scope::admin, &get_workspace, "workspaces", "One workspace")
        .versioned()
        .gives("Workspace"),
    patch("/v1/workspaces/{id}", Scope::admin, &update_workspace, "workspaces",
          "Changes the members that are given")
        .reads(Body::object, "WorkspaceInput")
        .versioned()
        .gives("Workspace")
        .audited("workspace.update"),
    get("/v1/applications", Scope::applications_read, &list_applications, "applications",
        "The applications (your customers)")
        .takes(page_parameters)
        .gives("ApplicationList"),
    post("/v1/applications", Scope::applications_write, &create_application, "applications",
         "A new application")
        .reads(Body::object, "ApplicationInput")
        .gives("Application", 201)
        .audited("application.create"),
    get("/v1/applications/{id}", Scope::applications_read, &get_application, "applications",
        "One application, by id or uid")
        .versioned()
        .gives("Application"),
    patch("/v1/applications/{id}", Scope::applications_write, &update_application, "applications",
          "Changes the members that are given")
        .reads(Body::object, "ApplicationInput")
        .versioned()
        .gives("Application")
        .audited("application.update"),
    remove("/v1/applications/{id}", Scope::applications_write, &delete_application, "applications",
           "Deletes an application without endpoints")
        .versioned()
        .gives_nothing()
        .audited("application.delete"),
    // -- keys
    get("/v1/api-keys", Scope::keys_read, &list_keys, "api-keys",
        "API keys, without their secret part")
        .takes(page_parameters)
        .gives("ApiKeyList"),
    post("/v1/api-keys", Scope::keys_write, &create_key, "api-keys",
         "A new key, shown once; at most the scopes that you have yourself")
        .reads(Body::object, "ApiKeyInput")
        .gives("NewApiKey", 201)
        .audited("api_key.create"),
    get("/v1/api-keys/{id}", Scope::keys_read, &get_key, "api-keys", "One key")
        .versioned()
        .gives("ApiKey"),
    patch("/v1/api-keys/{id}", Scope::keys_write, &update_key, "api-keys",
          "Changes name, scopes or expiry")
        .reads(Body::object, "ApiKeyInput")
        .versioned()
        .gives("ApiKey")
        .audited("api_key.update"),
    remove("/v1/api-keys/{id}", Scope::keys_write, &revoke_key, "api-keys", "Revokes a key at once")
        .versioned()
        .gives_nothing()
        .audited("api_key.revoke"),
    // -- event types
    get("/v1/event-types", Scope::event_types_read, &list_event_types, "event-types",
        "The catalogue of event types")
        .takes(event_type_parameters)
        .gives("EventTypeList"),
    post("/v1/event-types", Scope::event_types_write, &create_event_type, "event-types",
         "A new event type")
        .reads(Body::object, "EventTypeInput")
        .gives("EventType", 201)
        .audited("event_type.create"),
    get("/v1/event-types/{name}", Scope::event_types_read, &get_event_type, "event-types",
        "One event type with its versions")
        .versioned()
        .gives("EventType"),
    patch("/v1/event-types/{name}", Scope::event_types_write, &update_event_type, "event-types",
          "Changes it; json_schema or example alone add a version")
        .reads(Body::object, "EventTypeInput")
        .versioned()
        .gives("EventType")
        .audited("event_type.update"),
    remove("/v1/event-types/{name}", Scope::event_types_write, &delete_event_type, "event-types",
           "Takes it out of the catalogue")
        .versioned()
        .gives_nothing()
        .audited("event_type.delete"),
    // -- endpoints
    get("/v1/endpoints", Scope::endpoints_read, &list_endpoints, "endpoints",
        "Where webhooks are sent")
        .takes(endpoint_parameters)
        .gives("EndpointList"),
    post("/v1/endpoints", Scope::endpoints_write, &create_endpoint, "endpoints",
         "A new endpoint; its secret is shown")
        .reads(Body::object, "EndpointInput")
        .gives("NewEndpoint", 201)
        .audited("endpoint.create"),
    get("/v1/endpoints/{id}", Scope::endpoints_read, &get_endpoint, "endpoints", "One endpoint")
        .versioned()
        .gives("Endpoint"),
    patch("/v1/endpoints/{id}", Scope::endpoints_write, &update_endpoint, "endpoints",
          "Changes the members that are given; null brings back a default")
        .reads(Body::object, "EndpointInput")
        .versioned()
        .gives("Endpoint")
        .audited("endpoint.update"),
    remove("/v1/endpoints/{id}", Scope::endpoints_write, &delete_endpoint, "endpoints",
           "Deletes it; its pending deliveries are cancelled")
        .versioned()
        .gives_nothing()
        .audited("endpoint.delete"),
    post("/v1/endpoints/{id}/enable", Scope::endpoints_write, &enable_endpoint, "endpoints",
         "Takes deliveries up again and recovers what was held: all, none, or since a moment")
        .reads(Body::optional_object, "EnableInput")
        .versioned()
        .gives("Endpoint")
        .audited("endpoint.enable"),
    post("/v1/endpoints/{id}/disable", Scope::endpoints_write, &disable_endpoint, "endpoints",
         "Holds its deliveries from now on")
        .reads(Body::optional_object, "Nothing")
        .versioned()
        .gives("Endpoint")
        .audited("endpoint.disable"),
    post("/v1/endpoints/{id}/test", Scope::endpoints_write, &test_endpoint, "endpoints",
         "Sends a signed test event now; changes no state")
        .reads(Body::optional_object, "TestInput")
        .gives("TestResult")
        .audited("endpoint.test"),
    post("/v1/endpoints/{id}/rotate-secret", Scope::endpoints_write, &rotate_secret, "endpoints",
         "A new signing secret; the old one signs too for a while")
        .reads(Body::optional_object, "RotateInput")
        .versioned()
        .gives("NewEndpoint")
        .audited("endpoint.rotate_secret"),
    get("/v1/endpoints/{id}/secret", Scope::secrets_read, &get_secret, "endpoints",
        "The signing secrets that are live")
        .gives("EndpointSecret"),
    get("/v1/endpoints/{id}/stats", Scope::endpoints_read, &endpoint_stats, "endpoints",
        "Counts of its deliveries, and what its lane is doing")
        .takes(since_only)
        .gives("EndpointStats"),
    get("/v1/endpoints/{id}/events", Scope::deliveries_read, &endpoint_feed, "endpoints",
        "Missed events: what it was or would have been sent, oldest first, with headers, "
        "signatures and body; poll with the cursor")
        .takes(feed_parameters)
        .gives("FeedList"),
    get("/v1/endpoints/{id}/deliveries", Scope::deliveries_read, &endpoint_deliveries, "endpoints",
        "Its deliveries, newest first")
        .takes(own_delivery_parameters)
        .gives("DeliveryList"),
    // -- deliveries
    get("/v1/deliveries", Scope::deliveries_read, &list_deliveries, "deliveries",
        "Deliveries (event by endpoint), newest first")
        .takes(delivery_parameters)
        .gives("DeliveryList"),
    get("/v1/deliveries/{id}", Scope::deliveries_read, &get_delivery, "deliveries",
        "One delivery with its attempts, by id or UUID")
        .gives("DeliveryDetail"),
    get("/v1/deliveries/{id}/attempts", Scope::deliveries_read, &list_delivery_attempts,
        "deliveries", "Its attempts, oldest first")
        .gives("AttemptList"),
    post("/v1/deliveries/{id}/replay", Scope::deliveries_write, &replay_delivery, "deliveries",
         "Sends it again to the same endpoint, as a new delivery")
        .reads(Body::optional_object, "Nothing")
        .gives("Delivery", 202)
        .audited("delivery.replay"),
    post("/v1/deliveries/{id}/cancel", Scope::deliveries_write, &cancel_delivery, "deliveries",
         "Cancels a pending or parked delivery")
        .reads(Body::optional_object, "Nothing")
        .gives("Delivery")
        .audited("delivery.cancel"),
    get("/v1/attempts", Scope::deliveries_read, &list_attempts, "deliveries",
        "Attempts of all deliveries, newest first")
        .takes(attempt_parameters)
        .gives("AttemptList"),
    get("/v1/attempts/{id}", Scope::deliveries_read, &get_attempt, "deliveries", "One attempt")
        .gives("Attempt"),
    // -- replay jobs
    get("/v1/replay-jobs", Scope::deliveries_read, &list_replay_jobs, "replay-jobs",
        "Replay jobs, newest first")
        .takes(page_parameters)
        .gives("ReplayJobList"),
    post("/v1/replay-jobs", Scope::deliveries_write, &create_replay_job, "replay-jobs",
         "Replays every delivery, or received request (scope requests:write too), that matches a "
         "filter; dry_run only counts")
        .reads(Body::object, "ReplayJobInput")
        .gives("ReplayJob", 201)
        .audited("replay_job.create"),
    get("/v1/replay-jobs/{id}", Scope::deliveries_read, &get_replay_job, "replay-jobs",
        "One job with its progress")
        .versioned()
        .gives("ReplayJob"),
    post("/v1/replay-jobs/{id}/pause", Scope::deliveries_write, &pause_replay_job, "replay-jobs",
         "Stops after the deliveries made so far")
        .reads(Body::optional_object, "Nothing")
        .gives("ReplayJob")
        .audited("replay_job.pause"),
    post("/v1/replay-jobs/{id}/resume", Scope::deliveries_write, &resume_replay_job, "replay-jobs",
         "Goes on with a paused job")
        .reads(Body::optional_object, "Nothing")
        .gives("ReplayJob")
        .audited("replay_job.resume"),
    post("/v1/replay-jobs/{id}/cancel", Scope::deliveries_write, &cancel_replay_job, "replay-jobs",
         "Ends a job; what was replayed stays")
        .reads(Body::optional_object, "Nothing")
        .gives("ReplayJob")
        .audited("replay_job.cancel"),
    // -- notices
    get("/v1/notifications", Scope::endpoints_read, &list_notifications, "notifications",
        "What a person should see")
        .takes(page_parameters)
        .gives("NotificationList"),
    patch("/v1/notifications/{id}", Scope::endpoints_write, &update_notification, "notifications",
          "Marks it read or unread")
        .reads(Body::object, "NotificationInput")
        .gives("Notification")
        .audited("notification.update"),
    get("/v1/audit", Scope::audit_read, &list_audit, "audit",
        "Every change, newest first, hash-chained")
        .takes(page_parameters)
        .gives("AuditList"),
    // -- bins
    get("/v1/bins", Scope::bins_read, &list_bins, "bins", "Request bins")
        .takes(page_parameters)
        .gives("BinList"),
    post("/v1/bins", Scope::bins_write, &create_bin, "bins",
         "A new bin: an address that keeps what it is sent and answers as told")
        .reads(Body::optional_object, "BinInput")
        .gives("Bin", 201)
        .audited("bin.create"),
    get("/v1/bins/{id}", Scope::bins_read, &get_bin, "bins", "One bin").versioned().gives("Bin"),
    patch("/v1/bins/{id}", Scope::bins_write, &update_bin, "bins",
          "Changes its name, answers or verification")
        .reads(Body::object, "BinInput")
        .versioned()
        .gives("Bin")
        .audited("bin.update"),
    remove("/v1/bins/{id}", Scope::bins_write, &delete_bin, "bins", "Deletes it with what it kept")
        .versioned()
        .gives_nothing()
        .audited("bin.delete"),
    get("/v1/bins/{id}/requests", Scope::bins_read, &list_captures, "bins",
        "What it was sent, newest first")
        .takes(page_parameters)
        .gives("CaptureList"),
    remove("/v1/bins/{id}/requests", Scope::bins_write, &clear_captures, "bins", "Empties it")
        .gives_nothing()
        .audited("bin.clear"),
    get("/v1/bins/{id}/requests/{request_id}", Scope::bins_read, &get_capture, "bins",
        "One request that it was sent")
        .gives("Capture"),
    any("/b/{slug}", Scope::open, &capture_in_bin, "bins",
        "Keeps the request and answers as the bin was told")
        .reads(Body::any, {})
        .gives_text("text/plain"),
    any("/b/{slug}/{path*}", Scope::open, &capture_in_bin, "bins", "The same with a longer path")
        .reads(Body::any, {})
        .gives_text("text/plain"),
    // -- receiving
    get("/v1/providers", Scope::any, &list_providers, "sources",
        "Every provider that a source can be of, with its settings")
        .gives("ProviderList"),
    get("/v1/providers/{name}", Scope::any, &get_provider, "sources", "One provider")
        .gives("Provider"),
    get("/v1/sources", Scope::sources_read, &list_sources, "sources", "Where we receive")
        .takes(source_parameters)
        .gives("SourceList"),
    post("/v1/sources", Scope::sources_write, &create_source, "sources",
         "A new source: an address for one provider's calls")
        .reads(Body::object, "SourceInput")
        .gives("Source", 201)
        .audited("source.create"),
    get("/v1/sources/{id}", Scope::sources_read, &get_source, "sources", "One source")
        .versioned()
        .gives("Source"),
    patch("/v1/sources/{id}", Scope::sources_write, &update_source, "sources",
          "Changes the members that are given; of config, those of the same name")
        .reads(Body::object, "SourceInput")
        .versioned()
        .gives("Source")
        .audited("source.update"),
    remove("/v1/sources/{id}", Scope::sources_write, &delete_source, "sources",
           "Deletes it; what it received stays")
        .versioned()
        .gives_nothing()
        .audited("source.delete"),
    post("/v1/sources/{id}/pause", Scope::sources_write, &pause_source, "sources",
         "Goes on keeping and answering calls, and works on them later")
        .reads(Body::optional_object, "Nothing")
        .gives("Source")
        .audited("source.pause"),
    post("/v1/sources/{id}/resume", Scope::sources_write, &resume_source, "sources",
         "Works on what came since it was paused")
        .reads(Body::optional_object, "Nothing")
        .gives("Source")
        .audited("source.resume"),
    post("/v1/sources/{id}/rotate-secret", Scope::sources_write, &rotate_source_secret, "sources",
         "A new secret; the old one verifies too for a while")
        .reads(Body::object, "SourceRotateInput")
        .gives("Source")
        .audited("source.rotate_secret"),
    get("/v1/sources/{id}/instructions", Scope::sources_write, &source_instructions, "sources",
        "What to click and paste at the provider")
        .gives("Instructions"),
    post("/v1/sources/{id}/trigger", Scope::sources_write, &trigger_source, "sources",
         "Sends it a sample call of its provider, signed with its own settings")
        .reads(Body::optional_object, "TriggerInput")
        .gives("Trigger")
        .audited("source.trigger"),
    get("/v1/requests", Scope::requests_read, &list_requests, "requests",
        "What was received, newest first")
        .takes(request_parameters)
        .gives("RequestList"),
    get("/v1/requests/{id}", Scope::requests_read, &get_request, "requests",
        "One request with its headers and body")
        .gives("RequestDetail"),
    get("/v1/requests/{id}/body", Scope::requests_read, &get_request_body, "requests",
        "Its bytes as they came")
        .gives_text("application/octet-stream"),
    remove("/v1/requests/{id}/body", Scope::requests_write, &erase_request_body, "requests",
           "Removes its body; the rest stays")
        .gives_nothing()
        .audited("request.erase"),
    get("/v1/requests/{id}/explain", Scope::requests_read, &explain_request, "requests",
        "How it was verified, step by step, then and now, and the mistake that is likely")
        .gives("RequestExplanation"),
    post("/v1/requests/{id}/replay", Scope::requests_write, &replay_request, "requests",
         "Works on it again: nothing happens twice, unless forced")
        .reads(Body::optional_object, "RequestReplayInput")
        .gives("Request", 202)
        .audited("request.replay"),
    post("/v1/requests/replay", Scope::requests_write, &replay_requests, "requests",
         "Works on up to 500 requests again, with an answer for each")
        .reads(Body::object, "RequestReplaysInput")
        .gives("RequestReplayList", 202)
        .audited("request.replay"),
    // -- the stream
    get("/v1/stream", Scope::any, &open_stream, "stream",
        "Server-sent events from the durable log; Last-Event-ID resumes")
        .takes(stream_parameters)
        .gives_text("text/event-stream"),
};

}  // namespace

std::span<const Route> routes() { return route_table; }

}  // namespace posthorn::api
