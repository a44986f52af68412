package sqlstore

import (
	"errors"
	"time"

	"slipway/metadata"
)

const selectUpload = `SELECT u.id, u.repository_id, u.scope, u.owner, u.user_id, u.done_bytes, u.hash_state, u.state, u.created_at, u.updated_at, b.digest
	FROM upload u LEFT JOIN blob b ON b.id = u.blob_id `

func scanUpload(r row) (metadata.UploadSession, error) {
	var v metadata.UploadSession
	var created, updated int64
	var blob []byte
	err := r.Scan(&v.ID, &v.RepositoryID, &v.Scope, &v.Owner, &v.UserID, &v.Offset, &v.HashState, &v.State, &created, &updated, &blob)
	v.HashState, v.Blob = emptied(v.HashState), digestOf(blob)
	v.CreatedAt, v.UpdatedAt = fromMicros(created), fromMicros(updated)
	return v, err
}

// CreateUpload implements metadata.Uploads: ErrExists when the ID is taken. Its times are now.
func (t uploads) CreateUpload(u metadata.UploadSession) error {
	return t.write(metadata.ErrExists, `INSERT INTO upload (id, repository_id, scope, owner, user_id, done_bytes, hash_state, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (id) DO NOTHING`,
		u.ID, u.RepositoryID, u.Scope, u.Owner, u.UserID, u.Offset, filled(u.HashState), t.micros())
}

// Upload implements metadata.Uploads.
func (t uploads) Upload(id string) (metadata.UploadSession, error) {
	return one(t.Tx, scanUpload, selectUpload+`WHERE u.id = $1`, id)
}

// UpdateUpload implements metadata.Uploads. ErrNotExist: there is no such session, or no such blob.
func (t uploads) UpdateUpload(u metadata.UploadSession, from int64, state string) error {
	if err := t.writable(); err != nil {
		return err
	}
	var blob any
	if u.Blob != "" {
		id, err := t.blobID(metadata.Blob{Digest: u.Blob})
		if err != nil {
			return err
		}
		blob = id
	}
	if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id IN (SELECT blob_id FROM upload WHERE id = $2 AND done_bytes = $3 AND state = $4)`,
		t.micros(), u.ID, from, state); err != nil {
		return err
	}
	err := t.must(`UPDATE upload SET done_bytes = $1, hash_state = $2, blob_id = $3, state = $4, updated_at = $5 WHERE id = $6 AND done_bytes = $7 AND state = $8`,
		u.Offset, filled(u.HashState), blob, u.State, t.micros(), u.ID, from, state)
	if !errors.Is(err, metadata.ErrNotExist) || t.err != nil {
		return err
	}
	if _, err := t.Upload(u.ID); err != nil {
		return err
	}
	return metadata.ErrExists
}

// DeleteUpload implements metadata.Uploads. A missing session is no error.
func (t uploads) DeleteUpload(id string) error {
	if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id IN (SELECT blob_id FROM upload WHERE id = $2)`,
		t.micros(), id); err != nil {
		return err
	}
	err := t.write(nil, `DELETE FROM upload WHERE id = $1`, id)
	return err
}

// StaleUploads implements metadata.Uploads: sessions not touched since before, the oldest first.
func (t uploads) StaleUploads(before time.Time, n int) ([]metadata.UploadSession, error) {
	return all(t.Tx, scanUpload, selectUpload+`WHERE u.updated_at < $1 ORDER BY u.updated_at, u.id LIMIT CAST($2 AS BIGINT)`,
		bound(before), limit(n))
}

// UploadsIn implements metadata.Uploads.
func (t uploads) UploadsIn(repositoryID int64, after string, n int) ([]metadata.UploadSession, error) {
	return all(t.Tx, scanUpload, selectUpload+`WHERE u.repository_id = $1 AND u.id > $2 ORDER BY u.id LIMIT CAST($3 AS BIGINT)`, repositoryID, after, limit(n))
}

// UploadsOf implements metadata.Uploads.
func (t uploads) UploadsOf(userID int64) (int64, error) {
	return one(t.Tx, scanInt, `SELECT COUNT(*) FROM upload WHERE user_id = $1`, userID)
}
