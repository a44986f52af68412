-- Named readers of the event feed, whose place the server keeps. Everybody has names of their own.

CREATE TABLE consumer (
	owner_id   {{text}} NOT NULL, -- Actor.ID of the user
	name       {{text}} NOT NULL,
	acked      {{int}} NOT NULL, -- last log entry that was dealt with; -1 is none
	created_at {{int}} NOT NULL,
	updated_at {{int}} NOT NULL,
	PRIMARY KEY (owner_id, name)
){{rowless}};
