package catalog

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"slipway/metadata"
	"slipway/registry"
)

// view authorizes reading and runs fn on one snapshot.
func (s *Catalog) view(ctx context.Context, repository string, fn func(tx metadata.Tx) error) error {
	if err := s.mayRead(ctx, repository); err != nil {
		return err
	}
	return s.core.Store.View(ctx, fn)
}

// Package returns the row of a package with one indexed query, or none when nothing in the package was written since the last
// look-up. Its Revision changes with everything below it. NotFound: about the repository, or about the package.
func (s *Catalog) Package(ctx context.Context, at registry.Name) (registry.Package, error) {
	if err := s.mayRead(ctx, at.Repository); err != nil {
		return registry.Package{}, err
	}
	return s.byName.Get(packageKey{at.Repository, at.Format, at.Package}, func() (p registry.Package, err error) {
		err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			p, err = registry.OpenPackage(tx, at)
			return err
		})
		return p, err
	})
}

// PackageOrGroup returns the row of a package, empty where there is none, and whether the repository has packages of the
// format whose names begin with prefix: for formats where a path may mean a package or a group of packages. NotFound: about
// the repository.
func (s *Catalog) PackageOrGroup(ctx context.Context, at registry.Name, prefix string) (registry.Package, bool, error) {
	if err := s.mayRead(ctx, at.Repository); err != nil {
		return registry.Package{}, false, err
	}
	found, err := s.byPrefix.Get(prefixKey{packageKey{at.Repository, at.Format, at.Package}, prefix}, func() (packageOrGroup, error) {
		p, more, err := s.packageOrGroup(ctx, at, prefix)
		return packageOrGroup{p, more}, err
	})
	return found.pkg, found.more, err
}

func (s *Catalog) packageOrGroup(ctx context.Context, at registry.Name, prefix string) (p registry.Package, more bool, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if p, err = tx.Packages().Package(at.Repository, at.Format, at.Package); err != nil && !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		repository := p.RepositoryID
		if err != nil {
			r, err := tx.Repositories().Repository(at.Repository)
			if err != nil {
				return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(at.Repository))
			}
			repository = r.ID
		}
		next, err := tx.Packages().Packages(metadata.PackageQuery{RepositoryID: repository, Format: at.Format, AfterKey: prefix, Limit: 1})
		more = len(next) > 0 && strings.HasPrefix(next[0].Key, prefix)
		return err
	})
	return p, more, err
}

// PackageListing is a package with all that a document about it needs, as of one moment.
type PackageListing struct {
	Package  registry.Package
	Versions []registry.Version // not deleted, in the format's order, with descriptors
	Tags     []registry.Tag
	Files    map[int64][]registry.File // by version id; only with files
	Refused  []Refusal                 // what a Reader does not show, although it is there
}

// PackageListing reads a package whole, in O(1) queries. NotFound.
func (s *Catalog) PackageListing(ctx context.Context, at registry.Name, files bool) (PackageListing, error) {
	var c PackageListing
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if c.Package, err = registry.OpenPackage(tx, at); err != nil {
			return err
		}
		if c.Versions, err = tx.Versions().Versions(metadata.VersionPage{PackageID: c.Package.ID}); err != nil {
			return err
		}
		if c.Tags, err = tx.Tags().Tags(c.Package.ID); err != nil || !files {
			return err
		}
		fs, err := tx.Files().Files(metadata.FileQuery{PackageID: c.Package.ID})
		c.Files = map[int64][]registry.File{}
		for _, f := range fs {
			c.Files[f.VersionID] = append(c.Files[f.VersionID], f)
		}
		return err
	})
	return c, err
}

// PackageQuery selects packages of a repository, by format.
type PackageQuery struct {
	Format string
	After  string // "<format>/<key>" of the last package of the page before
	Limit  int
}

// Packages lists the packages of a repository that have or had versions. NotFound; Invalid: the format is unknown.
func (s *Catalog) Packages(ctx context.Context, repository string, q PackageQuery) ([]registry.Package, error) {
	var out []registry.Package
	err := s.viewPackages(ctx, repository, q, func(tx metadata.Tx, mq metadata.PackageQuery) (err error) {
		if out, err = tx.Packages().Packages(mq); err == nil {
			err = describe(tx, out)
		}
		return err
	})
	return out, err
}

// describe fills Package.Attached and Package.Size.
func describe(tx metadata.Tx, list []registry.Package) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]int64, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	attached, err := tx.Versions().Attached(ids)
	if err != nil {
		return err
	}
	counted, err := tx.Usages().PackageUsage(ids)
	for i, p := range list {
		list[i].Attached, list[i].Size = attached[p.ID], counted[p.ID].Bytes
	}
	return err
}

// maxPackageWalk bounds how many packages one search for a part of a name reads, as no index helps such a search.
const maxPackageWalk = 10_000

// FindPackages is Packages for those whose names contain a text, ignoring the case of ASCII. A page may have few packages or
// none although more follow: next is where the next page begins, "" at the end.
func (s *Catalog) FindPackages(ctx context.Context, repository, text string, q PackageQuery) (found []registry.Package, next string, err error) {
	err = s.viewPackages(ctx, repository, q, func(tx metadata.Tx, mq metadata.PackageQuery) error {
		mq.Contains = text
		var err error
		if found, next, err = walkPackages(tx, mq); err == nil {
			err = describe(tx, found)
		}
		return err
	})
	return found, next, err
}

// unknownFormat is the error for an unknown format, or a glob that matches no format.
func (s *Catalog) unknownFormat(format string) error {
	known := slices.Sorted(maps.Keys(s.core.Rules))
	return registry.Errorf(registry.Invalid, registry.AboutRequest, "%s", registry.NoSuch("format", format, known, known))
}

// viewPackages runs fn with a query for packages of a repository that the caller may read.
func (s *Catalog) viewPackages(ctx context.Context, repository string, q PackageQuery, fn func(tx metadata.Tx, q metadata.PackageQuery) error) error {
	if _, known := s.core.Rules[q.Format]; q.Format != "" && !known {
		return s.unknownFormat(q.Format)
	}
	return s.view(ctx, repository, func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository(repository)
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(repository))
		}
		mq := metadata.PackageQuery{RepositoryID: r.ID, Format: q.Format, Limit: registry.Bound(q.Limit)}
		if q.After != "" {
			format, key, ok := strings.Cut(q.After, "/")
			if !ok {
				return registry.Errorf(registry.Invalid, registry.AboutRequest, "the cursor is not one of ours")
			}
			mq.AfterFormat, mq.AfterKey = format, key
		}
		return fn(tx, mq)
	})
}
