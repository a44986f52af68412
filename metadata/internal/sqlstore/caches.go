package sqlstore

import (
	"time"

	"slipway/metadata"
)

const cachedColumns = `c.version_id, c.path, c.digest, c.upstream_id, c.url, c.etag, c.last_modified, c.verified, c.published_at, c.first_seen_at, c.entered_at,
	c.entered_by, c.checked_at, c.used_at, c.here, c.changed, c.denied`

// cachedRow receives cachedColumns.
type cachedRow struct {
	v                                       metadata.CachedFile
	raw                                     []byte
	published, seen, entered, checked, used int64
	here, denied                            int64
}

func (r *cachedRow) dest() []any {
	return []any{&r.v.VersionID, &r.v.Path, &r.raw, &r.v.UpstreamID, &r.v.URL, &r.v.ETag, &r.v.LastModified, &r.v.Verified, &r.published, &r.seen, &r.entered,
		&r.v.EnteredBy, &r.checked, &r.used, &r.here, &r.v.Changed, &r.denied}
}

func (r *cachedRow) file() metadata.CachedFile {
	v := r.v
	v.Digest, v.Evicted, v.Denied = digestOf(r.raw), r.here == 0, r.denied != 0
	v.PublishedAt, v.FirstSeenAt, v.EnteredAt = fromMicros(r.published), fromMicros(r.seen), fromMicros(r.entered)
	v.CheckedAt, v.UsedAt = fromMicros(r.checked), fromMicros(r.used)
	return v
}

func scanCachedFile(r row) (metadata.CachedFile, error) {
	var c cachedRow
	err := r.Scan(c.dest()...)
	return c.file(), err
}

const selectCachedFile = `SELECT ` + cachedColumns + ` FROM cached_file c `

// PutCachedFile implements metadata.Caches.
func (t caches) PutCachedFile(f metadata.CachedFile) error {
	raw, err := sha256Sum(f.Digest)
	if err != nil {
		return err
	}
	err = t.write(nil, `INSERT INTO cached_file (version_id, path, digest, upstream_id, url, etag, last_modified, verified, published_at, first_seen_at, entered_at, entered_by,
			checked_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (version_id, path) DO UPDATE SET digest = excluded.digest, upstream_id = excluded.upstream_id, url = excluded.url, etag = excluded.etag,
			last_modified = excluded.last_modified, verified = excluded.verified, published_at = excluded.published_at,
			first_seen_at = excluded.first_seen_at, entered_at = excluded.entered_at, entered_by = excluded.entered_by, checked_at = excluded.checked_at,
			used_at = excluded.used_at, here = 1, changed = '', denied = 0`,
		f.VersionID, f.Path, raw, f.UpstreamID, f.URL, f.ETag, f.LastModified, f.Verified, micros(f.PublishedAt), micros(f.FirstSeenAt), micros(f.EnteredAt), f.EnteredBy,
		micros(f.CheckedAt), t.micros())
	return err
}

// CachedFile implements metadata.Caches.
func (t caches) CachedFile(versionID int64, path string) (metadata.CachedFile, error) {
	return one(t.Tx, scanCachedFile, selectCachedFile+`WHERE c.version_id = $1 AND c.path = $2`, versionID, path)
}

// CachedFiles implements metadata.Caches.
func (t caches) CachedFiles(versionID int64) ([]metadata.CachedFile, error) {
	return all(t.Tx, scanCachedFile, selectCachedFile+`WHERE c.version_id = $1 ORDER BY c.path`, versionID)
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
	if err := t.write(nil, `UPDATE blob SET released_at = $1
		WHERE id <> $2 AND id IN (SELECT body_blob_id FROM upstream_index WHERE upstream_id = $3 AND format = $4 AND key = $5)`,
		t.micros(), i.Body.ID, i.UpstreamID, i.Format, i.Key); err != nil {
		return err
	}
	err := t.write(nil, `INSERT INTO upstream_index (upstream_id, format, key, fingerprint, body_blob_id, base, seen, etag, last_modified, fetched_at, checked_at,
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
	err := t.write(nil, `UPDATE upstream_index SET checked_at = $1, fresh_until = $2, used_at = $3 WHERE upstream_id = $4 AND format = $5 AND key = $6`,
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
	if err := t.write(nil, `UPDATE blob SET released_at = $1
		WHERE id IN (SELECT body_blob_id FROM upstream_index WHERE upstream_id = $2 AND format = $3 AND key = $4)`,
		t.micros(), upstreamID, format, key); err != nil {
		return err
	}
	return t.must(`DELETE FROM upstream_index WHERE upstream_id = $1 AND format = $2 AND key = $3`, upstreamID, format, key)
}

// NoteSighting implements metadata.Caches.
func (t caches) NoteSighting(s metadata.Sighting) error {
	err := t.write(nil, `INSERT INTO sighting (upstream_id, key, digest, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
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
	if err := t.write(nil, `DELETE FROM sighting WHERE upstream_id = $1`, upstreamID); err != nil {
		return err
	}
	if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id IN (SELECT body_blob_id FROM upstream_index WHERE upstream_id = $2)`,
		t.micros(), upstreamID); err != nil {
		return err
	}
	err := t.write(nil, `DELETE FROM upstream_index WHERE upstream_id = $1`, upstreamID)
	return err
}
