package publish

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
)

// Arrived makes a Staged of a file that a remote delivered, whose bytes the store has taken at a time.
func Arrived(path, mediaType string, b registry.Blob, at time.Time) Staged {
	return Staged{Path: path, MediaType: mediaType, Blob: b, at: at}
}

// Enter commits what a remote delivered, a file or, of a release with a Digest, the descriptor, on behalf of the caller that asked for
// it, who needs no right to publish. rel.Cached says where it came from. Conflict: the package is published here, so nothing of a remote
// belongs into it; AlreadyExists: the path holds other bytes. ErrCollected never comes out: the bytes are looked for again.
func (s *Publisher) Enter(ctx context.Context, actor access.Actor, at registry.Name, rel Release, files ...Staged) (Result, error) {
	p, err := s.entering(ctx, actor, at)
	if err != nil {
		return Result{}, err
	}
	p.staged = files
	rel.Facts = slices.Clip(rel.Facts)
	for _, f := range rel.Cached.event().Seen() {
		if !slices.Contains(rel.Facts, f) { // as a bundle has them
			rel.Facts = append(rel.Facts, f)
		}
	}
	return p.Commit(ctx, rel)
}

func (s *Publisher) entering(ctx context.Context, actor access.Actor, at registry.Name) (*Publish, error) {
	repo, err := s.core.RepositoryRow(ctx, at.Repository)
	return &Publish{svc: s, actor: actor, to: registry.Target{Repository: repo, Asked: repo}, name: at, start: s.core.Now()}, err
}

// EnterPart makes a blob that a remote delivered a file of every version of the package whose descriptor names it. The log has no entry
// of it: that of the version pins its digest. NotFound: no version names it.
func (s *Publisher) EnterPart(ctx context.Context, actor access.Actor, at registry.Name, cached *Cached, part Staged) error {
	p, err := s.entering(ctx, actor, at)
	if err != nil {
		return err
	}
	files := []Staged{part}
	return p.update(ctx, files, func(tx metadata.Tx) error {
		c := committer{change: newChange(s, tx, actor, p.to), rel: Release{Cached: cached}, files: files, name: at}
		if err := c.open(at); err != nil {
			return err
		}
		versions, err := tx.References().Referrers(metadata.ReferrerPage{PackageID: c.pkg.ID, Kind: registry.RefBlob, Digest: digest.Digest(part.Path)})
		if err != nil {
			return err
		}
		if len(versions) == 0 {
			return registry.Errorf(registry.NotFound, registry.AboutBlob, "no version of %s names %s", c.pkg.Name, registry.Clip(part.Path))
		}
		for _, v := range versions {
			if err := c.addPart(v.ID); err != nil {
				return err
			}
		}
		return c.close()
	})
}

// addPart adds the part to a version that lacks it.
func (c *committer) addPart(versionID int64) error {
	_, err := c.tx.Files().File(versionID, c.files[0].Path)
	if !errors.Is(err, metadata.ErrNotExist) {
		return err
	}
	v, err := c.tx.Versions().VersionByID(versionID)
	if err != nil {
		return err
	}
	if was, known, err := c.cameBefore(v, c.files[0]); err != nil || known && was.Blob.Digest == c.files[0].Blob.Digest {
		if err == nil {
			err = c.comeBack(v.ID, c.files[0])
		}
		return err
	}
	added, err := c.newFiles(v, c.files)
	if err != nil {
		return err
	}
	added[0].Seq = v.Seq
	if err := c.tx.Files().AddFile(added[0]); err != nil {
		return err
	}
	v.Size += added[0].Blob.Size
	c.dirty = true
	if err := c.tx.Versions().UpdateVersion(v); err != nil {
		return err
	}
	return c.keepOrigin(Result{Version: v})
}

