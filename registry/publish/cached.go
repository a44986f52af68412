package publish

import (
	"cmp"
	"context"
	"errors"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Arrived makes a Staged of a file that a remote delivered, whose bytes the store has taken at a time.
func Arrived(path, mediaType string, b registry.Blob, at time.Time) Staged {
	return Staged{Path: path, MediaType: mediaType, Blob: b, at: at}
}

// Enter commits a file that a remote delivered, on behalf of the caller that asked for it, who needs no right to publish. rel.Cached says
// where it came from. Conflict: the package is published here, so nothing of a remote belongs into it; AlreadyExists: the path holds
// other bytes. ErrCollected never comes out: the bytes are looked for again.
func (s *Publisher) Enter(ctx context.Context, actor access.Actor, at registry.Name, rel Release, file Staged) (Result, error) {
	repo, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return Result{}, err
	}
	p := &Publish{svc: s, actor: actor, to: registry.Target{Repository: repo, Asked: repo}, name: at, start: s.core.Now(), staged: []Staged{file}}
	return p.Commit(ctx, rel)
}

// event is what the log says of the remote.
func (c *Cached) event() *registry.EventUpstream {
	if c == nil {
		return nil
	}
	e := &registry.EventUpstream{Name: c.Upstream, Verified: c.File.Verified}
	if !c.File.PublishedAt.IsZero() {
		e.PublishedAt = metadata.FormatTime(c.File.PublishedAt)
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
	switch {
	case c.rel.Cached != nil && c.made:
		c.pkg.Origin = metadata.OriginCached
		return nil
	case (c.rel.Cached != nil) == (c.pkg.Origin == metadata.OriginCached) || c.made:
		return nil
	}
	allowed, err := c.originSet(c.repo.ID)
	switch {
	case err != nil || allowed && c.rel.Cached != nil:
		return err
	case allowed || c.pkg.VersionCount == 0 && c.rel.Cached == nil:
		c.pkg.Origin, c.dirty = "", true
		return nil
	case c.rel.Cached != nil:
		return registry.Errorf(registry.Conflict, registry.AboutPackage, "%s is published in repository %q; nothing from upstreams enters it", c.pkg.Name, c.repo.Name)
	}
	return c.fromElsewhere(c.repo.Name)
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
		if errors.Is(err, metadata.ErrNotExist) || err == nil && had.Origin != metadata.OriginCached {
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

// keepOrigin stores where the release's file came from.
func (c *committer) keepOrigin(v registry.Version) error {
	if c.rel.Cached == nil {
		return nil
	}
	for _, st := range c.files {
		f := c.rel.Cached.File
		f.VersionID, f.Path, f.Digest = v.ID, st.Path, st.Blob.Digest
		f.EnteredAt, f.CheckedAt, f.EnteredBy = c.tx.Now(), c.tx.Now(), c.actor.Text()
		if err := c.tx.Caches().PutCachedFile(f); err != nil {
			return err
		}
	}
	return nil
}
