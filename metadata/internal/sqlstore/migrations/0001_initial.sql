-- Times are microseconds since 1970, 0 for none. Digests and sums are raw bytes. Where a row lives on after it has ended
-- (a repository, a tag), NULL in the ending column says that it holds, and a partial index keeps it unique.

CREATE TABLE repository (
	id          {{id}},
	name        {{text}} NOT NULL,
	description {{text}} NOT NULL,
	upstreams   {{text}} NOT NULL, -- JSON array of names, or empty
	settings    {{bytes}} NOT NULL,
	created_at  {{int}} NOT NULL,
	deleted_at  {{int}}
){{strict}};
CREATE UNIQUE INDEX repository_name ON repository (name) WHERE deleted_at IS NULL;

CREATE TABLE package (
	id            {{id}},
	repository_id {{int}} NOT NULL REFERENCES repository (id),
	format        {{text}} NOT NULL,
	key           {{text}} NOT NULL,
	name          {{text}} NOT NULL,
	revision      {{int}} NOT NULL,
	latest        {{text}} NOT NULL,
	version_count {{int}} NOT NULL,
	created_at    {{int}} NOT NULL,
	updated_at    {{int}} NOT NULL,
	descriptor    {{bytes}} NOT NULL,
	UNIQUE (repository_id, format, key)
){{strict}};

CREATE TABLE version (
	id           {{id}},
	package_id   {{int}} NOT NULL REFERENCES package (id),
	name         {{text}} NOT NULL,
	purl         {{text}} NOT NULL,
	state        {{text}} NOT NULL,
	reason       {{text}} NOT NULL,
	digest       {{bytes}} NOT NULL,
	size         {{int}} NOT NULL,
	sort_key     {{bytes}} NOT NULL,
	prerelease   {{int}} NOT NULL,
	published_at {{int}} NOT NULL,
	published_by {{text}} NOT NULL,
	publisher_id {{text}} NOT NULL,
	updated_at   {{int}} NOT NULL,
	seq          {{int}} NOT NULL,
	media_type   {{text}} NOT NULL,
	announced    {{int}} NOT NULL,
	ended_seq    {{int}} NOT NULL, -- of its deletion, 0 while it lives
	descriptor   {{bytes}} NOT NULL, -- last: it may reach into overflow pages, which lists leave alone
	UNIQUE (package_id, name)
){{strict}};
CREATE INDEX version_order ON version (package_id, sort_key, name);
CREATE INDEX version_digest ON version (digest, package_id, seq);
CREATE INDEX version_seq ON version (seq);

CREATE TABLE blob (
	id          {{id}}{{ascending}}, -- the ID of a collected blob must never name another one
	digest      {{bytes}} NOT NULL UNIQUE,
	size        {{int}} NOT NULL,
	sha1        {{bytes}},
	md5         {{bytes}},
	sha512      {{bytes}},
	created_at  {{int}} NOT NULL,
	released_at {{int}} NOT NULL
){{strict}};

CREATE INDEX blob_sha512 ON blob (sha512) WHERE sha512 IS NOT NULL;

CREATE TABLE file (
	version_id {{int}} NOT NULL REFERENCES version (id),
	path       {{text}} NOT NULL,
	package_id {{int}} NOT NULL REFERENCES package (id),
	blob_id    {{int}} NOT NULL REFERENCES blob (id),
	media_type {{text}} NOT NULL,
	added_at   {{int}} NOT NULL,
	seq        {{int}} NOT NULL,
	PRIMARY KEY (version_id, path)
){{rowless}};
CREATE INDEX file_path ON file (package_id, path, seq);
CREATE INDEX file_blob ON file (blob_id, package_id);

CREATE TABLE reserved_path (
	version_id {{int}} NOT NULL REFERENCES version (id),
	path       {{text}} NOT NULL,
	digest     {{bytes}} NOT NULL,
	PRIMARY KEY (version_id, path)
){{rowless}};

CREATE TABLE lease (
	blob_id {{int}} NOT NULL REFERENCES blob (id) ON DELETE CASCADE,
	holder  {{text}} NOT NULL,
	until   {{int}} NOT NULL,
	PRIMARY KEY (blob_id, holder)
){{rowless}};
CREATE INDEX lease_holder ON lease (holder);
CREATE INDEX lease_until ON lease (until);

CREATE TABLE collected (
	digest  {{bytes}} NOT NULL PRIMARY KEY,
	size    {{int}} NOT NULL,
	at      {{int}} NOT NULL,
	done_at {{int}} -- NULL while the removal is under way
){{rowless}};
CREATE INDEX collected_done ON collected (done_at);

CREATE TABLE tag (
	id         {{id}},
	package_id {{int}} NOT NULL REFERENCES package (id),
	name       {{text}} NOT NULL,
	generation {{int}} NOT NULL,
	version_id {{int}} NOT NULL REFERENCES version (id),
	set_at     {{int}} NOT NULL,
	set_by     {{text}} NOT NULL,
	reason     {{text}} NOT NULL,
	seq_from   {{int}} NOT NULL,
	seq_to     {{int}} CHECK (seq_to >= seq_from), -- NULL while it holds
	ended_at   {{int}} NOT NULL
){{strict}}; -- with rowid: else the planner walks the primary key, all generations, for the tags that hold
CREATE UNIQUE INDEX tag_holds ON tag (package_id, name) WHERE seq_to IS NULL;
CREATE INDEX tag_version ON tag (version_id, name) WHERE seq_to IS NULL;
CREATE INDEX tag_name ON tag (name, seq_from);
CREATE UNIQUE INDEX tag_since ON tag (package_id, name, seq_from, generation);

