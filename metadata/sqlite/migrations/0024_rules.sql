-- Rules say what becomes of versions and bytes; refusals are what they refused.

CREATE TABLE rule (
	id            INTEGER PRIMARY KEY,
	repository_id INTEGER NOT NULL, -- 0: the rule holds in every repository
	position      INTEGER NOT NULL,
	action        TEXT NOT NULL, -- 'allow', 'deny', 'hide', 'hold' or 'pin'
	pattern       TEXT NOT NULL, -- a glob over package URLs, or a digest
	min_age       INTEGER NOT NULL, -- microseconds
	reason        TEXT NOT NULL,
	mode          TEXT NOT NULL, -- 'enforce' or 'audit'
	expires_at    INTEGER NOT NULL,
	expired       INTEGER NOT NULL, -- its end was noted in the log
	created_by    TEXT NOT NULL,
	created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX rule_position ON rule (repository_id, position);

CREATE TABLE refusal (
	id            INTEGER PRIMARY KEY,
	request_id    TEXT NOT NULL, -- of the first of several
	at            INTEGER NOT NULL,
	rule_id       INTEGER NOT NULL, -- 0: the minimum age of an upstream
	repository_id INTEGER NOT NULL,
	subject       TEXT NOT NULL,
	caller        TEXT NOT NULL,
	outcome       TEXT NOT NULL, -- 'deny', 'hold' or 'hide'
	mode          TEXT NOT NULL,
	reason        TEXT NOT NULL,
	until         INTEGER NOT NULL
) STRICT;
CREATE INDEX refusal_request ON refusal (request_id);
CREATE INDEX refusal_subject ON refusal (rule_id, subject, at);
