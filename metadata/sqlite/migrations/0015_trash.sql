-- What deleted versions held, until the collector takes it: so long they can be restored.

CREATE TABLE discarded (
	version_id INTEGER PRIMARY KEY REFERENCES version (id),
	state      TEXT NOT NULL, -- before the deletion
	reason     TEXT NOT NULL,
	at         INTEGER NOT NULL
) STRICT;
CREATE INDEX discarded_at ON discarded (at, version_id);

CREATE TABLE discarded_file (
	version_id INTEGER NOT NULL REFERENCES version (id),
	path       TEXT NOT NULL,
	package_id INTEGER NOT NULL REFERENCES package (id),
	blob_id    INTEGER NOT NULL REFERENCES blob (id),
	media_type TEXT NOT NULL,
	added_at   INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX discarded_file_blob ON discarded_file (blob_id);

-- When a version that was restored was not there.
CREATE TABLE absence (
	version_id INTEGER NOT NULL REFERENCES version (id),
	seq_from   INTEGER NOT NULL, -- its deletion
	seq_to     INTEGER NOT NULL, -- its restoration
	PRIMARY KEY (version_id, seq_from)
) STRICT, WITHOUT ROWID;
