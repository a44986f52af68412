package catalog

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

// view authorizes reading and runs fn on one snapshot.
func (s *Catalog) view(ctx context.Context, repository string, fn func(tx metadata.Tx) error) error {
	if _, err := s.core.Authorize(ctx, access.Read, repository); err != nil {
		return err
	}
	return s.core.Store.View(ctx, fn)
}

// Package returns the row of a package: one indexed query, or none when nothing in it was written since the last. Its Revision
// changes with everything below it. NotFound: about the repository, or about the package.
func (s *Catalog) Package(ctx context.Context, at registry.Name) (registry.Package, error) {
	if _, err := s.core.Authorize(ctx, access.Read, at.Repository); err != nil {
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

// PackageAndMore returns the row of a package, empty where there is none, and whether the repository has packages of the
// format whose names begin with prefix: for formats where a path may be of one, or of a group of others. NotFound: about
// the repository.
func (s *Catalog) PackageOrGroup(ctx context.Context, at registry.Name, prefix string) (registry.Package, bool, error) {
	if _, err := s.core.Authorize(ctx, access.Read, at.Repository); err != nil {
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

// Contents is a package with all that a document about it needs, as of one moment.
type Contents struct {
	Package  registry.Package
	Versions []registry.Version // not deleted, in the format's order, with descriptors
	Tags     []registry.Tag
	Files    map[int64][]registry.File // by version id; only with files
}

// Contents reads a package whole, in O(1) queries. NotFound.
func (s *Catalog) Contents(ctx context.Context, at registry.Name, files bool) (Contents, error) {
	var c Contents
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

// Ref names a version of a package in one of three ways; the first that is set counts.
type Ref struct {
	Version string
	Tag     string
	Digest  digest.Digest
}

// Resolve finds a version that is not deleted. NotFound.
func (s *Catalog) Resolve(ctx context.Context, at registry.Name, ref Ref) (registry.Version, error) {
	if _, err := s.core.Authorize(ctx, access.Read, at.Repository); err != nil {
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

// resolveAt is resolve in one query. ErrNotExist; what it returns may be a tombstone.
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

// Referrers returns at most limit versions that point at d as their subject, without descriptors, ascending by ID from behind
// after. What they point at need not be there; a package that is not there has none. NotFound: about the repository.
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

// Detail is one version with everything known about it.
type Detail struct {
	Package registry.Package
	Version registry.Version
	Files   []registry.File
	Tags    []registry.Tag
	Facts   []registry.Fact
}

// Detail reads one version; a deleted one too, as its tombstone says what was there. NotFound.
func (s *Catalog) Detail(ctx context.Context, at registry.Coordinate) (Detail, error) {
	var d Detail
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) (err error) {
		if d.Package, err = registry.OpenPackage(tx, at.Name); err != nil {
			return err
		}
		if d.Version, err = tx.Versions().Version(d.Package.ID, at.Version); err != nil {
			return registry.Missing(err, registry.AboutVersion, "there is no version %q of %q", registry.Clip(at.Version), d.Package.Name)
		}
		if d.Files, err = tx.Files().Files(metadata.FileQuery{VersionID: d.Version.ID}); err != nil {
			return err
		}
		if d.Tags, err = tx.Tags().TagsOfVersion(d.Version.ID); err != nil {
			return err
		}
		d.Facts, err = tx.Facts().Facts(d.Version.ID)
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
	After   string // a version: behind it
	Limit   int
	Deleted bool
}

// Versions lists versions without descriptors, newest first. NotFound.
func (s *Catalog) Versions(ctx context.Context, at registry.Name, q VersionQuery) ([]registry.Version, error) {
	var out []registry.Version
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		page := metadata.VersionPage{PackageID: p.ID, NewestFirst: true, Deleted: q.Deleted, NoDescriptors: true, Limit: registry.Bound(q.Limit)}
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

// PackageQuery selects packages of a repository, by format.
type PackageQuery struct {
	Format string
	After  string // "<format>/<key>" of the last one
	Limit  int
}

// Packages lists the packages of a repository that have or had versions. NotFound; Invalid: there is no such format.
func (s *Catalog) Packages(ctx context.Context, repository string, q PackageQuery) ([]registry.Package, error) {
	var out []registry.Package
	err := s.viewPackages(ctx, repository, q, func(tx metadata.Tx, mq metadata.PackageQuery) (err error) {
		out, err = tx.Packages().Packages(mq)
		return err
	})
	return out, err
}

// maxPackageWalk bounds how many packages one search by a part of the name looks at: no index finds those.
const maxPackageWalk = 10_000

// FindPackages is Packages for those whose names contain a text, ignoring the case of ASCII. A page may have few packages or
// none although more are to come: next, "" at the end, is where to go on.
func (s *Catalog) FindPackages(ctx context.Context, repository, text string, q PackageQuery) (found []registry.Package, next string, err error) {
	cursor := func(format, key string) string { return format + "/" + key }
	err = s.viewPackages(ctx, repository, q, func(tx metadata.Tx, mq metadata.PackageQuery) error {
		format, key, err := tx.Packages().PackageAt(mq, maxPackageWalk-1)
		if err == nil {
			mq.UntilFormat, mq.UntilKey, next = format, key, cursor(format, key)
		} else if !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		most := mq.Limit
		mq.Contains, mq.Limit = text, most+1
		if found, err = tx.Packages().Packages(mq); err == nil && len(found) > most {
			found = found[:most]
			next = cursor(found[most-1].Format, found[most-1].Key)
		}
		return err
	})
	return found, next, err
}

// unknownFormat is the refusal of a format, or of a glob over formats, that there is not.
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

// File finds a path in one version of a package, or, where at names no version, in whichever one holds it. NotFound.
func (s *Catalog) File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	var f registry.File
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at.Name)
		if err != nil {
			return err
		}
		if at.Version == "" {
			f, err = tx.Files().FileAt(p.ID, path)
			return registry.Missing(err, registry.AboutFile, "there is no file %q of %q", registry.Clip(path), p.Name)
		}
		v, err := registry.Living(tx.Versions(), p, at.Version)
		if err != nil {
			return err
		}
		f, err = tx.Files().File(v.ID, path)
		return registry.Missing(err, registry.AboutFile, "there is no %q in %s %s", registry.Clip(path), p.Name, v.Name)
	})
	return f, err
}

// FolderQuery selects what is directly in a folder of a version.
type FolderQuery struct {
	Folder     string // "" or a path that ends in a slash
	After      string // name of an entry: behind it; "" from the start
	AfterIsDir bool   // whether After is a folder
	Limit      int
}

// FolderEntry is a file directly in a folder, or a folder in it with the first file below it.
type FolderEntry = metadata.FolderEntry

// Folder lists what is directly in a folder, ascending by path, so that "a-b" comes before the folder "a". What lies
// deeper costs nothing. NotFound: about the version, or the file where there is no such folder.
func (s *Catalog) Folder(ctx context.Context, at registry.Coordinate, q FolderQuery) ([]FolderEntry, error) {
	var out []FolderEntry
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at.Name)
		if err != nil {
			return err
		}
		v, err := registry.Living(tx.Versions(), p, at.Version)
		if err != nil {
			return err
		}
		page := metadata.FolderPage{VersionID: v.ID, Folder: q.Folder, After: q.After, AfterIsDir: q.AfterIsDir, Limit: registry.Bound(q.Limit)}
		if out, err = tx.Files().Folder(page); err != nil || len(out) > 0 {
			return err
		}
		some, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID, Below: q.Folder, Limit: 1})
		if err == nil && len(some) == 0 {
			err = registry.Errorf(registry.NotFound, registry.AboutFile, "there is no folder %q in %s %s", registry.Clip(strings.TrimSuffix(q.Folder, "/")), p.Name, v.Name)
		}
		return err
	})
	return out, err
}

