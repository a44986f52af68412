package sqlstore

import (
	"time"

	"slipway/metadata"
)

const repositoryColumns = `id, name, description, settings, created_at,
	(SELECT COUNT(*) FROM upstream u WHERE u.repository_id = repository.id AND u.removed_at IS NULL)`

func scanRepository(r row) (metadata.Repository, error) {
	var v metadata.Repository
	var created, upstreams int64
	err := r.Scan(&v.ID, &v.Name, &v.Description, &v.Settings, &created, &upstreams)
	v.Settings, v.CreatedAt, v.Upstreams = emptied(v.Settings), fromMicros(created), int(upstreams)
	return v, err
}

// CreateRepository implements metadata.Repositories.
func (t repositories) CreateRepository(v metadata.Repository) (metadata.Repository, error) {
	v.CreatedAt = t.Now()
	var err error
	v.ID, err = t.insertRow(`INSERT INTO repository (name, description, settings, created_at, id)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (name) WHERE deleted_at IS NULL DO NOTHING RETURNING id`,
		v.Name, v.Description, filled(v.Settings), micros(v.CreatedAt), t.newID())
	return v, err
}

// Repository implements metadata.Repositories.
func (t repositories) Repository(name string) (metadata.Repository, error) {
	return one(t.Tx, scanRepository, `SELECT `+repositoryColumns+` FROM repository
		WHERE name = $1 AND deleted_at IS NULL`, name)
}

// Repositories implements metadata.Repositories.
func (t repositories) Repositories(p metadata.Page) ([]metadata.Repository, error) {
	return all(t.Tx, scanRepository, `SELECT `+repositoryColumns+` FROM repository
		WHERE name > $1 AND deleted_at IS NULL ORDER BY name LIMIT CAST($2 AS BIGINT)`, p.After, limit(p.Limit))
}

// UpdateRepository implements metadata.Repositories.
func (t repositories) UpdateRepository(v metadata.Repository) error {
	return t.must(`UPDATE repository SET description = $1, settings = $2 WHERE id = $3 AND deleted_at IS NULL`,
		v.Description, filled(v.Settings), v.ID)
}

// DeleteRepository implements metadata.Repositories.
func (t repositories) DeleteRepository(id int64) error {
	return t.must(`UPDATE repository SET deleted_at = $1, uncleared = 1 WHERE id = $2 AND deleted_at IS NULL`, t.micros(), id)
}

// Uncleared implements metadata.Repositories.
func (t repositories) Uncleared(name string) (metadata.Repository, error) {
	if name == "" {
		return one(t.Tx, scanRepository, `SELECT `+repositoryColumns+` FROM repository WHERE uncleared = 1 ORDER BY name, id LIMIT 1`)
	}
	return one(t.Tx, scanRepository, `SELECT `+repositoryColumns+` FROM repository WHERE uncleared = 1 AND name = $1 ORDER BY id LIMIT 1`, name)
}

// Cleared implements metadata.Repositories.
func (t repositories) Cleared(id int64) error {
	return t.must(`UPDATE repository SET uncleared = 0 WHERE id = $1 AND deleted_at IS NOT NULL`, id)
}

// DeletedRepository implements metadata.Repositories.
func (t repositories) DeletedRepository(name string) (metadata.Repository, time.Time, error) {
	var deleted int64
	r, err := one(t.Tx, func(r row) (metadata.Repository, error) { return scanRepository(extended{r, []any{&deleted}}) },
		`SELECT `+repositoryColumns+`, deleted_at FROM repository WHERE name = $1 AND deleted_at IS NOT NULL ORDER BY deleted_at DESC, id DESC LIMIT 1`, name)
	return r, fromMicros(deleted), err
}

// RestoreRepository implements metadata.Repositories.
func (t repositories) RestoreRepository(id int64) error {
	return t.must(`UPDATE repository SET deleted_at = NULL WHERE id = $1 AND deleted_at IS NOT NULL`, id)
}

// RepositoriesNamed implements metadata.Repositories.
func (t repositories) RepositoriesNamed(name string) ([]int64, error) {
	return all(t.Tx, scanInt, `SELECT id FROM repository WHERE name = $1 ORDER BY id`, name)
}