CREATE TABLE fact (
	id         {{id}},
	version_id {{int}} NOT NULL REFERENCES version (id),
	key        {{text}} NOT NULL,
	value      {{text}} NOT NULL,
	source     {{text}} NOT NULL,
	rank       {{int}} NOT NULL,
	seq        {{int}} NOT NULL,
	at         {{int}} NOT NULL
){{strict}};
CREATE INDEX fact_version ON fact (version_id, key);
CREATE INDEX fact_value ON fact (key, value);

CREATE TABLE log_entry (
	seq           {{id}},
	id            {{text}} NOT NULL,
	at            {{int}} NOT NULL, -- ascends with seq
	type          {{text}} NOT NULL,
	subject       {{text}} NOT NULL,
	repository_id {{int}} NOT NULL, -- 0: the whole instance
	package_id    {{int}} NOT NULL, -- 0: no package
	actor_type    {{text}} NOT NULL,
	actor_id      {{text}} NOT NULL,
	data          {{bytes}}, -- NULL with salt once erased
	salt          {{bytes}},
	data_hash     {{bytes}} NOT NULL
){{strict}};
CREATE INDEX log_entry_repository ON log_entry (repository_id);

CREATE TABLE log_hash (
	idx  {{id}},
	hash {{bytes}} NOT NULL
){{strict}};

CREATE TABLE checkpoint (
	id        {{id}} CHECK (id = 1),
	size      {{int}} NOT NULL,
	note      {{bytes}} NOT NULL,
	signed_at {{int}} NOT NULL
){{strict}};

CREATE TABLE clock (
	id {{id}} CHECK (id = 1),
	at {{int}} NOT NULL -- of the last update that left no log entry
){{strict}};
INSERT INTO clock (id, at) VALUES (1, 0);

-- Not "user", which PostgreSQL reserves.
CREATE TABLE users (
	id            {{id}},
	name          {{text}} NOT NULL UNIQUE,
	password_hash {{text}} NOT NULL,
	disabled      {{int}} NOT NULL,
	created_at    {{int}} NOT NULL
){{strict}};

CREATE TABLE token (
	id         {{id}},
	user_id    {{int}} NOT NULL REFERENCES users (id),
	name       {{text}} NOT NULL,
	hash       {{bytes}} NOT NULL UNIQUE,
	hint       {{text}} NOT NULL,
	created_at {{int}} NOT NULL,
	expires_at {{int}} NOT NULL,
	revoked_at {{int}} NOT NULL
){{strict}};
CREATE INDEX token_user ON token (user_id);

CREATE TABLE permission (
	holder     {{text}} NOT NULL CHECK (holder IN ('user', 'token')),
	holder_id  {{int}} NOT NULL,
	grant_no   {{int}} NOT NULL,
	position   {{int}} NOT NULL,
	repository {{text}} NOT NULL, -- glob
	action     {{text}} NOT NULL, -- empty: a grant of nothing
	PRIMARY KEY (holder, holder_id, grant_no, position)
){{rowless}};

CREATE TABLE upload (
	id            {{text}} NOT NULL PRIMARY KEY,
	repository_id {{int}} NOT NULL REFERENCES repository (id),
	scope         {{text}} NOT NULL,
	owner         {{text}} NOT NULL,
	done_bytes    {{int}} NOT NULL,
	created_at    {{int}} NOT NULL,
	updated_at    {{int}} NOT NULL,
	hash_state    {{bytes}} NOT NULL,
	blob_id       {{int}} REFERENCES blob (id) -- what the bytes so far are; NULL while the store has them as an upload
){{rowless}};
CREATE INDEX upload_updated ON upload (updated_at);
CREATE INDEX upload_blob ON upload (blob_id) WHERE blob_id IS NOT NULL;

CREATE TABLE setting (
	key   {{text}} NOT NULL PRIMARY KEY,
	value {{text}} NOT NULL
){{rowless}};

CREATE TABLE reference (
	version_id {{int}} NOT NULL REFERENCES version (id),
	package_id {{int}} NOT NULL REFERENCES package (id),
	kind       {{text}} NOT NULL, -- child, subject
	digest     {{bytes}} NOT NULL,
	PRIMARY KEY (version_id, kind, digest)
){{rowless}};
CREATE INDEX reference_digest ON reference (package_id, digest, kind);

CREATE TABLE staging (
	id            {{text}} NOT NULL PRIMARY KEY,
	repository_id {{int}} NOT NULL REFERENCES repository (id),
	owner         {{text}} NOT NULL,
	scope         {{text}} NOT NULL,
	revision      {{int}} NOT NULL,
	created_at    {{int}} NOT NULL,
	updated_at    {{int}} NOT NULL
){{rowless}};
CREATE INDEX staging_updated ON staging (updated_at);
CREATE INDEX staging_scope ON staging (repository_id, scope);

CREATE TABLE staged_file (
	staging_id {{text}} NOT NULL REFERENCES staging (id) ON DELETE CASCADE,
	format     {{text}} NOT NULL,
	package    {{text}} NOT NULL,
	version    {{text}} NOT NULL,
	path       {{text}} NOT NULL,
	display    {{text}} NOT NULL,
	media_type {{text}} NOT NULL,
	blob_id    {{int}} NOT NULL REFERENCES blob (id),
	attributes {{bytes}} NOT NULL,
	added_at   {{int}} NOT NULL,
	PRIMARY KEY (staging_id, format, package, version, path)
){{rowless}};
CREATE INDEX staged_file_blob ON staged_file (blob_id);
