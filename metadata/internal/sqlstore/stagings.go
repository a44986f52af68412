package sqlstore

import (
	"strings"

	"slipway/metadata"
)

const (
	stagingColumns = `id, repository_id, owner, user_id, scope, revision, outcome, created_at, updated_at`
	selectStaging  = `SELECT ` + stagingColumns + ` FROM staging `
)

func scanStaging(r row) (metadata.Staging, error) {
	var v metadata.Staging
	var created, updated int64
	err := r.Scan(&v.ID, &v.RepositoryID, &v.Owner, &v.UserID, &v.Scope, &v.Revision, &v.Outcome, &created, &updated)
	v.Outcome = emptied(v.Outcome)
	v.CreatedAt, v.UpdatedAt = fromMicros(created), fromMicros(updated)
	return v, err
}

func scanStagedFile(r row) (metadata.StagedFile, error) {
	var v metadata.StagedFile
	var added int64
	var b blobRow
	err := r.Scan(append([]any{&v.StagingID, &v.Format, &v.Package, &v.Version, &v.Path, &v.Display, &v.MediaType,
		&v.Attributes, &added}, b.dest()...)...)
	v.Attributes = emptied(v.Attributes)
	v.AddedAt = fromMicros(added)
	v.Blob = b.blob()
	return v, err
}

// gone is the outcome of a staging that was dropped, while some of its files are left.
var gone = []byte{0}

// TouchStaging implements metadata.Stagings.
func (t stagings) TouchStaging(v metadata.Staging) (metadata.Staging, error) {
	v, err := insert(t.Tx, scanStaging, `INSERT INTO staging AS s (id, repository_id, owner, user_id, scope, revision, outcome, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $7)
		ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, outcome = excluded.outcome,
			revision = CASE WHEN length(s.outcome) = 0 THEN s.revision + 1 ELSE 1 END,
			created_at = CASE WHEN length(s.outcome) = 0 THEN s.created_at ELSE excluded.created_at END
		RETURNING `+stagingColumns,
		v.ID, v.RepositoryID, v.Owner, v.UserID, v.Scope, filled(nil), t.micros())
	if err != nil || v.Revision > 1 {
		return v, err
	}
	left, err := one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM staged_file WHERE staging_id = $1)`, v.ID)
	if err == nil && left { // the end of a former one was cut off
		err = t.dropStagedFiles(v.ID)
	}
	return v, err
}

// Staging implements metadata.Stagings.
func (t stagings) Staging(id string) (metadata.Staging, error) {
	return one(t.Tx, scanStaging, selectStaging+`WHERE id = $1 AND outcome <> $2`, id, gone)
}

// Stagings implements metadata.Stagings.
func (t stagings) Stagings(q metadata.StagingQuery) ([]metadata.Staging, error) {
	w := &where{}
	if q.RepositoryID != 0 {
		w.and(`repository_id = `, q.RepositoryID)
		w.and(`scope = `, q.Scope)
		w.and(`outcome <> `, gone)
	}
	if !q.Before.IsZero() {
		w.and(`updated_at < `, bound(q.Before))
	}
	if q.Open {
		w.and(`length(outcome) = 0 AND (updated_at, id) > (`, micros(q.AfterUpdated))
		w.text.WriteString(`, ` + w.arg(q.AfterID) + `)`)
		if q.In != 0 {
			w.and(`+repository_id = `, q.In) // by the index of open ones, which has the order
		}
		if q.NotScope != "" {
			w.and(`scope <> `, q.NotScope)
		}
		if q.Owner != "" {
			w.text.WriteString(` AND (owner = ` + w.arg(q.Owner) + ` OR owner IN (SELECT 'token:' || CAST(id AS TEXT) FROM token WHERE user_id = ` + w.arg(q.OwnerUser) + `))`)
		}
	}
	return all(t.Tx, scanStaging, selectStaging+w.text.String()+` ORDER BY updated_at, id`+most(w.arg(limit(q.Limit))), w.args...)
}

// StagingsOf implements metadata.Stagings.
func (t stagings) StagingsOf(userID int64) (int64, error) {
	return one(t.Tx, scanInt, `SELECT COUNT(*) FROM staging WHERE user_id = $1 AND length(outcome) = 0`, userID)
}

// PutStagedFile implements metadata.Stagings. The blob of a replaced file is released.
func (t stagings) PutStagedFile(f metadata.StagedFile) error {
	if err := t.writable(); err != nil {
		return err
	}
	id, err := t.blobID(f.Blob)
	if err != nil {
		return err
	}
	n, err := t.exec(`INSERT INTO staged_file (staging_id, format, package, version, path, display, media_type, blob_id,
			attributes, added_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (staging_id, format, package, version, path) DO NOTHING`,
		f.StagingID, f.Format, f.Package, f.Version, f.Path, f.Display, f.MediaType, id, filled(f.Attributes), t.micros())
	if err != nil || n > 0 {
		return err
	}
	if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id IN (SELECT blob_id FROM staged_file
			WHERE staging_id = $2 AND format = $3 AND package = $4 AND version = $5 AND path = $6)`,
		t.micros(), f.StagingID, f.Format, f.Package, f.Version, f.Path); err != nil {
		return err
	}
	return t.must(`UPDATE staged_file SET display = $1, media_type = $2, blob_id = $3, attributes = $4, added_at = $5
		WHERE staging_id = $6 AND format = $7 AND package = $8 AND version = $9 AND path = $10`,
		f.Display, f.MediaType, id, filled(f.Attributes), t.micros(), f.StagingID, f.Format, f.Package, f.Version, f.Path)
}

