package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"slipway/metadata"
	"slipway/registry/access"
)

// change is what one transaction does to one package: it writes records and log entries together, so that the log can
// never differ from the state.
type change struct {
	svc   *Service
	tx    metadata.Tx
	actor access.Actor
	repo  Repository
	pkg   Package
	// tagged is the version of the tag latest where it is known.
	tagged string
	made   bool // the package, just now
	dirty  bool
}

func newChange(s *Service, tx metadata.Tx, actor access.Actor, repo Repository) *change {
	return &change{svc: s, tx: tx, actor: actor, repo: repo}
}

// open loads the package; with create, it makes it.
func (c *change) open(at Name, create bool) error {
	pkg, err := c.tx.Package(at.Repository, at.Format, at.Package)
	if errors.Is(err, metadata.ErrNotExist) && create {
		pkg, err = c.tx.CreatePackage(Package{RepositoryID: c.repo.ID, Repository: at.Repository, Format: at.Format, Key: at.Package, Name: at.Display})
		c.made = true
	}
	if err != nil {
		return missing(err, AboutPackage, "there is no %s package %q in repository %q", at.Format, clip(at.Package), at.Repository)
	}
	c.pkg = pkg
	return nil
}

// enter loads the package of a repository that exists as the same one, or makes it. Where there is a package its row says
// so, and the repository's is not read.
func (c *change) enter(at Name) error {
	pkg, err := c.tx.Package(at.Repository, at.Format, at.Package)
	switch {
	case err == nil && pkg.RepositoryID == c.repo.ID:
		c.pkg = pkg
		return nil
	case err != nil && !errors.Is(err, metadata.ErrNotExist):
		return err
	}
	if err := c.live(); err != nil {
		return err
	}
	return c.open(at, true)
}

// close stores the package's row when anything below it changed.
func (c *change) close() error {
	if !c.dirty {
		return nil
	}
	latest, err := c.latest()
	if err != nil {
		return err
	}
	c.pkg.Latest = latest
	if err := c.tx.UpdatePackage(c.pkg); err != nil {
		return err
	}
	c.pkg.Revision++
	c.pkg.UpdatedAt = c.tx.Now()
	c.dirty = false
	return nil
}

// latestTag names the version shown as the newest.
const latestTag = "latest"

// latest is the version shown as the newest: the tag of that name, else the highest that is no prerelease, else the
// highest.
func (c *change) latest() (string, error) {
	if c.tagged != "" {
		return c.tagged, nil
	}
	tag, err := c.tx.Tag(c.pkg.ID, latestTag)
	if err == nil {
		return tag.Version, nil
	}
	if !errors.Is(err, metadata.ErrNotExist) {
		return "", err
	}
	v, err := c.highest()
	return v.Name, err
}

// highest returns the highest version that is no prerelease, else the highest, else an empty one.
func (c *change) highest() (Version, error) {
	const page = 64
	p := metadata.VersionPage{PackageID: c.pkg.ID, NewestFirst: true, Limit: 1, NoDescriptors: true} // it is mostly the first
	var first Version
	for {
		vs, err := c.tx.Versions(p)
		if err != nil || len(vs) == 0 {
			return first, err
		}
		if first.ID == 0 {
			first = vs[0]
		}
		if i := slices.IndexFunc(vs, func(v Version) bool { return !v.Prerelease && v.State != Yanked }); i >= 0 {
			return vs[i], nil
		}
		last := vs[len(vs)-1]
		p.AfterSortKey, p.AfterName, p.Limit = last.SortKey, last.Name, page
	}
}

// append writes a log entry about a version, or about the package where v is nil.
func (c *change) append(kind string, v *Version, data EventData) (Entry, error) {
	data.Repository, data.Format, data.Package = c.repo.Name, c.pkg.Format, c.pkg.Name
	subject := ""
	if v != nil {
		data.Version, data.PURL, data.Digest, data.MediaType = v.Name, v.PURL, v.Digest, v.MediaType
		subject = v.PURL
	}
	return appendEntry(c.tx, c.actor, kind, subject, c.repo.ID, c.pkg.ID, data)
}

// appendEntry is the one way into the log.
func appendEntry(tx metadata.Tx, actor access.Actor, kind, subject string, repo, pkg int64, data EventData) (Entry, error) {
	data.Actor = actor.Name
	if actor.Type == access.TypeToken {
		data.Token = actor.Token
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return Entry{}, fmt.Errorf("log entry %s: %w", kind, err)
	}
	return tx.Append(Entry{
		Type: kind, Subject: subject, RepositoryID: repo, PackageID: pkg,
		Actor: metadata.Actor{Type: actor.Type, ID: actor.ID}, Data: raw,
	})
}

