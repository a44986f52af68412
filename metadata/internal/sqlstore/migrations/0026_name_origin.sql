-- The remote that a name first came from to the readers of a repository, which it stays with; and who got the name, so that a publish
-- under it can tell whom it concerns.

CREATE TABLE name_origin (
	repository_id {{int}} NOT NULL REFERENCES repository (id), -- that was asked, or lies on the way to the remote
	format        {{text}} NOT NULL,
	key           {{text}} NOT NULL, -- of the package
	upstream_id   {{int}} NOT NULL REFERENCES upstream (id),
	entered_at    {{int}} NOT NULL,
	PRIMARY KEY (repository_id, format, key)
){{rowless}};
CREATE INDEX name_origin_upstream ON name_origin (upstream_id);

{{sqlite}}INSERT INTO name_origin (repository_id, format, key, upstream_id, entered_at)
SELECT p.repository_id, p.format, p.key, c.upstream_id, MIN(c.entered_at)
FROM cached_file c JOIN version v ON v.id = c.version_id JOIN package p ON p.id = v.package_id
JOIN upstream u ON u.id = c.upstream_id AND u.repository_id = p.repository_id AND u.removed_at IS NULL
GROUP BY p.id;
{{end}}
CREATE TABLE name_use (
	repository_id {{int}} NOT NULL, -- that was asked
	format        {{text}} NOT NULL,
	key           {{text}} NOT NULL,
	caller        {{text}} NOT NULL, -- as shown
	used_at       {{int}} NOT NULL, -- to a day
	PRIMARY KEY (repository_id, format, key, caller)
){{rowless}};
CREATE INDEX name_use_used ON name_use (used_at);
