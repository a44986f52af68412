package sqlstore

import (
	"time"

	"slipway/metadata"
)

func scanCachedFile(r row) (metadata.CachedFile, error) {
	var v metadata.CachedFile
	var raw []byte
	var published, seen, entered, checked int64
	err := r.Scan(&v.VersionID, &v.Path, &raw, &v.UpstreamID, &v.URL, &v.ETag, &v.LastModified, &v.Verified, &published, &seen, &entered, &v.EnteredBy, &checked)
	v.Digest = digestOf(raw)
	v.PublishedAt, v.FirstSeenAt, v.EnteredAt, v.CheckedAt = fromMicros(published), fromMicros(seen), fromMicros(entered), fromMicros(checked)
	return v, err
}

const selectCachedFile = `SELECT version_id, path, digest, upstream_id, url, etag, last_modified, verified, published_at, first_seen_at, entered_at, entered_by, checked_at
	FROM cached_file `

// PutCachedFile implements metadata.Caches.
func (t caches) PutCachedFile(f metadata.CachedFile) error {
	raw, err := sha256Sum(f.Digest)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO cached_file (version_id, path, digest, upstream_id, url, etag, last_modified, verified, published_at, first_seen_at, entered_at, entered_by,
			checked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (version_id, path) DO UPDATE SET digest = excluded.digest, upstream_id = excluded.upstream_id, url = excluded.url, etag = excluded.etag,
			last_modified = excluded.last_modified, verified = excluded.verified, published_at = excluded.published_at,
			first_seen_at = excluded.first_seen_at, entered_at = excluded.entered_at, entered_by = excluded.entered_by, checked_at = excluded.checked_at`,
		f.VersionID, f.Path, raw, f.UpstreamID, f.URL, f.ETag, f.LastModified, f.Verified, micros(f.PublishedAt), micros(f.FirstSeenAt), micros(f.EnteredAt), f.EnteredBy, micros(f.CheckedAt))
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

// EnteredFiles implements metadata.Caches.
func (t caches) EnteredFiles(repositoryID int64, format, key string) ([]metadata.Entered, error) {
	return all(t.Tx, func(r row) (metadata.Entered, error) {
		var v metadata.Entered
		var raw []byte
		var size int64
		err := r.Scan(&v.Version, &v.Descriptor, &v.VersionID, &v.Path, &raw, &v.UpstreamID, &v.Blob.ID, &size, &v.Blob.SHA1, &v.Blob.MD5, &v.Blob.SHA512)
		if v.Digest = digestOf(raw); v.Blob.ID != 0 {
			v.Blob.Digest, v.Blob.Size = v.Digest, size
		}
		return v, err
	}, `SELECT v.name, v.descriptor, c.version_id, c.path, c.digest, c.upstream_id, COALESCE(b.id, 0), COALESCE(b.size, 0), b.sha1, b.md5, b.sha512
		FROM package p JOIN version v ON v.package_id = p.id JOIN cached_file c ON c.version_id = v.id LEFT JOIN blob b ON b.digest = c.digest
		WHERE p.repository_id = $1 AND p.format = $2 AND p.key = $3 AND v.state <> 'deleted' ORDER BY c.version_id, c.path`, repositoryID, format, key)
}

const indexColumns = `i.upstream_id, i.format, i.key, i.fingerprint, i.body_blob_id, b.digest, i.base, i.etag, i.last_modified, i.fetched_at, i.checked_at,
	i.fresh_until, i.used_at, i.baseline_at, i.state`

// indexRow receives indexColumns.
type indexRow struct {
	v                                        metadata.UpstreamIndex
	raw                                      []byte
	fetched, checked, fresh, used, baselined int64
}

func (r *indexRow) dest() []any {
	return []any{&r.v.UpstreamID, &r.v.Format, &r.v.Key, &r.v.Fingerprint, &r.v.Body.ID, &r.raw, &r.v.Base, &r.v.ETag, &r.v.LastModified, &r.fetched, &r.checked,
		&r.fresh, &r.used, &r.baselined, &r.v.State}
}

func (r *indexRow) index() metadata.UpstreamIndex {
	v := r.v
	v.Body.Digest = digestOf(r.raw)
	v.FetchedAt, v.CheckedAt, v.FreshUntil = fromMicros(r.fetched), fromMicros(r.checked), fromMicros(r.fresh)
	v.UsedAt, v.BaselineAt = fromMicros(r.used), fromMicros(r.baselined)
	return v
}

// PutIndex implements metadata.Caches.
func (t caches) PutIndex(i metadata.UpstreamIndex) error {
	if _, err := t.exec(`UPDATE blob SET released_at = $1
		WHERE id <> $2 AND id IN (SELECT body_blob_id FROM upstream_index WHERE upstream_id = $3 AND format = $4 AND key = $5)`,
		t.micros(), i.Body.ID, i.UpstreamID, i.Format, i.Key); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO upstream_index (upstream_id, format, key, fingerprint, body_blob_id, base, seen, etag, last_modified, fetched_at, checked_at,
			fresh_until, used_at, baseline_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (upstream_id, format, key) DO UPDATE SET fingerprint = excluded.fingerprint, body_blob_id = excluded.body_blob_id, base = excluded.base,
			seen = excluded.seen, etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = excluded.fetched_at,
			checked_at = excluded.checked_at, fresh_until = excluded.fresh_until, used_at = excluded.used_at, baseline_at = excluded.baseline_at,
			state = excluded.state`,
		i.UpstreamID, i.Format, i.Key, filled(i.Fingerprint), i.Body.ID, i.Base, filled(i.Seen), i.ETag, i.LastModified, micros(i.FetchedAt), micros(i.CheckedAt),
		micros(i.FreshUntil), micros(i.UsedAt), micros(i.BaselineAt), i.State)
	return err
}

