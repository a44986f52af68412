-- A repository answers from an ordered list of places: other repositories, and remote registries. Claims reserve names before
-- their first publish; an origin says where an administrator lets a name come from.

ALTER TABLE repository DROP COLUMN upstreams; -- it was always empty

CREATE TABLE upstream (
	id            INTEGER PRIMARY KEY,
	repository_id INTEGER NOT NULL REFERENCES repository (id),
	position      INTEGER NOT NULL, -- from 0; the order in which places are asked
	name          TEXT NOT NULL,
	type          TEXT NOT NULL, -- 'repository' or 'remote'
	member_id     INTEGER REFERENCES repository (id), -- NULL: a remote
	format        TEXT NOT NULL, -- of a remote
	url           TEXT NOT NULL, -- of a remote
	settings      BLOB NOT NULL, -- JSON object
	secret        BLOB NOT NULL, -- sealed
	created_at    INTEGER NOT NULL,
	removed_at    INTEGER -- the row stays, because what entered through it names it
) STRICT;
CREATE UNIQUE INDEX upstream_name ON upstream (repository_id, name) WHERE removed_at IS NULL;
CREATE INDEX upstream_member ON upstream (member_id) WHERE removed_at IS NULL;

CREATE TABLE claim (
	id            INTEGER PRIMARY KEY,
	repository_id INTEGER NOT NULL, -- 0: the claim holds in every repository
	format        TEXT NOT NULL,
	pattern       TEXT NOT NULL,
	created_by    TEXT NOT NULL,
	created_at    INTEGER NOT NULL,
	UNIQUE (repository_id, format, pattern)
) STRICT;

CREATE TABLE package_origin (
	repository_id INTEGER NOT NULL REFERENCES repository (id),
	format        TEXT NOT NULL,
	key           TEXT NOT NULL,
	origin        TEXT NOT NULL, -- 'published', 'upstream' or 'both'
	upstream      TEXT NOT NULL, -- name of the only remote that may be asked; empty: every remote
	reason        TEXT NOT NULL,
	set_by        TEXT NOT NULL,
	set_at        INTEGER NOT NULL,
	expires_at    INTEGER NOT NULL,
	PRIMARY KEY (repository_id, format, key)
) STRICT, WITHOUT ROWID;
