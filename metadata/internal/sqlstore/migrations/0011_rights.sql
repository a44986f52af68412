-- Tokens know the token that made them. Service accounts, groups and roles; rights on environments.

ALTER TABLE users ADD COLUMN kind {{text}} NOT NULL DEFAULT ''; -- 'service': it has no password
ALTER TABLE users ADD COLUMN deleted_at {{int}} NOT NULL DEFAULT 0;

ALTER TABLE token ADD COLUMN parent_id {{int}} NOT NULL DEFAULT 0; -- 0: made with a password, or before parents were kept
ALTER TABLE token ADD COLUMN maker_id {{int}} NOT NULL DEFAULT 0;  -- 0: unknown
ALTER TABLE token ADD COLUMN kind {{text}} NOT NULL DEFAULT '';        -- 'session': made by a login
CREATE INDEX token_parent ON token (parent_id) WHERE parent_id <> 0;

CREATE TABLE permission_of_holder (
	holder      {{text}} NOT NULL CHECK (holder IN ('user', 'token', 'group')),
	holder_id   {{int}} NOT NULL,
	grant_no    {{int}} NOT NULL,
	position    {{int}} NOT NULL,
	repository  {{text}} NOT NULL, -- glob; empty: the grant is on environments
	environment {{text}} NOT NULL, -- glob
	action      {{text}} NOT NULL, -- empty: the grant names no action
	role        {{text}} NOT NULL, -- of the grant; empty: none
	PRIMARY KEY (holder, holder_id, grant_no, position)
){{rowless}};
INSERT INTO permission_of_holder SELECT holder, holder_id, grant_no, position, repository, '', action, '' FROM permission;
DROP TABLE permission;
ALTER TABLE permission_of_holder RENAME TO permission;
CREATE INDEX permission_role ON permission (role) WHERE role <> '';

CREATE TABLE user_group (
	id          {{id}},
	name        {{text}} NOT NULL UNIQUE,
	description {{text}} NOT NULL,
	created_at  {{int}} NOT NULL
){{strict}};

CREATE TABLE group_member (
	group_id {{int}} NOT NULL REFERENCES user_group (id),
	user_id  {{int}} NOT NULL REFERENCES users (id),
	PRIMARY KEY (group_id, user_id)
){{rowless}};
CREATE INDEX group_member_user ON group_member (user_id);

CREATE TABLE role (
	name        {{text}} NOT NULL PRIMARY KEY,
	description {{text}} NOT NULL,
	actions     {{text}} NOT NULL, -- separated by commas
	created_at  {{int}} NOT NULL
){{rowless}};

-- A consumer belongs to the credential that made it: 0 is the user itself. Those of before belong to the first that
-- acknowledges events by them.
ALTER TABLE consumer ADD COLUMN token_id {{int}} NOT NULL DEFAULT -1;