// heldParts links the parts of a release that the package holds already.
func (c *committer) heldParts() error {
	if c.rel.Cached == nil || c.made {
		return nil
	}
	for _, p := range c.rel.Cached.Parts {
		if slices.ContainsFunc(c.files, func(st Staged) bool { return st.Path == p.Digest.String() }) {
			continue // it came with the descriptor
		}
		b, err := content.OwnBlob(c.tx, c.name, c.pkg.ID, p.Digest)
		if errors.Is(err, metadata.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c.files = append(c.files, Staged{Path: p.Digest.String(), MediaType: p.MediaType, Blob: b, linked: true})
	}
	return nil
}

// EnterTag points a tag at a version that came from a remote which says so. It is called when the tag is served, for a caller who needs no
// right to tag. NotFound: the version is gone.
func (s *Publisher) EnterTag(ctx context.Context, actor access.Actor, at registry.Coordinate, tag, upstream string) error {
	if err := s.core.Rules.CheckTag(at.Format, tag); err != nil {
		return err
	}
	repo, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		c := newChange(s, tx, actor, registry.Target{Repository: repo, Asked: repo})
		c.from = &registry.EventUpstream{Name: upstream}
		if err := c.open(at.Name); err != nil {
			return err
		}
		v, err := c.version(at.Version)
		if err != nil {
			return err
		}
		if _, err := c.setTag(tag, &v, TagServed); err != nil {
			return err
		}
		return c.close()
	})
}

// cameFrom is what the log says of the remote that a version came from; nil: it was published here, or promoted.
func (c *change) cameFrom(v registry.Version) (*registry.EventUpstream, error) {
	facts, err := c.tx.Facts().Facts(v.ID)
	if name := registry.UpstreamOf(facts); name != "" {
		return &registry.EventUpstream{Name: name}, err
	}
	return nil, err
}

// unpinned are the files that the digest of their version says nothing of; of a nil Cached all.
func (c *Cached) unpinned(files []registry.File) []registry.File {
	if c == nil || len(c.Parts) == 0 {
		return files
	}
	return slices.DeleteFunc(slices.Clone(files), func(f registry.File) bool {
		return slices.ContainsFunc(c.Parts, func(p Part) bool { return p.Digest.String() == f.Path })
	})
}

// event is what the log says of the remote.
func (c *Cached) event() *registry.EventUpstream {
	if c == nil {
		return nil
	}
	e := &registry.EventUpstream{Name: c.Upstream, Verified: c.File.Verified}
	if t := c.File.PublishedAt; !t.IsZero() {
		e.PublishedAt = metadata.FormatTime(t)
	}
	if t := c.File.FirstSeenAt; !t.IsZero() {
		e.FirstSeenAt = metadata.FormatTime(t)
	}
	return e
}

// origin keeps what is published here and what comes from remotes apart: a name that came from a remote can't be published over, so that
// a token that may publish to a shared repository can't replace a public package, and nothing from a remote enters a name that is published
// here. An administrator can allow both. Denied, Conflict.
func (c *committer) origin() error {
	if err := c.originOnTheWay(); err != nil {
		return err
	}
	want := c.rel.origin()
	moved, err := c.moved()
	if err != nil {
		return err
	}
	if moved && c.rel.Cached == nil {
		return c.fromElsewhere(c.repo.Name)
	}
	if want == "" && (c.made || c.pkg.Origin != "" || c.pkg.VersionCount == 0) && c.svc.core.Shadows != nil {
		if c.shadowed, err = c.svc.core.Shadows(c.tx, c.repo.ID, c.name); err != nil {
			return err
		}
	}
	if c.made {
		c.pkg.Origin = want
		return nil
	}
	own, ours := c.pkg.Origin == "", want == ""
	if own == ours {
		return nil
	}
	allowed, err := c.originSet(c.repo.ID)
	allowed = allowed || moved
	if err == nil && c.rel.Cached != nil && !allowed {
		err = registry.CountAttached(c.tx, &c.pkg)
	}
	switch {
	case err != nil || allowed && own:
		return err
	case c.rel.Cached != nil && c.pkg.Attached > 0:
		c.pkg.Origin, c.dirty = metadata.OriginCached, true // what was published belongs to versions of the remote
		return nil
	case own:
		return registry.Errorf(registry.Conflict, registry.AboutPackage, "%s is published in repository %q; nothing that comes from elsewhere enters it", c.pkg.Name, c.repo.Name)
	case allowed || c.pkg.VersionCount == 0:
		c.pkg.Origin, c.dirty = "", true
		return nil
	}
	return c.fromElsewhere(c.repo.Name)
}

