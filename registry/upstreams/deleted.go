package upstreams

import (
	"context"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// A version that came from a remote and was deleted here never comes again, until it is restored, or where the repository lets deleted
// coordinates be used again.

// deleted refuses a version of a remote that was deleted here, before anything is fetched. NotFound.
func (s *Upstreams) deleted(ctx context.Context, r *remote, at registry.Coordinate) error {
	if at.Version == "" || registry.AllowReuse.In(r.repository) {
		return nil
	}
	var v registry.Version
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		v, err = tx.Versions().VersionAt(r.repository.Name, at.Format, at.Package, at.Version)
		return err
	})
	switch {
	case errors.Is(err, metadata.ErrNotExist) || err == nil && v.State != registry.Deleted:
		return nil
	case err != nil:
		return err
	}
	return registry.Errorf(registry.NotFound, registry.AboutFile, "%s %s was deleted in repository %q, so it is not fetched again", at.Package, v.Name, r.repository.Name)
}

// Restore lets a version come again that came from a remote and was deleted here, with the facts and the state that it had. Files that are
// collected are fetched when they are asked for. The caller must administer the repository. NotFound: no such version came from a remote;
// Conflict: it was not deleted.
func (s *Upstreams) Restore(ctx context.Context, at registry.Coordinate, reason string) (pkg registry.Package, v registry.Version, err error) {
	if _, err := s.core.Authorize(ctx, access.Admin, at.Repository); err != nil {
		return pkg, v, err
	}
	var facts []registry.Fact
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if v, err = tx.Versions().VersionAt(at.Repository, at.Format, at.Package, at.Version); err == nil {
			facts, err = tx.Facts().Facts(v.ID)
		}
		return err
	})
	if err == nil && registry.UpstreamOf(facts) == "" {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return pkg, v, registry.Missing(err, registry.AboutVersion, "no version %q of %s came from an upstream of repository %q", registry.Clip(at.Version), registry.Clip(at.Package), at.Repository)
	}
	return s.publisher.Restore(ctx, at, reason)
}

// withoutDeleted takes the versions that were deleted here out of what a remote lists of a package; the tag latest goes to the newest that is
// left.
func (s *Upstreams) withoutDeleted(ctx context.Context, at registry.Name, c *catalog.PackageListing) error {
	gone := map[string]bool{}
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		p, err := tx.Packages().Package(at.Repository, at.Format, at.Package)
		if err != nil {
			return err
		}
		list, err := tx.Versions().Versions(metadata.VersionPage{PackageID: p.ID, Deleted: true})
		for _, v := range list {
			gone[v.Name] = v.State == registry.Deleted
		}
		return err
	})
	if errors.Is(err, metadata.ErrNotExist) {
		return nil
	}
	repository, rowErr := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil || rowErr != nil || registry.AllowReuse.In(repository) {
		return errors.Join(err, rowErr)
	}
	before := len(c.Versions)
	c.Versions = slices.DeleteFunc(c.Versions, func(v registry.Version) bool { return gone[v.Name] })
	if len(c.Versions) == before {
		return nil
	}
	newest := highest(c.Versions)
	c.Package.VersionCount = int64(len(c.Versions))
	for i, t := range c.Tags {
		if j := slices.IndexFunc(c.Versions, func(v registry.Version) bool { return v.Name == newest }); t.Name == latestTag && gone[t.Version] && j >= 0 {
			c.Tags[i].Version, c.Tags[i].VersionID = newest, c.Versions[j].ID
		}
	}
	c.Tags = slices.DeleteFunc(c.Tags, func(t registry.Tag) bool { return gone[t.Version] })
	if gone[c.Package.Latest] {
		c.Package.Latest = newest
	}
	return nil
}
