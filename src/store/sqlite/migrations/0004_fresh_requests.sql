-- A request that just came is worked on at once, from memory: it need not enter the queue and leave
-- it again. Until it does enter, its due is stored negative; that is so at most for ids behind
-- meta.requests_queued_to, which the writer moves on once a second and whenever the queue is read.
DROP INDEX request_states_due;
CREATE INDEX request_states_due ON request_states(source, due) WHERE state = 0 AND due > 0;
REPLACE INTO meta(name, value) SELECT 'requests_queued_to', CAST(coalesce(max(id), 0) AS TEXT) FROM requests;
-- A list of more than two values made SQLite open a table of its own for it with every row written.
DROP INDEX request_states_bad;
CREATE INDEX request_states_bad ON request_states(state) WHERE state > 2 AND state < 7;
