package sqlstore

import (
	"time"

	"slipway/metadata"
)

// NoteOrigin implements metadata.Names.
func (t names) NoteOrigin(o metadata.NameOrigin, replace bool) error {
	err := t.write(nil, `INSERT INTO name_origin (repository_id, format, key, upstream_id, entered_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (repository_id, format, key) DO UPDATE SET upstream_id = excluded.upstream_id, entered_at = excluded.entered_at
			WHERE CAST($6 AS BIGINT) = 1 OR EXISTS (SELECT 1 FROM upstream u WHERE u.id = name_origin.upstream_id AND u.removed_at IS NOT NULL)`,
		o.RepositoryID, o.Format, o.Key, o.UpstreamID, t.micros(), flag(replace))
	return err
}

// MoveOrigins implements metadata.Names.
func (t names) MoveOrigins(from, to int64) error {
	err := t.write(nil, `UPDATE name_origin SET upstream_id = $1 WHERE upstream_id = $2`, to, from)
	return err
}

// NameOrigin implements metadata.Names.
func (t names) NameOrigin(repositoryID int64, format, key string) (metadata.NameOrigin, error) {
	return one(t.Tx, func(r row) (metadata.NameOrigin, error) {
		v := metadata.NameOrigin{RepositoryID: repositoryID, Format: format, Key: key}
		var entered int64
		err := r.Scan(&v.UpstreamID, &entered)
		v.EnteredAt = fromMicros(entered)
		return v, err
	}, `SELECT upstream_id, entered_at FROM name_origin WHERE repository_id = $1 AND format = $2 AND key = $3`, repositoryID, format, key)
}

// PutNameUse implements metadata.Names.
func (t names) PutNameUse(u metadata.NameUse) error {
	err := t.write(nil, `INSERT INTO name_use (repository_id, format, key, caller, used_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (repository_id, format, key, caller) DO UPDATE SET used_at = excluded.used_at`,
		u.RepositoryID, u.Format, u.Key, u.Caller, micros(u.UsedAt))
	return err
}

// NameUses implements metadata.Names.
func (t names) NameUses(repositoryID int64, format, key string, since time.Time, n int) ([]metadata.NameUse, error) {
	return all(t.Tx, func(r row) (metadata.NameUse, error) {
		v := metadata.NameUse{RepositoryID: repositoryID, Format: format, Key: key}
		var used int64
		err := r.Scan(&v.Caller, &used)
		v.UsedAt = fromMicros(used)
		return v, err
	}, `SELECT caller, used_at FROM name_use WHERE repository_id = $1 AND format = $2 AND key = $3 AND used_at >= $4 ORDER BY caller`+most("$5"),
		repositoryID, format, key, micros(since), limit(n))
}

// DropNameUses implements metadata.Names.
func (t names) DropNameUses(before time.Time, n int) error {
	err := t.write(nil, `DELETE FROM name_use WHERE (repository_id, format, key, caller) IN
		(SELECT repository_id, format, key, caller FROM name_use WHERE used_at < $1 ORDER BY used_at LIMIT CAST($2 AS BIGINT))`, micros(before), limit(n))
	return err
}
