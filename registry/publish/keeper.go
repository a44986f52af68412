package publish

import (
	"fmt"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// maxUses bounds the reasons of one refusal.
const maxUses = 5

// Keeper knows which versions must stay, and which tags say what is to run.
type Keeper interface {
	// Uses returns why a version can't be deleted: at most limit services that run it, and at most limit deployments that are
	// about to.
	Uses(tx metadata.Tx, v registry.Version, limit int) ([]registry.Use, error)
	// Follower returns the name of an environment that follows a tag in a repository; "" where none does.
	Follower(tx metadata.Tx, tag string, repo registry.Repository) (environment string, err error)
}

// unused refuses a change that takes bytes away from a version while the version, or an index that contains it, is deployed.
// what names the change in the message. Conflict.
func (c *change) unused(v registry.Version, what string) error {
	uses, err := c.uses(v)
	if err != nil || len(uses) == 0 {
		return err
	}
	if !c.may(access.Read) { // who may not read is not told what runs where
		return &registry.Error{Kind: registry.Conflict, Subject: registry.AboutVersion, Err: &registry.InUse{},
			Detail: fmt.Sprintf("%s %s can't be %s: it is deployed", c.pkg.Name, v.Name, what)}
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

// ofIndexes leaves the tags of indexes, at most maxUses, of the tags that need a version.
func ofIndexes(needing []registry.Tag, version string) []registry.Tag {
	needing = slices.DeleteFunc(needing, func(t registry.Tag) bool { return t.Version == version })
	return needing[:min(len(needing), maxUses)]
}

// keepParts refuses the deletion of a version that tagged versions have as a part, where the repository keeps those. Conflict.
func (c *change) keepParts(v registry.Version) error {
	keep := c.svc.core.Rules[c.pkg.Format].KeepParts
	if keep == nil || !keep(c.repo) {
		return nil
	}
	tags, err := c.tagsNeeding(v)
	if tags = ofIndexes(tags, v.Name); err != nil || len(tags) == 0 {
		return err
	}
	return registry.Errorf(registry.Conflict, registry.AboutVersion, "%s %s can't be deleted: the %s needs it, and repository %q keeps the parts of what is tagged", c.pkg.Name, v.Name, TagNames(tags), c.repo.Name)
}

// TagNames lists tags for a message: tag "1.0", or tags "1.0", "latest".
func TagNames(tags []registry.Tag) string {
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = fmt.Sprintf("%q", t.Name)
	}
	if len(names) == 1 {
		return "tag " + names[0]
	}
	return "tags " + strings.Join(names, ", ")
}
