package publish

import (
	"bytes"
	"errors"
	"math"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// committer is the transaction of a publish.
type committer struct {
	*change
	rel   Release
	files []Staged
	name  registry.Name
	back  map[string]bool // paths of files that were evicted, and have come again
	wrote []registry.File
	// shadowed are the callers who got the package from elsewhere, where it is published for the first time.
	shadowed []string
}

func (c *committer) run() (Result, error) {
	if err := refuseFileAsFolder(c.files); err != nil {
		return Result{}, err
	}
	if err := c.enter(c.name); err != nil {
		return Result{}, err
	}
	if err := c.origin(); err != nil {
		return Result{}, err
	}
	old, err := c.findExisting()
	if err == nil {
		err = c.live() // reads the repository's current settings, which decide what may be done to the version
		if err != nil {
			return Result{}, err
		}
	}
	if err == nil || errors.Is(err, metadata.ErrNotExist) {
		if err := c.condition(old); err != nil {
			return Result{}, err
		}
	}
	fresh := errors.Is(err, metadata.ErrNotExist) || err == nil && old.State == registry.Deleted
	if err == nil || fresh {
		if err := c.look(fresh, old); err != nil {
			return Result{}, err
		}
	}
	var res Result
	switch {
	case errors.Is(err, metadata.ErrNotExist):
		res, err = c.create(registry.Version{})
	case err != nil:
	case old.State == registry.Deleted && !c.reuse() && !c.rel.Revive:
		err = registry.Errorf(registry.Conflict, registry.AboutVersion, "%s %s was deleted; its coordinate can't be used again", c.pkg.Name, old.Name)
	case old.State == registry.Deleted:
		res, err = c.create(old)
	case c.rel.Mode == Create:
		res, err = c.matchExisting(old)
	default:
		res, err = c.addFiles(old)
	}
	if err != nil {
		return Result{}, err
	}
	if err = c.keepOrigin(res); err == nil && len(c.shadowed) > 0 {
		_, err = c.append(registry.EventNameShadowed, nil, registry.EventData{Callers: c.shadowed})
	}
	if err != nil {
		return Result{}, err
	}
	err = c.close()
	res.Package, res.Files = c.pkg, c.wrote
	return res, err
}

// findExisting finds the version that the release is about, also a deleted one. With SameKey the release takes the name of the
// version found. ErrNotExist.
func (c *committer) findExisting() (registry.Version, error) {
	switch {
	case c.made:
		return registry.Version{}, metadata.ErrNotExist
	case !c.rel.SameKey:
		return c.tx.Versions().Version(c.pkg.ID, c.rel.Version)
	}
	// Names are never empty, so seeking past (key, "") lands on the first version with this key. A version of the release's
	// own name has the same key.
	vs, err := c.tx.Versions().Versions(metadata.VersionPage{PackageID: c.pkg.ID, AfterSortKey: c.rel.SortKey, Deleted: true, Limit: 1})
	if err != nil {
		return registry.Version{}, err
	}
	if len(vs) == 0 || !bytes.Equal(vs[0].SortKey, c.rel.SortKey) {
		return registry.Version{}, metadata.ErrNotExist
	}
	c.rel.Version, c.rel.PURL = vs[0].Name, vs[0].PURL
	return vs[0], nil
}

// condition runs Release.If.
func (c *committer) condition(old registry.Version) error {
	if c.rel.If == nil {
		return nil
	}
	return c.rel.If(Existing{c.tx.Files(), old})
}

// create makes the version; old is its tombstone or empty.
func (c *committer) create(old registry.Version) (Result, error) {
	if len(c.rel.Facts) > maxFacts {
		return Result{}, tooManyFacts(c.pkg, c.rel.Version, len(c.rel.Facts))
	}
	v := c.versionOf(old)
	if c.rel.Cached != nil && !c.rel.Cached.File.PublishedAt.IsZero() {
		v.PublishedAt = c.rel.Cached.File.PublishedAt
	}
	if err := c.merge(&v); err != nil {
		return Result{}, err
	}
	if err := c.heldParts(); err != nil {
		return Result{}, err
	}
	files, err := c.newFiles(v, c.files)
	if err != nil {
		return Result{}, err
	}
	for _, f := range files {
		v.Size += f.Blob.Size
	}
	if v.Digest = c.rel.Digest; v.Digest == "" {
		v.Digest = registry.ContentDigest(files)
	}
	e, err := c.tellMade(v, files)
	if err != nil {
		return Result{}, err
	}
	v.Seq = e.Seq
	if v, err = c.store(v, files); err != nil {
		return Result{}, err
	}
	if err := c.updatePackage(); err != nil {
		return Result{}, err
	}
	c.pkg.VersionCount++
	c.dirty = true
	if c.made && !v.Attached {
		c.newest = v.Name
	}
	if err = c.tags(&v); err == nil && c.rel.State != "" {
		err = c.setState(&v, c.rel.State, c.rel.Reason)
		c.sorted = false // lookNewest has taken the state into account
	}
	return Result{Version: v, Created: true, Changed: true}, err
}

// tellMade logs that the version is made. There is an entry for each file from a remote that anybody ever needed, so it says nothing twice: the
// facts alone have what is known of source and build, and the parts of an image are pinned by its digest.
func (c *committer) tellMade(v registry.Version, files []registry.File) (registry.Entry, error) {
	data := registry.EventData{Files: registry.EventFiles(c.rel.Cached.unpinned(files)), Upstream: c.rel.Cached.event(), Promoted: c.rel.Promotion,
		EventDeployment: registry.EventDeployment{Cause: c.rel.cause()}}
	kind := registry.EventArtifactPublished
	switch {
	case c.rel.Cached != nil:
		kind = registry.EventCacheEntered
	case v.Attached:
		kind = registry.EventAttachmentStored
	case c.rel.Silent:
		kind = registry.EventArtifactStored
	}
	if c.rel.Cached == nil {
		data.EventRelease = registry.EventReleaseOf(c.rel.Facts)
	}
	data.State(c.rel.Facts)
	return c.append(kind, &v, data)
}

// store writes the rows of a new version, whose log entry is there.
func (c *committer) store(v registry.Version, files []registry.File) (_ registry.Version, err error) {
	if v.ID == 0 {
		v, err = c.tx.Versions().CreateVersion(v)
	} else if err = c.tx.Versions().UpdateVersion(v); err == nil {
		err = c.forget(v)
	}
	if err != nil {
		return v, err
	}
	for _, f := range files {
		f.VersionID, f.Seq = v.ID, v.Seq
		if err := c.tx.Files().AddFile(f); err != nil {
			return v, err
		}
		c.wrote = append(c.wrote, f)
	}
	if err := c.addFacts(v, c.rel.Facts, v.Seq); err != nil {
		return v, err
	}
	return v, c.writeReferences(v)
}

// forget drops what is kept of a version that is published anew. Of very many files it drops some: others would wait for the rest, which
// goes after the commit, or before the next collection.
func (c *committer) forget(v registry.Version) error {
	_, err := c.tx.Trash().MoveFiles(v.ID, math.MaxInt) // where its deletion was cut off
	if err != nil {
		return err
	}
	if c.pkg.Origin == metadata.OriginCached { // its files are known also where they are gone
		err = c.tx.Trash().Forget(v.ID)
	} else {
		var n int64
		n, err = c.tx.Trash().ForgetFiles(v.ID, filesAtOnce)
		c.moving = c.moving || n == filesAtOnce
	}
	if err == nil {
		err = c.tx.Evictions().ForgetFiles(v.ID)
	}
	return err
}

// versionOf returns the version's row for the release; old is its tombstone or empty.
func (c *committer) versionOf(old registry.Version) registry.Version {
	return registry.Version{
		ID: old.ID, PackageID: c.pkg.ID, Name: c.rel.Version, PURL: c.rel.PURL, State: registry.Published,
		SortKey: c.rel.SortKey, Prerelease: c.rel.Prerelease, Descriptor: c.rel.Descriptor, MediaType: c.rel.MediaType,
		PublishedAt: c.tx.Now(), PublishedBy: c.actor.Text(), PublisherID: c.actor.ID, Announced: !c.rel.Silent && !c.rel.Attached, Attached: c.rel.Attached,
	}
}

// tags sets the release's tags to v, which is updated with what is stored.
func (c *committer) tags(v *registry.Version) error {
	for _, t := range c.rel.Tags {
		if err := c.tagIf(t); err != nil {
			return err
		}
		if _, err := c.setTag(t, v, "published"); err != nil {
			return err
		}
	}
	for _, t := range c.rel.TagsIfUnset {
		if slices.Contains(c.rel.Tags, t) {
			continue
		}
		former, err := c.formerTag(t)
		if err == nil && former.now.VersionID == 0 {
			_, err = c.setTag(t, v, "published")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *committer) tagIf(name string) error {
	if c.rel.TagIf == nil {
		return nil
	}
	former, err := c.formerTag(name)
	if err != nil {
		return err
	}
	return c.rel.TagIf(name, former.now)
}

// writeReferences stores the digests that the version points at.
func (c *committer) writeReferences(v registry.Version) error {
	refs := make([]metadata.Reference, len(c.rel.References))
	for i, r := range c.rel.References {
		refs[i] = metadata.Reference{VersionID: v.ID, PackageID: c.pkg.ID, Kind: r.Kind, Digest: r.Digest}
	}
	if c.rel.Cached != nil {
		for _, p := range c.rel.Cached.Parts {
			refs = append(refs, metadata.Reference{VersionID: v.ID, PackageID: c.pkg.ID, Kind: registry.RefBlob, Digest: p.Digest})
		}
	}
	return c.tx.References().AddReferences(refs)
}

// merge lets the format make the version's descriptor from the former one.
func (c *committer) merge(v *registry.Version) error {
	if c.rel.Merge == nil {
		return nil
	}
	d, err := c.rel.Merge(v.Descriptor)
	if err == nil {
		v.Descriptor = d
	}
	return err
}

// updatePackage updates the package's own descriptor.
func (c *committer) updatePackage() error {
	if c.rel.Package == nil {
		return nil
	}
	d, err := c.rel.Package(c.pkg.Descriptor)
	if err == nil {
		c.pkg.Descriptor = d
	}
	return err
}

// matchExisting answers a Create of a version that exists: success if the content is identical. If the release has a Digest,
// its tags are set too.
func (c *committer) matchExisting(old registry.Version) (Result, error) {
	same, err := c.matches(old)
	switch {
	case err != nil:
		return Result{}, err
	case !same:
		return Result{}, registry.Errorf(registry.AlreadyExists, registry.AboutVersion, "%s %s exists already with other content", c.pkg.Name, old.Name)
	case c.rel.Digest != "":
		if c.rel.Fill {
			err = c.fill(&old)
		}
		if err == nil {
			err = c.tags(&old)
		}
	}
	return Result{Version: old, Changed: c.dirty}, err
}

// matches reports whether a version has the content of the release.
func (c *committer) matches(old registry.Version) (bool, error) {
	if c.rel.Digest != "" {
		return old.Digest == c.rel.Digest, nil
	}
	have, err := c.tx.Files().Files(metadata.FileQuery{VersionID: old.ID})
	if err != nil || len(have) != len(c.files) {
		return false, err
	}
	sent := make(map[string]digest.Digest, len(c.files))
	for _, st := range c.files {
		sent[st.Path] = st.Blob.Digest
	}
	return !slices.ContainsFunc(have, func(f registry.File) bool { return sent[f.Path] != f.Blob.Digest }), nil
}
