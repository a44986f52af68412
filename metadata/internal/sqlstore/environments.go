package sqlstore

import "slipway/metadata"

const selectEnvironment = `SELECT e.id, e.name, e.created_at, s.description, s.tag, s.owner_id, COALESCE(u.name, ''), s.deleted, s.at, s.seq_from
	FROM environment e JOIN environment_state s ON s.environment_id = e.id LEFT JOIN users u ON u.id = s.owner_id `

func scanEnvironment(r row) (metadata.Environment, error) {
	var v metadata.Environment
	var created, updated int64
	err := r.Scan(&v.ID, &v.Name, &created, &v.Description, &v.Tag, &v.OwnerID, &v.Owner, &v.Deleted, &updated, &v.Seq)
	v.CreatedAt, v.UpdatedAt = fromMicros(created), fromMicros(updated)
	return v, err
}

// PutEnvironment implements metadata.Environments.
func (t environments) PutEnvironment(v metadata.Environment) (metadata.Environment, error) {
	if err := t.write(nil, `INSERT INTO environment (name, created_at, id) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`,
		v.Name, t.micros(), t.newID()); err != nil {
		return v, err
	}
	id, err := one(t.Tx, scanInt, `SELECT id FROM environment WHERE name = $1`, v.Name)
	if err != nil {
		return v, err
	}
	if err := t.write(nil, `INSERT INTO environment_state (environment_id, seq_from, description, tag, owner_id, deleted, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, id, v.Seq, v.Description, v.Tag, v.OwnerID, flag(v.Deleted), t.micros()); err != nil {
		return v, err
	}
	return t.Environment(v.Name)
}

// Environment implements metadata.Environments.
func (t environments) Environment(name string) (metadata.Environment, error) {
	return one(t.Tx, scanEnvironment, selectEnvironment+`WHERE e.name = $1 ORDER BY s.seq_from DESC LIMIT 1`, name)
}

// EnvironmentAt implements metadata.Environments.
func (t environments) EnvironmentAt(name string, seq int64) (metadata.Environment, error) {
	return one(t.Tx, scanEnvironment, selectEnvironment+`WHERE e.name = $1 AND s.seq_from <= $2
		ORDER BY s.seq_from DESC LIMIT 1`, name, seq)
}

// Environments implements metadata.Environments.
func (t environments) Environments(p metadata.Page) ([]metadata.Environment, error) {
	return all(t.Tx, scanEnvironment, selectEnvironment+`WHERE e.name > $1 AND s.deleted = 0 AND s.seq_from =
			(SELECT MAX(x.seq_from) FROM environment_state x WHERE x.environment_id = e.id)
		ORDER BY e.name LIMIT CAST($2 AS BIGINT)`, p.After, limit(p.Limit))
}

// EnvironmentsAt implements metadata.Environments.
func (t environments) EnvironmentsAt(p metadata.Page, seq int64) ([]metadata.Environment, error) {
	return all(t.Tx, scanEnvironment, selectEnvironment+`WHERE e.name > $1 AND s.deleted = 0 AND s.seq_from =
			(SELECT MAX(x.seq_from) FROM environment_state x WHERE x.environment_id = e.id AND x.seq_from <= $2)
		ORDER BY e.name LIMIT CAST($3 AS BIGINT)`, p.After, seq, limit(p.Limit))
}

// Following implements metadata.Environments.
func (t environments) Following(tag string, n int) ([]metadata.Environment, error) {
	return all(t.Tx, scanEnvironment, selectEnvironment+`WHERE s.tag = $1 AND s.deleted = 0 AND s.seq_from =
			(SELECT MAX(x.seq_from) FROM environment_state x WHERE x.environment_id = s.environment_id)
		ORDER BY s.environment_id LIMIT CAST($2 AS BIGINT)`, tag, limit(n))
}

// Owned implements metadata.Environments.
func (t environments) Owned(userID int64, n int) ([]metadata.Environment, error) {
	return all(t.Tx, scanEnvironment, selectEnvironment+`WHERE s.owner_id = $1 AND s.owner_id <> 0 AND s.deleted = 0 AND s.seq_from =
			(SELECT MAX(x.seq_from) FROM environment_state x WHERE x.environment_id = s.environment_id)
		ORDER BY s.environment_id LIMIT CAST($2 AS BIGINT)`, userID, limit(n))
}

// OwnedBy implements metadata.Environments.
func (t environments) OwnedBy(userID int64) (int64, error) {
	return one(t.Tx, scanInt, `SELECT COUNT(*) FROM environment_state s WHERE s.owner_id = $1 AND s.owner_id <> 0 AND s.deleted = 0 AND s.seq_from =
		(SELECT MAX(x.seq_from) FROM environment_state x WHERE x.environment_id = s.environment_id)`, userID)
}

// ServicesOf implements metadata.Environments.
func (t environments) ServicesOf(environmentID, userID int64) (all, own int64, err error) {
	if all, err = one(t.Tx, scanInt, `SELECT COUNT(*) FROM environment_service WHERE environment_id = $1`, environmentID); err != nil {
		return 0, 0, err
	}
	own, err = one(t.Tx, scanInt, `SELECT COUNT(*) FROM environment_service WHERE environment_id = $1 AND user_id = $2`, environmentID, userID)
	return all, own, err
}
