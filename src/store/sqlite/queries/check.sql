-- What must always hold: each query gives a sentence for every place where it does not.

-- name: check_pages
PRAGMA integrity_check(20);
-- name: check_events_of_deliveries
SELECT 'delivery ' || d.id || ': its event ' || d.event || ' is not there'
FROM deliveries d LEFT JOIN events e ON e.id = d.event WHERE e.id IS NULL LIMIT 20;
-- name: check_fan_outs
SELECT 'event ' || e.id || ': it does not have the deliveries that it names'
FROM events e LEFT JOIN expansions x ON x.event = e.id
WHERE (SELECT count(*) FROM deliveries d
       WHERE d.id >= e.first_delivery AND d.id < e.first_delivery + e.fan_out AND d.event = e.id)
      <> coalesce(x.next_delivery - e.first_delivery, e.fan_out) LIMIT 20;
-- name: check_types
SELECT 'event ' || e.id || ': its type ' || e.type || ' has no name'
FROM events e LEFT JOIN types t ON t.id = e.type WHERE t.id IS NULL LIMIT 20;
-- name: check_lanes
SELECT 'lane ' || p.endpoint || ': something is due at ' || p.due || ', before its next_due'
FROM (SELECT endpoint, min(due) AS due FROM deliveries d
      WHERE state = 0 AND NOT EXISTS (SELECT 1 FROM held h WHERE h.endpoint = d.endpoint
            AND h.until IS NOT NULL AND d.id >= h.first AND d.id < h.recover_from)
      GROUP BY endpoint) p
LEFT JOIN lanes l ON l.endpoint = p.endpoint
WHERE l.next_due IS NULL OR l.next_due > p.due LIMIT 20;
-- name: check_last_attempts
SELECT 'delivery ' || d.id || ': its last attempt does not fit its count of ' || d.attempts
FROM deliveries d LEFT JOIN attempts a ON a.id = d.last_attempt
WHERE (d.attempts = 0 AND d.last_attempt <> 0)
   OR (d.attempts > 0 AND d.last_attempt >= (SELECT coalesce(min(id), 1 << 62) FROM attempts)
       AND (a.id IS NULL OR a.number <> d.attempts OR a.delivery <> d.id)) LIMIT 20;
-- name: check_chains
SELECT 'attempt ' || a.id || ': the one before it is not there or does not fit'
FROM attempts a LEFT JOIN attempts p ON p.id = a.previous
WHERE (a.previous = 0) <> (a.number = 1)
   OR (a.previous >= (SELECT min(id) FROM attempts)
       AND (p.id IS NULL OR p.number <> a.number - 1 OR p.delivery <> a.delivery)) LIMIT 20;
-- name: check_attempt_counts
SELECT 'delivery ' || a.delivery || ': it has an attempt twice'
FROM attempts a GROUP BY a.delivery, a.number HAVING count(*) > 1 LIMIT 20;
-- name: check_held
SELECT 'held interval ' || id || ' of endpoint ' || endpoint || ': its bounds do not fit'
FROM held h
WHERE (until IS NULL) <> (recover_from IS NULL) OR recover_from > until
   OR (until IS NULL AND EXISTS (SELECT 1 FROM held o WHERE o.endpoint = h.endpoint AND o.until IS NULL
                                 AND o.id <> h.id)) LIMIT 20;
-- name: check_expansions
SELECT x.event, x.next_delivery, e.first_delivery + e.fan_out, x.targets
FROM expansions x LEFT JOIN events e ON e.id = x.event;
-- name: check_bodies
SELECT event, file FROM bodies;
-- name: check_replays
SELECT 'delivery ' || id || ': it is a replay and not marked as made later'
FROM deliveries WHERE replay_of <> 0 AND late = 0 LIMIT 20;
-- name: check_request_states
SELECT 'request ' || r.id || ': its state is not there or of another source'
FROM requests r LEFT JOIN request_states s ON s.id = r.id WHERE s.id IS NULL OR s.source <> r.source LIMIT 20;
-- name: check_stray_states
SELECT 'request ' || s.id || ': it has a state and is not there'
FROM request_states s LEFT JOIN requests r ON r.id = s.id WHERE r.id IS NULL LIMIT 20;
-- name: check_request_state_range
SELECT 'request ' || id || ': its state ' || state || ' is out of range'
FROM request_states WHERE state NOT BETWEEN 0 AND 7 LIMIT 20;
-- name: check_duplicates
SELECT 'request ' || s.id || ': what it is a duplicate of is not there'
FROM request_states s
WHERE (s.state = 2 AND s.duplicate_of IN (0, s.id))
   OR (s.duplicate_of > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'requests_gone'), 0)
       AND NOT EXISTS (SELECT 1 FROM requests o WHERE o.id = s.duplicate_of)) LIMIT 20;
-- name: check_request_queue
SELECT 'the queue of requests has ' || indexed || ' of ' || waiting
FROM (SELECT (SELECT count(*) FROM request_states INDEXED BY request_states_due WHERE state = 0 AND due > 0) AS indexed,
             (SELECT count(*) FROM request_states NOT INDEXED
              WHERE state = 0
                AND (due > 0 OR id <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'requests_queued_to')))
             AS waiting)
WHERE indexed <> waiting;
-- name: check_request_keys
SELECT k.bucket, k.hash, k.request, r.extras FROM request_keys k LEFT JOIN requests r ON r.id = k.request;
-- name: check_request_bodies
SELECT 'file ' || b.file || ': its request ' || b.request || ' is not there'
FROM request_bodies b LEFT JOIN requests r ON r.id = b.request WHERE r.id IS NULL LIMIT 20;
