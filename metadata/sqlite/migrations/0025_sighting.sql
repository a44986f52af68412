-- When tags of remotes were first seen to name other images than before, while a minimum age keeps these out.

CREATE TABLE sighting (
	upstream_id INTEGER NOT NULL REFERENCES upstream (id),
	key         TEXT NOT NULL, -- of the package
	digest      TEXT NOT NULL, -- of the image
	seen_at     INTEGER NOT NULL,
	PRIMARY KEY (upstream_id, key, digest)
) STRICT;
