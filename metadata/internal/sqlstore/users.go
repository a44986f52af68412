package sqlstore

import (
	"slipway/metadata"
)

// Every query of holders joins their grants, one row per action, so that a record costs one query, and so does a page of
// records.
const (
	userColumns = `u.id, u.name, u.kind, u.password_hash, u.disabled, u.created_at, u.deleted_at, u.login_at`
	joinUser    = ` LEFT JOIN permission p ON p.holder = 'user' AND p.holder_id = u.id `
	selectUser  = `SELECT ` + userColumns + grantColumns + ` FROM users u` + joinUser
)

// CreateUser implements metadata.Users.
func (t users) CreateUser(u metadata.User) (metadata.User, error) {
	u.CreatedAt = t.Now()
	var err error
	u.ID, err = t.insertRow(`INSERT INTO users (name, kind, password_hash, disabled, created_at, id)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id`,
		u.Name, u.Kind, u.PasswordHash, flag(u.Disabled), micros(u.CreatedAt), t.newID())
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
		FROM (SELECT * FROM users WHERE name > $1 AND deleted_at = 0 ORDER BY name LIMIT CAST($2 AS BIGINT)) u`+joinUser+`
		ORDER BY u.name, `+orderGrants, p.After, limit(p.Limit))
}

// UpdateUser implements metadata.Users. Name and kind stay.
func (t users) UpdateUser(u metadata.User) error {
	if err := t.must(`UPDATE users SET password_hash = $1, disabled = $2, deleted_at = $3 WHERE id = $4`,
		u.PasswordHash, flag(u.Disabled), micros(u.DeletedAt), u.ID); err != nil {
		return err
	}
	return t.replaceGrants(holderUser, u.ID, u.Grants)
}

// NoteLogin implements metadata.Users.
func (t users) NoteLogin(userID int64) error {
	return t.must(`UPDATE users SET login_at = $1 WHERE id = $2`, t.micros(), userID)
}

// EndSessions implements metadata.Users.
func (t users) EndSessions(userID, except int64) error {
	return t.must(`UPDATE users SET ending_at = $1, ending_through = (SELECT COALESCE(MAX(id), 0) FROM token WHERE user_id = $2), ending_except = $3 WHERE id = $4`,
		t.micros(), userID, except, userID)
}

// Ending implements metadata.Users.
func (t users) Ending(n int) ([]metadata.User, error) {
	return t.users(`SELECT `+userColumns+grantColumns+` FROM (SELECT * FROM users WHERE ending_through > 0 ORDER BY ending_through LIMIT CAST($1 AS BIGINT)) u`+joinUser+`
		ORDER BY u.id, `+orderGrants, limit(n))
}

// SessionsEnded implements metadata.Users.
func (t users) SessionsEnded(userID int64) error {
	return t.must(`UPDATE users SET ending_through = 0 WHERE id = $1`, userID)
}

// users folds the rows of selectUser: one record has one row per action.
func (t *Tx) users(text string, args ...any) ([]metadata.User, error) {
	var out []metadata.User
	last := int64(-1)
	err := t.each(text, args, func(r row) error {
		var v metadata.User
		var g grantRow
		var created, deleted, login int64
		dest := append([]any{&v.ID, &v.Name, &v.Kind, &v.PasswordHash, &v.Disabled, &created, &deleted, &login}, g.dest()...)
		if err := r.Scan(dest...); err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].ID != v.ID {
			v.CreatedAt, v.DeletedAt, v.LoginAt = fromMicros(created), fromMicros(deleted), fromMicros(login)
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
