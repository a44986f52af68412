-- Subscriptions, and what was sent for them.

CREATE TABLE subscription (
	id              INTEGER PRIMARY KEY AUTOINCREMENT,
	name            TEXT NOT NULL,
	sink            TEXT NOT NULL,
	url             TEXT NOT NULL,
	preset          TEXT NOT NULL,
	filter          BLOB NOT NULL, -- JSON: types, repositories, packages, tags
	secrets         BLOB NOT NULL, -- sealed
	base_url        TEXT NOT NULL, -- of this server, as its maker saw it
	owner_id        TEXT NOT NULL, -- Actor.ID
	owner           TEXT NOT NULL,
	cursor          INTEGER NOT NULL, -- last log entry that was looked at
	replay_to       INTEGER NOT NULL, -- entries up to this one are sent again; -1 is none
	disabled_at     INTEGER NOT NULL,
	disabled_reason TEXT NOT NULL,
	failing_since   INTEGER NOT NULL, -- first failure after the last success
	created_at      INTEGER NOT NULL,
	updated_at      INTEGER NOT NULL,
	deleted         INTEGER NOT NULL -- gone for everybody; its deliveries go little by little, and it last
) STRICT;
CREATE INDEX subscription_deleted ON subscription (deleted, id) WHERE deleted = 1;

CREATE TABLE delivery (
	id              INTEGER PRIMARY KEY AUTOINCREMENT,
	subscription_id INTEGER NOT NULL REFERENCES subscription (id),
	seq             INTEGER NOT NULL, -- log entry it tells of; -1 for a ping
	message_id      TEXT NOT NULL,
	event_type      TEXT NOT NULL,
	subject         TEXT NOT NULL,
	state           TEXT NOT NULL, -- pending, delivered, dead
	attempts        INTEGER NOT NULL,
	tries           INTEGER NOT NULL, -- attempts since it was made or asked for again
	next_at         INTEGER NOT NULL, -- of the next attempt while pending
	redelivery      INTEGER NOT NULL,
	created_at      INTEGER NOT NULL,
	done_at         INTEGER NOT NULL,
	status          INTEGER NOT NULL, -- of the latest attempt
	error           TEXT NOT NULL,    -- of the latest attempt
	content_type    TEXT NOT NULL,
	header          BLOB NOT NULL, -- JSON
	body            BLOB NOT NULL  -- the exact bytes that every attempt sends
) STRICT;
CREATE UNIQUE INDEX delivery_message ON delivery (subscription_id, message_id);
CREATE INDEX delivery_subscription ON delivery (subscription_id, id);
CREATE INDEX delivery_state ON delivery (subscription_id, state, id);
CREATE INDEX delivery_pending ON delivery (subscription_id, next_at, id) WHERE state = 'pending';
CREATE INDEX delivery_done ON delivery (done_at) WHERE state <> 'pending';

CREATE TABLE delivery_attempt (
	delivery_id INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
	number      INTEGER NOT NULL,
	at          INTEGER NOT NULL,
	duration    INTEGER NOT NULL, -- microseconds
	status      INTEGER NOT NULL, -- 0: no answer
	error       TEXT NOT NULL,
	answer      BLOB NOT NULL, -- its beginning
	PRIMARY KEY (delivery_id, number)
) STRICT;
