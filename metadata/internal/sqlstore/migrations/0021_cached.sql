-- Files that came from a remote. A package of origin 'cached' has nothing else: its name still belongs to the remote.

ALTER TABLE package ADD COLUMN origin {{text}} NOT NULL DEFAULT ''; -- empty: published

CREATE TABLE cached_file (
	version_id    {{int}} NOT NULL REFERENCES version (id),
	path          {{text}} NOT NULL,
	digest        {{bytes}} NOT NULL, -- also where the file's bytes are gone: a later fetch must bring the same ones
	upstream_id   {{int}} NOT NULL REFERENCES upstream (id),
	url           {{text}} NOT NULL, -- without query
	etag          {{text}} NOT NULL,
	last_modified {{text}} NOT NULL,
	verified      {{text}} NOT NULL, -- the strongest sum that the remote announced
	published_at  {{int}} NOT NULL, -- as the remote says
	entered_at    {{int}} NOT NULL,
	entered_by    {{text}} NOT NULL,
	checked_at    {{int}} NOT NULL, -- when the remote last said that it has these bytes
	PRIMARY KEY (version_id, path)
){{rowless}};
