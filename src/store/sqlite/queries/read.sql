-- Statements of the reader connections. The scans give rows in id order from behind a bound; what
-- a filter means is decided in code (reader_filters.h), on a bounded number of rows.

-- name: read_begin
BEGIN;
-- name: read_end
COMMIT;

-- name: due
SELECT id, event, due, created, attempts, crashes, key_hash, cause, replay_of
FROM deliveries INDEXED BY deliveries_due
WHERE endpoint = ?1 AND state = 0 AND (due, id) > (?2, ?3) AND due <= ?4
ORDER BY due, id;
-- name: pending_of_key
SELECT id, event, due, created, attempts, crashes, key_hash, cause, replay_of
FROM deliveries INDEXED BY deliveries_of_key
WHERE endpoint = ?1 AND key_hash = ?2 AND key_hash <> 0 AND state IN (0, 2) AND state = 0 AND id < ?3
ORDER BY id;
-- name: blocking_head
SELECT id FROM deliveries INDEXED BY deliveries_of_key
WHERE endpoint = ?1 AND key_hash = ?2 AND key_hash <> 0 AND state IN (0, 2) AND state = 2 AND resolved = 0
ORDER BY id LIMIT 1;
-- name: read_earliest_pending
SELECT due, id FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0 ORDER BY due, id;
-- name: closed_held
SELECT endpoint, first, recover_from FROM held WHERE until IS NOT NULL AND recover_from > first;
-- name: held_of
SELECT endpoint, first, until, recover_from FROM held WHERE endpoint = ?1 ORDER BY id;

-- name: lanes_due
SELECT endpoint, next_due, failures, first_failure, counted_until, failing_told, held FROM lanes
WHERE next_due IS NOT NULL AND next_due <= ?1 AND (next_due, endpoint) > (?2, ?3)
ORDER BY next_due, endpoint;
-- name: lane
SELECT endpoint, next_due, failures, first_failure, counted_until, failing_told, held FROM lanes WHERE endpoint = ?1;

-- name: event
SELECT id, workspace, application, type, created, due, first_delivery, fan_out, sequence, extras, data
FROM events WHERE id = ?1;
-- name: event_kind
SELECT type FROM events WHERE id = ?1;
-- name: body_file
SELECT file FROM bodies WHERE event = ?1;
-- name: type_name
SELECT name FROM types WHERE id = ?1;
-- name: events_up
SELECT id, workspace, application, type, created, due, first_delivery, fan_out, sequence, extras, data
FROM events WHERE id > ?1 ORDER BY id;
-- name: events_down
SELECT id, workspace, application, type, created, due, first_delivery, fan_out, sequence, extras, data
FROM events WHERE id < ?1 ORDER BY id DESC;
-- name: events_of_workspace_up
SELECT id, workspace, application, type, created, due, first_delivery, fan_out, sequence, extras, data
FROM events WHERE id > ?1 AND workspace = ?2 ORDER BY id;
-- name: events_of_workspace_down
SELECT id, workspace, application, type, created, due, first_delivery, fan_out, sequence, extras, data
FROM events WHERE id < ?1 AND workspace = ?2 ORDER BY id DESC;
-- name: event_by_key
SELECT event FROM event_keys WHERE bucket = ?1 AND hash = ?2;
-- name: read_key_buckets
WITH RECURSIVE buckets(bucket) AS (
  SELECT max(bucket) FROM event_keys
  UNION ALL
  SELECT (SELECT max(bucket) FROM event_keys WHERE event_keys.bucket < buckets.bucket) FROM buckets
  WHERE buckets.bucket IS NOT NULL)
SELECT bucket FROM buckets WHERE bucket IS NOT NULL;

