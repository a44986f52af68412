package sqlstore

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

const blobColumns = `b.id, b.digest, b.size, b.sha1, b.md5, b.sha512, b.created_at, b.released_at`

// blobRow receives blobColumns.
type blobRow struct {
	v                 metadata.Blob
	raw               []byte
	created, released int64
}

func (b *blobRow) dest() []any {
	return []any{&b.v.ID, &b.raw, &b.v.Size, &b.v.SHA1, &b.v.MD5, &b.v.SHA512, &b.created, &b.released}
}

func (b *blobRow) blob() metadata.Blob {
	b.v.Digest = digestOf(b.raw)
	b.v.CreatedAt, b.v.ReleasedAt = fromMicros(b.created), fromMicros(b.released)
	return b.v
}

func scanBlob(r row) (metadata.Blob, error) {
	var b blobRow
	err := r.Scan(b.dest()...)
	return b.blob(), err
}

// Blob implements metadata.Blobs. Only sha256 names a blob, so any other digest does not exist.
func (t blobs) Blob(d digest.Digest) (metadata.Blob, error) {
	raw, err := sha256Sum(d)
	if err != nil {
		return metadata.Blob{}, fmt.Errorf("%w: %w", metadata.ErrNotExist, err)
	}
	return one(t.Tx, scanBlob, `SELECT `+blobColumns+` FROM blob b WHERE b.digest = $1`, raw)
}

// PutBlob implements metadata.Blobs. ErrCollected: the bytes of this digest are being removed right now.
func (t blobs) PutBlob(v metadata.Blob) (metadata.Blob, error) { return t.putBlob(v, math.MaxInt64) }

// PutStored implements metadata.Blobs.
func (t blobs) PutStored(v metadata.Blob, stored time.Time) (metadata.Blob, error) {
	return t.putBlob(v, micros(stored))
}

// putBlob refuses a digest whose removal is under way, or was done at or after since in microseconds.
func (t *Tx) putBlob(v metadata.Blob, since int64) (metadata.Blob, error) {
	raw, err := sha256Sum(v.Digest)
	if err != nil {
		return v, err
	}
	out, err := insert(t, scanBlob, `INSERT INTO blob AS b (digest, size, sha1, md5, sha512, created_at, released_at, id)
		SELECT $1, CAST($2 AS BIGINT), $3, $4, $5, CAST($6 AS BIGINT), 0, CAST($7 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM collected WHERE digest = $1 AND (done_at IS NULL OR done_at >= $8))
		ON CONFLICT (digest) DO UPDATE SET sha1 = COALESCE(b.sha1, excluded.sha1), md5 = COALESCE(b.md5, excluded.md5),
			sha512 = COALESCE(b.sha512, excluded.sha512)
		RETURNING id, digest, size, sha1, md5, sha512, created_at, released_at`,
		raw, v.Size, emptied(v.SHA1), emptied(v.MD5), emptied(v.SHA512), t.micros(), t.newID(), since)
	switch {
	case errors.Is(err, metadata.ErrExists):
		return v, fmt.Errorf("blob %s: %w", v.Digest, metadata.ErrCollected)
	case err == nil && out.Size != v.Size:
		return out, fmt.Errorf("metadata: blob %s has %d bytes, not %d", v.Digest, out.Size, v.Size)
	case err == nil && out.CreatedAt.Before(t.Now()) && len(v.SHA1)+len(v.MD5)+len(v.SHA512) > 0:
		t.touched = append(t.touched, metadata.FileRows) // it may have sums now that it lacked
	}
	return out, err
}

// BlobBySHA512 implements metadata.Blobs.
func (t blobs) BlobBySHA512(sum []byte) (metadata.Blob, error) {
	return one(t.Tx, scanBlob, `SELECT `+blobColumns+` FROM blob b WHERE b.sha512 = $1`, sum)
}

// BlobList implements metadata.Blobs.
func (t blobs) BlobList(after digest.Digest, n int) ([]metadata.Blob, error) {
	raw := []byte{}
	if after != "" {
		var err error
		if raw, err = sha256Sum(after); err != nil {
			return nil, err
		}
	}
	return all(t.Tx, scanBlob, `SELECT `+blobColumns+` FROM blob b WHERE b.digest > $1 ORDER BY b.digest LIMIT CAST($2 AS BIGINT)`,
		raw, limit(n))
}

