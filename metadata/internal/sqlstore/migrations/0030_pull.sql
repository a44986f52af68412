-- Who downloaded which versions: of bytes that must not run any more, the callers who have them are asked for.

CREATE TABLE pull (
	version_id {{int}} NOT NULL, -- stays when the version goes
	caller     {{text}} NOT NULL, -- as shown
	first_at   {{int}} NOT NULL,
	last_at    {{int}} NOT NULL, -- noted once a day
	PRIMARY KEY (version_id, caller)
){{rowless}};
CREATE INDEX pull_last ON pull (last_at);
