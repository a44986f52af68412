-- Rules say what becomes of versions and bytes; refusals are what they refused.

CREATE TABLE rule (
	id            {{id}},
	repository_id {{int}} NOT NULL, -- 0: the rule holds in every repository
	position      {{int}} NOT NULL,
	action        {{text}} NOT NULL, -- 'allow', 'deny', 'hide', 'hold' or 'pin'
	pattern       {{text}} NOT NULL, -- a glob over package URLs, or a digest
	min_age       {{int}} NOT NULL, -- microseconds
	reason        {{text}} NOT NULL,
	mode          {{text}} NOT NULL, -- 'enforce' or 'audit'
	expires_at    {{int}} NOT NULL,
	expired       {{int}} NOT NULL, -- its end was noted in the log
	created_by    {{text}} NOT NULL,
	created_at    {{int}} NOT NULL
){{strict}};
CREATE INDEX rule_position ON rule (repository_id, position);

CREATE TABLE refusal (
	id            {{id}},
	request_id    {{text}} NOT NULL, -- of the first of several
	at            {{int}} NOT NULL,
	rule_id       {{int}} NOT NULL, -- 0: the minimum age of an upstream
	repository_id {{int}} NOT NULL,
	subject       {{text}} NOT NULL,
	caller        {{text}} NOT NULL,
	outcome       {{text}} NOT NULL, -- 'deny', 'hold' or 'hide'
	mode          {{text}} NOT NULL,
	reason        {{text}} NOT NULL,
	until         {{int}} NOT NULL
){{strict}};
CREATE INDEX refusal_request ON refusal (request_id);
CREATE INDEX refusal_subject ON refusal (rule_id, subject, at);
