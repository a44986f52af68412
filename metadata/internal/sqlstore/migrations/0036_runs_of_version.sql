-- Where a version ran at a past moment is found by an index, too: the one before had only what runs now.
DROP INDEX run_version;
CREATE INDEX run_version ON run (version_id, seq_to);
