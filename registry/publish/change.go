package publish

import (
	"cmp"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// change is what one transaction does to one package: it writes rows and log entries together, so that the log can never
// differ from the state.
type change struct {
	svc   *Publisher
	tx    metadata.Tx
	actor access.Actor
	to    registry.Target
	repo  registry.Repository // of to
	pkg   registry.Package
	// tagged is the version that the change set the tag latest to; "" where it did not.
	tagged string
	// newest is the version shown as the newest unless the change sets the tag latest; "" where the change has not computed
	// it.
	newest string
	sorted bool // the newest version has to be looked up when the change closes
	made   bool // the change made the package
	dirty  bool
	moving bool // the change deleted, or made anew, a version whose files are taken away later
	// from is the remote whose tags the change sets; nil: somebody sets them here.
	from *registry.EventUpstream
	// looked has the tags that were read before the first log entry, by name.
	looked map[string]formerTag
}

func newChange(s *Publisher, tx metadata.Tx, actor access.Actor, to registry.Target) *change {
	return &change{svc: s, tx: tx, actor: actor, to: to, repo: to.Repository}
}

// may reports whether the caller has a right, in the repository that it named as well.
func (c *change) may(action access.Action) bool { return c.to.Allows(c.actor, action) }

// open loads the package.
func (c *change) open(at registry.Name) error {
	pkg, err := c.tx.Packages().Package(at.Repository, at.Format, at.Package)
	if err != nil {
		return registry.Missing(err, registry.AboutPackage, "there is no %s package %q in repository %q", at.Format, registry.Clip(at.Package), at.Repository)
	}
	c.pkg = pkg
	return nil
}

func (c *change) make(at registry.Name) (err error) {
	if err := c.oneCase(at); err != nil {
		return err
	}
	c.pkg, err = c.tx.Packages().CreatePackage(registry.Package{RepositoryID: c.repo.ID, Repository: at.Repository, Format: at.Format, Key: at.Package, Name: at.Display})
	c.made = true
	return err
}

// oneCase refuses a new package whose name differs from another one in the case of letters alone, where the format says so.
func (c *change) oneCase(at registry.Name) error {
	if !c.svc.core.Rules[at.Format].OneCase {
		return nil
	}
	other, err := c.tx.Packages().PackageLike(c.repo.ID, at.Format, at.Package)
	switch {
	case errors.Is(err, metadata.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return registry.Errorf(registry.Conflict, registry.AboutPackage, "there is a package %q already; a new name must differ in more than the case of its letters", other.Name)
}

// enter loads the package, or makes it in a repository that still exists. The row of an existing package names its
// repository's id, so the repository's row is read only where there is no package.
func (c *change) enter(at registry.Name) error {
	pkg, err := c.tx.Packages().Package(at.Repository, at.Format, at.Package)
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
	return c.make(at)
}

// close stores the package's row if the change wrote anything.
func (c *change) close() error {
	if !c.dirty {
		return nil
	}
	latest, err := c.latest()
	if err != nil {
		return err
	}
	c.pkg.Latest = latest
	if err := c.tx.Packages().UpdatePackage(c.pkg); err != nil {
		return err
	}
	c.pkg.Revision++
	c.pkg.UpdatedAt = c.tx.Now()
	c.dirty = false
	return nil
}

// latestTag names the version shown as the newest.
const latestTag = "latest"

// latest is the version shown as the newest: the version of the tag latest, else the highest that is no prerelease, else the
// highest.
func (c *change) latest() (string, error) {
	switch {
	case c.tagged != "":
		return c.tagged, nil
	case !c.sorted:
		return cmp.Or(c.newest, c.pkg.Latest), nil
	}
	tag, err := c.tx.Tags().Tag(c.pkg.ID, latestTag)
	if err == nil {
		v, err := c.tx.Versions().VersionByID(tag.VersionID)
		if err != nil || !v.Attached {
			return tag.Version, err
		}
	} else if !errors.Is(err, metadata.ErrNotExist) {
		return "", err
	}
	name, err := c.tx.Versions().Highest(c.pkg.ID)
	if errors.Is(err, metadata.ErrNotExist) {
		return "", nil
	}
	return name, err
}

// append writes a log entry about a version, or about the package where v is nil.
func (c *change) append(kind registry.EventType, v *registry.Version, data registry.EventData) (registry.Entry, error) {
	data.Repository, data.Format, data.Package = c.repo.Name, c.pkg.Format, c.pkg.Name
	subject := ""
	if v != nil {
		data.Version, data.PURL, data.Digest, data.MediaType = v.Name, v.PURL, v.Digest, v.MediaType
		subject = v.PURL
	}
	return registry.Append(c.tx.Log(), c.actor, kind, subject, c.repo.ID, c.pkg.ID, data)
}

// version returns a version of the package that is not deleted.
func (c *change) version(name string) (registry.Version, error) {
	return registry.Living(c.tx.Versions(), c.pkg, name)
}

// present returns the version v that a look-up found under name, unless v is deleted.
func (c *change) present(v registry.Version, err error, name string) (registry.Version, error) {
	return registry.Present(c.pkg, v, err, name)
}

// setTag points a tag at a version; setting a tag to the version it names already changes nothing. The first tag announces a
// version that was stored silently, and a version without a digest gets one: v, a whole row, is updated with what is stored.
func (c *change) setTag(name string, v *registry.Version, reason string) (registry.Tag, error) {
	if err := registry.Identify(c.tx, v); err != nil {
		return registry.Tag{}, err
	}
	attached, err := c.attach(name, v)
	if err != nil {
		return registry.Tag{}, err
	}
	if err := c.announce(v, attached); err != nil {
		return registry.Tag{}, err
	}
	former, err := c.formerTag(name)
	if err != nil {
		return registry.Tag{}, err
	}
	old := former.now
	if old.VersionID != 0 && old.VersionID == v.ID {
		return old, nil
	}
	data := registry.EventData{Tag: name, Reason: reason, Generation: former.generation + 1}
	if old.VersionID != 0 {
		data.Previous = &registry.EventVersion{Version: old.Version, Digest: old.Digest}
	}
	delete(c.looked, name)
	kind := registry.EventTagSet
	switch {
	case c.from != nil:
		kind, data.Upstream = registry.EventCacheTagMoved, c.from
	case attached:
		kind = registry.EventAttachmentTagged
	}
	e, err := c.append(kind, v, data)
	if err != nil {
		return registry.Tag{}, err
	}
	c.dirty = true
	t, err := c.tx.Tags().SetTag(registry.Tag{PackageID: c.pkg.ID, Name: name, VersionID: v.ID, Version: v.Name, Digest: v.Digest,
		SetBy: c.actor.Text(), Reason: reason, SeqFrom: e.Seq})
	if name == latestTag && !v.Attached {
		c.tagged = v.Name
	}
	return t, err
}

// attach reports whether a tag that is about to name v is one of an attachment, and updates v: what only such tags name is
// attached to another version, and what has a subject stays so whatever its tags are.
func (c *change) attach(tag string, v *registry.Version) (bool, error) {
	of := c.svc.core.Rules[c.pkg.Format].AttachmentTag
	switch known := of != nil && of(tag); {
	case known && !v.Announced && !v.Attached:
		v.Attached, c.sorted, c.dirty = true, true, true
		return true, c.tx.Versions().UpdateVersion(*v)
	case known || !v.Attached:
		return known, nil
	}
	refs, err := c.tx.References().References(v.ID)
	if err != nil || slices.ContainsFunc(refs, func(r metadata.Reference) bool { return r.Kind == registry.RefSubject }) {
		return true, err
	}
	v.Attached, c.sorted = false, true // announce stores it
	return false, nil
}

// announce logs the event for subscribers of a version that was stored silently as a part of something else, unless the tag that
// it gets is attached. What comes from a remote was not published here.
func (c *change) announce(v *registry.Version, attached bool) error {
	if v.Announced || attached {
		return nil
	}
	if c.from == nil {
		if err := c.published(v); err != nil {
			return err
		}
	}
	v.Announced = true
	c.dirty = true
	return c.tx.Versions().UpdateVersion(*v)
}

// published logs that a version became visible.
func (c *change) published(v *registry.Version) error {
	files, err := c.tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
	if err != nil {
		return err
	}
	facts, err := c.tx.Facts().Facts(v.ID)
	if err != nil {
		return err
	}
	_, err = c.append(registry.EventArtifactPublished, v, registry.EventData{Files: registry.EventFiles(files), EventRelease: registry.EventReleaseOf(registry.FactInputs(facts))})
	return err
}

// removeTag ends a tag if the caller may. NotFound, Denied.
func (c *change) removeTag(name, reason string) error {
	old, err := c.tx.Tags().Tag(c.pkg.ID, name)
	if err != nil {
		return registry.Missing(err, registry.AboutTag, "there is no tag %q on %q", registry.Clip(name), c.pkg.Name)
	}
	if err := c.mayChangeTag(name, tagRemoved); err != nil {
		return err
	}
	v, err := c.tx.Versions().VersionByID(old.VersionID)
	if err != nil {
		return err
	}
	return c.endTag(old, v, reason)
}

// endTag ends the interval of a tag that names v.
func (c *change) endTag(old registry.Tag, v registry.Version, reason string) error {
	name := old.Name
	kind := registry.EventTagRemoved
	if of := c.svc.core.Rules[c.pkg.Format].AttachmentTag; v.Attached || of != nil && of(name) {
		kind = registry.EventAttachmentUntagged
	}
	e, err := c.append(kind, &v, registry.EventData{Tag: name, Reason: reason, Generation: old.Generation})
	if err != nil {
		return err
	}
	c.dirty = true
	delete(c.looked, name)
	if name == latestTag {
		c.tagged, c.sorted = "", true
	}
	return c.tx.Tags().RemoveTag(c.pkg.ID, name, e.Seq)
}

// addFacts stores facts of a version with the log entry they belong to.
func (c *change) addFacts(v registry.Version, facts []registry.FactInput, seq int64) error {
	if len(facts) == 0 {
		return nil
	}
	rows := make([]registry.Fact, len(facts))
	for i, f := range facts {
		rows[i] = registry.Fact{VersionID: v.ID, Key: f.Key, Value: f.Value, Source: f.Source, Rank: f.Rank, Seq: seq, At: c.tx.Now()}
	}
	return c.tx.Facts().AddFacts(rows)
}

// reuse reports whether a deleted coordinate may be published again.
func (c *change) reuse() bool { return registry.AllowReuse.In(c.repo) }

// live checks that the repository's name still means the same repository.
func (c *change) live() error {
	repo, err := c.tx.Repositories().Repository(c.repo.Name)
	if err == nil && repo.ID != c.repo.ID {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return registry.Missing(err, registry.AboutRepository, "there is no repository %q", c.repo.Name)
	}
	c.repo = repo
	return nil
}
