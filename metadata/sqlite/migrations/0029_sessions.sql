-- Browsers that are logged in to the pages, and when tokens were used last.

CREATE TABLE session (
	id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the log names no session, but a page may still show an old id
	user_id    INTEGER NOT NULL REFERENCES users (id),
	hash       BLOB NOT NULL UNIQUE,
	agent      TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	used_at    INTEGER NOT NULL,
	used_from  TEXT NOT NULL -- address
) STRICT;
CREATE INDEX session_user ON session (user_id);
CREATE INDEX session_used ON session (used_at);

ALTER TABLE token ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0; -- 0: not since it is noted
ALTER TABLE token ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
