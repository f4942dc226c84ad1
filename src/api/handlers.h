#pragma once
// Every handler of the route table, by resource. What each promises is in the table (routes.cc).

#include "api/context.h"

namespace posthorn::api {

// publish.cc
task<Answer> publish_events(Context& context, Call& call);
task<Answer> publish_bare(Context& context, Call& call);
// events.cc
task<Answer> list_events(Context& context, Call& call);
task<Answer> get_event(Context& context, Call& call);
task<Answer> erase_event_content(Context& context, Call& call);
// explain.cc
task<Answer> explain_event(Context& context, Call& call);
// workspaces.cc
task<Answer> list_workspaces(Context& context, Call& call);
task<Answer> create_workspace(Context& context, Call& call);
task<Answer> get_workspace(Context& context, Call& call);
task<Answer> update_workspace(Context& context, Call& call);
// applications.cc
task<Answer> list_applications(Context& context, Call& call);
task<Answer> create_application(Context& context, Call& call);
task<Answer> get_application(Context& context, Call& call);
task<Answer> update_application(Context& context, Call& call);
task<Answer> delete_application(Context& context, Call& call);
// api_keys.cc
task<Answer> list_keys(Context& context, Call& call);
task<Answer> create_key(Context& context, Call& call);
task<Answer> get_key(Context& context, Call& call);
task<Answer> update_key(Context& context, Call& call);
task<Answer> revoke_key(Context& context, Call& call);
// event_types.cc
task<Answer> list_event_types(Context& context, Call& call);
task<Answer> create_event_type(Context& context, Call& call);
task<Answer> get_event_type(Context& context, Call& call);
task<Answer> update_event_type(Context& context, Call& call);
task<Answer> delete_event_type(Context& context, Call& call);
// endpoints.cc
task<Answer> list_endpoints(Context& context, Call& call);
task<Answer> create_endpoint(Context& context, Call& call);
task<Answer> get_endpoint(Context& context, Call& call);
task<Answer> update_endpoint(Context& context, Call& call);
task<Answer> delete_endpoint(Context& context, Call& call);
// endpoint_actions.cc
task<Answer> enable_endpoint(Context& context, Call& call);
task<Answer> disable_endpoint(Context& context, Call& call);
task<Answer> test_endpoint(Context& context, Call& call);
task<Answer> rotate_secret(Context& context, Call& call);
task<Answer> get_secret(Context& context, Call& call);
// endpoint_views.cc
task<Answer> endpoint_stats(Context& context, Call& call);
task<Answer> endpoint_feed(Context& context, Call& call);
task<Answer> endpoint_deliveries(Context& context, Call& call);
// deliveries.cc
task<Answer> list_deliveries(Context& context, Call& call);
task<Answer> get_delivery(Context& context, Call& call);
task<Answer> list_delivery_attempts(Context& context, Call& call);
task<Answer> replay_delivery(Context& context, Call& call);
task<Answer> cancel_delivery(Context& context, Call& call);
// attempts.cc
task<Answer> list_attempts(Context& context, Call& call);
task<Answer> get_attempt(Context& context, Call& call);
// replay_jobs.cc
task<Answer> list_replay_jobs(Context& context, Call& call);
task<Answer> create_replay_job(Context& context, Call& call);
task<Answer> get_replay_job(Context& context, Call& call);
task<Answer> pause_replay_job(Context& context, Call& call);
task<Answer> resume_replay_job(Context& context, Call& call);
task<Answer> cancel_replay_job(Context& context, Call& call);
// notifications.cc
task<Answer> list_notifications(Context& context, Call& call);
task<Answer> update_notification(Context& context, Call& call);
task<Answer> list_audit(Context& context, Call& call);
// bins.cc
task<Answer> list_bins(Context& context, Call& call);
task<Answer> create_bin(Context& context, Call& call);
task<Answer> get_bin(Context& context, Call& call);
task<Answer> update_bin(Context& context, Call& call);
task<Answer> delete_bin(Context& context, Call& call);
task<Answer> list_captures(Context& context, Call& call);
task<Answer> get_capture(Context& context, Call& call);
task<Answer> clear_captures(Context& context, Call& call);
task<Answer> capture_in_bin(Context& context, Call& call);
// sources.cc
task<Answer> list_providers(Context& context, Call& call);
task<Answer> get_provider(Context& context, Call& call);
task<Answer> list_sources(Context& context, Call& call);
task<Answer> create_source(Context& context, Call& call);
task<Answer> get_source(Context& context, Call& call);
task<Answer> update_source(Context& context, Call& call);
task<Answer> delete_source(Context& context, Call& call);
task<Answer> pause_source(Context& context, Call& call);
task<Answer> resume_source(Context& context, Call& call);
task<Answer> rotate_source_secret(Context& context, Call& call);
task<Answer> source_instructions(Context& context, Call& call);
// trigger.cc
task<Answer> trigger_source(Context& context, Call& call);
// requests.cc
task<Answer> list_requests(Context& context, Call& call);
task<Answer> get_request(Context& context, Call& call);
task<Answer> get_request_body(Context& context, Call& call);
task<Answer> erase_request_body(Context& context, Call& call);
// explain_request.cc
task<Answer> explain_request(Context& context, Call& call);
// replay_requests.cc
task<Answer> replay_request(Context& context, Call& call);
task<Answer> replay_requests(Context& context, Call& call);
// stream.cc
task<Answer> open_stream(Context& context, Call& call);
// meta.cc
task<Answer> front_page(Context& context, Call& call);
task<Answer> health(Context& context, Call& call);
task<Answer> readiness(Context& context, Call& call);
task<Answer> metrics_page(Context& context, Call& call);
task<Answer> openapi_page(Context& context, Call& call);
task<Answer> meta(Context& context, Call& call);
task<Answer> look_up(Context& context, Call& call);

}  // namespace posthorn::api
