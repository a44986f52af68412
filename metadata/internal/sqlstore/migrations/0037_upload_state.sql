-- An upload names the state of the store that its offset and hash belong to, so that a request elsewhere can't pass its bytes for these.
ALTER TABLE upload ADD COLUMN state {{text}} NOT NULL DEFAULT '';
