-- What would hold the writer too long is done in several transactions. A deleted repository is gone at once, and rows that are
-- no history are dropped behind it. The logins of a user that a new password ends count as ended at once, and are revoked behind it.

ALTER TABLE repository ADD COLUMN uncleared {{int}} NOT NULL DEFAULT 0; -- 1: deleted, and not cleared yet
CREATE INDEX repository_uncleared ON repository (uncleared, name, id) WHERE uncleared = 1;
CREATE INDEX upload_repository ON upload (repository_id, id);

ALTER TABLE users ADD COLUMN ending_through {{int}} NOT NULL DEFAULT 0; -- tokens of logins up to this id have ended; 0: none
ALTER TABLE users ADD COLUMN ending_except {{int}} NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN ending_at {{int}} NOT NULL DEFAULT 0;
CREATE INDEX users_ending ON users (ending_through) WHERE ending_through > 0;

-- The deletion of an environment asks for what is under way in it.
CREATE INDEX deployment_open_in ON deployment (environment_id, id) WHERE status IN ('queued', 'running');
