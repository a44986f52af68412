package sqlstore

import (
	"slipway/metadata"
)

// Holders in table permission.
const (
	holderUser  = "user"
	holderToken = "token"
)

// Every query joins the grants, one row per action, so that a record costs one query, and so does a page of records.
const (
	grantColumns = `, COALESCE(p.grant_no, -1), COALESCE(p.repository, ''), COALESCE(p.action, '')`
	userColumns  = `u.id, u.name, u.password_hash, u.disabled, u.created_at`
	selectUser   = `SELECT ` + userColumns + grantColumns + ` FROM users u
		LEFT JOIN permission p ON p.holder = 'user' AND p.holder_id = u.id `
	tokenColumns = `t.id, t.user_id, t.name, t.hint, t.created_at, t.expires_at, t.revoked_at`
	joinToken    = ` JOIN users u ON u.id = t.user_id LEFT JOIN permission p ON p.holder = 'token' AND p.holder_id = t.id `
	selectToken  = `SELECT ` + tokenColumns + `, u.name` + grantColumns + ` FROM token t` + joinToken
	orderGrants  = `p.grant_no, p.position`
)

// grantRow is one action of one grant of a record: no is -1 when the record has none.
type grantRow struct {
	no                 int64
	repository, action string
}

func (g *grantRow) dest() []any { return []any{&g.no, &g.repository, &g.action} }

// addTo continues the grants of a record. last is the number of the grant that came before.
func (g *grantRow) addTo(grants []metadata.Grant, last int64) []metadata.Grant {
	if g.no < 0 {
		return grants
	}
	if g.no != last {
		grants = append(grants, metadata.Grant{Repository: g.repository})
	}
	if g.action != "" {
		at := &grants[len(grants)-1]
		at.Actions = append(at.Actions, g.action)
	}
	return grants
}

// CreateUser implements metadata.Users.
func (t users) CreateUser(u metadata.User) (metadata.User, error) {
	u.CreatedAt = t.Now()
	var err error
	u.ID, err = insert(t.Tx, scanInt, `INSERT INTO users (name, password_hash, disabled, created_at)
		VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING RETURNING id`,
		u.Name, u.PasswordHash, flag(u.Disabled), micros(u.CreatedAt))
	if err != nil {
		return u, err
	}
	return u, t.putGrants(holderUser, u.ID, u.Grants)
}

// User implements metadata.Users.
func (t users) User(name string) (metadata.User, error) {
	return first(t.users(selectUser+`WHERE u.name = $1 ORDER BY `+orderGrants, name))
}

// UserByID implements metadata.Users.
func (t users) UserByID(id int64) (metadata.User, error) {
	return first(t.users(selectUser+`WHERE u.id = $1 ORDER BY `+orderGrants, id))
}

// Users implements metadata.Users.
func (t users) Users(p metadata.Page) ([]metadata.User, error) {
	return t.users(`SELECT `+userColumns+grantColumns+`
		FROM (SELECT * FROM users WHERE name > $1 ORDER BY name LIMIT CAST($2 AS BIGINT)) u
		LEFT JOIN permission p ON p.holder = 'user' AND p.holder_id = u.id
		ORDER BY u.name, `+orderGrants, p.After, limit(p.Limit))
}

// UpdateUser implements metadata.Users: password hash, disabled and grants. A name stays.
func (t users) UpdateUser(u metadata.User) error {
	if err := t.must(`UPDATE users SET password_hash = $1, disabled = $2 WHERE id = $3`,
		u.PasswordHash, flag(u.Disabled), u.ID); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM permission WHERE holder = $1 AND holder_id = $2`, holderUser, u.ID); err != nil {
		return err
	}
	return t.putGrants(holderUser, u.ID, u.Grants)
}

// CreateToken implements metadata.Tokens. ErrExists: the hash is taken.
func (t tokens) CreateToken(v metadata.Token) (metadata.Token, error) {
	v.CreatedAt = t.Now()
	var err error
	v.ID, err = insert(t.Tx, scanInt, `INSERT INTO token (user_id, name, hash, hint, created_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (hash) DO NOTHING RETURNING id`,
		v.UserID, v.Name, filled(v.Hash), v.Hint, micros(v.CreatedAt), micros(v.ExpiresAt), micros(v.RevokedAt))
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

// RevokeToken implements metadata.Tokens. The first revocation counts.
func (t tokens) RevokeToken(id int64) error {
	return t.must(`UPDATE token SET revoked_at = CASE revoked_at WHEN 0 THEN CAST($1 AS BIGINT) ELSE revoked_at END
		WHERE id = $2`, t.micros(), id)
}

func (t *Tx) putGrants(holder string, id int64, grants []metadata.Grant) error {
	for no, g := range grants {
		actions := g.Actions
		if len(actions) == 0 {
			actions = []string{""} // a grant without actions is stored too
		}
		for position, action := range actions {
			if _, err := t.exec(`INSERT INTO permission (holder, holder_id, grant_no, position, repository, action)
				VALUES ($1, $2, $3, $4, $5, $6)`,
				holder, id, int64(no), int64(position), g.Repository, action); err != nil {
				return err
			}
		}
	}
	return nil
}

// users folds the rows of selectUser: one record has one row per action.
func (t *Tx) users(text string, args ...any) ([]metadata.User, error) {
	var out []metadata.User
	last := int64(-1)
	err := t.each(text, args, func(r row) error {
		var v metadata.User
		var g grantRow
		var created int64
		dest := append([]any{&v.ID, &v.Name, &v.PasswordHash, &v.Disabled, &created}, g.dest()...)
		if err := r.Scan(dest...); err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].ID != v.ID {
			v.CreatedAt = fromMicros(created)
			out, last = append(out, v), -1
		}
		at := &out[len(out)-1]
		at.Grants, last = g.addTo(at.Grants, last), g.no
		return nil
	})
	return out, err
}

// tokens folds the rows of selectToken: one record has one row per action.
func (t *Tx) tokens(text string, args ...any) ([]metadata.Token, error) {
	var out []metadata.Token
	last := int64(-1)
	err := t.each(text, args, func(r row) error {
		var v metadata.Token
		var g grantRow
		var created, expires, revoked int64
		dest := append([]any{&v.ID, &v.UserID, &v.Name, &v.Hint, &created, &expires, &revoked, &v.User}, g.dest()...)
		if err := r.Scan(dest...); err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].ID != v.ID {
			v.CreatedAt, v.ExpiresAt, v.RevokedAt = fromMicros(created), fromMicros(expires), fromMicros(revoked)
			out, last = append(out, v), -1
		}
		at := &out[len(out)-1]
		at.Grants, last = g.addTo(at.Grants, last), g.no
		return nil
	})
	return out, err
}

func first[T any](list []T, err error) (T, error) {
	var none T
	switch {
	case err != nil:
		return none, err
	case len(list) == 0:
		return none, metadata.ErrNotExist
	}
	return list[0], nil
}
