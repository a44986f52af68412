-- Browsers that are logged in to the pages, and when tokens were used last.

CREATE TABLE session (
	id         {{id}}{{ascending}}, -- the log names no session, but a page may still show an old id
	user_id    {{int}} NOT NULL REFERENCES users (id),
	hash       {{bytes}} NOT NULL UNIQUE,
	agent      {{text}} NOT NULL,
	created_at {{int}} NOT NULL,
	expires_at {{int}} NOT NULL,
	used_at    {{int}} NOT NULL,
	used_from  {{text}} NOT NULL -- address
){{strict}};
CREATE INDEX {{quote}}session_user{{quote}} ON session (user_id);
CREATE INDEX session_used ON session (used_at);

ALTER TABLE token ADD COLUMN used_at {{int}} NOT NULL DEFAULT 0; -- 0: not since it is noted
ALTER TABLE token ADD COLUMN used_from {{text}} NOT NULL DEFAULT '';
