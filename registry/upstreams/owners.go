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

// A remote can own names: it is a registry of ours that is reached by its address. It is asked first, and what it has no other remote is
// asked for. While it can't answer, a name may be its own: what entered goes on to be served, and no other remote is asked.

// owns reports whether a place is a remote whose names count as ours.
func (p place) owns() bool { return p.remote != nil && p.remote.Settings.Owns }

// admittedOwner reports whether there is such a place for a name.
func admittedOwner(places []place, at registry.Name) bool {
	return slices.ContainsFunc(places, func(p place) bool { return p.owns() && p.admits(at) })
}

// askOwners asks the remotes that own names whether they have the package, and leaves those remotes that may be asked for it from then on.
// Where the format's remotes tell of files only, the answer is about the file at path; "": it is no.
// In a context of catalog.Local it is recallOwners.
func (s *Upstreams) askOwners(ctx context.Context, f *found, at registry.Coordinate, path string) error {
	if catalog.IsLocal(ctx) {
		return s.recallOwners(ctx, f)
	}
	return s.settleOwners(f, func(p place) (bool, error) {
		r, err := s.remoteOf(p)
		if err != nil {
			return false, err
		}
		yes, err := s.has(ctx, *f, p, r, at, path)
		if registry.KindOf(err) == registry.Blocked && err != nil {
			return true, nil // by a rule, which refuses it again when it is fetched
		}
		return yes, err
	})
}

// recallOwners is askOwners by what the remotes said last, without asking them.
func (s *Upstreams) recallOwners(ctx context.Context, f *found) error {
	return s.settleOwners(f, func(p place) (bool, error) {
		r, err := s.remoteOf(p)
		if err != nil {
			return false, err
		}
		x, gone := s.known(ctx, r, f.name)
		return x != nil && !gone, nil
	})
}

// settleOwners decides by an answer of each remote that owns names. A remote that the name came from first has it where none can say so.
func (s *Upstreams) settleOwners(f *found, has func(place) (bool, error)) error {
	if len(f.owners) == 0 {
		return nil
	}
	var unknown error
	for _, p := range f.owners {
		yes, err := p.remote.ID == f.origin && !s.lists(p, f.name), error(nil)
		if !yes {
			yes, err = has(p)
		}
		if yes {
			f.ownedBy(p)
			f.stick(s.core.Rules[f.name.Format])
			return nil
		}
		if err != nil {
			unknown = err
		}
	}
	if unknown != nil {
		f.unknown = unknown
		f.remotes, f.others, f.rivals = nil, nil, nil
		return nil
	}
	f.remotes = slices.Concat(f.owners, f.remotes) // of what it has no list it is asked first
	return nil
}

// lists reports whether the remote at a place has a document that lists what it has of a package.
func (s *Upstreams) lists(p place, at registry.Name) bool {
	source := s.remotes.sources[p.remote.Format]
	if _, images := source.(Images); images || source == nil {
		return images
	}
	_, ok := source.Document(at)
	return ok
}

// ownedBy leaves the name to the remotes that own names: what came from others is absent.
func (f *found) ownedBy(p place) {
	f.owner = p.remote
	f.mixed = slices.ContainsFunc(slices.Concat(f.remotes, f.others), func(o place) bool { return o.repository.ID == p.repository.ID })
	f.remotes, f.others, f.rivals = f.owners, nil, nil
	elsewhere := func(src source) bool {
		return !slices.ContainsFunc(f.owners, func(o place) bool { return o.repository.ID == src.repository.ID })
	}
	f.cached, f.apart = slices.DeleteFunc(f.everythingCached(), elsewhere), nil
}

// strayed reports whether a file that is here came from a remote that does not own the name, though another one does by now. Where a
// remote's list is all that tells whose it is, as of images, path is the name of the version.
func (s *Upstreams) strayed(ctx context.Context, f *found, versionID int64, path string) (bool, error) {
	if f.owner == nil || versionID <= 0 {
		return false, nil
	}
	var from metadata.CachedFile
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		from, err = tx.Caches().CachedFile(versionID, path)
		return err
	})
	if errors.Is(err, metadata.ErrNotExist) {
		return false, nil
	}
	return err == nil && !slices.ContainsFunc(f.owners, func(p place) bool { return p.remote.ID == from.UpstreamID }), err
}

// strayedError says why something that is here is not served.
func (f *found) strayedError(about registry.Subject) error {
	return registry.Errorf(registry.NotFound, about,
		"%s belongs to upstream %s, and this came from another one before; it is not delivered any more", registry.Clip(f.name.Package), f.owner.Name)
}

// ofOwners leaves of what entered of a version what came from the remote of the source, where that one owns names.
func (src source) ofOwners(entered []metadata.CachedFile) bool {
	return !src.owns() || slices.ContainsFunc(entered, func(c metadata.CachedFile) bool { return c.UpstreamID == src.remote.ID })
}

// resolveOwned is resolve without versions that came from a remote which does not own the name.
func (s *Upstreams) resolveOwned(ctx context.Context, f *found, src source, ref catalog.Ref) (registry.Version, error) {
	v, err := s.resolve(ctx, src, f.name, ref)
	if err != nil || src.pkg.Origin != metadata.OriginCached {
		return v, err
	}
	away, err := s.strayed(ctx, f, v.ID, v.Name)
	if away {
		err = f.strayedError(registry.AboutVersion)
	}
	return v, err
}

// proven leaves a NotFound only where it is known that no place has it: else it is the error of the place that can't answer.
func (f *found) proven(err error) error {
	if f.unknown != nil && err != nil && registry.KindOf(err) == registry.NotFound {
		return f.unknown
	}
	return err
}

// mayPublish implements registry.Core.MayPublish.
func (s *Upstreams) mayPublish(ctx context.Context, at registry.Coordinate, to registry.Target, paths ...string) error {
	g, err := s.graph(ctx)
	if err != nil || !g.owning {
		return err
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	for _, name := range append(slices.Clip(to.Through), to.Repository.Name) {
		r, places := g.byName[name], g.places(g.byName[name])
		at.Repository = name
		if !admittedOwner(places, at.Name) || g.originOf(places, at.Name, s.core.Now()).Origin == OriginBoth {
			continue
		}
		for _, path := range paths {
			f, err := s.lookIn(ctx, g, r, places, at.Name, access.System())
			if err == nil {
				err = s.askOwners(ctx, &f, at, path)
			}
			switch {
			case err != nil:
				return err
			case f.unknown != nil:
				return f.unknown
			case f.owner != nil:
				return registry.Errorf(registry.Denied, registry.AboutPackage,
					"%s belongs to %s of repository %q, so it is published there; an administrator can let it be published here too: slipway origin set %s %s %s both",
					at.Display, f.ownerName(places, access.From(ctx)), name, name, at.Format, at.Display)
			}
		}
	}
	return nil
}

// ownerName is the owner as a caller may know it.
func (f *found) ownerName(places []place, actor access.Actor) string {
	for _, p := range places {
		if p.remote != nil && p.remote.ID == f.owner.ID && p.visible(actor) {
			return "upstream " + p.remote.Name
		}
	}
	return "an upstream"
}
