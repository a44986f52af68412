package sqlstore

import (
	"slipway/metadata"
)

// EnteredFiles implements metadata.Caches.
func (t caches) EnteredFiles(repositoryID int64, format, key string) ([]metadata.Entered, error) {
	return all(t.Tx, func(r row) (metadata.Entered, error) {
		var v metadata.Entered
		var c cachedRow
		err := r.Scan(append([]any{&v.Version, &v.Descriptor, &v.Blob.ID, &v.Blob.Size, &v.Blob.SHA1, &v.Blob.MD5, &v.Blob.SHA512}, c.dest()...)...)
		if v.CachedFile = c.file(); v.Blob.ID != 0 || v.Evicted {
			v.Blob.Digest = v.Digest
		}
		return v, err
	}, `SELECT v.name, v.descriptor, COALESCE(b.id, 0), COALESCE(b.size, c.size), COALESCE(b.sha1, c.sha1), COALESCE(b.md5, c.md5), COALESCE(b.sha512, c.sha512), `+cachedColumns+`
		FROM package p JOIN version v ON v.package_id = p.id JOIN cached_file c ON c.version_id = v.id LEFT JOIN blob b ON b.digest = c.digest
		WHERE p.repository_id = $1 AND p.format = $2 AND p.key = $3 AND v.state <> 'deleted' ORDER BY c.version_id, c.path`, repositoryID, format, key)
}

const cachedEntryColumns = `p.id, p.format, p.key, p.name, v.id, v.package_id, v.name, v.purl, v.state, v.digest, v.sort_key, v.published_at,
	COALESCE((SELECT name FROM upstream WHERE id = c.upstream_id), ''), `

// cachedEntryRow receives cachedEntryColumns, a size and cachedColumns.
type cachedEntryRow struct {
	v         metadata.CachedEntry
	c         cachedRow
	state     string
	raw       []byte
	published int64
}

func scanCachedEntry(r row) (metadata.CachedEntry, error) {
	var e cachedEntryRow
	v := &e.v
	err := r.Scan(append([]any{&v.PackageID, &v.Format, &v.Key, &v.Package, &v.Version.ID, &v.Version.PackageID, &v.Version.Name, &v.Version.PURL, &e.state, &e.raw,
		&v.Version.SortKey, &e.published, &v.Upstream, &v.Size}, e.c.dest()...)...)
	v.CachedFile, v.Version.State, v.Version.Digest, v.Version.PublishedAt = e.c.file(), metadata.State(e.state), digestOf(e.raw), fromMicros(e.published)
	return e.v, err
}

// CachedEntries implements metadata.Evictions.
func (t evictions) CachedEntries(q metadata.CachedQuery) ([]metadata.CachedEntry, error) {
	where := ""
	switch q.State {
	case metadata.CachedHere:
		where = ` AND c.here = 1`
	case metadata.CachedEvicted:
		where = ` AND c.here = 0`
	case metadata.CachedChanged:
		where = ` AND c.changed <> '' AND c.denied = 0`
	case metadata.CachedDenied:
		where = ` AND c.denied = 1`
	}
	args := []any{q.RepositoryID, q.After.Format, q.After.Key, q.After.Format, q.After.Key, q.After.VersionID, q.After.Path}
	if q.Text != "" {
		text := "%" + likeReplacer.Replace(lower(q.Text)) + "%"
		args = append(args, text, text)
		where += ` AND (lower(p.name) LIKE $8 ESCAPE '!' OR lower(c.path) LIKE $9 ESCAPE '!')`
	}
	args = append(args, limit(q.Limit))
	return all(t.Tx, scanCachedEntry, `SELECT `+cachedEntryColumns+`COALESCE(b.size, c.size), `+cachedColumns+`
		FROM package p JOIN version v ON v.package_id = p.id JOIN cached_file c ON c.version_id = v.id LEFT JOIN blob b ON b.digest = c.digest
		WHERE p.repository_id = $1 AND v.state <> 'deleted' AND (p.format, p.key) >= ($2, $3) AND ((p.format, p.key) > ($4, $5) OR (c.version_id, c.path) > ($6, $7))`+where+`
		ORDER BY p.format, p.key, c.version_id, c.path`+most(last(args)), args...)
}

