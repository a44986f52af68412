-- What remotes say of packages, so that documents are answered after a restart too, and when each file was first listed.

CREATE TABLE upstream_index (
	upstream_id   INTEGER NOT NULL REFERENCES upstream (id),
	format        TEXT NOT NULL,
	key           TEXT NOT NULL, -- of the package
	fingerprint   BLOB NOT NULL, -- of the format and the remote's address: another address inherits nothing
	body_blob_id  INTEGER NOT NULL REFERENCES blob (id), -- the document, gzip
	base          TEXT NOT NULL, -- where it came from, without query: its links are relative to it
	seen          BLOB NOT NULL, -- when versions and files were first listed, and those that are gone; empty: all are of the first index
	etag          TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	fetched_at    INTEGER NOT NULL,
	checked_at    INTEGER NOT NULL, -- when the remote last said that this is what it has
	fresh_until   INTEGER NOT NULL,
	used_at       INTEGER NOT NULL, -- about
	baseline_at   INTEGER NOT NULL, -- when the first index of the package came
	state         TEXT NOT NULL, -- 'ok', or 'gone': the remote has no such package any more
	PRIMARY KEY (upstream_id, format, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX upstream_index_body ON upstream_index (body_blob_id);
CREATE INDEX upstream_index_used ON upstream_index (used_at);

ALTER TABLE cached_file ADD COLUMN first_seen_at INTEGER NOT NULL DEFAULT 0; -- 0: listed by the first index of the package
