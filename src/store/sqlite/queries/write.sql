-- Statements of the writer. Each block becomes one prepared statement of that name.

-- name: begin
BEGIN IMMEDIATE;
-- name: commit
COMMIT;
-- name: rollback
ROLLBACK;
-- name: savepoint
SAVEPOINT batch;
-- name: release
RELEASE batch;
-- name: undo
ROLLBACK TO batch;

-- name: insert_event
INSERT INTO events(id, workspace, application, type, created, due, first_delivery, fan_out, sequence, extras, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- name: insert_body
INSERT INTO bodies(event, file) VALUES (?1, ?2);

-- name: insert_type
INSERT INTO types(id, name) VALUES (?1, ?2);
-- name: all_types
SELECT id, name FROM types;

-- name: next_sequence
INSERT INTO sequences(workspace, key, value) VALUES (?1, ?2, 1)
ON CONFLICT (workspace, key) DO UPDATE SET value = value + 1
RETURNING value;

-- name: insert_event_key
INSERT INTO event_keys(bucket, hash, event, digest) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO NOTHING;
-- name: replace_event_key
REPLACE INTO event_keys(bucket, hash, event, digest) VALUES (?1, ?2, ?3, ?4);
-- name: find_event_key
SELECT event, digest FROM event_keys WHERE bucket = ?1 AND hash = ?2;
-- name: event_receipt
SELECT first_delivery, fan_out, sequence FROM events WHERE id = ?1;

-- name: insert_delivery
INSERT INTO deliveries(id, event, endpoint, workspace, state, attempts, due, created, key_hash, crashes,
                       last_attempt, last_status, last_result, replay_of, cause, late, resolved)
VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6, ?7, 0, 0, 0, 0, ?8, ?9, ?10, 0);

-- name: delivery_now
SELECT state, attempts, due, endpoint, last_attempt, replay_of FROM deliveries WHERE id = ?1;
-- name: record_attempt
UPDATE deliveries SET state = ?2, attempts = ?3, due = ?4, crashes = 0, last_attempt = ?5, last_status = ?6,
                      last_result = ?7
WHERE id = ?1;
-- name: insert_attempt
INSERT INTO attempts(id, delivery, previous, endpoint, number, cause, started, result, status, retry_at, extras)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);
-- name: change_delivery
UPDATE deliveries SET state = coalesce(?2, state), due = coalesce(?3, due), crashes = coalesce(?4, crashes)
WHERE id = ?1;
-- name: resolve_original
UPDATE deliveries SET resolved = 1 WHERE id = ?1 AND state = 2;

-- name: earliest_pending
SELECT due, id FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0 ORDER BY due, id;
-- name: lowest_pending
SELECT min(id) FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0 AND id >= ?2;
-- name: lane_next_due
SELECT next_due FROM lanes WHERE endpoint = ?1;
-- name: lower_lane
INSERT INTO lanes(endpoint, next_due) VALUES (?1, ?2)
ON CONFLICT (endpoint) DO UPDATE SET next_due = excluded.next_due;
-- name: replace_lane
REPLACE INTO lanes(endpoint, next_due, failures, first_failure, counted_until, failing_told, held)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: all_held
SELECT endpoint, first, until, recover_from, id FROM held ORDER BY id;
-- name: insert_held
INSERT INTO held(endpoint, first) VALUES (?1, ?2);
-- name: close_held
UPDATE held SET until = ?2, recover_from = ?3 WHERE endpoint = ?1 AND until IS NULL;
-- name: shrink_held
UPDATE held SET first = ?2 WHERE id = ?1;
-- name: delete_held
DELETE FROM held WHERE id = ?1;
-- name: pending_between
SELECT id FROM deliveries INDEXED BY deliveries_by_endpoint
WHERE endpoint = ?1 AND id >= ?2 AND id < ?3 AND state = 0 ORDER BY id LIMIT ?4;
-- name: pending_before
SELECT id, endpoint FROM deliveries WHERE state = 0 AND created < ?1 AND id > ?2 ORDER BY id LIMIT ?3;
-- name: cancel_delivery
UPDATE deliveries SET state = 3 WHERE id = ?1;

