package sqlstore

import (
	"slipway/metadata"
)

// Holders in table permission.
const (
	holderUser  = "user"
	holderToken = "token"
	holderGroup = "group"
)

const (
	grantColumns = `, COALESCE(p.grant_no, -1), COALESCE(p.repository, ''), COALESCE(p.environment, ''), COALESCE(p.action, ''), COALESCE(p.role, '')`
	orderGrants  = `p.grant_no, p.position`
)

// grantRow is one action of one grant of a record: no is -1 when the record has none.
type grantRow struct {
	no                                    int64
	repository, environment, action, role string
}

func (g *grantRow) dest() []any {
	return []any{&g.no, &g.repository, &g.environment, &g.action, &g.role}
}

// addTo continues the grants of a record. last is the number of the grant that came before.
func (g *grantRow) addTo(grants []metadata.Grant, last int64) []metadata.Grant {
	if g.no < 0 {
		return grants
	}
	if g.no != last {
		grants = append(grants, metadata.Grant{Repository: g.repository, Environment: g.environment, Role: g.role})
	}
	if g.action != "" {
		at := &grants[len(grants)-1]
		at.Actions = append(at.Actions, g.action)
	}
	return grants
}

func (t *Tx) putGrants(holder string, id int64, grants []metadata.Grant) error {
	for no, g := range grants {
		actions := g.Actions
		if len(actions) == 0 {
			actions = []string{""} // a grant without actions is stored too
		}
		for position, action := range actions {
			if err := t.write(nil, `INSERT INTO permission (holder, holder_id, grant_no, position, repository, environment, action, role)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
				holder, id, int64(no), int64(position), g.Repository, g.Environment, action, g.Role); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tx) replaceGrants(holder string, id int64, grants []metadata.Grant) error {
	if err := t.write(nil, `DELETE FROM permission WHERE holder = $1 AND holder_id = $2`, holder, id); err != nil {
		return err
	}
	return t.putGrants(holder, id, grants)
}
