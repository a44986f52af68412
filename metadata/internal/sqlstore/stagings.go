package sqlstore

import (
	"time"

	"slipway/metadata"
)

const (
	stagingColumns = `id, repository_id, owner, scope, revision, outcome, created_at, updated_at`
	selectStaging  = `SELECT ` + stagingColumns + ` FROM staging `
)

func scanStaging(r row) (metadata.Staging, error) {
	var v metadata.Staging
	var created, updated int64
	err := r.Scan(&v.ID, &v.RepositoryID, &v.Owner, &v.Scope, &v.Revision, &v.Outcome, &created, &updated)
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

// TouchStaging implements metadata.Stagings.
func (t *Tx) TouchStaging(v metadata.Staging) (metadata.Staging, error) {
	return insert(t, scanStaging, `INSERT INTO staging AS s (id, repository_id, owner, scope, revision, outcome, created_at, updated_at)
		VALUES ($1, $2, $3, $4, 1, $5, $6, $6)
		ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, outcome = excluded.outcome,
			revision = CASE WHEN length(s.outcome) = 0 THEN s.revision + 1 ELSE 1 END,
			created_at = CASE WHEN length(s.outcome) = 0 THEN s.created_at ELSE excluded.created_at END
		RETURNING `+stagingColumns,
		v.ID, v.RepositoryID, v.Owner, v.Scope, filled(nil), t.micros())
}

// Staging implements metadata.Stagings.
func (t *Tx) Staging(id string) (metadata.Staging, error) {
	return one(t, scanStaging, selectStaging+`WHERE id = $1`, id)
}

// StagingsOf implements metadata.Stagings.
func (t *Tx) StagingsOf(repositoryID int64, scope string) ([]metadata.Staging, error) {
	return all(t, scanStaging, selectStaging+`WHERE repository_id = $1 AND scope = $2 ORDER BY updated_at, id`, repositoryID, scope)
}

// IdleStagings implements metadata.Stagings.
func (t *Tx) IdleStagings(before time.Time, n int) ([]metadata.Staging, error) {
	return all(t, scanStaging, selectStaging+`WHERE updated_at < $1 ORDER BY updated_at, id LIMIT $2`, bound(before), limit(n))
}

// PutStagedFile implements metadata.Stagings. The blob of a replaced file is released.
func (t *Tx) PutStagedFile(f metadata.StagedFile) error {
	if err := t.writable(); err != nil {
		return err
	}
	id, err := t.blobID(f.Blob)
	if err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE blob SET released_at = $1 WHERE id IN (SELECT blob_id FROM staged_file
			WHERE staging_id = $2 AND format = $3 AND package = $4 AND version = $5 AND path = $6)`,
		t.micros(), f.StagingID, f.Format, f.Package, f.Version, f.Path); err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO staged_file (staging_id, format, package, version, path, display, media_type, blob_id,
			attributes, added_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (staging_id, format, package, version, path) DO UPDATE SET display = excluded.display,
			media_type = excluded.media_type, blob_id = excluded.blob_id, attributes = excluded.attributes,
			added_at = excluded.added_at`,
		f.StagingID, f.Format, f.Package, f.Version, f.Path, f.Display, f.MediaType, id, filled(f.Attributes), t.micros())
	return err
}

// StagedFiles implements metadata.Stagings.
func (t *Tx) StagedFiles(stagingID string) ([]metadata.StagedFile, error) {
	return all(t, scanStagedFile, `SELECT s.staging_id, s.format, s.package, s.version, s.path, s.display, s.media_type,
			s.attributes, s.added_at, `+blobColumns+`
		FROM staged_file s JOIN blob b ON b.id = s.blob_id
		WHERE s.staging_id = $1 ORDER BY s.format, s.package, s.version, s.path`, stagingID)
}

// DropStaging implements metadata.Stagings. A missing one is no error.
func (t *Tx) DropStaging(id string) error {
	if err := t.dropStagedFiles(id); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM staging WHERE id = $1`, id)
	return err
}

// EndStaging implements metadata.Stagings.
func (t *Tx) EndStaging(id string, outcome []byte) error {
	if err := t.dropStagedFiles(id); err != nil {
		return err
	}
	return t.must(`UPDATE staging SET outcome = $1, updated_at = $2 WHERE id = $3`, filled(outcome), t.micros(), id)
}

func (t *Tx) dropStagedFiles(id string) error {
	if _, err := t.exec(`UPDATE blob SET released_at = $1
		WHERE id IN (SELECT blob_id FROM staged_file WHERE staging_id = $2)`, t.micros(), id); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM staged_file WHERE staging_id = $1`, id)
	return err
}
