-- A subscription to a message broker has no deliveries: what became of its events is in its own row.

ALTER TABLE subscription ADD COLUMN delivered_at {{int}} NOT NULL DEFAULT 0; -- when the broker took the newest one that it took
ALTER TABLE subscription ADD COLUMN failing_reason {{text}} NOT NULL DEFAULT ''; -- why it fails, while failing_since is set