-- name: delivery
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries WHERE id = ?1;
-- name: deliveries_up
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries WHERE id > ?1 ORDER BY id;
-- name: deliveries_down
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries WHERE id < ?1 ORDER BY id DESC;
-- name: deliveries_of_endpoint_up
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries INDEXED BY deliveries_by_endpoint
WHERE id > ?1 AND endpoint = ?2 ORDER BY id;
-- name: deliveries_of_endpoint_down
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries INDEXED BY deliveries_by_endpoint
WHERE id < ?1 AND endpoint = ?2 ORDER BY id DESC;
-- name: dead_of_workspace_up
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries INDEXED BY deliveries_dead
WHERE id > ?1 AND workspace = ?2 AND state IN (2, 4) ORDER BY id;
-- name: dead_of_workspace_down
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries INDEXED BY deliveries_dead
WHERE id < ?1 AND workspace = ?2 AND state IN (2, 4) ORDER BY id DESC;
-- name: deliveries_of_event_up
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries
WHERE id IN (SELECT id FROM deliveries WHERE id > ?1 AND id >= ?3 AND id < ?4
             UNION ALL SELECT id FROM deliveries INDEXED BY deliveries_late WHERE event = ?2 AND late = 1 AND id > ?1)
ORDER BY id;
-- name: deliveries_of_event_down
SELECT id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes, last_attempt, last_status,
       last_result, replay_of, cause FROM deliveries
WHERE id IN (SELECT id FROM deliveries WHERE id < ?1 AND id >= ?3 AND id < ?4
             UNION ALL SELECT id FROM deliveries INDEXED BY deliveries_late WHERE event = ?2 AND late = 1 AND id < ?1)
ORDER BY id DESC;

-- name: attempt
SELECT id, delivery, previous, endpoint, number, cause, started, result, status, retry_at, extras
FROM attempts WHERE id = ?1;
-- name: attempts_up
SELECT id, delivery, previous, endpoint, number, cause, started, result, status, retry_at, extras
FROM attempts WHERE id > ?1 ORDER BY id;
-- name: attempts_down
SELECT id, delivery, previous, endpoint, number, cause, started, result, status, retry_at, extras
FROM attempts WHERE id < ?1 ORDER BY id DESC;

-- name: read_object_of_id
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document FROM objects WHERE id = ?1;
-- name: read_object_of_name
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document FROM objects
WHERE kind = ?1 AND workspace = ?2 AND name = ?3 AND name <> '';
-- name: objects_up
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document
FROM objects INDEXED BY objects_by_kind WHERE kind = ?2 AND id > ?1 ORDER BY id;
-- name: objects_down
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document
FROM objects INDEXED BY objects_by_kind WHERE kind = ?2 AND id < ?1 ORDER BY id DESC;
-- name: objects_of_parent_up
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document
FROM objects INDEXED BY objects_by_parent WHERE kind = ?2 AND parent = ?3 AND parent <> 0 AND id > ?1 ORDER BY id;
-- name: objects_of_parent_down
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document
FROM objects INDEXED BY objects_by_parent WHERE kind = ?2 AND parent = ?3 AND parent <> 0 AND id < ?1
ORDER BY id DESC;

-- name: audit_up
SELECT id, workspace, at, actor, action, object, before_hash, after_hash, request_id, previous_hash, hash
FROM audit WHERE id > ?1 ORDER BY id;
-- name: audit_down
SELECT id, workspace, at, actor, action, object, before_hash, after_hash, request_id, previous_hash, hash
FROM audit WHERE id < ?1 ORDER BY id DESC;
-- name: audit_of_workspace_up
SELECT id, workspace, at, actor, action, object, before_hash, after_hash, request_id, previous_hash, hash
FROM audit WHERE id > ?1 AND workspace = ?2 ORDER BY id;
-- name: audit_of_workspace_down
SELECT id, workspace, at, actor, action, object, before_hash, after_hash, request_id, previous_hash, hash
FROM audit WHERE id < ?1 AND workspace = ?2 ORDER BY id DESC;

