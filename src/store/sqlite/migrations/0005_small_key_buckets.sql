-- A bucket is a range of 1 024 ids where it was one of 8 192: a commit's new keys, which are random,
-- land in a handful of pages (docs/performance.md).
ALTER TABLE event_keys RENAME TO event_keys_in_large_buckets;
CREATE TABLE event_keys(
  bucket INTEGER NOT NULL,
  hash BLOB NOT NULL,
  event INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (bucket, hash)
) WITHOUT ROWID;
INSERT INTO event_keys SELECT event >> 10, hash, event, digest FROM event_keys_in_large_buckets ORDER BY 1, 2;
DROP TABLE event_keys_in_large_buckets;

ALTER TABLE request_keys RENAME TO request_keys_in_large_buckets;
CREATE TABLE request_keys(
  bucket INTEGER NOT NULL,
  hash BLOB NOT NULL,
  request INTEGER NOT NULL,
  PRIMARY KEY (bucket, hash)
) WITHOUT ROWID;
INSERT INTO request_keys SELECT request >> 10, hash, request FROM request_keys_in_large_buckets ORDER BY 1, 2;
DROP TABLE request_keys_in_large_buckets;
