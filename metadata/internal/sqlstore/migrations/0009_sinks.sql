-- A delivery keeps the name of its sink, and its lane where that sink keeps order.

ALTER TABLE delivery ADD COLUMN sink {{text}} NOT NULL DEFAULT 'webhook';
ALTER TABLE delivery ADD COLUMN lane {{text}} NOT NULL DEFAULT ''; -- sent in the order of the log, one after the other; '' is in no lane
ALTER TABLE delivery ADD COLUMN waits {{int}} NOT NULL DEFAULT 0; -- 1: a former one of its lane is pending

DROP INDEX delivery_pending;
CREATE INDEX delivery_pending ON delivery (subscription_id, next_at, id) WHERE state = 'pending' AND waits = 0;
CREATE INDEX delivery_lane ON delivery (subscription_id, lane, seq, id) WHERE state = 'pending' AND lane <> '';
