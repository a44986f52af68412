package publish

import (
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// tagStep is what a change does to a tag, in the words of a refusal.
type tagStep string

const (
	tagSet     tagStep = "set"
	tagMoved   tagStep = "moved"
	tagRemoved tagStep = "removed"
)

// maySet refuses to point a tag at a version if the repository's rules or the caller's rights do not allow it. now is the tag
// before the change; target is the version's ID, 0 for a new version. A tag that stays where it is is never refused. Denied.
func (c *change) maySet(name string, now registry.Tag, target int64) error {
	switch now.VersionID {
	case 0:
		return c.mayChangeTag(name, tagSet)
	case target:
		return nil
	}
	return c.mayChangeTag(name, tagMoved)
}

// mayChangeTag decides who may set, move or remove a tag: an immutable tag that exists is neither moved nor removed; a caller
// with the right to tag may do everything else; a caller without it may set new tags, and change tags that are neither protected
// nor followed by an environment. Only for that last answer is the database asked. Denied.
func (c *change) mayChangeTag(name string, step tagStep) error {
	rule := registry.TagRules.In(c.repo).For(c.pkg.Format, name)
	if rule.Rule == registry.TagImmutable && step != tagSet {
		return registry.Errorf(registry.Denied, registry.AboutTag,
			"the tag %q of %s can't be %s: repository %q has the tag rule %s; an administrator can change the rule first", name, c.pkg.Name, step, c.repo.Name, rule)
	}
	if c.may(access.Tag) {
		return nil
	}
	if rule.Rule == registry.TagProtected {
		return registry.Errorf(registry.Denied, registry.AboutTag,
			"the tag %q of %s can't be %s without the right \"tag\": repository %q has the tag rule %s", name, c.pkg.Name, step, c.repo.Name, rule)
	}
	if step == tagSet {
		return nil
	}
	for _, k := range c.svc.keepers {
		environment, err := k.Follower(c.tx, name, c.repo)
		if err != nil {
			return err
		}
		if environment != "" {
			return c.followed(name, step, environment)
		}
	}
	return nil
}

// followed is the refusal to change a tag that an environment follows.
func (c *change) followed(name string, step tagStep, environment string) error {
	by := "an environment follows it"
	if c.may(access.Read) { // a caller who may read nothing sees no environments
		by = "environment \"" + environment + "\" follows it"
	}
	return registry.Errorf(registry.Denied, registry.AboutTag, "the tag %q of %s can't be %s without the right \"tag\" in repository %q: %s", name, c.pkg.Name, step, c.repo.Name, by)
}

// mayTakeAway refuses to delete a version while a tag that the caller may not remove names it, or names an index that contains
// it. Denied.
func (c *change) mayTakeAway(v registry.Version) error { return c.mayEmpty(v, "deleted") }

// mayStrip is mayTakeAway for some of a version's files: without them the tag names less than it did.
func (c *change) mayStrip(v registry.Version) error { return c.mayEmpty(v, "stripped of files") }

// mayOverwrite is mayTakeAway for other bytes under a version's names: the tag would name something else.
func (c *change) mayOverwrite(v registry.Version) error { return c.mayEmpty(v, "overwritten") }

func (c *change) mayEmpty(v registry.Version, what string) error {
	if c.mayRemoveAnyTag() {
		return nil
	}
	tags, err := c.tagsNeeding(v)
	if err != nil {
		return err
	}
	for _, t := range tags {
		if err := c.mayChangeTag(t.Name, tagRemoved); err != nil {
			e := registry.AsError(err)
			return &registry.Error{Kind: e.Kind, Subject: e.Subject, Err: e.Err, Detail: c.pkg.Name + " " + v.Name + " can't be " + what + ": " + e.Detail}
		}
	}
	return nil
}

// mayRemoveAnyTag reports whether no tag of the repository is kept from the caller, so that its tags need not be read.
func (c *change) mayRemoveAnyTag() bool {
	for _, r := range registry.TagRules.In(c.repo) {
		if r.Rule == registry.TagImmutable {
			return false
		}
	}
	return c.may(access.Tag)
}

// tagsNeeding returns the tags that name v, then those that name an index above it.
func (c *change) tagsNeeding(v registry.Version) (tags []registry.Tag, err error) {
	err = c.upwards(v, func(now registry.Version) (bool, error) {
		some, err := c.tx.Tags().TagsOfVersion(now.ID)
		tags = append(tags, some...)
		return true, err
	})
	return tags, err
}

// upwards calls fn for v and for every index above it, nearest first, until fn returns false or an error.
func (c *change) upwards(v registry.Version, fn func(registry.Version) (bool, error)) error {
	seen := map[int64]bool{v.ID: true}
	for queue := []registry.Version{v}; len(queue) > 0; queue = queue[1:] {
		if more, err := fn(queue[0]); err != nil || !more {
			return err
		}
		above, err := c.tx.References().Referrers(metadata.ReferrerPage{PackageID: c.pkg.ID, Kind: registry.RefChild, Digest: queue[0].Digest})
		if err != nil {
			return err
		}
		for _, a := range above {
			if !seen[a.ID] {
				seen[a.ID] = true
				queue = append(queue, a)
			}
		}
	}
	return nil
}

// TagsNeeding returns the tags that name a version, then those that name an index that contains it: what no longer resolves, or
// can't be pulled, once the version is deleted. NotFound.
func (e *Edit) TagsNeeding(version string) ([]registry.Tag, error) {
	v, err := e.c.version(version)
	if err != nil {
		return nil, err
	}
	return e.c.tagsNeeding(v)
}
