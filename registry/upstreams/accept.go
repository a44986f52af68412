package upstreams

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Accept believes a remote that changed what it had, on the word of an administrator of the repository. With a version, the bytes that the
// remote announces now of a file, or of every file of the version if path is "", are fetched and take the place of those that entered, whose
// digest the log keeps. Without, the package's next document is taken although it lost most of its versions. NotFound: nothing of the kind
// waits; the errors of a transfer.
func (s *Upstreams) Accept(ctx context.Context, at registry.Coordinate, path string) error {
	if _, err := s.core.Authorize(ctx, access.Admin, at.Repository); err != nil {
		return err
	}
	if err := s.core.Renewed(ctx); err != nil {
		return err
	}
	f, err := s.look(ctx, at.Name)
	if err != nil {
		return err
	}
	found := false
	for _, p := range slices.Concat(f.owners, f.remotes) {
		if p.repository.Name != at.Repository {
			continue // that is for an administrator of the other repository
		}
		r, err := s.remotes.of(p.remote, p.repository)
		if err != nil {
			return err
		}
		some := false
		if at.Version == "" {
			some = s.acceptShrunk(ctx, r, at.Name)
		} else if some, err = s.acceptFiles(ctx, r, at, path); err != nil {
			return err
		}
		found = found || some
	}
	if !found {
		return unchanged(at)
	}
	return nil
}

// unchanged is the error of an administrator's word about what no remote has changed.
func unchanged(at registry.Coordinate) error {
	return registry.Errorf(registry.NotFound, registry.AboutPackage, "no remote of repository %q has changed this of %q", at.Repository, registry.Clip(at.Package))
}

// acceptFiles accepts a file of a version, or each one if path is "", of which the remote has other bytes. It reports whether there is one.
func (s *Upstreams) acceptFiles(ctx context.Context, r *remote, at registry.Coordinate, path string) (some bool, err error) {
	x, _ := s.known(ctx, r, at.Name)
	list, err := s.everEntered(ctx, r, at.Name)
	if err != nil {
		return false, err
	}
	for i, f := range list {
		if f.Version != at.Version || path != "" && f.Path != path {
			continue
		}
		announced, changed := x.announces(r, f)
		s.checked.forget(at, f.Path) // the refusal
		switch {
		case changed:
			err = s.acceptFile(ctx, r, at, x, announced)
		case f.UpstreamID == r.ID && f.Changed != "":
			err = s.acceptSent(ctx, r, at, &list[i])
		case r.Settings.Owns && f.Changed != "":
			if err = s.acceptSent(ctx, r, at, &list[i]); registry.KindOf(err) == registry.NotFound && err != nil {
				continue // they are of the remote that the file came from
			}
		default:
			continue
		}
		if some = true; err != nil {
			return some, err
		}
	}
	return some, nil
}

// announces returns what a remote announces of a file that is here, or was, and of which it has other bytes: by its document or, also where the
// file came from another remote and this one owns names, by those that it has sent.
func (x *index) announces(r *remote, f metadata.Entered) (c changedEntry, changed bool) {
	if x == nil {
		return c, false
	}
	if c, changed = x.changed[listedAs{f.Version, f.Path}]; changed {
		return c, true
	}
	e, v := x.entry(f.Version, f.Path), x.versions[f.Version]
	sum, told := strings.CutPrefix(f.Changed, "sha256 ")
	if e == nil || v == nil || !told || f.UpstreamID != r.ID && !r.Settings.Owns {
		return c, false
	}
	c = changedEntry{announced: *e, version: *v, here: f}
	c.announced.Sums.SHA256 = digest.NewDigestFromEncoded(digest.SHA256, sum)
	return c, e.Sums.SHA256 == "" || e.Sums.SHA256 == c.announced.Sums.SHA256
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

// acceptSent replaces a file by other bytes that its remote has sent before. BadUpstream: it has others now.
func (s *Upstreams) acceptSent(ctx context.Context, r *remote, at registry.Coordinate, here *metadata.Entered) error {
	known := here.CachedFile
	known.ETag, known.LastModified = "", ""
	entry := &Entry{Version: here.Version, Path: here.Path, Size: -1}
	if sum, ok := strings.CutPrefix(here.Changed, "sha256 "); ok {
		entry.Sums.SHA256 = digest.NewDigestFromEncoded(digest.SHA256, sum) // those that were told of, no others
	}
	flight, _ := s.fetch(ctx, r, at, here.Path, transfer{entry: entry, known: &known})
	defer flight.release()
	_, err := flight.arriving(ctx, true)
	return err
}

// Deny keeps to the bytes of a file that entered, or of every file of the version if path is "", on the word of an administrator of the
// repository: those that its remote has now are not told of again. NotFound: nothing of the kind waits.
func (s *Upstreams) Deny(ctx context.Context, at registry.Coordinate, path string) error {
	actor, err := s.core.Authorize(ctx, access.Admin, at.Repository)
	if err != nil {
		return err
	}
	repository, err := s.core.RepositoryRow(ctx, at.Repository)
	if err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		list, err := tx.Caches().EnteredFiles(repository.ID, at.Format, at.Package)
		if err != nil {
			return err
		}
		some := false
		for _, f := range list {
			if f.Version != at.Version || path != "" && f.Path != path || f.Changed == "" {
				continue
			}
			some, f.Denied = true, true
			s.checked.forget(at, f.Path) // the refusal that offers the bytes
			if err := tx.Evictions().ChangeFile(f.CachedFile); err != nil {
				return err
			}
			id, err := registry.PackageID(tx.Packages(), at.Repository, at.Format, at.Package)
			if err != nil {
				return err
			}
			if _, err := registry.Append(tx.Log(), actor, registry.EventCacheDenied, "", repository.ID, id, registry.EventData{Repository: at.Repository, Format: at.Format,
				Package: at.Package, Version: at.Version, Reason: "the remote has " + f.Changed,
				Former: []registry.EventFile{{Path: f.Path, Size: f.Blob.Size, SHA256: f.Digest.Encoded()}}}); err != nil {
				return err
			}
		}
		if !some {
			return unchanged(at)
		}
		return nil
	})
}

// acceptFile replaces a file by what its remote announces now.
func (s *Upstreams) acceptFile(ctx context.Context, r *remote, at registry.Coordinate, x *index, c changedEntry) error {
	announced := *x
	announced.versions = map[string]*registry.Version{c.version.Name: &c.version}
	known := c.here.CachedFile
	known.ETag, known.LastModified = "", ""
	flight, _ := s.fetch(ctx, r, at, c.here.Path, transfer{index: &announced, entry: &c.announced, known: &known})
	defer flight.release()
	if _, err := flight.arriving(ctx, true); err != nil {
		return err
	}
	s.document(ctx, r, at.Name).loaded.Store(false) // the file's sums are announced as they are again
	return nil
}
