-- When tags of remotes were first seen to name other images than before, while a minimum age keeps these out.

CREATE TABLE sighting (
	upstream_id {{int}} NOT NULL REFERENCES upstream (id),
	key         {{text}} NOT NULL, -- of the package
	digest      {{text}} NOT NULL, -- of the image
	seen_at     {{int}} NOT NULL,
	PRIMARY KEY (upstream_id, key, digest)
){{strict}};
