-- What deleted versions held, until the collector takes it: so long they can be restored.

CREATE TABLE discarded (
	version_id {{id}} REFERENCES version (id),
	state      {{text}} NOT NULL, -- before the deletion
	reason     {{text}} NOT NULL,
	at         {{int}} NOT NULL
){{strict}};
CREATE INDEX discarded_at ON discarded (at, version_id);

CREATE TABLE discarded_file (
	version_id {{int}} NOT NULL REFERENCES version (id),
	path       {{text}} NOT NULL,
	package_id {{int}} NOT NULL REFERENCES package (id),
	blob_id    {{int}} NOT NULL REFERENCES blob (id),
	media_type {{text}} NOT NULL,
	added_at   {{int}} NOT NULL,
	seq        {{int}} NOT NULL,
	PRIMARY KEY (version_id, path)
){{rowless}};
CREATE INDEX discarded_file_blob ON discarded_file (blob_id);

-- When a version that was restored was not there.
CREATE TABLE absence (
	version_id {{int}} NOT NULL REFERENCES version (id),
	seq_from   {{int}} NOT NULL, -- its deletion
	seq_to     {{int}} NOT NULL, -- its restoration
	PRIMARY KEY (version_id, seq_from)
){{rowless}};
