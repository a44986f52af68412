-- What packages hold, counted behind the changes: docs/decisions/0032-usage.md.

CREATE TABLE usage (
	repository_id {{int}} NOT NULL REFERENCES repository (id),
	format        {{text}} NOT NULL,
	packages      {{int}} NOT NULL,
	versions      {{int}} NOT NULL,
	bytes         {{int}} NOT NULL,
	cached_bytes  {{int}} NOT NULL,
	counted_until {{int}} NOT NULL, -- changes of packages up to then are counted
	PRIMARY KEY (repository_id, format)
){{rowless}};

CREATE TABLE package_usage (
	package_id    {{id}} REFERENCES package (id),
	repository_id {{int}} NOT NULL,
	format        {{text}} NOT NULL,
	cached        {{int}} NOT NULL,
	versions      {{int}} NOT NULL,
	bytes         {{int}} NOT NULL
){{strict}};
CREATE INDEX package_usage_bytes ON package_usage (repository_id, format, bytes);

CREATE INDEX package_updated ON package (repository_id, format, updated_at);
