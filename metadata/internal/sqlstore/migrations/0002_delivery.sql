-- Subscriptions, and what was sent for them.

CREATE TABLE subscription (
	id              {{id}}{{ascending}},
	name            {{text}} NOT NULL,
	sink            {{text}} NOT NULL,
	url             {{text}} NOT NULL,
	preset          {{text}} NOT NULL,
	filter          {{bytes}} NOT NULL, -- JSON: types, repositories, packages, tags
	secrets         {{bytes}} NOT NULL, -- sealed
	base_url        {{text}} NOT NULL, -- of this server, as its maker saw it
	owner_id        {{text}} NOT NULL, -- Actor.ID
	owner           {{text}} NOT NULL,
	cursor          {{int}} NOT NULL, -- last log entry that was looked at
	replay_to       {{int}} NOT NULL, -- entries up to this one are sent again; -1 is none
	disabled_at     {{int}} NOT NULL,
	disabled_reason {{text}} NOT NULL,
	failing_since   {{int}} NOT NULL, -- first failure after the last success
	created_at      {{int}} NOT NULL,
	updated_at      {{int}} NOT NULL,
	deleted         {{int}} NOT NULL -- gone for everybody; its deliveries go little by little, and it last
){{strict}};
CREATE INDEX subscription_deleted ON subscription (deleted, id) WHERE deleted = 1;

CREATE TABLE delivery (
	id              {{id}}{{ascending}},
	subscription_id {{int}} NOT NULL REFERENCES subscription (id),
	seq             {{int}} NOT NULL, -- log entry it tells of; -1 for a ping
	message_id      {{text}} NOT NULL,
	event_type      {{text}} NOT NULL,
	subject         {{text}} NOT NULL,
	state           {{text}} NOT NULL, -- pending, delivered, dead
	attempts        {{int}} NOT NULL,
	tries           {{int}} NOT NULL, -- attempts since it was made or asked for again
	next_at         {{int}} NOT NULL, -- of the next attempt while pending
	redelivery      {{int}} NOT NULL,
	created_at      {{int}} NOT NULL,
	done_at         {{int}} NOT NULL,
	status          {{int}} NOT NULL, -- of the latest attempt
	error           {{text}} NOT NULL,    -- of the latest attempt
	content_type    {{text}} NOT NULL,
	header          {{bytes}} NOT NULL, -- JSON
	body            {{bytes}} NOT NULL  -- the exact bytes that every attempt sends
){{strict}};
CREATE UNIQUE INDEX delivery_message ON delivery (subscription_id, message_id);
CREATE INDEX delivery_subscription ON delivery (subscription_id, id);
CREATE INDEX delivery_state ON delivery (subscription_id, state, id);
CREATE INDEX delivery_pending ON delivery (subscription_id, next_at, id) WHERE state = 'pending';
CREATE INDEX delivery_done ON delivery (done_at) WHERE state <> 'pending';

CREATE TABLE delivery_attempt (
	delivery_id {{int}} NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
	number      {{int}} NOT NULL,
	at          {{int}} NOT NULL,
	duration    {{int}} NOT NULL, -- microseconds
	status      {{int}} NOT NULL, -- 0: no answer
	error       {{text}} NOT NULL,
	answer      {{bytes}} NOT NULL, -- its beginning
	PRIMARY KEY (delivery_id, number)
){{strict}};