// version returns a version of the package that is not deleted.
func (c *change) version(name string) (Version, error) {
	v, err := c.tx.Version(c.pkg.ID, name)
	if err == nil && v.State == Deleted {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return Version{}, missing(err, AboutVersion, "there is no version %q of %q", clip(name), c.pkg.Name)
	}
	return v, nil
}

// setTag points a tag at a version; pointing it where it points already changes nothing. The first tag announces a version
// that was stored silently.
func (c *change) setTag(name string, v Version, reason string) (Tag, bool, error) {
	v, err := identify(c.tx, v)
	if err != nil {
		return Tag{}, false, err
	}
	if err := c.announce(v); err != nil {
		return Tag{}, false, err
	}
	old, err := c.tx.Tag(c.pkg.ID, name)
	switch {
	case err == nil && old.VersionID == v.ID:
		return old, false, nil
	case err != nil && !errors.Is(err, metadata.ErrNotExist):
		return Tag{}, false, err
	}
	data := EventData{Tag: name, Reason: reason, Generation: old.Generation + 1}
	if old.VersionID != 0 {
		data.Previous = &EventVersion{Version: old.Version, Digest: old.Digest}
	} else if !c.made {
		past, err := c.tx.TagHistory(c.pkg.ID, name, Page{Limit: 1})
		if err != nil {
			return Tag{}, false, err
		}
		if len(past) > 0 {
			data.Generation = past[0].Generation + 1
		}
	}
	e, err := c.append("tag.set", &v, data)
	if err != nil {
		return Tag{}, false, err
	}
	c.dirty = true
	t, err := c.tx.SetTag(Tag{PackageID: c.pkg.ID, Name: name, VersionID: v.ID, Version: v.Name, Digest: v.Digest,
		SetBy: c.actor.Name, Reason: reason, SeqFrom: e.Seq})
	if name == latestTag {
		c.tagged = v.Name
	}
	return t, true, err
}

// announce tells of a version that was stored without an event for subscribers: it became something of its own.
func (c *change) announce(v Version) error {
	if v.Announced {
		return nil
	}
	files, err := c.tx.Files(v.ID)
	if err != nil {
		return err
	}
	facts, err := c.tx.Facts(v.ID)
	if err != nil {
		return err
	}
	if _, err := c.append("artifact.published", &v, EventData{Files: eventFiles(files), eventRelease: releaseOf(inputs(facts))}); err != nil {
		return err
	}
	v.Announced = true
	c.dirty = true
	return c.tx.UpdateVersion(v)
}

// removeTag ends a tag's interval. NotFound.
func (c *change) removeTag(name, reason string) error {
	old, err := c.tx.Tag(c.pkg.ID, name)
	if err != nil {
		return missing(err, AboutTag, "there is no tag %q on %q", clip(name), c.pkg.Name)
	}
	v, err := c.tx.VersionByID(old.VersionID)
	if err != nil {
		return err
	}
	e, err := c.append("tag.removed", &v, EventData{Tag: name, Reason: reason, Generation: old.Generation})
	if err != nil {
		return err
	}
	c.dirty = true
	if name == latestTag {
		c.tagged = ""
	}
	return c.tx.RemoveTag(c.pkg.ID, name, e.Seq)
}

// addFacts stores facts of a version with the log entry they belong to.
func (c *change) addFacts(v Version, facts []FactInput, seq int64) error {
	if len(facts) == 0 {
		return nil
	}
	rows := make([]Fact, len(facts))
	for i, f := range facts {
		rows[i] = Fact{VersionID: v.ID, Key: f.Key, Value: f.Value, Source: f.Source, Rank: f.Rank, Seq: seq, At: c.tx.Now()}
	}
	return c.tx.AddFacts(rows)
}

func (c *change) settings() RepositorySettings { return settingsOf(c.repo) }

// live checks that the repository still exists under its name, as the same one.
func (c *change) live() error {
	repo, err := c.tx.Repository(c.repo.Name)
	if err == nil && repo.ID != c.repo.ID {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return missing(err, AboutRepository, "there is no repository %q", c.repo.Name)
	}
	c.repo = repo
	return nil
}
