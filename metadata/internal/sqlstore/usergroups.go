package sqlstore

import (
	"strings"

	"slipway/metadata"
)

const (
	groupColumns = `g.id, g.name, g.description, g.created_at`
	joinGroup    = ` LEFT JOIN permission p ON p.holder = 'group' AND p.holder_id = g.id `
	selectGroup  = `SELECT ` + groupColumns + grantColumns + ` FROM user_group g` + joinGroup
)

// CreateGroup implements metadata.Groups.
func (t groups) CreateGroup(g metadata.Group) (metadata.Group, error) {
	g.CreatedAt = t.Now()
	var err error
	g.ID, err = t.insertRow(`INSERT INTO user_group (name, description, created_at, id)
		VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING RETURNING id`, g.Name, g.Description, micros(g.CreatedAt), t.newID())
	if err != nil {
		return g, err
	}
	return g, t.putGrants(holderGroup, g.ID, g.Grants)
}

// Group implements metadata.Groups.
func (t groups) Group(name string) (metadata.Group, error) {
	return first(t.groups(selectGroup+`WHERE g.name = $1 ORDER BY `+orderGrants, name))
}

// Groups implements metadata.Groups.
func (t groups) Groups(p metadata.Page) ([]metadata.Group, error) {
	return t.groups(`SELECT `+groupColumns+grantColumns+`
		FROM (SELECT * FROM user_group WHERE name > $1 ORDER BY name LIMIT CAST($2 AS BIGINT)) g`+joinGroup+`
		ORDER BY g.name, `+orderGrants, p.After, limit(p.Limit))
}

// UpdateGroup implements metadata.Groups.
func (t groups) UpdateGroup(g metadata.Group) error {
	if err := t.must(`UPDATE user_group SET description = $1 WHERE id = $2`, g.Description, g.ID); err != nil {
		return err
	}
	return t.replaceGrants(holderGroup, g.ID, g.Grants)
}

// DeleteGroup implements metadata.Groups.
func (t groups) DeleteGroup(id int64) error {
	if err := t.write(nil, `DELETE FROM group_member WHERE group_id = $1`, id); err != nil {
		return err
	}
	if err := t.replaceGrants(holderGroup, id, nil); err != nil {
		return err
	}
	return t.must(`DELETE FROM user_group WHERE id = $1`, id)
}

// GroupsOf implements metadata.Groups.
func (t groups) GroupsOf(userID int64) ([]metadata.Group, error) {
	return t.groups(`SELECT `+groupColumns+grantColumns+` FROM group_member m JOIN user_group g ON g.id = m.group_id`+joinGroup+`
		WHERE m.user_id = $1 ORDER BY g.id, `+orderGrants, userID)
}

// Members implements metadata.Groups.
func (t groups) Members(groupID int64) ([]string, error) {
	return all(t.Tx, scanText, `SELECT u.name FROM group_member m JOIN users u ON u.id = m.user_id WHERE m.group_id = $1 ORDER BY u.name`, groupID)
}

// AddMember implements metadata.Groups.
func (t groups) AddMember(groupID, userID int64) error {
	err := t.write(nil, `INSERT INTO group_member (group_id, user_id) VALUES ($1, $2) ON CONFLICT (group_id, user_id) DO NOTHING`, groupID, userID)
	return err
}

// RemoveMember implements metadata.Groups.
func (t groups) RemoveMember(groupID, userID int64) error {
	return t.must(`DELETE FROM group_member WHERE group_id = $1 AND user_id = $2`, groupID, userID)
}

// groups folds the rows of selectGroup: one record has one row per action.
func (t *Tx) groups(text string, args ...any) ([]metadata.Group, error) {
	var out []metadata.Group
	last := int64(-1)
	err := t.each(text, args, func(r row) error {
		var v metadata.Group
		var g grantRow
		var created int64
		dest := append([]any{&v.ID, &v.Name, &v.Description, &created}, g.dest()...)
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

const roleColumns = `name, description, actions, created_at`

func scanRole(r row) (metadata.Role, error) {
	var v metadata.Role
	var actions string
	var created int64
	err := r.Scan(&v.Name, &v.Description, &actions, &created)
	if actions != "" {
		v.Actions = strings.Split(actions, ",")
	}
	v.CreatedAt = fromMicros(created)
	return v, err
}

// Role implements metadata.Roles.
func (t roles) Role(name string) (metadata.Role, error) {
	return one(t.Tx, scanRole, `SELECT `+roleColumns+` FROM role WHERE name = $1`, name)
}

// Roles implements metadata.Roles.
func (t roles) Roles() ([]metadata.Role, error) {
	return all(t.Tx, scanRole, `SELECT `+roleColumns+` FROM role WHERE name > '' ORDER BY name`)
}

// PutRole implements metadata.Roles.
func (t roles) PutRole(v metadata.Role) (metadata.Role, error) {
	return insert(t.Tx, scanRole, `INSERT INTO role (`+roleColumns+`) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET description = excluded.description, actions = excluded.actions
		RETURNING `+roleColumns, v.Name, v.Description, strings.Join(v.Actions, ","), t.micros())
}

// DeleteRole implements metadata.Roles.
func (t roles) DeleteRole(name string) error {
	return t.must(`DELETE FROM role WHERE name = $1`, name)
}

// RoleHolder implements metadata.Roles.
func (t roles) RoleHolder(name string) (kind, holder string, err error) {
	h, err := one(t.Tx, func(r row) (h [2]string, err error) {
		return h, r.Scan(&h[0], &h[1])
	}, `SELECT p.holder, COALESCE(u.name, g.name, t.name, '') FROM permission p
		LEFT JOIN users u ON p.holder = 'user' AND u.id = p.holder_id
		LEFT JOIN user_group g ON p.holder = 'group' AND g.id = p.holder_id
		LEFT JOIN token t ON p.holder = 'token' AND t.id = p.holder_id
		WHERE p.role = $1 AND p.role <> '' AND COALESCE(t.revoked_at, 0) = 0 LIMIT 1`, name)
	return h[0], h[1], err
}
