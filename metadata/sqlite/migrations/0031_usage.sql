-- What packages hold, counted behind the changes: docs/decisions/0032-usage.md.

CREATE TABLE usage (
	repository_id INTEGER NOT NULL REFERENCES repository (id),
	format        TEXT NOT NULL,
	packages      INTEGER NOT NULL,
	versions      INTEGER NOT NULL,
	bytes         INTEGER NOT NULL,
	cached_bytes  INTEGER NOT NULL,
	counted_until INTEGER NOT NULL, -- changes of packages up to then are counted
	PRIMARY KEY (repository_id, format)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_usage (
	package_id    INTEGER PRIMARY KEY REFERENCES package (id),
	repository_id INTEGER NOT NULL,
	format        TEXT NOT NULL,
	cached        INTEGER NOT NULL,
	versions      INTEGER NOT NULL,
	bytes         INTEGER NOT NULL
) STRICT;
CREATE INDEX package_usage_bytes ON package_usage (repository_id, format, bytes);

CREATE INDEX package_updated ON package (repository_id, format, updated_at);
