-- Stagings that ended are kept for a day: looking for those under way does not pass them all.

CREATE INDEX staging_open ON staging (updated_at, id) WHERE length(outcome) = 0;
