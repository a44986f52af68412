package sqlstore

import (
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

const (
	fileColumns = `f.version_id, f.package_id, f.path, f.media_type, f.added_at, f.seq, ` + blobColumns
	selectFile  = `SELECT ` + fileColumns + ` FROM file f JOIN blob b ON b.id = f.blob_id `
	// File rows of a deleted version may wait for their removal; nothing finds them by package.
	selectLiveFile = `SELECT ` + fileColumns + ` FROM file f JOIN version v ON v.id = f.version_id
		JOIN blob b ON b.id = f.blob_id `
)

func scanFile(r row) (metadata.File, error) {
	var v metadata.File
	var added int64
	var b blobRow
	err := r.Scan(append([]any{&v.VersionID, &v.PackageID, &v.Path, &v.MediaType, &added, &v.Seq}, b.dest()...)...)
	v.AddedAt = fromMicros(added)
	v.Blob = b.blob()
	return v, err
}

// Files implements metadata.Files.
func (t files) Files(q metadata.FileQuery) ([]metadata.File, error) {
	switch {
	case q.BlobID != 0:
		return all(t.Tx, scanFile, selectFile+`WHERE f.blob_id = $1 ORDER BY f.package_id, f.version_id, f.path`+most(`$2`),
			q.BlobID, limit(q.Limit))
	case q.PackageID != 0:
		return all(t.Tx, scanFile, `SELECT `+fileColumns+` FROM version v JOIN file f ON f.version_id = v.id
			JOIN blob b ON b.id = f.blob_id
			WHERE v.package_id = $1 AND v.state <> 'deleted' ORDER BY f.version_id, f.path`+most(`$2`), q.PackageID, limit(q.Limit))
	}
	args := []any{q.VersionID, max(q.Below, q.After)}
	end := within(q.Below, &args)
	args = append(args, limit(q.Limit))
	return all(t.Tx, scanFile, selectFile+`WHERE f.version_id = $1 AND f.path > $2`+end+` ORDER BY f.path`+most(last(args)), args...)
}

// File implements metadata.Files.
func (t files) File(versionID int64, path string) (metadata.File, error) {
	return one(t.Tx, scanFile, selectFile+`WHERE f.version_id = $1 AND f.path = $2`, versionID, path)
}

// FileAt implements metadata.Files. Deleted versions hold no files.
func (t files) FileAt(packageID int64, path string) (metadata.File, error) {
	return one(t.Tx, scanFile, selectLiveFile+`WHERE f.package_id = $1 AND f.path = $2 AND v.state <> 'deleted'
		ORDER BY f.seq DESC, f.version_id DESC LIMIT 1`, packageID, path)
}

// AddFile implements metadata.Files. The blob is named by its ID, or without one by its digest.
func (t files) AddFile(f metadata.File) error {
	id, err := t.blobID(f.Blob)
	if err != nil {
		return err
	}
	if f.AddedAt.IsZero() {
		f.AddedAt = t.Now()
	}
	if err := t.within(f.PackageID).write(metadata.ErrExists, `INSERT INTO file (version_id, package_id, path, media_type, added_at, seq, blob_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (version_id, path) DO NOTHING`,
		f.VersionID, f.PackageID, f.Path, f.MediaType, micros(f.AddedAt), f.Seq, id); err != nil {
		return err
	}
	if f.VersionID == t.created {
		return nil // the version never lost a file
	}
	err = t.write(nil, `DELETE FROM reserved_path WHERE version_id = $1 AND path = $2`, f.VersionID, f.Path)
	return err
}

// ReplaceFile implements metadata.Files.
func (t files) ReplaceFile(f metadata.File) error {
	if err := t.writable(); err != nil {
		return err
	}
	id, err := t.blobID(f.Blob)
	if err != nil {
		return err
	}
	// The former blob is released by a statement that finds it, so that nothing has to be read.
	if err := t.write(nil, `UPDATE blob SET released_at = $1
		WHERE id = (SELECT blob_id FROM file WHERE version_id = $2 AND path = $3) AND id <> $4`,
		t.micros(), f.VersionID, f.Path, id); err != nil {
		return err
	}
	if f.AddedAt.IsZero() {
		f.AddedAt = t.Now()
	}
	return t.must(`UPDATE file SET media_type = $1, added_at = $2, seq = $3, blob_id = $4
		WHERE version_id = $5 AND path = $6`,
		f.MediaType, micros(f.AddedAt), f.Seq, id, f.VersionID, f.Path)
}

// RemoveFiles implements metadata.Files.
func (t files) RemoveFiles(versionID int64) error {
	if err := t.write(nil, `UPDATE blob SET released_at = $1
		WHERE id IN (SELECT blob_id FROM file WHERE version_id = $2)`, t.micros(), versionID); err != nil {
		return err
	}
	err := t.write(nil, `DELETE FROM file WHERE version_id = $1`, versionID)
	return err
}

// RemoveFile implements metadata.Files. ErrNotExist: the version has no such path.
func (t files) RemoveFile(versionID int64, path string) error {
	if err := t.writable(); err != nil {
		return err
	}
	f, err := t.File(versionID, path)
	if err != nil {
		return err
	}
	raw, err := sha256Sum(f.Blob.Digest)
	if err != nil {
		return err
	}
	if err := t.must(`DELETE FROM file WHERE version_id = $1 AND path = $2`, versionID, path); err != nil {
		return err
	}
	if err := t.must(`UPDATE blob SET released_at = $1 WHERE id = $2`, t.micros(), f.Blob.ID); err != nil {
		return err
	}
	if err = t.write(nil, `INSERT INTO reserved_path (version_id, path, digest) VALUES ($1, $2, $3)
		ON CONFLICT (version_id, path) DO UPDATE SET digest = excluded.digest`, versionID, path, raw); err != nil {
		return err
	}
	err = t.write(nil, `DELETE FROM cached_file WHERE version_id = $1 AND path = $2`, versionID, path) // the reserved path says which bytes it had
	return err
}

// Reserved implements metadata.Files.
func (t files) Reserved(versionID int64, path string) (digest.Digest, error) {
	return one(t.Tx, func(r row) (digest.Digest, error) {
		var raw []byte
		err := r.Scan(&raw)
		return digestOf(raw), err
	}, `SELECT digest FROM reserved_path WHERE version_id = $1 AND path = $2
		UNION ALL SELECT digest FROM cached_file WHERE version_id = $3 AND path = $4 AND here = 0 LIMIT 1`, versionID, path, versionID, path)
}

// HasBlob implements metadata.Files.
func (t files) HasBlob(packageID, blobID int64) (bool, error) {
	return one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM file WHERE blob_id = $1 AND package_id = $2)`, blobID, packageID)
}

func (t *Tx) blobID(b metadata.Blob) (int64, error) {
	if b.ID != 0 {
		return b.ID, nil
	}
	raw, err := sha256Sum(b.Digest)
	if err != nil {
		return 0, err
	}
	id, err := one(t, scanInt, `SELECT id FROM blob WHERE digest = $1`, raw)
	if errors.Is(err, metadata.ErrNotExist) {
		return 0, fmt.Errorf("blob %s: %w", b.Digest, err)
	}
	return id, err
}