// Open reads a file that a look-up returned: length bytes from offset, -1 to the end. The caller closes. A whole file
// of the local store comes as *os.File.
func (s *Catalog) Open(ctx context.Context, f registry.File, offset, length int64) (io.ReadCloser, error) {
	return s.core.Blobs.Open(ctx, f.Blob.Digest, offset, length)
}

// linkTTL is how long a client may take to begin a download at the store itself.
const linkTTL = 5 * time.Minute

// Link returns a URL that answers GET with a file that a look-up returned, of this media type, without going through the
// server, for some minutes; "" when the store has no such URLs. It is a credential of its own.
func (s *Catalog) Link(ctx context.Context, f registry.File, mediaType string) (string, error) {
	store, ok := s.core.Blobs.(storage.Presigner)
	if !ok {
		return "", nil
	}
	return store.PresignGet(ctx, f.Blob.Digest, storage.PresignOptions{ContentType: mediaType}, linkTTL)
}

// Spelled returns at with the version's name as it was published, where the format knows several spellings of one version
// (PyPI: 1.0 and 1.0.0). A version that is not there keeps the spelling it has. It asks for no rights: what it finds is
// told only by the call that follows.
func (s *Catalog) Spelled(ctx context.Context, at registry.Coordinate) (registry.Coordinate, error) {
	if s.core.Rules[at.Format].Spelling == nil {
		return at, nil
	}
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		pkg, err := tx.Packages().Package(at.Repository, at.Format, at.Package)
		if err != nil {
			return err
		}
		v, err := s.core.FindSpelled(tx.Versions(), pkg, at.Version)
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