// Index implements metadata.Caches.
func (t caches) Index(upstreamID int64, format, key string) (metadata.UpstreamIndex, error) {
	return one(t.Tx, func(r row) (metadata.UpstreamIndex, error) {
		var i indexRow
		var seen []byte
		err := r.Scan(append(i.dest(), &seen)...)
		v := i.index()
		v.Seen = emptied(seen)
		return v, err
	}, `SELECT `+indexColumns+`, i.seen FROM upstream_index i JOIN blob b ON b.id = i.body_blob_id
		WHERE i.upstream_id = $1 AND i.format = $2 AND i.key = $3`, upstreamID, format, key)
}

// IndexesWith implements metadata.Caches.
func (t caches) IndexesWith(blobID int64) ([]metadata.UpstreamIndex, error) {
	return all(t.Tx, func(r row) (metadata.UpstreamIndex, error) {
		var i indexRow
		err := r.Scan(i.dest()...)
		return i.index(), err
	}, `SELECT `+indexColumns+` FROM upstream_index i JOIN blob b ON b.id = i.body_blob_id
		WHERE i.body_blob_id = $1 ORDER BY i.upstream_id, i.format, i.key`, blobID)
}

// TouchIndex implements metadata.Caches.
func (t caches) TouchIndex(i metadata.UpstreamIndex) error {
	_, err := t.exec(`UPDATE upstream_index SET checked_at = $1, fresh_until = $2, used_at = $3 WHERE upstream_id = $4 AND format = $5 AND key = $6`,
		micros(i.CheckedAt), micros(i.FreshUntil), micros(i.UsedAt), i.UpstreamID, i.Format, i.Key)
	return err
}

// DropIndexes implements metadata.Caches.
func (t caches) DropIndexes(before time.Time, n int) (int64, error) {
	unused, err := all(t.Tx, func(r row) (metadata.UpstreamIndex, error) {
		var v metadata.UpstreamIndex
		err := r.Scan(&v.UpstreamID, &v.Format, &v.Key)
		return v, err
	}, `SELECT upstream_id, format, key FROM upstream_index WHERE used_at < $1 ORDER BY used_at LIMIT CAST($2 AS BIGINT)`, micros(before), limit(n))
	for _, i := range unused {
		if err == nil {
			err = t.DropIndex(i.UpstreamID, i.Format, i.Key)
		}
	}
	return int64(len(unused)), err
}

// DropIndex implements metadata.Caches.
func (t caches) DropIndex(upstreamID int64, format, key string) error {
	if _, err := t.exec(`UPDATE blob SET released_at = $1
		WHERE id IN (SELECT body_blob_id FROM upstream_index WHERE upstream_id = $2 AND format = $3 AND key = $4)`,
		t.micros(), upstreamID, format, key); err != nil {
		return err
	}
	return t.must(`DELETE FROM upstream_index WHERE upstream_id = $1 AND format = $2 AND key = $3`, upstreamID, format, key)
}

// NoteSighting implements metadata.Caches.
func (t caches) NoteSighting(s metadata.Sighting) error {
	_, err := t.exec(`INSERT INTO sighting (upstream_id, key, digest, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		s.UpstreamID, s.Key, s.Digest, micros(s.SeenAt))
	return err
}

// Sighting implements metadata.Caches.
func (t caches) Sighting(upstreamID int64, key, digest string) (metadata.Sighting, error) {
	return one(t.Tx, func(r row) (metadata.Sighting, error) {
		v := metadata.Sighting{UpstreamID: upstreamID, Key: key, Digest: digest}
		var seen int64
		err := r.Scan(&seen)
		v.SeenAt = fromMicros(seen)
		return v, err
	}, `SELECT seen_at FROM sighting WHERE upstream_id = $1 AND key = $2 AND digest = $3`, upstreamID, key, digest)
}

// dropIndexesOf removes the indexes and the sightings of an upstream.
func (t *Tx) dropIndexesOf(upstreamID int64) error {
	if _, err := t.exec(`DELETE FROM sighting WHERE upstream_id = $1`, upstreamID); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE blob SET released_at = $1 WHERE id IN (SELECT body_blob_id FROM upstream_index WHERE upstream_id = $2)`,
		t.micros(), upstreamID); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM upstream_index WHERE upstream_id = $1`, upstreamID)
	return err
}
