-- Files that came from a remote. A package of origin 'cached' has nothing else: its name still belongs to the remote.

ALTER TABLE package ADD COLUMN origin TEXT NOT NULL DEFAULT ''; -- empty: published

CREATE TABLE cached_file (
	version_id    INTEGER NOT NULL REFERENCES version (id),
	path          TEXT NOT NULL,
	digest        BLOB NOT NULL, -- also where the file's bytes are gone: a later fetch must bring the same ones
	upstream_id   INTEGER NOT NULL REFERENCES upstream (id),
	url           TEXT NOT NULL, -- without query
	etag          TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	verified      TEXT NOT NULL, -- the strongest sum that the remote announced
	published_at  INTEGER NOT NULL, -- as the remote says
	entered_at    INTEGER NOT NULL,
	entered_by    TEXT NOT NULL,
	checked_at    INTEGER NOT NULL, -- when the remote last said that it has these bytes
	PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;
