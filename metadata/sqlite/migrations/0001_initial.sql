-- Times are microseconds since 1970, 0 for none. Digests and sums are raw bytes. Where a row lives on after it has ended
-- (a repository, a tag), NULL in the ending column says that it holds, and a partial index keeps it unique.

CREATE TABLE repository (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	upstreams   TEXT NOT NULL, -- JSON array of names, or empty
	settings    BLOB NOT NULL,
	created_at  INTEGER NOT NULL,
	deleted_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX repository_name ON repository (name) WHERE deleted_at IS NULL;

CREATE TABLE package (
	id            INTEGER PRIMARY KEY,
	repository_id INTEGER NOT NULL REFERENCES repository (id),
	format        TEXT NOT NULL,
	key           TEXT NOT NULL,
	name          TEXT NOT NULL,
	revision      INTEGER NOT NULL,
	latest        TEXT NOT NULL,
	version_count INTEGER NOT NULL,
	created_at    INTEGER NOT NULL,
	updated_at    INTEGER NOT NULL,
	descriptor    BLOB NOT NULL,
	UNIQUE (repository_id, format, key)
) STRICT;

CREATE TABLE version (
	id           INTEGER PRIMARY KEY,
	package_id   INTEGER NOT NULL REFERENCES package (id),
	name         TEXT NOT NULL,
	purl         TEXT NOT NULL,
	state        TEXT NOT NULL,
	reason       TEXT NOT NULL,
	digest       BLOB NOT NULL,
	size         INTEGER NOT NULL,
	sort_key     BLOB NOT NULL,
	prerelease   INTEGER NOT NULL,
	published_at INTEGER NOT NULL,
	published_by TEXT NOT NULL,
	publisher_id TEXT NOT NULL,
	updated_at   INTEGER NOT NULL,
	seq          INTEGER NOT NULL,
	media_type   TEXT NOT NULL,
	announced    INTEGER NOT NULL,
	ended_seq    INTEGER NOT NULL, -- of its deletion, 0 while it lives
	descriptor   BLOB NOT NULL, -- last: it may reach into overflow pages, which lists leave alone
	UNIQUE (package_id, name)
) STRICT;
CREATE INDEX version_order ON version (package_id, sort_key, name);
CREATE INDEX version_digest ON version (digest, package_id, seq);
CREATE INDEX version_seq ON version (seq);

CREATE TABLE blob (
	id          INTEGER PRIMARY KEY AUTOINCREMENT, -- the ID of a collected blob must never name another one
	digest      BLOB NOT NULL UNIQUE,
	size        INTEGER NOT NULL,
	sha1        BLOB,
	md5         BLOB,
	sha512      BLOB,
	created_at  INTEGER NOT NULL,
	released_at INTEGER NOT NULL
) STRICT;

CREATE INDEX blob_sha512 ON blob (sha512) WHERE sha512 IS NOT NULL;

CREATE TABLE file (
	version_id INTEGER NOT NULL REFERENCES version (id),
	path       TEXT NOT NULL,
	package_id INTEGER NOT NULL REFERENCES package (id),
	blob_id    INTEGER NOT NULL REFERENCES blob (id),
	media_type TEXT NOT NULL,
	added_at   INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_path ON file (package_id, path, seq);
CREATE INDEX file_blob ON file (blob_id, package_id);

CREATE TABLE reserved_path (
	version_id INTEGER NOT NULL REFERENCES version (id),
	path       TEXT NOT NULL,
	digest     BLOB NOT NULL,
	PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
	blob_id INTEGER NOT NULL REFERENCES blob (id) ON DELETE CASCADE,
	holder  TEXT NOT NULL,
	until   INTEGER NOT NULL,
	PRIMARY KEY (blob_id, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_holder ON lease (holder);
CREATE INDEX lease_until ON lease (until);

CREATE TABLE collected (
	digest  BLOB NOT NULL PRIMARY KEY,
	size    INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	done_at INTEGER -- NULL while the removal is under way
) STRICT, WITHOUT ROWID;
CREATE INDEX collected_done ON collected (done_at);

CREATE TABLE tag (
	id         INTEGER PRIMARY KEY,
	package_id INTEGER NOT NULL REFERENCES package (id),
	name       TEXT NOT NULL,
	generation INTEGER NOT NULL,
	version_id INTEGER NOT NULL REFERENCES version (id),
	set_at     INTEGER NOT NULL,
	set_by     TEXT NOT NULL,
	reason     TEXT NOT NULL,
	seq_from   INTEGER NOT NULL,
	seq_to     INTEGER CHECK (seq_to >= seq_from), -- NULL while it holds
	ended_at   INTEGER NOT NULL
) STRICT; -- with rowid: else the planner walks the primary key, all generations, for the tags that hold
CREATE UNIQUE INDEX tag_holds ON tag (package_id, name) WHERE seq_to IS NULL;
CREATE INDEX tag_version ON tag (version_id, name) WHERE seq_to IS NULL;
CREATE INDEX tag_name ON tag (name, seq_from);
CREATE UNIQUE INDEX tag_since ON tag (package_id, name, seq_from, generation);

CREATE TABLE fact (
	id         INTEGER PRIMARY KEY,
	version_id INTEGER NOT NULL REFERENCES version (id),
	key        TEXT NOT NULL,
	value      TEXT NOT NULL,
	source     TEXT NOT NULL,
	rank       INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	at         INTEGER NOT NULL
) STRICT;
CREATE INDEX fact_version ON fact (version_id, key);
CREATE INDEX fact_value ON fact (key, value);

CREATE TABLE log_entry (
	seq           INTEGER PRIMARY KEY,
	id            TEXT NOT NULL,
	at            INTEGER NOT NULL, -- ascends with seq
	type          TEXT NOT NULL,
	subject       TEXT NOT NULL,
	repository_id INTEGER NOT NULL, -- 0: the whole instance
	package_id    INTEGER NOT NULL, -- 0: no package
	actor_type    TEXT NOT NULL,
	actor_id      TEXT NOT NULL,
	data          BLOB, -- NULL with salt once erased
	salt          BLOB,
	data_hash     BLOB NOT NULL
) STRICT;
CREATE INDEX log_entry_repository ON log_entry (repository_id);

CREATE TABLE log_hash (
	idx  INTEGER PRIMARY KEY,
	hash BLOB NOT NULL
) STRICT;

CREATE TABLE checkpoint (
	id        INTEGER PRIMARY KEY CHECK (id = 1),
	size      INTEGER NOT NULL,
	note      BLOB NOT NULL,
	signed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE clock (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	at INTEGER NOT NULL -- of the last update that left no log entry
) STRICT;
INSERT INTO clock (id, at) VALUES (1, 0);

-- Not "user", which PostgreSQL reserves.
CREATE TABLE users (
	id            INTEGER PRIMARY KEY,
	name          TEXT NOT NULL UNIQUE,
	password_hash TEXT NOT NULL,
	disabled      INTEGER NOT NULL,
	created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
	id         INTEGER PRIMARY KEY,
	user_id    INTEGER NOT NULL REFERENCES users (id),
	name       TEXT NOT NULL,
	hash       BLOB NOT NULL UNIQUE,
	hint       TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revoked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX token_user ON token (user_id);

CREATE TABLE permission (
	holder     TEXT NOT NULL CHECK (holder IN ('user', 'token')),
	holder_id  INTEGER NOT NULL,
	grant_no   INTEGER NOT NULL,
	position   INTEGER NOT NULL,
	repository TEXT NOT NULL, -- glob
	action     TEXT NOT NULL, -- empty: a grant of nothing
	PRIMARY KEY (holder, holder_id, grant_no, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (
	id            TEXT NOT NULL PRIMARY KEY,
	repository_id INTEGER NOT NULL REFERENCES repository (id),
	scope         TEXT NOT NULL,
	owner         TEXT NOT NULL,
	done_bytes    INTEGER NOT NULL,
	created_at    INTEGER NOT NULL,
	updated_at    INTEGER NOT NULL,
	hash_state    BLOB NOT NULL,
	blob_id       INTEGER REFERENCES blob (id) -- what the bytes so far are; NULL while the store has them as an upload
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_updated ON upload (updated_at);
CREATE INDEX upload_blob ON upload (blob_id) WHERE blob_id IS NOT NULL;

CREATE TABLE setting (
	key   TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reference (
	version_id INTEGER NOT NULL REFERENCES version (id),
	package_id INTEGER NOT NULL REFERENCES package (id),
	kind       TEXT NOT NULL, -- child, subject
	digest     BLOB NOT NULL,
	PRIMARY KEY (version_id, kind, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX reference_digest ON reference (package_id, digest, kind);

CREATE TABLE staging (
	id            TEXT NOT NULL PRIMARY KEY,
	repository_id INTEGER NOT NULL REFERENCES repository (id),
	owner         TEXT NOT NULL,
	scope         TEXT NOT NULL,
	revision      INTEGER NOT NULL,
	created_at    INTEGER NOT NULL,
	updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staging_updated ON staging (updated_at);
CREATE INDEX staging_scope ON staging (repository_id, scope);

CREATE TABLE staged_file (
	staging_id TEXT NOT NULL REFERENCES staging (id) ON DELETE CASCADE,
	format     TEXT NOT NULL,
	package    TEXT NOT NULL,
	version    TEXT NOT NULL,
	path       TEXT NOT NULL,
	display    TEXT NOT NULL,
	media_type TEXT NOT NULL,
	blob_id    INTEGER NOT NULL REFERENCES blob (id),
	attributes BLOB NOT NULL,
	added_at   INTEGER NOT NULL,
	PRIMARY KEY (staging_id, format, package, version, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX staged_file_blob ON staged_file (blob_id);
