#include <array>

#include "api/openapi.h"

namespace posthorn::api {

namespace {

/// What a list of `name` looks like is made from it (`<name>List`), so lists are not in here.
constexpr std::array component_table{
    Component{"Problem", "Every refusal (RFC 9457); errors point into the body or at ?parameters",
              "type:text title:text status:integer code:text detail:text request_id:text "
              "errors:[@Fault]"},
    Component{"Fault", "One thing that is wrong with the input",
              "pointer:text code:text detail:text"},
    Component{"Nothing", "An empty object", ""},
    // -- the server
    Component{"Health", "The process answers", "status:text"},
    Component{"Readiness", "Whether publishes are taken and delivered",
              "status:text(ok|failing) checks:@ReadinessChecks warnings:[text]"},
    Component{"ReadinessChecks", "Each check",
              "store:text(ok|failing) delivering:text(ok|failing) disk:text(ok|failing)"},
    Component{"OpenApi", "An OpenAPI 3.1 document", "map"},
    Component{"Meta", "This server and your key",
              "object:text version:text time:time workspace_id:text workspace_name:text actor:text "
              "scopes:[text] deprecations:[any]"},
    Component{"Lookup", "What an id stands for",
              "object:text kind:text id:text path:text ~uuid:text"},
    // -- publishing
    Component{"EventInput", "An event to publish",
              "type:text data:any ~id:text ~application:text? ~key:text? ~channels:[text]? "
              "~deliver_at:time?"},
    Component{"PublishBody", "One event, or a list of up to 500", "=@EventInput|[@EventInput]"},
    Component{"EventData", "An object or a list", "=map|[any]"},
    Component{"EventReceipt", "A published event: committed, and on its way",
              "object:text id:text type:text created_at:time deliveries:integer sequence:integer? "
              "client_id:text? duplicate:bool"},
    Component{"PublishReply", "A receipt; for a list `data` with an answer for each",
              "~object:text ~id:text ~type:text ~created_at:time ~deliveries:integer "
              "~sequence:integer? ~client_id:text? ~duplicate:bool ~data:[@ItemReply]"},
    Component{"ItemReply", "What became of one event of a list: 202 with a receipt, or a refusal",
              "status:integer ~object:text ~id:text ~type:text ~created_at:time "
              "~deliveries:integer ~sequence:integer? ~client_id:text? ~duplicate:bool ~code:text "
              "~detail:text ~errors:[@Fault]"},
    Component{"Event", "Something that happened",
              "id:text object:text workspace_id:text application_id:text? type:text "
              "type_version:integer key:text? sequence:integer? channels:[text] actor:text? "
              "client_id:text? traceparent:text? hop:integer created_at:time deliver_at:time "
              "delivery_count:integer ~data:any"},
    Component{"Explanation", "Why each endpoint did or did not get an event",
              "object:text event_id:text type:text in_words:text endpoints:[@ExplainedEndpoint] "
              "deliveries_of_deleted_endpoints:[@ExplainedDelivery]"},
    Component{
        "ExplainedEndpoint", "One endpoint of the event's application",
        "endpoint_id:text url:text enabled:bool matched:bool would_match:bool "
        "reason:text(matches|other_workspace|other_application|type|channel|filter|hop_limit) "
        "in_words:text deliveries:[@ExplainedDelivery]"},
    Component{"ExplainedDelivery", "A delivery with where it stands",
              "id:text object:text uuid:text workspace_id:text event_id:text endpoint_id:text "
              "status:text trigger:text attempt_count:integer next_attempt_at:time? "
              "last_attempt_id:text? last_status_code:integer? last_error_class:text? "
              "replay_of:text? created_at:time state_in_words:text"},
    // -- workspaces, applications, keys, event types
    Component{"WorkspaceInput", "A workspace to make or change",
              "!name:text ~strict:bool? ~rate_limit:number? ~metadata:map?"},
    Component{"Workspace", "A tenant",
              "id:text object:text name:text strict:bool rate_limit:number? metadata:map "
              "created_at:time updated_at:time version:integer"},
    Component{"ApplicationInput", "An application to make or change",
              "!uid:text ~name:text? ~metadata:map?"},
    Component{"Application", "One customer of the workspace",
              "id:text object:text workspace_id:text uid:text name:text metadata:map "
              "created_at:time updated_at:time version:integer"},
    Component{"ApiKeyInput", "A key to make or change",
              "~name:text? !scopes:[text] ~expires_at:time?"},
    Component{"ApiKey", "Who may call the API, and what for",
              "id:text object:text workspace_id:text name:text prefix:text scopes:[text] "
              "expires_at:time? last_used_at:time? revoked_at:time? created_at:time "
              "updated_at:time version:integer"},
    Component{"NewApiKey", "The same with the key itself, this once",
              "id:text object:text workspace_id:text name:text prefix:text scopes:[text] "
              "expires_at:time? last_used_at:time? revoked_at:time? created_at:time "
              "updated_at:time version:integer key:text"},
    Component{"EventTypeInput",
              "An event type to make or change; json_schema or example stand for one more version",
              "!name:text ~description:text? ~versions:[map] ~archived:bool? ~json_schema:any "
              "~example:any"},
    Component{"EventType", "A kind of event with its versions",
              "id:text object:text workspace_id:text name:text description:text versions:[map] "
              "current_version:integer archived:bool created_at:time updated_at:time "
              "version:integer"},
    // -- endpoints
    Component{"EndpointInput", "An endpoint to make or change",
              "!url:text ~event_types:[text] ~application:text ~channels:[text]? ~filter:map? "
              "~secret:text? ~headers:map? ~retry:@RetryInput ~timeout_ms:integer? "
              "~format:text(json|bare|xml|form|cloudevents|cloudevents_binary)? "
              "~ordering:text(none|key)? ~on_exhausted:text(block|skip)? ~probing:bool? "
              "~description:text? ~concurrency:integer? ~rate_limit:number? "
              "~disable_after:integer? ~disable_min_span_ms:integer? ~metadata:map? "
              "~asymmetric:bool"},
    Component{"RetryInput",
              "A profile's name, a list of waits (seconds, or like \"5m\"), or both "
              "as an answer shows them",
              "=text(standard|quick|patient)|[any]|@RetryChoice|null"},
    Component{"RetryChoice", "A profile, or the waits after the 1st, 2nd, … failure",
              "~profile:text(standard|quick|patient|custom) ~steps:[any] ~attempts:integer"},
    Component{"Endpoint", "Where webhooks are sent",
              "id:text object:text workspace_id:text application_id:text? url:text "
              "description:text event_types:[text] channels:[text] filter:any signing:@Signing "
              "headers:map retry:@Retry timeout_ms:integer "
              "format:text(json|bare|xml|form|cloudevents|cloudevents_binary) "
              "ordering:text(none|key) on_exhausted:text(block|skip) probing:bool "
              "concurrency:integer rate_limit:number? disable_after:integer "
              "disable_min_span_ms:integer enabled:bool disabled_reason:text? disabled_at:time? "
              "metadata:map created_at:time updated_at:time version:integer ~secret:text?"},
    Component{"NewEndpoint", "An endpoint with its secret (null: unsigned)",
              "id:text object:text workspace_id:text application_id:text? url:text "
              "description:text event_types:[text] channels:[text] filter:any signing:@Signing "
              "headers:map retry:@Retry timeout_ms:integer format:text ordering:text "
              "on_exhausted:text probing:bool concurrency:integer rate_limit:number? "
              "disable_after:integer disable_min_span_ms:integer enabled:bool "
              "disabled_reason:text? disabled_at:time? metadata:map created_at:time "
              "updated_at:time version:integer secret:text?"},
    Component{"Signing", "How it is signed; secrets by their last characters",
              "schemes:[text] secrets:[@SecretState] public_key:text?"},
    Component{"SecretState", "One live secret",
              "state:text(current|previous|pending) tail:text? created_at:time promote_at:time? "
              "expires_at:time?"},
    Component{"Retry", "Waits in seconds after the 1st, 2nd, … failure",
              "profile:text steps:[number] attempts:integer"},
    Component{"EnableInput", "recover: \"all\" (default), \"none\", or {\"since\": time}",
              "~recover:any"},
    Component{"TestInput", "The event to imitate", "~type:text ~data:any"},
    Component{"TestResult", "What the endpoint answered",
              "object:text success:bool result:text status_code:integer? detail:text "
              "remote_address:text duration_ms:integer response_headers:map response_body:text "
              "response_truncated:bool"},
    Component{"RotateInput", "The new secret (made when absent) and when it counts",
              "~secret:text ~grace_seconds:integer ~promote_at:time?"},
    Component{"EndpointSecret", "The secrets that sign now",
              "object:text endpoint_id:text secret:text? others:[text] public_key:text?"},
    Component{"EndpointStats", "Deliveries by state; complete is false past 20000",
              "object:text endpoint_id:text since:time until:time deliveries:map attempts:integer "
              "succeeded_at_first_try:integer complete:bool lane:@LaneState"},
    Component{"LaneState", "What the endpoint's queue is doing",
              "state:text(idle|flowing|probing|held) in_flight:integer concurrency:integer "
              "waiting:integer consecutive_failures:integer next_probe_at:time?"},
    Component{"MissedEvent", "An event as the endpoint was or would have been sent it",
              "object:text event_id:text type:text delivery_id:text status:text created_at:time "
              "headers:map body:text"},
    // -- deliveries
    Component{"Delivery", "One event for one endpoint",
              "id:text object:text uuid:text workspace_id:text event_id:text event_type:text? "
              "endpoint_id:text status:text(pending|held|succeeded|exhausted|cancelled|parked) "
              "trigger:text attempt_count:integer next_attempt_at:time? last_attempt_id:text? "
              "last_status_code:integer? last_error_class:text? replay_of:text? created_at:time"},
    Component{"DeliveryDetail", "A delivery with its attempts and where it stands",
              "id:text object:text uuid:text workspace_id:text event_id:text event_type:text? "
              "endpoint_id:text status:text trigger:text attempt_count:integer "
              "next_attempt_at:time? last_attempt_id:text? last_status_code:integer? "
              "last_error_class:text? replay_of:text? created_at:time attempts:[@Attempt] "
              "state_in_words:text"},
    Component{"Attempt", "One HTTP exchange",
              "id:text object:text delivery_id:text endpoint_id:text number:integer trigger:text "
              "started_at:time success:bool status_code:integer? error_class:text? "
              "error_detail:text? timings:map remote_address:text? tls:text? response:map? "
              "retry_at:time? decision:text"},
    Component{
        "ReplayJobInput",
        "filter (deliveries) takes what the query of GET /v1/deliveries takes, as text or "
        "lists; requests takes source_id, provider, state, since, until and force. One of both",
        "~filter:map ~requests:map ~dry_run:bool ~rate:number"},
    Component{
        "ReplayJob", "Deliveries being sent again, or requests worked on again",
        "id:text object:text workspace_id:text "
        "status:text(running|paused|completed|cancelled|failed) filter:map? requests:map? "
        "dry_run:bool "
        "rate:number total:integer? seen:integer replayed:integer skipped:integer actor:text? "
        "error:text? finished_at:time? created_at:time updated_at:time version:integer"},
    // -- notices, bins
    Component{"NotificationInput", "read: true or false", "read:bool"},
    Component{"Notification", "Something a person should see",
              "id:text object:text workspace_id:text kind:text text:text details:map at:time "
              "read_at:time? created_at:time updated_at:time version:integer"},
    Component{"Audit", "A change, with the hash of the one before",
              "id:text object:text at:time actor:text action:text object_id:text "
              "before_hash:text? after_hash:text? request_id:text? previous_hash:text? hash:text"},
    Component{"BinInput", "A bin to make or change",
              "~name:text ~response:@BinReply ~responses:[@BinReply] ~verify_secret:text?"},
    Component{"BinReply", "What a bin answers",
              "~status:integer ~headers:map ~body:text ~delay_ms:integer"},
    Component{"Bin", "An address that keeps what it is sent",
              "id:text object:text name:text url:text endpoint_url:text responses:[@BinReply] "
              "verifies:bool created_at:time updated_at:time"},
    Component{"Capture", "A request that a bin got",
              "id:text object:text bin_id:text at:time method:text path:text query:text "
              "headers:[[text]] body:text? body_base64:text? body_bytes:integer "
              "body_truncated:bool remote_address:text? answered:integer "
              "signatures:@CaptureSignatures"},
    Component{"CaptureSignatures", "Whether the signatures verify, and why not",
              "x_webhook_signature:text(not_checked|valid|invalid|missing) "
              "webhook_signature:text(not_checked|valid|invalid|missing) detail:text"},
    // -- receiving
    Component{"Provider", "Who can send to a source, and what its settings are",
              "object:text name:text title:text carries:text verifies:bool signs_url:bool "
              "body_bytes_max:integer fields:[@ProviderField] samples:[text]"},
    Component{"ProviderField", "One member of a source's config",
              "name:text plural:text? kind:text required:bool help:text default:text? "
              "choices:[text]"},
    Component{"SourceInput", "A source to make or change",
              "!provider:text !name:text ~config:map ~application:text? ~description:text? "
              "~public_url:text? ~paused:bool? ~schema:any ~key:text? ~include_payload:bool? "
              "~rate_per_minute:integer? ~silent_after_seconds:integer? ~poll:map? "
              "~metadata:map?"},
    Component{"Source", "Where we receive; secrets are masked",
              "id:text object:text provider:text name:text description:text ingest_url:text "
              "application_id:text config:map previous_secrets:[@PreviousSecret] public_url:text? "
              "paused:bool schema:any key:text? include_payload:bool rate_per_minute:integer "
              "silent_after_seconds:integer? verifies:bool poll:any metadata:map "
              "activity:@SourceActivity polling:any "
              "created_at:time updated_at:time version:integer"},
    Component{
        "SourceActivity",
        "What it received since the server started; waiting (up to 1000) is told of one source "
        "alone",
        "received:integer duplicates:integer refused:integer refused_not_kept:integer "
        "last_received_at:time? waiting:integer?"},
    Component{"PreviousSecret", "A secret that was replaced and verifies still",
              "field:text expires_at:time"},
    Component{"SourceRotateInput", "The new secret, and how long the old one verifies too",
              "~field:text value:any ~overlap_seconds:integer"},
    Component{"Instructions", "What to do at the provider, as Markdown",
              "object:text source_id:text provider:text ingest_url:text markdown:text"},
    Component{"TriggerInput",
              "One of the provider's samples (the first by default), or a body of one's own, which "
              "is signed like it",
              "~event:text ~body:text ~body_base64:text"},
    Component{"Trigger", "What was sent, what it was answered, and the request that was kept",
              "object:text source_id:text provider:text event:text? accepted:bool sent:map "
              "answered:map request:any"},
    Component{"RequestReplayInput", "force: everything it says happens anew", "~force:bool"},
    Component{"Request", "One received call and what became of it",
              "id:text object:text source_id:text workspace_id:text received_at:time "
              "origin:text(webhook|poll) method:text url:text remote_address:text? "
              "body_bytes:integer reply_status:integer "
              "state:text(received|processed|duplicate|refused|unparsed|invalid|parked|answered) "
              "attempts:integer next_attempt_at:time? duplicate_of:text? error:text? "
              "events:[text] events_new:integer processed_at:time?"},
    Component{"RequestDetail", "The same with headers (secrets masked), body and verdict",
              "id:text object:text source_id:text workspace_id:text received_at:time "
              "origin:text(webhook|poll) method:text url:text remote_address:text? "
              "body_bytes:integer reply_status:integer "
              "state:text(received|processed|duplicate|refused|unparsed|invalid|parked|answered) "
              "attempts:integer next_attempt_at:time? duplicate_of:text? error:text? "
              "events:[text] events_new:integer processed_at:time? "
              "headers:[[text]] body:text? body_base64:text? body_truncated:bool verdict:any "
              "state_in_words:text"},
    Component{"RequestReplaysInput", "Which; force: everything they say happens anew",
              "ids:[text] ~force:bool"},
    Component{"RequestReplay", "What became of one: 202 with the request, or why not",
              "id:text status:integer code:text? detail:text? request:any"},
    Component{
        "RequestExplanation", "Why it was accepted or refused, and what came of it",
        "object:text request_id:text state:text in_words:text at_receipt:any events:[text] "
        "duplicate_of:text? now:any now_unknown_because:text? likely_mistakes:[@LikelyMistake]"},
    Component{"LikelyMistake", "What would have made it verify", "code:text sentence:text"},
    // -- webhooks
    Component{"Envelope", "The body of a webhook in the format json",
              "id:text type:text version:text timestamp:time workspace_id:text actor:any "
              "sequence:integer? data:map"},
};

}  // namespace

std::span<const Component> components() { return component_table; }

}  // namespace posthorn::api