const selectStagedFile = `SELECT s.staging_id, s.format, s.package, s.version, s.path, s.display, s.media_type,
		s.attributes, s.added_at, ` + blobColumns + `
	FROM staged_file s JOIN blob b ON b.id = s.blob_id `

// StagedFiles implements metadata.Stagings.
func (t stagings) StagedFiles(stagingID string) ([]metadata.StagedFile, error) {
	return all(t.Tx, scanStagedFile, selectStagedFile+`WHERE s.staging_id = $1 ORDER BY s.format, s.package, s.version, s.path`, stagingID)
}

// StagedFilesAt implements metadata.Stagings.
func (t stagings) StagedFilesAt(at metadata.StagedFile, paths []string) ([]metadata.StagedFile, error) {
	if len(paths) == 0 {
		return nil, t.Failed()
	}
	args, in := []any{at.StagingID, at.Format, at.Package, at.Version}, []string{}
	for _, path := range padded(findable(paths)) {
		args = append(args, path)
		in = append(in, last(args))
	}
	return all(t.Tx, scanStagedFile, selectStagedFile+`WHERE s.staging_id = $1 AND s.format = $2 AND s.package = $3 AND s.version = $4
		AND s.path IN (`+strings.Join(in, ", ")+`)`, args...)
}

// DropStaging implements metadata.Stagings. Blobs that a version's files hold are released with those files.
func (t stagings) DropStaging(id string, most int) (int64, error) {
	n, err := t.dropSomeStagedFiles(id, int64(most))
	switch {
	case err != nil:
	case n == int64(most):
		err = t.write(nil, `UPDATE staging SET outcome = $1 WHERE id = $2`, gone, id)
	default:
		err = t.write(nil, `DELETE FROM staging WHERE id = $1`, id)
	}
	return n, err
}

// FinishStaging implements metadata.Stagings.
func (t stagings) FinishStaging(id string, most int) (int64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	if ended, err := one(t.Tx, scanBool, `SELECT EXISTS (SELECT 1 FROM staging WHERE id = $1 AND length(outcome) > 0)`, id); err != nil || !ended {
		return 0, err
	}
	n, err := t.dropSomeStagedFiles(id, int64(most))
	if err == nil && n < int64(most) {
		err = t.write(nil, `DELETE FROM staging WHERE id = $1 AND outcome = $2`, id, gone)
	}
	return n, err
}

// DropStagings implements metadata.Stagings.
func (t stagings) DropStagings(repositoryID int64, most int) (dropped int64, err error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	ids, err := all(t.Tx, scanText, `SELECT id FROM staging WHERE repository_id = $1 LIMIT CAST($2 AS BIGINT)`, repositoryID, limit(most))
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		left := int64(most) - dropped
		n, err := t.dropSomeStagedFiles(id, left)
		if dropped += n; err != nil || n == left {
			return dropped, err
		}
		if n, err = t.exec(`DELETE FROM staging WHERE id = $1`, id); err != nil {
			return dropped, err
		}
		if dropped += n; dropped == int64(most) {
			break
		}
	}
	return dropped, nil
}

// dropSomeStagedFiles drops files of a staging, at most so many.
func (t *Tx) dropSomeStagedFiles(id string, most int64) (int64, error) {
	files, err := all(t, scanStagedFile, selectStagedFile+`WHERE s.staging_id = $1 ORDER BY s.format, s.package, s.version, s.path LIMIT CAST($2 AS BIGINT)`, id, most)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if err := t.write(nil, `UPDATE blob SET released_at = $1 WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM file WHERE file.blob_id = blob.id)`,
			t.micros(), f.Blob.ID); err != nil {
			return 0, err
		}
		if err := t.must(`DELETE FROM staged_file WHERE staging_id = $1 AND format = $2 AND package = $3 AND version = $4 AND path = $5`,
			f.StagingID, f.Format, f.Package, f.Version, f.Path); err != nil {
			return 0, err
		}
	}
	return int64(len(files)), nil
}

// EndStaging implements metadata.Stagings.
func (t stagings) EndStaging(id string, outcome []byte, most int) (int64, error) {
	n, err := t.dropSomeStagedFiles(id, int64(most))
	if err != nil {
		return 0, err
	}
	return n, t.must(`UPDATE staging SET outcome = $1, updated_at = $2 WHERE id = $3`, filled(outcome), t.micros(), id)
}

func (t *Tx) dropStagedFiles(id string) error {
	if err := t.write(nil, `UPDATE blob SET released_at = $1
		WHERE id IN (SELECT blob_id FROM staged_file WHERE staging_id = $2)
			AND NOT EXISTS (SELECT 1 FROM file WHERE file.blob_id = blob.id)`, t.micros(), id); err != nil {
		return err
	}
	err := t.write(nil, `DELETE FROM staged_file WHERE staging_id = $1`, id)
	return err
}
