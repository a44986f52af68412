package publish

import (
	"fmt"
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// maxUses bounds the reasons of one refusal.
const maxUses = 5

// Keeper knows which versions must stay.
type Keeper interface {
	// Uses returns why a version can't be deleted: at most limit services that run it, and at most limit deployments that are
	// about to.
	Uses(tx metadata.Tx, v registry.Version, limit int) ([]registry.Use, error)
}

// unused refuses a change that takes bytes away from a version while the version, or an index that contains it, is deployed.
// what names the change in the message. Conflict.
func (c *change) unused(v registry.Version, what string) error {
	uses, err := c.uses(v)
	if err != nil || len(uses) == 0 {
		return err
	}
	reasons := make([]string, len(uses))
	for i, u := range uses {
		reasons[i] = u.String()
	}
	return &registry.Error{Kind: registry.Conflict, Subject: registry.AboutVersion, Err: &registry.InUse{Uses: uses},
		Detail: fmt.Sprintf("%s %s can't be %s: %s", c.pkg.Name, v.Name, what, strings.Join(reasons, "; "))}
}

// uses are the services that run v or an index above it, then the deployments that are under way, at most maxUses.
func (c *change) uses(v registry.Version) ([]registry.Use, error) {
	var runs, open []registry.Use
	err := c.upwards(v, func(now registry.Version) (bool, error) {
		for _, k := range c.svc.keepers {
			uses, err := k.Uses(c.tx, now, maxUses)
			if err != nil {
				return false, err
			}
			for _, u := range uses {
				if u.Runs() {
					runs = append(runs, u)
				} else {
					open = append(open, u)
				}
			}
		}
		return len(runs)+len(open) < maxUses, nil
	})
	uses := append(runs, open...)
	return uses[:min(len(uses), maxUses)], err
}
