-- Signatures and other manifests that belong to an image are no versions of their own: 2 in "announced" (1: an event announced
-- the version, 0: none yet). They are those with a subject, and those that only tags made from a digest name.

{{sqlite}}UPDATE version SET announced = 2 WHERE id IN (SELECT version_id FROM reference WHERE kind = 'subject');
{{end}}
{{sqlite}}UPDATE version SET announced = 2
WHERE package_id IN (SELECT id FROM package WHERE format = 'oci')
	AND id IN (SELECT version_id FROM tag WHERE seq_to IS NULL AND name GLOB 'sha256-*')
	AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.version_id = version.id AND t.seq_to IS NULL AND NOT (
		t.name GLOB 'sha256-*' AND substr(t.name, 8, 64) NOT GLOB '*[^0-9a-f]*' AND length(t.name) >= 71
		AND substr(t.name, 72) IN ('', '.sig', '.att', '.sbom')));
{{end}}
DROP INDEX version_highest;
CREATE INDEX version_highest ON version (package_id, (prerelease = 0 AND state <> 'yanked'), sort_key, name) WHERE state <> 'deleted' AND announced <> 2;
CREATE INDEX version_attached ON version (package_id) WHERE announced = 2 AND state <> 'deleted';

{{sqlite}}UPDATE package SET latest = COALESCE(
	(SELECT v.name FROM tag t JOIN version v ON v.id = t.version_id
		WHERE t.package_id = package.id AND t.name = 'latest' AND t.seq_to IS NULL AND v.announced <> 2),
	(SELECT name FROM version WHERE package_id = package.id AND state <> 'deleted' AND announced <> 2
		ORDER BY (prerelease = 0 AND state <> 'yanked') DESC, sort_key DESC, name DESC LIMIT 1),
	'')
WHERE format = 'oci' AND EXISTS (SELECT 1 FROM version v WHERE v.package_id = package.id AND v.name = package.latest AND v.announced = 2);
{{end}}