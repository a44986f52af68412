-- Which process does which background work. Rows stay, so that an epoch is never given out twice.

CREATE TABLE duty (
	name   TEXT NOT NULL PRIMARY KEY,
	holder TEXT NOT NULL,    -- empty while there is none
	epoch  INTEGER NOT NULL, -- grows each time it is taken
	until  INTEGER NOT NULL  -- others may take it from then on; 0: once it is released
) STRICT, WITHOUT ROWID;
