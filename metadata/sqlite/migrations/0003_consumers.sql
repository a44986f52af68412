-- Named readers of the event feed, whose place the server keeps. Everybody has names of their own.

CREATE TABLE consumer (
	owner_id   TEXT NOT NULL, -- Actor.ID of the user
	name       TEXT NOT NULL,
	acked      INTEGER NOT NULL, -- last log entry that was dealt with; -1 is none
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (owner_id, name)
) STRICT, WITHOUT ROWID;
