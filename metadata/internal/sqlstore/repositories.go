package sqlstore

import (
	"encoding/json"
	"fmt"
	"time"

	"slipway/metadata"
)

const repositoryColumns = `id, name, description, upstreams, settings, created_at`

func scanRepository(r row) (metadata.Repository, error) {
	var v metadata.Repository
	var upstreams string
	var created int64
	if err := r.Scan(&v.ID, &v.Name, &v.Description, &upstreams, &v.Settings, &created); err != nil {
		return v, err
	}
	v.Settings = emptied(v.Settings)
	v.CreatedAt = fromMicros(created)
	if upstreams != "" {
		if err := json.Unmarshal([]byte(upstreams), &v.Upstreams); err != nil {
			return v, fmt.Errorf("upstreams of repository %d: %w", v.ID, err)
		}
	}
	return v, nil
}

// upstreamText is the JSON array kept in the column: the list is small, ordered, and always read whole.
func upstreamText(names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	b, err := json.Marshal(names)
	return string(b), err
}

// CreateRepository implements metadata.Repositories.
func (t repositories) CreateRepository(v metadata.Repository) (metadata.Repository, error) {
	upstreams, err := upstreamText(v.Upstreams)
	if err != nil {
		return v, err
	}
	v.CreatedAt = t.Now()
	v.ID, err = insert(t.Tx, scanInt, `INSERT INTO repository (name, description, upstreams, settings, created_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (name) WHERE deleted_at IS NULL DO NOTHING RETURNING id`,
		v.Name, v.Description, upstreams, filled(v.Settings), micros(v.CreatedAt))
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
	upstreams, err := upstreamText(v.Upstreams)
	if err != nil {
		return err
	}
	return t.must(`UPDATE repository SET description = $1, upstreams = $2, settings = $3
		WHERE id = $4 AND deleted_at IS NULL`, v.Description, upstreams, filled(v.Settings), v.ID)
}

// DeleteRepository implements metadata.Repositories.
func (t repositories) DeleteRepository(id int64) error {
	return t.must(`UPDATE repository SET deleted_at = $1 WHERE id = $2 AND deleted_at IS NULL`, t.micros(), id)
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
