-- Tokens know the token that made them. Service accounts, groups and roles; rights on environments.

ALTER TABLE users ADD COLUMN kind TEXT NOT NULL DEFAULT ''; -- 'service': it has no password
ALTER TABLE users ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE token ADD COLUMN parent_id INTEGER NOT NULL DEFAULT 0; -- 0: made with a password, or before parents were kept
ALTER TABLE token ADD COLUMN maker_id INTEGER NOT NULL DEFAULT 0;  -- 0: unknown
ALTER TABLE token ADD COLUMN kind TEXT NOT NULL DEFAULT '';        -- 'session': made by a login
CREATE INDEX token_parent ON token (parent_id) WHERE parent_id <> 0;

CREATE TABLE permission_of_holder (
	holder      TEXT NOT NULL CHECK (holder IN ('user', 'token', 'group')),
	holder_id   INTEGER NOT NULL,
	grant_no    INTEGER NOT NULL,
	position    INTEGER NOT NULL,
	repository  TEXT NOT NULL, -- glob; empty: the grant is on environments
	environment TEXT NOT NULL, -- glob
	action      TEXT NOT NULL, -- empty: the grant names no action
	role        TEXT NOT NULL, -- of the grant; empty: none
	PRIMARY KEY (holder, holder_id, grant_no, position)
) STRICT, WITHOUT ROWID;
INSERT INTO permission_of_holder SELECT holder, holder_id, grant_no, position, repository, '', action, '' FROM permission;
DROP TABLE permission;
ALTER TABLE permission_of_holder RENAME TO permission;
CREATE INDEX permission_role ON permission (role) WHERE role <> '';

CREATE TABLE user_group (
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	description TEXT NOT NULL,
	created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE group_member (
	group_id INTEGER NOT NULL REFERENCES user_group (id),
	user_id  INTEGER NOT NULL REFERENCES users (id),
	PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_user ON group_member (user_id);

CREATE TABLE role (
	name        TEXT NOT NULL PRIMARY KEY,
	description TEXT NOT NULL,
	actions     TEXT NOT NULL, -- separated by commas
	created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A consumer belongs to the credential that made it: 0 is the user itself. Those of before belong to the first that
-- acknowledges events by them.
ALTER TABLE consumer ADD COLUMN token_id INTEGER NOT NULL DEFAULT -1;
