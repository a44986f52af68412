-- Who downloaded which versions: of bytes that must not run any more, the callers who have them are asked for.

CREATE TABLE pull (
	version_id INTEGER NOT NULL, -- stays when the version goes
	caller     TEXT NOT NULL, -- as shown
	first_at   INTEGER NOT NULL,
	last_at    INTEGER NOT NULL, -- noted once a day
	PRIMARY KEY (version_id, caller)
) STRICT, WITHOUT ROWID;
CREATE INDEX pull_last ON pull (last_at);
