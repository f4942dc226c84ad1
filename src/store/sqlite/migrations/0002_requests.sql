-- What came in. A request's row is written once; what becomes of it stands in request_states, which
-- is small: the worker changes that one and leaves the raw call alone.

-- id = position. extras: codec_requests.h. body is NULL after erasure, and when it lies in a file.
CREATE TABLE requests(
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  workspace INTEGER NOT NULL,
  received INTEGER NOT NULL,
  extras BLOB NOT NULL,
  body BLOB
);
CREATE INDEX requests_by_source ON requests(source);

-- Bodies in files: bodies/<file>.
CREATE TABLE request_bodies(
  request INTEGER PRIMARY KEY,
  file TEXT NOT NULL
);

-- extras is NULL while nothing has become of the request.
CREATE TABLE request_states(
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  duplicate_of INTEGER NOT NULL,
  extras BLOB
);
CREATE INDEX request_states_due ON request_states(source, due) WHERE state = 0;
-- The few that somebody looks for; retention takes the refused ones earlier.
CREATE INDEX request_states_bad ON request_states(state) WHERE state IN (3, 4, 5, 6);
CREATE INDEX request_states_duplicates ON request_states(duplicate_of) WHERE duplicate_of <> 0;

-- What makes two requests the same: hash = 16 bytes of SHA-256(source, text); buckets as those of
-- event_keys, by request ids. Of several rows with one hash the newest counts.
CREATE TABLE request_keys(
  bucket INTEGER NOT NULL,
  hash BLOB NOT NULL,
  request INTEGER NOT NULL,
  PRIMARY KEY (bucket, hash)
) WITHOUT ROWID;