// UseFiles implements metadata.Evictions.
func (t evictions) UseFiles(list []metadata.CachedFile) error {
	for _, f := range list {
		if err := t.write(nil, `UPDATE cached_file SET used_at = $1 WHERE version_id = $2 AND path = $3`, micros(f.UsedAt), f.VersionID, f.Path); err != nil {
			return err
		}
	}
	return nil
}

// onlyCached holds of a file row f whose bytes nothing but files from remotes holds.
const onlyCached = `NOT EXISTS (SELECT 1 FROM file g LEFT JOIN cached_file d ON d.version_id = g.version_id AND d.path = g.path
	WHERE g.blob_id = f.blob_id AND d.version_id IS NULL)`

// Unused implements metadata.Evictions.
func (t evictions) Unused(q metadata.UnusedQuery) ([]metadata.CachedEntry, error) {
	return all(t.Tx, scanCachedEntry, `SELECT `+cachedEntryColumns+`b.size, `+cachedColumns+`
		FROM cached_file c CROSS JOIN file f ON f.version_id = c.version_id AND f.path = c.path
			CROSS JOIN version v ON v.id = c.version_id CROSS JOIN package p ON p.id = v.package_id CROSS JOIN blob b ON b.id = f.blob_id
		WHERE c.upstream_id = $1 AND c.here = 1 AND c.used_at >= $2 AND c.used_at < $3 AND (c.used_at, c.version_id, c.path) > ($4, $5, $6) AND v.state <> 'deleted' AND `+onlyCached+`
		ORDER BY c.used_at, c.version_id, c.path LIMIT CAST($7 AS BIGINT)`,
		q.UpstreamID, micros(q.After.UsedAt), bound(q.Before), micros(q.After.UsedAt), q.After.VersionID, q.After.Path, limit(q.Limit))
}

// OnlyCached implements metadata.Evictions.
func (t evictions) OnlyCached(blobID int64) ([]metadata.CachedEntry, error) {
	return all(t.Tx, scanCachedEntry, `SELECT `+cachedEntryColumns+`b.size, `+cachedColumns+`
		FROM blob b CROSS JOIN file f ON f.blob_id = b.id CROSS JOIN cached_file c ON c.version_id = f.version_id AND c.path = f.path
			CROSS JOIN version v ON v.id = c.version_id CROSS JOIN package p ON p.id = v.package_id
		WHERE b.id = $1
			AND NOT EXISTS (SELECT 1 FROM file g LEFT JOIN cached_file d ON d.version_id = g.version_id AND d.path = g.path AND d.here = 1 AND d.changed = ''
				LEFT JOIN upstream u ON u.id = d.upstream_id AND u.removed_at IS NULL WHERE g.blob_id = b.id AND u.id IS NULL)
			AND NOT EXISTS (SELECT 1 FROM discarded_file d WHERE d.blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM staged_file s WHERE s.blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM upstream_index i WHERE i.body_blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.blob_id = b.id AND l.until > $2)`, blobID, t.micros())
}

// CachedBytes implements metadata.Evictions. Bytes of several files count at the first of them.
func (t evictions) CachedBytes(upstreamID int64) (int64, error) {
	return one(t.Tx, scanInt, `SELECT COALESCE(SUM(b.size), 0)
		FROM cached_file c CROSS JOIN file f ON f.version_id = c.version_id AND f.path = c.path CROSS JOIN blob b ON b.id = f.blob_id
		WHERE c.upstream_id = $1 AND c.here = 1 AND `+onlyCached+`
			AND NOT EXISTS (SELECT 1 FROM file g WHERE g.blob_id = f.blob_id AND (g.version_id, g.path) < (f.version_id, f.path))`, upstreamID)
}