-- name: count_pending
SELECT count(*) FROM deliveries INDEXED BY deliveries_due WHERE state = 0;
-- name: read_meta
SELECT value FROM meta WHERE name = ?1;
-- name: log_span
SELECT (SELECT coalesce(max(id) - min(id) + 1, 0) FROM events),
       (SELECT coalesce(max(id) - min(id) + 1, 0) FROM attempts),
       (SELECT coalesce(max(id) - min(id) + 1, 0) FROM requests);
-- name: page_counts
SELECT page_count, page_size, freelist_count
FROM pragma_page_count(), pragma_page_size(), pragma_freelist_count();
-- name: event_span
SELECT first_delivery, first_delivery + fan_out FROM events WHERE id = ?1;
-- name: read_next_expansion
SELECT event FROM expansions ORDER BY event LIMIT 1;
-- name: keys_of_bucket
SELECT hash FROM event_keys WHERE bucket = ?1;

-- name: request
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras, r.body
FROM requests r CROSS JOIN request_states s ON s.id = r.id WHERE r.id = ?1;
-- name: every_request
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras, r.body
FROM requests r CROSS JOIN request_states s ON s.id = r.id ORDER BY r.id;
-- name: request_body_file
SELECT file FROM request_bodies WHERE request = ?1;
-- name: requests_due
SELECT id, due, attempts FROM request_states INDEXED BY request_states_due
WHERE source = ?1 AND state = 0 AND due > 0 AND (due, id) > (?2, ?3) AND due <= ?4 ORDER BY due, id;
-- name: next_source_with_requests
SELECT source, due FROM request_states INDEXED BY request_states_due
WHERE source > ?1 AND state = 0 AND due > 0 ORDER BY source, due LIMIT 1;
-- name: requests_up
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM requests r CROSS JOIN request_states s ON s.id = r.id
WHERE r.id > ?1 ORDER BY r.id;
-- name: requests_down
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM requests r CROSS JOIN request_states s ON s.id = r.id
WHERE r.id < ?1 ORDER BY r.id DESC;
-- name: requests_of_source_up
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM requests r INDEXED BY requests_by_source CROSS JOIN request_states s ON s.id = r.id
WHERE r.id > ?1 AND r.source = ?2 ORDER BY r.id;
-- name: requests_of_source_down
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM requests r INDEXED BY requests_by_source CROSS JOIN request_states s ON s.id = r.id
WHERE r.id < ?1 AND r.source = ?2 ORDER BY r.id DESC;
-- name: requests_of_state_up
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM request_states s INDEXED BY request_states_bad CROSS JOIN requests r ON r.id = s.id
WHERE s.id > ?1 AND s.state = ?2 AND s.state > 2 AND s.state < 7 ORDER BY s.id;
-- name: requests_of_state_down
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM request_states s INDEXED BY request_states_bad CROSS JOIN requests r ON r.id = s.id
WHERE s.id < ?1 AND s.state = ?2 AND s.state > 2 AND s.state < 7 ORDER BY s.id DESC;
-- name: requests_duplicate_of_up
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM request_states s INDEXED BY request_states_duplicates CROSS JOIN requests r ON r.id = s.id
WHERE s.id > ?1 AND s.duplicate_of = ?2 AND s.duplicate_of <> 0 ORDER BY s.id;
-- name: requests_duplicate_of_down
SELECT r.id, r.source, r.workspace, r.received, r.extras, s.state, s.due, s.attempts, s.duplicate_of, s.extras
FROM request_states s INDEXED BY request_states_duplicates CROSS JOIN requests r ON r.id = s.id
WHERE s.id < ?1 AND s.duplicate_of = ?2 AND s.duplicate_of <> 0 ORDER BY s.id DESC;
-- name: count_requests_pending
SELECT (SELECT count(*) FROM request_states INDEXED BY request_states_due WHERE state = 0 AND due > 0)
     + (SELECT count(*) FROM request_states
        WHERE id > (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'requests_queued_to') AND state = 0 AND due < 0);
-- name: keys_of_request_bucket
SELECT hash FROM request_keys WHERE bucket = ?1;
-- name: request_of_key
SELECT request FROM request_keys WHERE bucket = ?1 AND hash = ?2;
