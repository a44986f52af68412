package sqlstore

import (
	"slipway/metadata"
)

const (
	tokenColumns = `t.id, t.user_id, t.parent_id, t.maker_id, t.kind, t.name, t.hint, t.created_at, t.expires_at,
		CASE WHEN t.revoked_at = 0 AND t.kind = 'session' AND t.id <= u.ending_through AND t.id <> u.ending_except THEN u.ending_at ELSE t.revoked_at END,
		t.used_at, t.used_from`
	joinToken   = ` JOIN users u ON u.id = t.user_id LEFT JOIN permission p ON p.holder = 'token' AND p.holder_id = t.id `
	selectToken = `SELECT ` + tokenColumns + `, u.name` + grantColumns + ` FROM token t` + joinToken
)

// CreateToken implements metadata.Tokens. ErrExists: the hash is taken.
func (t tokens) CreateToken(v metadata.Token) (metadata.Token, error) {
	v.CreatedAt = t.Now()
	var err error
	v.ID, err = t.insertRow(`INSERT INTO token (user_id, parent_id, maker_id, kind, name, hash, hint, created_at, expires_at, revoked_at, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (hash) DO NOTHING RETURNING id`,
		v.UserID, v.ParentID, v.MakerID, v.Kind, v.Name, filled(v.Hash), v.Hint, micros(v.CreatedAt), micros(v.ExpiresAt), micros(v.RevokedAt), t.newID())
	if err != nil {
		return v, err
	}
	return v, t.putGrants(holderToken, v.ID, v.Grants)
}

// Token implements metadata.Tokens. Hash is never read back.
func (t tokens) Token(id int64) (metadata.Token, error) {
	return first(t.tokens(selectToken+`WHERE t.id = $1 ORDER BY `+orderGrants, id))
}

// TokenByHash implements metadata.Tokens. Hash is never read back.
func (t tokens) TokenByHash(hash []byte) (metadata.Token, error) {
	return first(t.tokens(selectToken+`WHERE t.hash = $1 ORDER BY `+orderGrants, filled(hash)))
}

// Tokens implements metadata.Tokens. Hash is never read back.
func (t tokens) Tokens(userID, afterID int64, n int) ([]metadata.Token, error) {
	const (
		head = `SELECT ` + tokenColumns + `, u.name` + grantColumns + ` FROM (SELECT * FROM token WHERE `
		tail = `) t` + joinToken + `ORDER BY t.id, ` + orderGrants
	)
	if userID == 0 {
		return t.tokens(head+`id > $1 ORDER BY id LIMIT CAST($2 AS BIGINT)`+tail, afterID, limit(n))
	}
	return t.tokens(head+`user_id = $1 AND id > $2 ORDER BY id LIMIT CAST($3 AS BIGINT)`+tail, userID, afterID, limit(n))
}

// TokensMadeWith implements metadata.Tokens.
func (t tokens) TokensMadeWith(parentID int64) ([]metadata.Token, error) {
	return t.tokens(selectToken+`WHERE t.parent_id = $1 AND t.parent_id <> 0 ORDER BY t.id, `+orderGrants, parentID)
}

// RevokeToken implements metadata.Tokens. The first revocation counts.
func (t tokens) RevokeToken(id int64) error {
	return t.must(`UPDATE token SET revoked_at = CASE revoked_at WHEN 0 THEN CAST($1 AS BIGINT) ELSE revoked_at END
		WHERE id = $2`, t.micros(), id)
}

// NoteUse implements metadata.Tokens.
func (t tokens) NoteUse(id int64, u metadata.Use) error {
	err := t.write(nil, `UPDATE token SET used_at = $1, used_from = $2 WHERE id = $3 AND used_at < $1`, micros(u.UsedAt), u.UsedFrom, id)
	return err
}

// Ended implements metadata.Tokens.
func (t tokens) Ended(userID int64, n int) ([]metadata.Token, error) {
	return t.tokens(`SELECT `+tokenColumns+`, u.name`+grantColumns+` FROM (SELECT x.* FROM token x JOIN users y ON y.id = x.user_id
		WHERE x.user_id = $1 AND x.kind = 'session' AND x.revoked_at = 0 AND x.id <= y.ending_through AND x.id <> y.ending_except
		ORDER BY x.id LIMIT CAST($2 AS BIGINT)) t`+joinToken+`ORDER BY t.id, `+orderGrants, userID, limit(n))
}

// tokens folds the rows of selectToken: one record has one row per action.
func (t *Tx) tokens(text string, args ...any) ([]metadata.Token, error) {
	var out []metadata.Token
	last := int64(-1)
	err := t.each(text, args, func(r row) error {
		var v metadata.Token
		var g grantRow
		var created, expires, revoked, used int64
		dest := append([]any{&v.ID, &v.UserID, &v.ParentID, &v.MakerID, &v.Kind, &v.Name, &v.Hint, &created, &expires, &revoked, &used, &v.UsedFrom, &v.User}, g.dest()...)
		if err := r.Scan(dest...); err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].ID != v.ID {
			v.CreatedAt, v.ExpiresAt, v.RevokedAt = fromMicros(created), fromMicros(expires), fromMicros(revoked)
			v.UsedAt = fromMicros(used)
			out, last = append(out, v), -1
		}
		at := &out[len(out)-1]
		at.Grants, last = g.addTo(at.Grants, last), g.no
		return nil
	})
	return out, err
}
