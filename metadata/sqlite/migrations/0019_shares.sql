-- Each user has a share of the uploads and of the staged publishes under way, whatever tokens it uses.

ALTER TABLE upload ADD COLUMN user_id INTEGER NOT NULL DEFAULT 0;
UPDATE upload SET user_id = CASE
	WHEN owner LIKE 'user:%' THEN CAST(substr(owner, 6) AS INTEGER)
	ELSE COALESCE((SELECT t.user_id FROM token t WHERE t.id = CAST(substr(upload.owner, 7) AS INTEGER)), 0) END;
CREATE INDEX upload_user ON upload (user_id);

ALTER TABLE staging ADD COLUMN user_id INTEGER NOT NULL DEFAULT 0;
UPDATE staging SET user_id = CASE
	WHEN owner LIKE 'user:%' THEN CAST(substr(owner, 6) AS INTEGER)
	ELSE COALESCE((SELECT t.user_id FROM token t WHERE t.id = CAST(substr(staging.owner, 7) AS INTEGER)), 0) END;
CREATE INDEX staging_user ON staging (user_id) WHERE length(outcome) = 0;
