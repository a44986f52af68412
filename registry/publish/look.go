package publish

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// A store with several writers locks the log against all of them from an update's first entry to its commit. So a publish
// reads everything it needs before its first entry, and nothing after it.

// formerTag is what a tag named before a change.
type formerTag struct {
	now        registry.Tag // the zero Tag where there is none
	generation int64        // the highest that the tag ever had
}

// formerTag returns what a tag names in the transaction: from looked, or else from the store.
func (c *change) formerTag(name string) (formerTag, error) {
	if c.made {
		return formerTag{}, nil
	}
	if known, ok := c.looked[name]; ok {
		return known, nil
	}
	now, err := c.tx.Tags().Tag(c.pkg.ID, name)
	if err == nil {
		return formerTag{now, now.Generation}, nil
	}
	if !errors.Is(err, metadata.ErrNotExist) {
		return formerTag{}, err
	}
	past, err := c.tx.Tags().TagHistory(c.pkg.ID, name, registry.Page{Limit: 1})
	if err != nil || len(past) == 0 {
		return formerTag{}, err
	}
	return formerTag{generation: past[0].Generation}, nil
}

// look reads what a commit needs after its log entry: the tags that it sets, the versions that its references require, and,
// for a new version, which version is the newest afterwards. old is the version that exists, for a release that is not fresh.
// Denied: the caller may not move one of the tags.
func (c *committer) look(fresh bool, old registry.Version) error {
	if err := c.lookTags(fresh, old); err != nil {
		return err
	}
	if c.made && !slices.ContainsFunc(c.rel.References, func(r Reference) bool { return r.Required }) {
		return nil
	}
	if !fresh {
		return nil
	}
	for _, r := range c.rel.References {
		if !r.Required {
			continue
		}
		if _, err := c.tx.Versions().VersionByDigest(c.pkg.ID, r.Digest); err != nil {
			return registry.Missing(err, registry.AboutBlob, "%s has no %s", c.pkg.Name, r.Digest)
		}
	}
	return c.lookNewest()
}

// lookTags reads the tags that the release sets, and asks whether the caller may set them. Tags that a format sets by itself
// where there are none need no right.
func (c *committer) lookTags(fresh bool, old registry.Version) error {
	c.looked = map[string]formerTag{}
	sets := fresh || c.rel.Digest != "" || c.rel.Mode != Create // else an equal version stays as it is, with its tags
	target := old.ID
	if fresh {
		target = 0
	}
	for _, name := range c.rel.Tags {
		former, err := c.formerTag(name)
		if err == nil && sets {
			err = c.maySet(name, former.now, target)
		}
		if err != nil {
			return err
		}
		c.looked[name] = former
	}
	for _, name := range c.rel.TagsIfUnset {
		former, err := c.formerTag(name)
		if err != nil {
			return err
		}
		c.looked[name] = former
	}
	return nil
}

// keepLooked remembers a tag that was read, so that the change does not read it again.
func (c *change) keepLooked(name string, former formerTag) {
	if c.looked == nil {
		c.looked = map[string]formerTag{}
	}
	c.looked[name] = former
}

// lookNewest finds which version is shown as the newest once the release is committed, by the rule of
// metadata.Versions.Highest.
func (c *committer) lookNewest() error {
	latest, err := c.formerTag(latestTag)
	if err != nil {
		return err
	}
	c.looked[latestTag] = latest
	switch {
	case c.rel.Attached:
		c.newest = c.pkg.Latest
		return nil
	case latest.now.VersionID != 0 && latest.now.Version == c.pkg.Latest: // else it names what is attached to another version
		c.newest = latest.now.Version
		return nil
	}
	c.newest = c.rel.Version
	if c.pkg.Latest == "" {
		return nil
	}
	old, err := c.version(c.pkg.Latest)
	if err != nil {
		return err
	}
	passedOver := func(v registry.Version) bool { return v.Prerelease || v.State == registry.Yanked }
	coming := registry.Version{Name: c.rel.Version, SortKey: c.rel.SortKey, Prerelease: c.rel.Prerelease, State: c.rel.State}
	if passedOver(old) == passedOver(coming) {
		if cmp.Or(bytes.Compare(old.SortKey, coming.SortKey), strings.Compare(old.Name, coming.Name)) > 0 {
			c.newest = old.Name
		}
	} else if passedOver(coming) {
		c.newest = old.Name
	}
	return nil
}