// origin is the Package.Origin of a package that has only such versions.
func (r Release) origin() string {
	switch {
	case r.Cached != nil:
		return metadata.OriginCached
	case r.Promotion != nil:
		return r.Promotion.Origin
	default:
		return ""
	}
}

// cause says in the event why a version is there.
func (r Release) cause() string {
	if r.Promotion == nil {
		return ""
	}
	return registry.CausePromotion
}

// fromElsewhere is the refusal to publish a name that came from a remote of a repository.
func (c *committer) fromElsewhere(repository string) error {
	return registry.Errorf(registry.Denied, registry.AboutPackage,
		"%s comes from an upstream of repository %q; an administrator can let it be published here too: slipway origin set %s %s %s both", c.name.Display, repository, repository, c.name.Format, c.name.Display)
}

// originOnTheWay refuses a name that came from a remote of a repository through which it is published to another one. Denied.
func (c *committer) originOnTheWay() error {
	for _, through := range c.to.Through {
		had, err := c.tx.Packages().Package(through, c.name.Format, c.name.Package)
		if errors.Is(err, metadata.ErrNotExist) || err == nil && had.Origin == "" {
			continue
		}
		if err != nil {
			return err
		}
		if allowed, err := c.originSet(had.RepositoryID); err != nil || !allowed {
			return cmp.Or(err, c.fromElsewhere(through))
		}
	}
	return nil
}

// moved reports whether an administrator has the package come from remotes only, in the repository or in one that the release comes through.
func (c *committer) moved() (bool, error) {
	if c.svc.core.Moved == nil {
		return false, nil
	}
	on := []int64{c.repo.ID, c.to.Asked.ID}
	if c.rel.Cached != nil {
		on = append(on, c.rel.Cached.Through...)
	}
	return c.svc.core.Moved(c.name, on...)
}

// originSet reports whether an administrator lets versions of the package come from a repository and from its remotes.
func (c *committer) originSet(repositoryID int64) (bool, error) {
	list, err := c.tx.Upstreams().Origins()
	if err != nil {
		return false, err
	}
	for _, o := range list {
		if o.RepositoryID == repositoryID && o.Format == c.name.Format && o.Key == c.name.Package {
			return o.Origin != "upstream" && (o.ExpiresAt.IsZero() || c.tx.Now().Before(o.ExpiresAt)), nil
		}
	}
	return false, nil
}

// keepOrigin stores where the release's file came from. A descriptor has the version's name as its path.
func (c *committer) keepOrigin(res Result) error {
	if c.rel.Cached == nil {
		return nil
	}
	for _, id := range c.rel.Cached.Through {
		o := metadata.NameOrigin{RepositoryID: id, Format: c.name.Format, Key: c.name.Package, UpstreamID: c.rel.Cached.File.UpstreamID}
		if err := c.tx.Names().NoteOrigin(o, false); err != nil {
			return err
		}
	}
	v, files := res.Version, c.files
	if res.Created && c.rel.Digest != "" {
		files = append(slices.Clip(files), Staged{Path: v.Name, Blob: registry.Blob{Digest: digest.FromBytes(v.Descriptor)}})
	}
	for _, st := range files {
		if c.back[st.Path] {
			continue // its row says when it came first
		}
		f := c.rel.Cached.File
		if own, ok := c.rel.Cached.Beside[st.Path]; ok {
			f = own
		}
		f.VersionID, f.Path, f.Digest = v.ID, st.Path, st.Blob.Digest
		f.EnteredAt, f.EnteredBy = c.tx.Now(), c.actor.Text()
		if f.CheckedAt.IsZero() {
			f.CheckedAt = f.EnteredAt
		}
		if err := c.tx.Caches().PutCachedFile(f); err != nil {
			return err
		}
	}
	return nil
}
