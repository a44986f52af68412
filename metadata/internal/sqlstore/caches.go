package sqlstore

import "slipway/metadata"

func scanCachedFile(r row) (metadata.CachedFile, error) {
	var v metadata.CachedFile
	var raw []byte
	var published, entered, checked int64
	err := r.Scan(&v.VersionID, &v.Path, &raw, &v.UpstreamID, &v.URL, &v.ETag, &v.LastModified, &v.Verified, &published, &entered, &v.EnteredBy, &checked)
	v.Digest = digestOf(raw)
	v.PublishedAt, v.EnteredAt, v.CheckedAt = fromMicros(published), fromMicros(entered), fromMicros(checked)
	return v, err
}

const selectCachedFile = `SELECT version_id, path, digest, upstream_id, url, etag, last_modified, verified, published_at, entered_at, entered_by, checked_at
	FROM cached_file `

// PutCachedFile implements metadata.Caches.
func (t caches) PutCachedFile(f metadata.CachedFile) error {
	raw, err := sha256Sum(f.Digest)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO cached_file (version_id, path, digest, upstream_id, url, etag, last_modified, verified, published_at, entered_at, entered_by, checked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (version_id, path) DO UPDATE SET digest = excluded.digest, upstream_id = excluded.upstream_id, url = excluded.url, etag = excluded.etag,
			last_modified = excluded.last_modified, verified = excluded.verified, published_at = excluded.published_at, entered_at = excluded.entered_at,
			entered_by = excluded.entered_by, checked_at = excluded.checked_at`,
		f.VersionID, f.Path, raw, f.UpstreamID, f.URL, f.ETag, f.LastModified, f.Verified, micros(f.PublishedAt), micros(f.EnteredAt), f.EnteredBy, micros(f.CheckedAt))
	return err
}

// CachedFile implements metadata.Caches.
func (t caches) CachedFile(versionID int64, path string) (metadata.CachedFile, error) {
	return one(t.Tx, scanCachedFile, selectCachedFile+`WHERE version_id = $1 AND path = $2`, versionID, path)
}

// CachedFiles implements metadata.Caches.
func (t caches) CachedFiles(versionID int64) ([]metadata.CachedFile, error) {
	return all(t.Tx, scanCachedFile, selectCachedFile+`WHERE version_id = $1 ORDER BY path`, versionID)
}
