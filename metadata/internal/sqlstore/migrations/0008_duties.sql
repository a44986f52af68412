-- Which process does which background work. Rows stay, so that an epoch is never given out twice.

CREATE TABLE duty (
	name   {{text}} NOT NULL PRIMARY KEY,
	holder {{text}} NOT NULL,    -- empty while there is none
	epoch  {{int}} NOT NULL, -- grows each time it is taken
	until  {{int}} NOT NULL  -- others may take it from then on; 0: once it is released
){{rowless}};
