-- What ran where, and when. Nothing here is ever removed: it answers what was at any past log entry.

CREATE TABLE environment (
	id         {{id}},
	name       {{text}} NOT NULL UNIQUE,
	created_at {{int}} NOT NULL
){{strict}};

-- What an environment is said to be: the last row by a log entry holds at that entry.
CREATE TABLE environment_state (
	environment_id {{int}} NOT NULL REFERENCES environment (id),
	seq_from       {{int}} NOT NULL,
	description    {{text}} NOT NULL,
	tag            {{text}} NOT NULL, -- the tag that says what is wanted here; may be empty
	deleted        {{int}} NOT NULL,
	at             {{int}} NOT NULL,
	PRIMARY KEY (environment_id, seq_from)
){{rowless}};

CREATE TABLE environment_service (
	environment_id {{int}} NOT NULL REFERENCES environment (id),
	name           {{text}} NOT NULL,
	PRIMARY KEY (environment_id, name)
){{rowless}};

-- Version, purl and digest are those of the report: a version may grow, or come back as another one.
CREATE TABLE deployment (
	id             {{id}}{{ascending}},
	environment_id {{int}} NOT NULL REFERENCES environment (id),
	service        {{text}} NOT NULL,
	external_id    {{text}} NOT NULL, -- the reporter's own id; may be empty
	repository_id  {{int}} NOT NULL REFERENCES repository (id),
	package_id     {{int}} NOT NULL REFERENCES package (id),
	version_id     {{int}} NOT NULL REFERENCES version (id),
	version        {{text}} NOT NULL,
	purl           {{text}} NOT NULL,
	digest         {{bytes}} NOT NULL,
	status         {{text}} NOT NULL,
	event_id       {{text}} NOT NULL, -- of the event that caused it; may be empty
	url            {{text}} NOT NULL,
	created_at     {{int}} NOT NULL,
	created_by     {{text}} NOT NULL,
	updated_at     {{int}} NOT NULL,
	updated_by     {{text}} NOT NULL,
	finished_at    {{int}} NOT NULL,
	seq            {{int}} NOT NULL, -- log entry of the first report
	last_seq       {{int}} NOT NULL  -- of the latest
){{strict}};
CREATE UNIQUE INDEX deployment_external ON deployment (environment_id, service, external_id) WHERE external_id <> '';
CREATE INDEX deployment_environment ON deployment (environment_id, id);
CREATE INDEX deployment_service ON deployment (environment_id, service, id);
CREATE INDEX deployment_status ON deployment (status, id);
CREATE INDEX deployment_purl ON deployment (purl, id);
CREATE INDEX deployment_digest ON deployment (digest, id);
CREATE INDEX deployment_open ON deployment (version_id, id) WHERE status IN ('queued', 'running');

CREATE TABLE deployment_report (
	environment_id {{int}} NOT NULL REFERENCES environment (id),
	service        {{text}} NOT NULL,
	seq            {{int}} NOT NULL,
	deployment_id  {{int}} NOT NULL REFERENCES deployment (id),
	status         {{text}} NOT NULL,
	at             {{int}} NOT NULL,
	reported_by    {{text}} NOT NULL,
	PRIMARY KEY (environment_id, service, seq)
){{rowless}};

-- What a service ran: intervals in log entries, as with tags. One entry begins at most one.
CREATE TABLE run (
	environment_id {{int}} NOT NULL REFERENCES environment (id),
	service        {{text}} NOT NULL,
	seq_from       {{int}} NOT NULL,
	deployment_id  {{int}} NOT NULL REFERENCES deployment (id),
	version_id     {{int}} NOT NULL REFERENCES version (id),
	since          {{int}} NOT NULL,
	seq_to         {{int}} CHECK (seq_to >= seq_from), -- NULL while it runs
	until          {{int}} NOT NULL,
	PRIMARY KEY (environment_id, service, seq_from)
){{rowless}};
CREATE UNIQUE INDEX run_now ON run (environment_id, service) WHERE seq_to IS NULL;
CREATE INDEX run_since ON run (environment_id, seq_from);
CREATE INDEX run_version ON run (version_id) WHERE seq_to IS NULL;