// kept is the earliest end of a lease that still keeps its blob. A lease that ended at or after before released its blob
// only then, so the blob was not released before.
func (t *Tx) kept(before time.Time) int64 {
	return min(t.micros(), bound(before)-1)
}

// Unreferenced implements metadata.Collection.
func (t collection) Unreferenced(before, deleted time.Time, afterID int64, n int) ([]metadata.Blob, error) {
	return all(t.Tx, scanBlob, `SELECT `+blobColumns+` FROM blob b
		WHERE b.id > $1 AND b.created_at < $2 AND b.released_at < $2
			AND NOT EXISTS (SELECT 1 FROM file f WHERE f.blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM discarded_file d JOIN discarded x ON x.version_id = d.version_id WHERE d.blob_id = b.id AND x.at >= $3)
			AND NOT EXISTS (SELECT 1 FROM staged_file s WHERE s.blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM upstream_index i WHERE i.body_blob_id = b.id)
			AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.blob_id = b.id AND l.until > $4)
		ORDER BY b.id LIMIT CAST($5 AS BIGINT)`, afterID, bound(before), bound(deleted), t.kept(before), limit(n))
}

// Condemn implements metadata.Collection.
func (t collection) Condemn(v metadata.Blob, before time.Time) (bool, error) {
	raw, err := sha256Sum(v.Digest)
	if err != nil {
		return false, err
	}
	n, err := t.exec(`DELETE FROM blob
		WHERE id = $1 AND digest = $2 AND created_at < $3 AND released_at < $3
			AND NOT EXISTS (SELECT 1 FROM file f WHERE f.blob_id = blob.id)
			AND NOT EXISTS (SELECT 1 FROM discarded_file d WHERE d.blob_id = blob.id)
			AND NOT EXISTS (SELECT 1 FROM staged_file s WHERE s.blob_id = blob.id)
			AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.blob_id = blob.id)
			AND NOT EXISTS (SELECT 1 FROM upstream_index i WHERE i.body_blob_id = blob.id)
			AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.blob_id = blob.id AND l.until > $4)`,
		v.ID, raw, bound(before), t.kept(before))
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.condemned(raw, v.Size)
}

// CondemnOrphan implements metadata.Collection.
func (t collection) CondemnOrphan(d digest.Digest, size int64) (bool, error) {
	if err := t.writable(); err != nil {
		return false, err
	}
	raw, err := sha256Sum(d)
	if err != nil {
		return false, err
	}
	_, err = one(t.Tx, scanInt, `SELECT id FROM blob WHERE digest = $1`, raw)
	if !errors.Is(err, metadata.ErrNotExist) {
		return false, err
	}
	pending, err := one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM collected WHERE digest = $1 AND done_at IS NULL)`, raw)
	if err != nil || pending {
		return false, err
	}
	return true, t.condemned(raw, size)
}

// TakeCollected implements metadata.Collection.
func (t collection) TakeCollected(d digest.Digest, since time.Time) (bool, error) {
	raw, err := sha256Sum(d)
	if err != nil {
		return false, err
	}
	n, err := t.exec(`UPDATE collected SET at = $1 WHERE digest = $2 AND at = $3 AND done_at IS NULL`, t.micros(), raw, micros(since))
	return n > 0, err
}

func (t *Tx) condemned(raw []byte, size int64) error {
	err := t.write(nil, `INSERT INTO collected (digest, size, at) VALUES ($1, $2, $3)
		ON CONFLICT (digest) DO UPDATE SET size = excluded.size, at = excluded.at, done_at = NULL`,
		raw, size, t.micros())
	return err
}

// CollectedDone implements metadata.Collection.
func (t collection) CollectedDone(d digest.Digest, since time.Time) error {
	raw, err := sha256Sum(d)
	if err != nil {
		return err
	}
	return t.must(`UPDATE collected SET done_at = $1 WHERE digest = $2 AND at = $3 AND done_at IS NULL`, t.micros(), raw, micros(since))
}

// CollectedPending implements metadata.Collection.
func (t collection) CollectedPending() ([]metadata.Collected, error) {
	return all(t.Tx, func(r row) (metadata.Collected, error) {
		var v metadata.Collected
		var raw []byte
		var at int64
		err := r.Scan(&raw, &v.Size, &at)
		v.Digest, v.At = digestOf(raw), fromMicros(at)
		return v, err
	}, `SELECT digest, size, at FROM collected WHERE done_at IS NULL ORDER BY digest`)
}

// CollectedSince implements metadata.Collection.
func (t collection) CollectedSince(d digest.Digest, since time.Time) (bool, error) {
	raw, err := sha256Sum(d)
	if err != nil {
		return false, err
	}
	return one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM collected
		WHERE digest = $1 AND (done_at IS NULL OR done_at >= $2))`, raw, micros(since))
}

