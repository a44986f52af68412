-- Bytes that came from a remote can go and come again. The row of such a file then says what it was, and when it was used last.

ALTER TABLE cached_file ADD COLUMN here {{int}} NOT NULL DEFAULT 1; -- 0: evicted: its row in file is gone, and the following says what it was
ALTER TABLE cached_file ADD COLUMN used_at {{int}} NOT NULL DEFAULT 0; -- about: it is written every few minutes
ALTER TABLE cached_file ADD COLUMN size {{int}} NOT NULL DEFAULT 0;
ALTER TABLE cached_file ADD COLUMN media_type {{text}} NOT NULL DEFAULT '';
ALTER TABLE cached_file ADD COLUMN added_at {{int}} NOT NULL DEFAULT 0;
ALTER TABLE cached_file ADD COLUMN seq {{int}} NOT NULL DEFAULT 0;
ALTER TABLE cached_file ADD COLUMN sha1 {{bytes}};
ALTER TABLE cached_file ADD COLUMN md5 {{bytes}};
ALTER TABLE cached_file ADD COLUMN sha512 {{bytes}};
ALTER TABLE cached_file ADD COLUMN changed {{text}} NOT NULL DEFAULT ''; -- sum of other bytes that the remote has now
ALTER TABLE cached_file ADD COLUMN denied {{int}} NOT NULL DEFAULT 0; -- 1: an administrator refused those

{{sqlite}}UPDATE cached_file SET used_at = CAST(strftime('%s', 'now') AS {{int}}) * 1000000; -- when they were used before is not known
{{end}}
CREATE INDEX cached_file_used ON cached_file (upstream_id, here, used_at);