// Evict implements metadata.Evictions.
func (t evictions) Evict(versionID int64, path string) (int64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	f, err := t.Files().File(versionID, path)
	if err != nil {
		return 0, err
	}
	raw, err := sha256Sum(f.Blob.Digest)
	if err != nil {
		return 0, err
	}
	if err := t.must(`UPDATE cached_file SET here = 0, size = $1, media_type = $2, added_at = $3, seq = $4, sha1 = $5, md5 = $6, sha512 = $7
		WHERE version_id = $8 AND path = $9 AND digest = $10 AND here = 1`,
		f.Blob.Size, f.MediaType, micros(f.AddedAt), f.Seq, emptied(f.Blob.SHA1), emptied(f.Blob.MD5), emptied(f.Blob.SHA512), versionID, path, raw); err != nil {
		return 0, err
	}
	if err := t.must(`DELETE FROM file WHERE version_id = $1 AND path = $2`, versionID, path); err != nil {
		return 0, err
	}
	if err := t.must(`UPDATE blob SET released_at = $1 WHERE id = $2`, t.micros(), f.Blob.ID); err != nil {
		return 0, err
	}
	held, err := one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM file WHERE blob_id = $1)`, f.Blob.ID)
	if err != nil || held {
		return 0, err
	}
	return f.Blob.Size, nil
}

// Evicted implements metadata.Evictions.
func (t evictions) Evicted(versionID int64) ([]metadata.File, error) {
	return all(t.Tx, func(r row) (metadata.File, error) {
		var v metadata.File
		var raw []byte
		var added int64
		err := r.Scan(&v.VersionID, &v.PackageID, &v.Path, &v.MediaType, &added, &v.Seq, &raw, &v.Blob.Size, &v.Blob.SHA1, &v.Blob.MD5, &v.Blob.SHA512)
		v.AddedAt, v.Blob.Digest = fromMicros(added), digestOf(raw)
		return v, err
	}, `SELECT c.version_id, v.package_id, c.path, c.media_type, c.added_at, c.seq, c.digest, c.size, c.sha1, c.md5, c.sha512
		FROM cached_file c CROSS JOIN version v ON v.id = c.version_id
		WHERE c.version_id = $1 AND c.here = 0 AND NOT EXISTS (SELECT 1 FROM file f WHERE f.version_id = c.version_id AND f.path = c.path) ORDER BY c.path`, versionID)
}

// Return implements metadata.Evictions.
func (t evictions) Return(versionID int64, path string) error {
	n, err := t.exec(`INSERT INTO file (version_id, package_id, path, media_type, added_at, seq, blob_id)
		SELECT c.version_id, v.package_id, c.path, c.media_type, c.added_at, c.seq, b.id
		FROM cached_file c CROSS JOIN version v ON v.id = c.version_id CROSS JOIN blob b ON b.digest = c.digest
		WHERE c.version_id = $1 AND c.path = $2 AND c.here = 0`, versionID, path)
	if err == nil && n == 0 {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return err
	}
	now := t.micros()
	return t.must(`UPDATE cached_file SET here = 1, used_at = $1, checked_at = $2, changed = '', denied = 0 WHERE version_id = $3 AND path = $4`, now, now, versionID, path)
}

// ChangeFile implements metadata.Evictions.
func (t evictions) ChangeFile(f metadata.CachedFile) error {
	return t.must(`UPDATE cached_file SET changed = $1, denied = $2 WHERE version_id = $3 AND path = $4`, f.Changed, flag(f.Denied), f.VersionID, f.Path)
}

// ForgetFiles implements metadata.Evictions.
func (t evictions) ForgetFiles(versionID int64) error {
	err := t.write(nil, `DELETE FROM cached_file WHERE version_id = $1`, versionID)
	return err
}
