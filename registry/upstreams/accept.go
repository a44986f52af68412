package upstreams

import (
	"context"

	"slipway/registry"
	"slipway/registry/access"
)

// Accept believes a remote that changed what it had, on the word of an administrator of the repository. With a version and a path, the bytes
// that the remote announces now are fetched and take the place of those that entered, whose digest the log keeps. Without, the package's
// next document is taken although it lost most of its versions. NotFound: nothing of the kind waits; the errors of a transfer.
func (s *Upstreams) Accept(ctx context.Context, at registry.Coordinate, path string) error {
	if _, err := s.core.Authorize(ctx, access.Admin, at.Repository); err != nil {
		return err
	}
	f, err := s.look(ctx, at.Name)
	if err != nil {
		return err
	}
	found := false
	for _, p := range f.remotes {
		if p.repository.Name != at.Repository {
			continue // that is for an administrator of the other repository
		}
		r, err := s.remotes.of(p.remote, p.repository)
		if err != nil {
			return err
		}
		if at.Version == "" {
			found = s.acceptShrunk(ctx, r, at.Name) || found
			continue
		}
		x, _ := s.known(ctx, r, at.Name)
		if x == nil {
			continue
		}
		if c, ok := x.changed[listedAs{at.Version, path}]; ok {
			return s.acceptFile(ctx, r, at, x, c)
		}
	}
	if !found {
		return registry.Errorf(registry.NotFound, registry.AboutPackage, "no remote of repository %q has changed this of %q", at.Repository, registry.Clip(at.Package))
	}
	return nil
}

func (s *Upstreams) acceptShrunk(ctx context.Context, r *remote, at registry.Name) bool {
	doc := s.document(ctx, r, at)
	doc.mu.Lock()
	defer doc.mu.Unlock()
	if doc.shrunkAt.IsZero() {
		return false
	}
	doc.acceptShrunk = true
	doc.expire()
	return true
}

// acceptFile replaces a file by what its remote announces now.
func (s *Upstreams) acceptFile(ctx context.Context, r *remote, at registry.Coordinate, x *index, c changedEntry) error {
	announced := *x
	announced.versions = map[string]*registry.Version{c.version.Name: &c.version}
	known := c.here.CachedFile
	known.ETag, known.LastModified = "", ""
	flight := s.fetch(ctx, r, at, c.here.Path, &announced, &c.announced, &known)
	defer flight.release()
	if _, err := flight.arriving(ctx, true); err != nil {
		return err
	}
	s.document(ctx, r, at.Name).loaded.Store(false) // the file's sums are announced as they are again
	return nil
}
