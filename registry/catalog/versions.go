package catalog

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// Ref names a version of a package in one of three ways; the first field that is set counts.
type Ref struct {
	Version string
	Tag     string
	Digest  digest.Digest
}

// Resolve finds a version that is not deleted. NotFound.
func (s *Catalog) Resolve(ctx context.Context, at registry.Name, ref Ref) (registry.Version, error) {
	if err := s.mayRead(ctx, at.Repository); err != nil {
		return registry.Version{}, err
	}
	look := func() (registry.Version, error) { return s.resolve(ctx, at, ref) }
	if ref.Version == "" && ref.Tag != "" {
		return s.byTag.Get(taggedKey{at.Repository, at.Format, at.Package, ref.Tag}, look)
	}
	return look()
}

func (s *Catalog) resolve(ctx context.Context, at registry.Name, ref Ref) (v registry.Version, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if v, err = resolveAt(tx.Versions(), at, ref); err == nil && v.State != registry.Deleted || err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		p, err := registry.OpenPackage(tx, at) // step by step, to say what is missing
		if err != nil {
			return err
		}
		v, err = resolve(tx, p, ref)
		return err
	})
	return v, err
}

// resolveAt is Resolve in one query. It may return a tombstone. ErrNotExist.
func resolveAt(versions metadata.Versions, at registry.Name, ref Ref) (registry.Version, error) {
	switch {
	case ref.Version != "":
		return versions.VersionAt(at.Repository, at.Format, at.Package, ref.Version)
	case ref.Tag != "":
		return versions.VersionByTag(at.Repository, at.Format, at.Package, ref.Tag)
	}
	return registry.Version{}, metadata.ErrNotExist
}

func resolve(tx metadata.Tx, p registry.Package, ref Ref) (registry.Version, error) {
	switch {
	case ref.Version != "":
		return registry.Living(tx.Versions(), p, ref.Version)
	case ref.Tag != "":
		t, err := tx.Tags().Tag(p.ID, ref.Tag)
		if err != nil {
			return registry.Version{}, registry.Missing(err, registry.AboutTag, "there is no tag %q on %q", registry.Clip(ref.Tag), p.Name)
		}
		return tx.Versions().VersionByID(t.VersionID)
	default:
		v, err := tx.Versions().VersionByDigest(p.ID, ref.Digest)
		return v, registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(ref.Digest.String()), p.Name)
	}
}

// Referrers returns at most limit versions that point at d as their subject, without descriptors, ascending by ID, with IDs
// above after. The subject need not exist, and an absent package has no referrers. NotFound: about the repository.
func (s *Catalog) Referrers(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	var out []registry.Version
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		out, err = tx.References().Referrers(metadata.ReferrerPage{PackageID: p.ID, Kind: registry.RefSubject, Digest: d, AfterID: after, Limit: registry.Bound(limit)})
		return err
	})
	if errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: registry.AboutPackage}) {
		return nil, nil
	}
	return out, err
}

// VersionDetail is one version with everything known about it.
type VersionDetail struct {
	Package registry.Package
	Version registry.Version
	Files   []registry.File
	Tags    []registry.Tag
	Facts   []registry.Fact
	Cached  []metadata.CachedFile // of a version that came from a remote, by path
}

// VersionDetail reads one version, also the tombstone of a deleted one. NotFound.
func (s *Catalog) VersionDetail(ctx context.Context, at registry.Coordinate) (VersionDetail, error) {
	var d VersionDetail
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if d.Package, err = registry.OpenPackage(tx, at.Name); err != nil {
			return err
		}
		if d.Version, err = tx.Versions().Version(d.Package.ID, at.Version); err != nil {
			return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(at.Version), d.Package.Name)
		}
		if d.Version.State != registry.Deleted { // else they are being taken away
			if d.Files, err = tx.Files().Files(metadata.FileQuery{VersionID: d.Version.ID}); err != nil {
				return err
			}
		}
		if d.Tags, err = tx.Tags().TagsOfVersion(d.Version.ID); err != nil {
			return err
		}
		if d.Facts, err = tx.Facts().Facts(d.Version.ID); err == nil && d.Package.Origin != "" {
			d.Cached, err = tx.Caches().CachedFiles(d.Version.ID)
		}
		return err
	})
	if err == nil && d.Version.Digest == "" && d.Version.State != registry.Deleted {
		d.Version.Digest = registry.ContentDigest(d.Files)
		for i := range d.Tags {
			d.Tags[i].Digest = d.Version.Digest
		}
		s.core.KeepDigest(ctx, d.Package, d.Version)
	}
	return d, err
}

// VersionQuery selects versions of one package, newest first.
type VersionQuery struct {
	After   string // the version to continue after
	Limit   int
	Deleted bool
	// Attached also lists what is attached to other versions, such as signatures.
	Attached bool
	NoParts  bool // without what is only a part of an index, such as the images of several platforms
}

// Versions lists versions without descriptors, newest first. NotFound.
func (s *Catalog) Versions(ctx context.Context, at registry.Name, q VersionQuery) ([]registry.Version, error) {
	var out []registry.Version
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		page := metadata.VersionPage{PackageID: p.ID, NewestFirst: true, Deleted: q.Deleted, NoAttached: !q.Attached, NoParts: q.NoParts, NoDescriptors: true, Limit: registry.Bound(q.Limit)}
		if q.After != "" {
			last, err := tx.Versions().Version(p.ID, q.After)
			if err != nil {
				return registry.Missing(err, registry.AboutVersion, "the cursor is not a version of %q", p.Name)
			}
			page.AfterSortKey, page.AfterName = last.SortKey, last.Name
		}
		out, err = tx.Versions().Versions(page)
		return err
	})
	return out, err
}

// CanonicalVersion returns at with the version's name as it was published, where the format knows several spellings of one
// version (PyPI: 1.0 and 1.0.0). The spelling of an absent version stays. No rights are checked: the client sees the name only
// in the answer of the call that follows, which checks them.
func (s *Catalog) CanonicalVersion(ctx context.Context, at registry.Coordinate) (registry.Coordinate, error) {
	if s.core.Rules[at.Format].Spelling == nil {
		return at, nil
	}
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := tx.Packages().Package(at.Repository, at.Format, at.Package)
		if err != nil {
			return err
		}
		v, err := s.core.Rules.FindCanonical(tx.Versions(), pkg, at.Version)
		if err == nil {
			at.Version = v.Name
		}
		return err
	})
	if errors.Is(err, metadata.ErrNotExist) {
		err = nil
	}
	return at, err
}
