-- A repository answers from an ordered list of places: other repositories, and remote registries. Claims reserve names before
-- their first publish; an origin says where an administrator lets a name come from.

ALTER TABLE repository DROP COLUMN upstreams; -- it was always empty

CREATE TABLE upstream (
	id            {{id}},
	repository_id {{int}} NOT NULL REFERENCES repository (id),
	position      {{int}} NOT NULL, -- from 0; the order in which places are asked
	name          {{text}} NOT NULL,
	type          {{text}} NOT NULL, -- 'repository' or 'remote'
	member_id     {{int}} REFERENCES repository (id), -- NULL: a remote
	format        {{text}} NOT NULL, -- of a remote
	url           {{text}} NOT NULL, -- of a remote
	settings      {{bytes}} NOT NULL, -- JSON object
	secret        {{bytes}} NOT NULL, -- sealed
	created_at    {{int}} NOT NULL,
	removed_at    {{int}} -- the row stays, because what entered through it names it
){{strict}};
CREATE UNIQUE INDEX upstream_name ON upstream (repository_id, name) WHERE removed_at IS NULL;
CREATE INDEX upstream_member ON upstream (member_id) WHERE removed_at IS NULL;

CREATE TABLE claim (
	id            {{id}},
	repository_id {{int}} NOT NULL, -- 0: the claim holds in every repository
	format        {{text}} NOT NULL,
	pattern       {{text}} NOT NULL,
	created_by    {{text}} NOT NULL,
	created_at    {{int}} NOT NULL,
	UNIQUE (repository_id, format, pattern)
){{strict}};

CREATE TABLE package_origin (
	repository_id {{int}} NOT NULL REFERENCES repository (id),
	format        {{text}} NOT NULL,
	key           {{text}} NOT NULL,
	origin        {{text}} NOT NULL, -- 'published', 'upstream' or 'both'
	upstream      {{text}} NOT NULL, -- name of the only remote that may be asked; empty: every remote
	reason        {{text}} NOT NULL,
	set_by        {{text}} NOT NULL,
	set_at        {{int}} NOT NULL,
	expires_at    {{int}} NOT NULL,
	PRIMARY KEY (repository_id, format, key)
){{rowless}};
