-- The first schema. Never edit a migration that was released: its checksum is in every database.
-- Times are milliseconds since 1970; keys are rowids counted up by the writer. `extras` is packed
-- (codec.h): what is read with the row and never searched. Payloads come last in their rows.

CREATE TABLE meta(
  name TEXT PRIMARY KEY,
  value
) WITHOUT ROWID;

CREATE TABLE types(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);

-- The log. id = position. data is NULL after erasure, and when the payload lies in a file.
CREATE TABLE events(
  id INTEGER PRIMARY KEY,
  workspace INTEGER NOT NULL,
  application INTEGER NOT NULL,
  type INTEGER NOT NULL,
  created INTEGER NOT NULL,
  due INTEGER NOT NULL,
  first_delivery INTEGER NOT NULL,
  fan_out INTEGER NOT NULL,
  sequence INTEGER,
  extras BLOB NOT NULL,
  data BLOB
);
CREATE INDEX events_by_workspace ON events(workspace);

-- Payloads in files: bodies/<file>.
CREATE TABLE bodies(
  event INTEGER PRIMARY KEY,
  file TEXT NOT NULL
);

-- Payloads past their time whose event still has something pending.
CREATE TABLE kept_payloads(
  event INTEGER PRIMARY KEY
);

-- One event for one endpoint. Those made with their event are found by its first_delivery and
-- fan_out; `late` ones (replays) by an index. `resolved`: a replay of it succeeded.
CREATE TABLE deliveries(
  id INTEGER PRIMARY KEY,
  event INTEGER NOT NULL,
  endpoint INTEGER NOT NULL,
  workspace INTEGER NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due INTEGER NOT NULL,
  created INTEGER NOT NULL,
  key_hash INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  last_attempt INTEGER NOT NULL,
  last_status INTEGER NOT NULL,
  last_result INTEGER NOT NULL,
  replay_of INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  late INTEGER NOT NULL,
  resolved INTEGER NOT NULL
);
CREATE INDEX deliveries_due ON deliveries(endpoint, due) WHERE state = 0;
CREATE INDEX deliveries_by_endpoint ON deliveries(endpoint);
CREATE INDEX deliveries_dead ON deliveries(workspace) WHERE state IN (2, 4);
CREATE INDEX deliveries_late ON deliveries(event) WHERE late = 1;
CREATE INDEX deliveries_of_key ON deliveries(endpoint, key_hash)
  WHERE key_hash <> 0 AND state IN (0, 2);

-- id = position. A delivery's attempts are a chain: deliveries.last_attempt, then `previous`.
CREATE TABLE attempts(
  id INTEGER PRIMARY KEY,
  delivery INTEGER NOT NULL,
  previous INTEGER NOT NULL,
  endpoint INTEGER NOT NULL,
  number INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  started INTEGER NOT NULL,
  result INTEGER NOT NULL,
  status INTEGER NOT NULL,
  retry_at INTEGER,
  extras BLOB NOT NULL
);

CREATE TABLE lanes(
  endpoint INTEGER PRIMARY KEY,
  next_due INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,
  first_failure INTEGER NOT NULL DEFAULT 0,
  counted_until INTEGER NOT NULL DEFAULT 0,
  failing_told INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX lanes_due ON lanes(next_due, endpoint) WHERE next_due IS NOT NULL;

CREATE TABLE held(
  id INTEGER PRIMARY KEY,
  endpoint INTEGER NOT NULL,
  first INTEGER NOT NULL,
  until INTEGER,
  recover_from INTEGER
);

CREATE TABLE objects(
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  workspace INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  expires INTEGER,
  document TEXT NOT NULL
);
CREATE UNIQUE INDEX objects_by_name ON objects(kind, workspace, name) WHERE name <> '';
CREATE INDEX objects_by_kind ON objects(kind);
CREATE INDEX objects_by_parent ON objects(kind, parent) WHERE parent <> 0;
CREATE INDEX objects_expiring ON objects(expires) WHERE expires IS NOT NULL;

-- What is left of a fan-out past the inline limit: the endpoints' ids, packed.
CREATE TABLE expansions(
  event INTEGER PRIMARY KEY,
  next_delivery INTEGER NOT NULL,
  targets BLOB NOT NULL
);

CREATE TABLE sequences(
  workspace INTEGER NOT NULL,
  key TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (workspace, key)
) WITHOUT ROWID;

-- The publishers' own ids: hash = 16 bytes of SHA-256(workspace, id). A bucket is a range of event
-- ids, so that random keys land in a small part of the tree (docs/performance.md).
CREATE TABLE event_keys(
  bucket INTEGER NOT NULL,
  hash BLOB NOT NULL,
  event INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (bucket, hash)
) WITHOUT ROWID;

CREATE TABLE audit(
  id INTEGER PRIMARY KEY,
  workspace INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  before_hash TEXT NOT NULL,
  after_hash TEXT NOT NULL,
  request_id TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_by_workspace ON audit(workspace);

-- Ownership: epoch counts up with each lease.
CREATE TABLE shards(
  shard INTEGER PRIMARY KEY,
  node TEXT NOT NULL,
  epoch INTEGER NOT NULL
);
