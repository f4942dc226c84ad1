-- Retention and erasure, on the writer's connection.

-- name: first_events
SELECT id, created, first_delivery, fan_out, extras, workspace FROM events WHERE id > ?1 ORDER BY id;
-- name: kept_payloads
SELECT event FROM kept_payloads WHERE event > ?1 ORDER BY event;
-- name: keep_payload
INSERT INTO kept_payloads(event) VALUES (?1) ON CONFLICT DO NOTHING;
-- name: drop_kept_payload
DELETE FROM kept_payloads WHERE event = ?1;
-- name: event_has_pending
SELECT EXISTS (SELECT 1 FROM deliveries WHERE id >= ?2 AND id < ?3 AND state = 0)
    OR EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_late WHERE event = ?1 AND late = 1 AND state = 0)
    OR EXISTS (SELECT 1 FROM expansions WHERE event = ?1);
-- name: event_fan_out
SELECT first_delivery, fan_out FROM events WHERE id = ?1;
-- name: erase_data
UPDATE events SET data = NULL WHERE id = ?1 AND data IS NOT NULL;
-- name: body_of_event
SELECT file FROM bodies WHERE event = ?1;
-- name: delete_body
DELETE FROM bodies WHERE event = ?1;
-- name: delete_deliveries
DELETE FROM deliveries WHERE id >= ?1 AND id < ?2;
-- name: delete_late_deliveries
DELETE FROM deliveries WHERE id IN
  (SELECT id FROM deliveries INDEXED BY deliveries_late WHERE event = ?1 AND late = 1);
-- name: narrow_event
UPDATE events SET first_delivery = ?2, fan_out = ?3 WHERE id = ?1;
-- name: delete_event
DELETE FROM events WHERE id = ?1;
-- name: delete_event_key
DELETE FROM event_keys WHERE bucket = ?1 AND hash = ?2 AND event = ?3;
-- name: first_attempts
SELECT id, started FROM attempts ORDER BY id LIMIT ?1;
-- name: delete_attempts_to
DELETE FROM attempts WHERE id <= ?1;
-- name: first_audit
SELECT id, at FROM audit WHERE id < (SELECT max(id) FROM audit) ORDER BY id LIMIT ?1;
-- name: delete_audit_to
DELETE FROM audit WHERE id <= ?1;
-- name: expired_objects
SELECT id, kind, workspace FROM objects INDEXED BY objects_expiring
WHERE expires IS NOT NULL AND expires <= ?1 LIMIT ?2;
-- name: delete_expired_object
DELETE FROM objects WHERE id = ?1;
-- name: free_pages
SELECT freelist_count, page_count FROM pragma_freelist_count(), pragma_page_count();
-- name: give_back_pages
PRAGMA incremental_vacuum(256);
-- name: overwrite_deleted
PRAGMA secure_delete = ON;
-- name: leave_deleted
PRAGMA secure_delete = FAST;

-- name: first_requests
SELECT r.id, r.source, r.received, r.extras, s.state
FROM requests r CROSS JOIN request_states s ON s.id = r.id WHERE r.id > ?1 ORDER BY r.id;
-- name: first_refused_requests
SELECT s.id, r.source, r.received, r.extras, s.state
FROM request_states s INDEXED BY request_states_bad CROSS JOIN requests r ON r.id = s.id
WHERE s.state = 3 AND s.state > 2 AND s.state < 7 AND s.id > ?1 ORDER BY s.id;
-- name: request_is_there
SELECT 1 FROM requests WHERE id = ?1;
-- name: erase_request_body
UPDATE requests SET body = NULL WHERE id = ?1 AND body IS NOT NULL;
-- name: body_of_request
SELECT file FROM request_bodies WHERE request = ?1;
-- name: delete_request_body
DELETE FROM request_bodies WHERE request = ?1;
-- name: delete_request
DELETE FROM requests WHERE id = ?1;
-- name: delete_request_state
DELETE FROM request_states WHERE id = ?1;
-- name: delete_request_key
DELETE FROM request_keys WHERE bucket = ?1 AND hash = ?2 AND request = ?3;
