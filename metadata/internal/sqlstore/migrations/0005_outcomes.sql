-- What became of a staging that was committed, for a client whose answer got lost; empty while it is under way.

ALTER TABLE staging ADD COLUMN outcome {{bytes}} NOT NULL DEFAULT {{empty}};
