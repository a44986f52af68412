package registry

import (
	"fmt"
	"strings"
	"time"

	"slipway/metadata"
)

// maxUses bounds the reasons of one refusal.
const maxUses = 5

// Use is why a version can't go: a service runs it, or a deployment is about to bring it.
type Use struct {
	Environment string
	Service     string
	Deployment  int64
	Status      DeploymentStatus
	Since       time.Time // it runs, or was reported
}

func (u Use) String() string {
	since := metadata.FormatTime(u.Since)
	if u.runs() {
		return fmt.Sprintf("%q runs it in environment %q since %s", u.Service, u.Environment, since)
	}
	return fmt.Sprintf("deployment %d of %q in environment %q is %s since %s", u.Deployment, u.Service, u.Environment, u.Status, since)
}

// runs reports whether the version runs, rather than being about to.
func (u Use) runs() bool { return u.Status == metadata.DeploymentSucceeded }

// Keeper knows of versions that must stay.
type Keeper interface {
	// Uses says why a version can't go: at most limit that run, and at most limit that are about to.
	Uses(tx metadata.Tx, v Version, limit int) ([]Use, error)
}

// InUse is the cause of a Conflict about a version that is deployed.
type InUse struct{ Uses []Use }

func (e *InUse) Error() string { return "the version is deployed" }

// unused refuses a change that takes bytes of a version away while it is deployed: as itself, or as a part of an index that
// is. what is the change, for the message. Conflict.
func (c *change) unused(v Version, what string) error {
	uses, err := c.uses(v)
	if err != nil || len(uses) == 0 {
		return err
	}
	reasons := make([]string, len(uses))
	for i, u := range uses {
		reasons[i] = u.String()
	}
	return &Error{Kind: Conflict, Subject: AboutVersion, Err: &InUse{Uses: uses},
		Detail: fmt.Sprintf("%s %s can't be %s: %s", c.pkg.Name, v.Name, what, strings.Join(reasons, "; "))}
}

// uses are the services that run v or an index above it, then the deployments that are under way, at most maxUses.
func (c *change) uses(v Version) ([]Use, error) {
	var runs, open []Use
	seen := map[int64]bool{v.ID: true}
	for queue := []Version{v}; len(queue) > 0 && len(runs)+len(open) < maxUses; queue = queue[1:] {
		now := queue[0]
		for _, k := range c.svc.keepers {
			uses, err := k.Uses(c.tx, now, maxUses)
			if err != nil {
				return nil, err
			}
			for _, u := range uses {
				if u.runs() {
					runs = append(runs, u)
				} else {
					open = append(open, u)
				}
			}
		}
		above, err := c.tx.References().Referrers(metadata.ReferrerPage{PackageID: c.pkg.ID, Kind: RefChild, Digest: now.Digest})
		if err != nil {
			return nil, err
		}
		for _, a := range above {
			if !seen[a.ID] {
				seen[a.ID] = true
				queue = append(queue, a)
			}
		}
	}
	uses := append(runs, open...)
	return uses[:min(len(uses), maxUses)], nil
}
