-- What remotes say of packages, so that documents are answered after a restart too, and when each file was first listed.

CREATE TABLE upstream_index (
	upstream_id   {{int}} NOT NULL REFERENCES upstream (id),
	format        {{text}} NOT NULL,
	key           {{text}} NOT NULL, -- of the package
	fingerprint   {{bytes}} NOT NULL, -- of the format and the remote's address: another address inherits nothing
	body_blob_id  {{int}} NOT NULL REFERENCES blob (id), -- the document, gzip
	base          {{text}} NOT NULL, -- where it came from, without query: its links are relative to it
	seen          {{bytes}} NOT NULL, -- when versions and files were first listed, and those that are gone; empty: all are of the first index
	etag          {{text}} NOT NULL,
	last_modified {{text}} NOT NULL,
	fetched_at    {{int}} NOT NULL,
	checked_at    {{int}} NOT NULL, -- when the remote last said that this is what it has
	fresh_until   {{int}} NOT NULL,
	used_at       {{int}} NOT NULL, -- about
	baseline_at   {{int}} NOT NULL, -- when the first index of the package came
	state         {{text}} NOT NULL, -- 'ok', or 'gone': the remote has no such package any more
	PRIMARY KEY (upstream_id, format, key)
){{rowless}};
CREATE INDEX upstream_index_body ON upstream_index (body_blob_id);
CREATE INDEX upstream_index_used ON upstream_index (used_at);

ALTER TABLE cached_file ADD COLUMN first_seen_at {{int}} NOT NULL DEFAULT 0; -- 0: listed by the first index of the package
