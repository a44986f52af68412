-- What ran where, and when. Nothing here is ever removed: it answers what was at any past log entry.

CREATE TABLE environment (
	id         INTEGER PRIMARY KEY,
	name       TEXT NOT NULL UNIQUE,
	created_at INTEGER NOT NULL
) STRICT;

-- What an environment is said to be: the last row by a log entry holds at that entry.
CREATE TABLE environment_state (
	environment_id INTEGER NOT NULL REFERENCES environment (id),
	seq_from       INTEGER NOT NULL,
	description    TEXT NOT NULL,
	tag            TEXT NOT NULL, -- the tag that says what is wanted here; may be empty
	deleted        INTEGER NOT NULL,
	at             INTEGER NOT NULL,
	PRIMARY KEY (environment_id, seq_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE environment_service (
	environment_id INTEGER NOT NULL REFERENCES environment (id),
	name           TEXT NOT NULL,
	PRIMARY KEY (environment_id, name)
) STRICT, WITHOUT ROWID;

-- Version, purl and digest are those of the report: a version may grow, or come back as another one.
CREATE TABLE deployment (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	environment_id INTEGER NOT NULL REFERENCES environment (id),
	service        TEXT NOT NULL,
	external_id    TEXT NOT NULL, -- the reporter's own id; may be empty
	repository_id  INTEGER NOT NULL REFERENCES repository (id),
	package_id     INTEGER NOT NULL REFERENCES package (id),
	version_id     INTEGER NOT NULL REFERENCES version (id),
	version        TEXT NOT NULL,
	purl           TEXT NOT NULL,
	digest         BLOB NOT NULL,
	status         TEXT NOT NULL,
	event_id       TEXT NOT NULL, -- of the event that caused it; may be empty
	url            TEXT NOT NULL,
	created_at     INTEGER NOT NULL,
	created_by     TEXT NOT NULL,
	updated_at     INTEGER NOT NULL,
	updated_by     TEXT NOT NULL,
	finished_at    INTEGER NOT NULL,
	seq            INTEGER NOT NULL, -- log entry of the first report
	last_seq       INTEGER NOT NULL  -- of the latest
) STRICT;
CREATE UNIQUE INDEX deployment_external ON deployment (environment_id, service, external_id) WHERE external_id <> '';
CREATE INDEX deployment_environment ON deployment (environment_id, id);
CREATE INDEX deployment_service ON deployment (environment_id, service, id);
CREATE INDEX deployment_status ON deployment (status, id);
CREATE INDEX deployment_purl ON deployment (purl, id);
CREATE INDEX deployment_digest ON deployment (digest, id);
CREATE INDEX deployment_open ON deployment (version_id, id) WHERE status IN ('queued', 'running');

CREATE TABLE deployment_report (
	environment_id INTEGER NOT NULL REFERENCES environment (id),
	service        TEXT NOT NULL,
	seq            INTEGER NOT NULL,
	deployment_id  INTEGER NOT NULL REFERENCES deployment (id),
	status         TEXT NOT NULL,
	at             INTEGER NOT NULL,
	reported_by    TEXT NOT NULL,
	PRIMARY KEY (environment_id, service, seq)
) STRICT, WITHOUT ROWID;

-- What a service ran: intervals in log entries, as with tags. One entry begins at most one.
CREATE TABLE run (
	environment_id INTEGER NOT NULL REFERENCES environment (id),
	service        TEXT NOT NULL,
	seq_from       INTEGER NOT NULL,
	deployment_id  INTEGER NOT NULL REFERENCES deployment (id),
	version_id     INTEGER NOT NULL REFERENCES version (id),
	since          INTEGER NOT NULL,
	seq_to         INTEGER CHECK (seq_to >= seq_from), -- NULL while it runs
	until          INTEGER NOT NULL,
	PRIMARY KEY (environment_id, service, seq_from)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX run_now ON run (environment_id, service) WHERE seq_to IS NULL;
CREATE INDEX run_since ON run (environment_id, seq_from);
CREATE INDEX run_version ON run (version_id) WHERE seq_to IS NULL;
