package registry

import (
	"bytes"
	"context"
	"errors"

	"slipway/metadata"
)

// Spelled returns at with the version's name as it was published, where the format knows several spellings of one version
// (PyPI: 1.0 and 1.0.0). A version that is not there keeps the spelling it has. It asks for no rights: what it finds is
// told only by the call that follows.
func (s *Service) Spelled(ctx context.Context, at Coordinate) (Coordinate, error) {
	if s.rules[at.Format].Spelling == nil {
		return at, nil
	}
	err := s.meta.View(ctx, func(tx metadata.Tx) error {
		pkg, err := tx.Packages().Package(at.Repository, at.Format, at.Package)
		if err != nil {
			return err
		}
		v, err := s.spelled(tx.Versions(), pkg, at.Version)
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

// living returns a version of a package that is not deleted. NotFound.
func living(versions metadata.Versions, p Package, version string) (Version, error) {
	v, err := versions.Version(p.ID, version)
	return present(p, v, err, version)
}

// present returns the version that a look-up by name found in a package, unless it is deleted. NotFound.
func present(p Package, v Version, err error, name string) (Version, error) {
	if err == nil && v.State == Deleted {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return Version{}, missing(err, AboutVersion, "there is no version %q of %q", clip(name), p.Name)
	}
	return v, nil
}

// spelled finds a version, also a deleted one, in any spelling that means the same. metadata.ErrNotExist.
func (s *Service) spelled(versions metadata.Versions, pkg Package, version string) (Version, error) {
	v, err := versions.Version(pkg.ID, version)
	spelling := s.rules[pkg.Format].Spelling
	if !errors.Is(err, metadata.ErrNotExist) || spelling == nil {
		return v, err
	}
	canonical, key := spelling(version)
	if canonical == "" {
		return v, err
	}
	if v, err = versions.Version(pkg.ID, canonical); !errors.Is(err, metadata.ErrNotExist) || key == nil {
		return v, err
	}
	// No name is empty, so behind the key with an empty one comes the first version that has it.
	vs, err := versions.Versions(metadata.VersionPage{PackageID: pkg.ID, AfterSortKey: key, Deleted: true, NoDescriptors: true, Limit: 1})
	switch {
	case err != nil:
		return v, err
	case len(vs) == 0 || !bytes.Equal(vs[0].SortKey, key):
		return v, metadata.ErrNotExist
	}
	return versions.VersionByID(vs[0].ID)
}
