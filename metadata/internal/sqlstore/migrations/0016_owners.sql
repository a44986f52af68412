-- Environments have owners, who decide who may deploy there. Those of before have none: they stay open to every caller who may deploy
-- at all. A service remembers whose report brought it, as each user has a share of an environment's services.

ALTER TABLE environment_state ADD COLUMN owner_id {{int}} NOT NULL DEFAULT 0;
CREATE INDEX environment_state_owner ON environment_state (owner_id, environment_id) WHERE owner_id <> 0;

ALTER TABLE environment_service ADD COLUMN user_id {{int}} NOT NULL DEFAULT 0;
CREATE INDEX environment_service_user ON environment_service (environment_id, user_id);
