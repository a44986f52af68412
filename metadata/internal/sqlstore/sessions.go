package sqlstore

import (
	"time"

	"slipway/metadata"
)

const selectSession = `SELECT s.id, s.user_id, u.name, s.agent, s.created_at, s.expires_at, s.used_at, s.used_from FROM session s JOIN users u ON u.id = s.user_id `

func scanSession(r row) (metadata.Session, error) {
	var v metadata.Session
	var created, expires, used int64
	err := r.Scan(&v.ID, &v.UserID, &v.User, &v.Agent, &created, &expires, &used, &v.UsedFrom)
	v.CreatedAt, v.ExpiresAt, v.UsedAt = fromMicros(created), fromMicros(expires), fromMicros(used)
	return v, err
}

// CreateSession implements metadata.Sessions.
func (t sessions) CreateSession(v metadata.Session) (metadata.Session, error) {
	v.CreatedAt = t.Now()
	var err error
	v.ID, err = t.insertRow(`INSERT INTO session (user_id, hash, agent, created_at, expires_at, used_at, used_from, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (hash) DO NOTHING RETURNING id`,
		v.UserID, filled(v.Hash), v.Agent, micros(v.CreatedAt), micros(v.ExpiresAt), micros(v.UsedAt), v.UsedFrom, t.newID())
	return v, err
}

// Session implements metadata.Sessions.
func (t sessions) Session(id int64) (metadata.Session, error) {
	return one(t.Tx, scanSession, selectSession+`WHERE s.id = $1`, id)
}

// SessionByHash implements metadata.Sessions.
func (t sessions) SessionByHash(hash []byte) (metadata.Session, error) {
	return one(t.Tx, scanSession, selectSession+`WHERE s.hash = $1`, filled(hash))
}

// Sessions implements metadata.Sessions.
func (t sessions) Sessions(userID, afterID int64, n int) ([]metadata.Session, error) {
	if userID == 0 {
		return all(t.Tx, scanSession, selectSession+`WHERE s.id > $1 ORDER BY s.id LIMIT CAST($2 AS BIGINT)`, afterID, limit(n))
	}
	return all(t.Tx, scanSession, selectSession+`WHERE s.user_id = $1 AND s.id > $2 ORDER BY s.id LIMIT CAST($3 AS BIGINT)`, userID, afterID, limit(n))
}

// NoteUse implements metadata.Sessions.
func (t sessions) NoteUse(id int64, u metadata.Use) error {
	err := t.write(nil, `UPDATE session SET used_at = $1, used_from = $2 WHERE id = $3 AND used_at < $1`, micros(u.UsedAt), u.UsedFrom, id)
	return err
}

// DeleteSession implements metadata.Sessions.
func (t sessions) DeleteSession(id int64) error {
	return t.must(`DELETE FROM session WHERE id = $1`, id)
}

// DeleteUnused implements metadata.Sessions.
func (t sessions) DeleteUnused(before time.Time, n int) (int64, error) {
	return t.exec(`DELETE FROM session WHERE id IN (SELECT id FROM session WHERE used_at < $1 ORDER BY used_at LIMIT CAST($2 AS BIGINT))`, micros(before), limit(n))
}
