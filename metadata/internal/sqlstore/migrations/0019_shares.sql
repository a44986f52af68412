-- Each user has a share of the uploads and of the staged publishes under way, whatever tokens it uses.

ALTER TABLE upload ADD COLUMN user_id {{int}} NOT NULL DEFAULT 0;
{{sqlite}}UPDATE upload SET user_id = CASE
	WHEN owner LIKE 'user:%' THEN CAST(substr(owner, 6) AS {{int}})
	ELSE COALESCE((SELECT t.user_id FROM token t WHERE t.id = CAST(substr(upload.owner, 7) AS {{int}})), 0) END;
{{end}}CREATE INDEX upload_user ON upload (user_id);

ALTER TABLE staging ADD COLUMN user_id {{int}} NOT NULL DEFAULT 0;
{{sqlite}}UPDATE staging SET user_id = CASE
	WHEN owner LIKE 'user:%' THEN CAST(substr(owner, 6) AS {{int}})
	ELSE COALESCE((SELECT t.user_id FROM token t WHERE t.id = CAST(substr(staging.owner, 7) AS {{int}})), 0) END;
{{end}}CREATE INDEX staging_user ON staging (user_id) WHERE length(outcome) = 0;