// ForgetCollected implements metadata.Collection.
func (t collection) ForgetCollected(before time.Time, most int) (int64, error) {
	return t.exec(`DELETE FROM collected WHERE digest IN (SELECT digest FROM collected WHERE done_at < $1 ORDER BY done_at LIMIT CAST($2 AS BIGINT))`,
		bound(before), limit(most))
}

// PutLease implements metadata.Leases. ErrNotExist: there is no such blob.
func (t leases) PutLease(l metadata.Lease) error {
	return t.must(`INSERT INTO lease (blob_id, holder, until)
		SELECT b.id, CAST($1 AS TEXT), CAST($2 AS BIGINT) FROM blob b WHERE b.id = $3
		ON CONFLICT (blob_id, holder) DO UPDATE
		SET until = CASE WHEN excluded.until > lease.until THEN excluded.until ELSE lease.until END`,
		l.Holder, micros(l.Until), l.BlobID)
}

// DropLease implements metadata.Leases.
func (t leases) DropLease(holder string) error {
	if err := t.write(nil, `UPDATE blob SET released_at = $1
		WHERE id IN (SELECT blob_id FROM lease WHERE holder = $2)`, t.micros(), holder); err != nil {
		return err
	}
	err := t.write(nil, `DELETE FROM lease WHERE holder = $1`, holder)
	return err
}

// DropLeasesBelow implements metadata.Leases.
func (t leases) DropLeasesBelow(folder string, most int) (int64, error) {
	first, end := folder+"/", folder+afterFolder
	if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id IN
		(SELECT blob_id FROM lease WHERE holder >= $2 AND holder < $3 ORDER BY holder, blob_id LIMIT CAST($4 AS BIGINT))`,
		t.micros(), first, end, limit(most)); err != nil {
		return 0, err
	}
	return t.exec(`DELETE FROM lease WHERE (blob_id, holder) IN
		(SELECT blob_id, holder FROM lease WHERE holder >= $1 AND holder < $2 ORDER BY holder, blob_id LIMIT CAST($3 AS BIGINT))`, first, end, limit(most))
}

// DropBlobLease implements metadata.Leases. A missing lease is no error.
func (t leases) DropBlobLease(blobID int64, holder string) error {
	n, err := t.exec(`DELETE FROM lease WHERE blob_id = $1 AND holder = $2`, blobID, holder)
	if err != nil || n == 0 {
		return err
	}
	err = t.write(nil, `UPDATE blob SET released_at = $1 WHERE id = $2`, t.micros(), blobID)
	return err
}

// Leased implements metadata.Leases.
func (t leases) Leased(blobID int64, holder string) (bool, error) {
	return one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM lease WHERE blob_id = $1 AND holder = $2 AND until > $3)`,
		blobID, holder, t.micros())
}

// Holders implements metadata.Leases.
func (t leases) Holders(blobID int64, n int) ([]string, error) {
	return all(t.Tx, scanText, `SELECT holder FROM lease WHERE blob_id = $1 AND until > $2 ORDER BY holder LIMIT CAST($3 AS BIGINT)`,
		blobID, t.micros(), limit(n))
}

// ExpireLeases implements metadata.Leases. A blob counts as released when its lease ran out, not when ExpireLeases runs.
func (t leases) ExpireLeases(most int) (int64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	now := t.micros()
	ended, err := all(t.Tx, func(r row) ([2]int64, error) {
		var v [2]int64
		err := r.Scan(&v[0], &v[1])
		return v, err
	}, `SELECT blob_id, until FROM lease WHERE until <= $1 ORDER BY until LIMIT CAST($2 AS BIGINT)`, now, limit(most))
	if err != nil || len(ended) == 0 {
		return 0, err
	}
	for _, v := range ended {
		if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id = $2 AND released_at < $1`, v[1], v[0]); err != nil {
			return 0, err
		}
	}
	return t.exec(`DELETE FROM lease WHERE (blob_id, holder) IN
		(SELECT blob_id, holder FROM lease WHERE until <= $1 ORDER BY until LIMIT CAST($2 AS BIGINT))`, now, limit(most))
}
