package sqlstore

import "slipway/metadata"

func scanUpstream(r row) (metadata.Upstream, error) {
	var v metadata.Upstream
	var position, created int64
	err := r.Scan(&v.ID, &v.RepositoryID, &position, &v.Name, &v.Type, &v.MemberID, &v.Format, &v.URL, &v.Settings, &v.Secret, &created)
	v.Position, v.Settings, v.Secret, v.CreatedAt = int(position), emptied(v.Settings), emptied(v.Secret), fromMicros(created)
	return v, err
}

// CreateUpstream implements metadata.Upstreams.
func (t upstreams) CreateUpstream(u metadata.Upstream) (metadata.Upstream, error) {
	u.CreatedAt = t.Now()
	var err error
	u.ID, err = t.insertRow(`INSERT INTO upstream (repository_id, position, name, type, member_id, format, url, settings, secret, created_at, id)
		VALUES ($1, $2, $3, $4, NULLIF(CAST($5 AS BIGINT), 0), $6, $7, $8, $9, $10, $11)
		ON CONFLICT (repository_id, name) WHERE removed_at IS NULL DO NOTHING RETURNING id`,
		u.RepositoryID, u.Position, u.Name, u.Type, u.MemberID, u.Format, u.URL, filled(u.Settings), filled(u.Secret), micros(u.CreatedAt), t.newID())
	return u, err
}

// Upstreams implements metadata.Upstreams.
func (t upstreams) Upstreams() ([]metadata.Upstream, error) {
	return all(t.Tx, scanUpstream, `SELECT u.id, u.repository_id, u.position, u.name, u.type, COALESCE(u.member_id, 0), u.format, u.url, u.settings, u.secret, u.created_at
		FROM upstream u JOIN repository r ON r.id = u.repository_id
		WHERE u.removed_at IS NULL AND r.deleted_at IS NULL ORDER BY u.repository_id, u.position, u.id`)
}

// UpdateUpstream implements metadata.Upstreams.
func (t upstreams) UpdateUpstream(u metadata.Upstream) error {
	return t.must(`UPDATE upstream SET position = $1, url = $2, settings = $3, secret = $4 WHERE id = $5 AND removed_at IS NULL`,
		u.Position, u.URL, filled(u.Settings), filled(u.Secret), u.ID)
}

// RemoveUpstream implements metadata.Upstreams.
func (t upstreams) RemoveUpstream(id int64) error {
	if err := t.dropIndexesOf(id); err != nil {
		return err
	}
	return t.must(`UPDATE upstream SET removed_at = $1 WHERE id = $2 AND removed_at IS NULL`, t.micros(), id)
}

func scanClaim(r row) (metadata.Claim, error) {
	var v metadata.Claim
	var created int64
	err := r.Scan(&v.ID, &v.RepositoryID, &v.Format, &v.Pattern, &v.CreatedBy, &created)
	v.CreatedAt = fromMicros(created)
	return v, err
}

// CreateClaim implements metadata.Upstreams.
func (t upstreams) CreateClaim(c metadata.Claim) (metadata.Claim, error) {
	c.CreatedAt = t.Now()
	var err error
	c.ID, err = t.insertRow(`INSERT INTO claim (repository_id, format, pattern, created_by, created_at, id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (repository_id, format, pattern) DO NOTHING RETURNING id`,
		c.RepositoryID, c.Format, c.Pattern, c.CreatedBy, micros(c.CreatedAt), t.newID())
	return c, err
}

// Claims implements metadata.Upstreams.
func (t upstreams) Claims() ([]metadata.Claim, error) {
	return all(t.Tx, scanClaim, `SELECT id, repository_id, format, pattern, created_by, created_at FROM claim ORDER BY repository_id, format, pattern`)
}

// DeleteClaim implements metadata.Upstreams.
func (t upstreams) DeleteClaim(id int64) error {
	return t.must(`DELETE FROM claim WHERE id = $1`, id)
}

func scanOrigin(r row) (metadata.Origin, error) {
	var v metadata.Origin
	var set, expires int64
	err := r.Scan(&v.RepositoryID, &v.Format, &v.Key, &v.Origin, &v.Upstream, &v.Reason, &v.SetBy, &set, &expires)
	v.SetAt, v.ExpiresAt = fromMicros(set), fromMicros(expires)
	return v, err
}

// PutOrigin implements metadata.Upstreams.
func (t upstreams) PutOrigin(o metadata.Origin) error {
	err := t.write(nil, `INSERT INTO package_origin (repository_id, format, key, origin, upstream, reason, set_by, set_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (repository_id, format, key) DO UPDATE SET origin = excluded.origin, upstream = excluded.upstream, reason = excluded.reason,
			set_by = excluded.set_by, set_at = excluded.set_at, expires_at = excluded.expires_at`,
		o.RepositoryID, o.Format, o.Key, o.Origin, o.Upstream, o.Reason, o.SetBy, t.micros(), micros(o.ExpiresAt))
	return err
}

// Origins implements metadata.Upstreams.
func (t upstreams) Origins() ([]metadata.Origin, error) {
	return all(t.Tx, scanOrigin, `SELECT repository_id, format, key, origin, upstream, reason, set_by, set_at, expires_at
		FROM package_origin ORDER BY repository_id, format, key`)
}

// DeleteOrigin implements metadata.Upstreams.
func (t upstreams) DeleteOrigin(o metadata.Origin) error {
	return t.must(`DELETE FROM package_origin WHERE repository_id = $1 AND format = $2 AND key = $3`, o.RepositoryID, o.Format, o.Key)
}
