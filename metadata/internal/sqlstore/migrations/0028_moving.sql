-- A version of many files is deleted at once for whoever reads, and its files become discarded ones in transactions of their own.
ALTER TABLE discarded ADD COLUMN moving {{int}} NOT NULL DEFAULT 0; -- 1: file rows still wait for that
CREATE INDEX discarded_moving ON discarded (moving, version_id) WHERE moving = 1;