-- name: insert_object
INSERT INTO objects(id, kind, workspace, parent, name, version, created, updated, expires, document)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);
-- name: update_object
UPDATE objects SET workspace = ?2, parent = ?3, name = ?4, version = ?5, updated = ?6, expires = ?7, document = ?8
WHERE id = ?1;
-- name: delete_object
DELETE FROM objects WHERE id = ?1;
-- name: object_of_id
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document FROM objects WHERE id = ?1;
-- name: object_of_name
SELECT id, kind, workspace, parent, name, version, created, updated, expires, document FROM objects
WHERE kind = ?1 AND workspace = ?2 AND name = ?3 AND name <> '';

-- name: insert_expansion
INSERT INTO expansions(event, next_delivery, targets) VALUES (?1, ?2, ?3);
-- name: first_expansion
SELECT event, next_delivery, targets FROM expansions ORDER BY event LIMIT 1;
-- name: update_expansion
UPDATE expansions SET next_delivery = ?2, targets = ?3 WHERE event = ?1;
-- name: delete_expansion
DELETE FROM expansions WHERE event = ?1;

-- name: insert_audit
INSERT INTO audit(id, workspace, at, actor, action, object, before_hash, after_hash, request_id, previous_hash, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);
-- name: last_audit_hash
SELECT hash FROM audit ORDER BY id DESC LIMIT 1;

-- name: raise_epoch
INSERT INTO shards(shard, node, epoch) VALUES (?1, ?2, 1)
ON CONFLICT (shard) DO UPDATE SET node = excluded.node, epoch = epoch + 1
RETURNING epoch;
-- name: all_epochs
SELECT shard, epoch FROM shards;

-- name: set_meta
REPLACE INTO meta(name, value) VALUES (?1, ?2);
-- name: remove_meta
DELETE FROM meta WHERE name = ?1;
-- name: get_meta
SELECT value FROM meta WHERE name = ?1;
-- name: highest_ids
SELECT (SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM deliveries),
       (SELECT coalesce(max(id), 0) FROM attempts), (SELECT coalesce(max(id), 0) FROM objects),
       (SELECT coalesce(max(id), 0) FROM audit),
       (SELECT coalesce(first_delivery + fan_out - 1, 0) FROM events ORDER BY id DESC LIMIT 1),
       (SELECT coalesce(max(id), 0) FROM requests);
-- name: key_buckets
WITH RECURSIVE buckets(bucket) AS (
  SELECT min(bucket) FROM event_keys
  UNION ALL
  SELECT (SELECT min(bucket) FROM event_keys WHERE event_keys.bucket > buckets.bucket) FROM buckets
  WHERE buckets.bucket IS NOT NULL)
SELECT bucket FROM buckets WHERE bucket IS NOT NULL;

-- name: insert_request
INSERT INTO requests(id, source, workspace, received, extras, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6);
-- name: insert_request_body
INSERT INTO request_bodies(request, file) VALUES (?1, ?2);
-- name: insert_request_state
INSERT INTO request_states(id, source, state, due, attempts, duplicate_of, extras)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
-- name: update_request_state
UPDATE request_states SET state = ?2, due = ?3, attempts = ?4, duplicate_of = ?5, extras = ?6 WHERE id = ?1;
-- name: request_state_now
SELECT source, state, due, attempts, duplicate_of, extras FROM request_states WHERE id = ?1;
-- name: queue_requests
UPDATE request_states SET due = -due WHERE id > ?1 AND id <= ?2 AND state = 0 AND due < 0;
-- name: request_now
SELECT id, source, workspace, received, extras FROM requests WHERE id = ?1;
-- name: find_request_key
SELECT request FROM request_keys WHERE bucket = ?1 AND hash = ?2;
-- name: replace_request_key
REPLACE INTO request_keys(bucket, hash, request) VALUES (?1, ?2, ?3);
-- name: request_key_buckets
WITH RECURSIVE buckets(bucket) AS (
  SELECT min(bucket) FROM request_keys
  UNION ALL
  SELECT (SELECT min(bucket) FROM request_keys WHERE request_keys.bucket > buckets.bucket) FROM buckets
  WHERE buckets.bucket IS NOT NULL)
SELECT bucket FROM buckets WHERE bucket IS NOT NULL;
