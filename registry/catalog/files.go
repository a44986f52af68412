package catalog

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/storage"
)

// File finds a path in one version of a package or, where at names no version, in any version that holds it. NotFound.
func (s *Catalog) File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	if err := s.mayRead(ctx, at.Repository); err != nil {
		return registry.File{}, err
	}
	key := fileKey{packageKey{at.Repository, at.Format, at.Package}, at.Version, path}
	return s.byPath.Get(key, func() (registry.File, error) { return s.file(ctx, at, path) })
}

func (s *Catalog) file(ctx context.Context, at registry.Coordinate, path string) (f registry.File, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
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

// Blob finds a blob that a version of the package holds, as a file under its digest. Digests are no secrets, so a blob that only other
// packages hold is reported as absent. NotFound.
func (s *Catalog) Blob(ctx context.Context, at registry.Name, d digest.Digest) (registry.File, error) {
	var b registry.Blob
	err := s.view(ctx, at.Repository, func(tx metadata.Tx) error {
		p, err := registry.OpenPackage(tx, at)
		if err != nil {
			return err
		}
		if b, err = registry.BlobByDigest(tx.Blobs(), d); err == nil {
			var held bool
			if held, err = tx.Files().HasBlob(p.ID, b.ID); err == nil && !held {
				err = metadata.ErrNotExist
			}
		}
		return registry.Missing(err, registry.AboutBlob, "there is no blob %q in %q", registry.Clip(d.String()), at.Package)
	})
	return registry.File{Path: d.String(), AddedAt: b.CreatedAt, Blob: b}, err
}

// Elsewhere implements Reader: a repository by itself has no other place.
func (s *Catalog) Elsewhere(_ context.Context, at registry.Name, d digest.Digest) (registry.Name, error) {
	return at, NoBlob(at, d)
}

// NoBlob is the error for a blob that a package does not hold.
func NoBlob(at registry.Name, d digest.Digest) error {
	return registry.Errorf(registry.NotFound, registry.AboutBlob, "there is no blob %q in %q", registry.Clip(d.String()), at.Package)
}

// FolderQuery selects what is directly in a folder of a version.
type FolderQuery struct {
	Folder     string // "" or a path that ends in a slash
	After      string // name of the entry to continue after; "" from the start
	AfterIsDir bool   // whether After is a folder
	Limit      int
}

// FolderEntry is a file directly in a folder, or a folder in it with the first file below it.
type FolderEntry = metadata.FolderEntry

// Folder lists what is directly in a folder, ascending by path, so that "a-b" comes before the folder "a". Deeper folders cost
// nothing. NotFound: about the version, or the file where there is no such folder.
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
	if f.Arriving != nil {
		return f.Arriving.Open(ctx, offset, length)
	}
	return s.core.Blobs.Open(ctx, f.Blob.Digest, offset, length)
}

// linkTTL is how long a client may take to begin a download at the store itself.
const linkTTL = 5 * time.Minute

// Link returns a URL at which the store itself answers GET with a file that a look-up returned, under this media type, for
// linkTTL; "" when the store has no such URLs. The URL needs no credentials, so it is one.
func (s *Catalog) Link(ctx context.Context, f registry.File, mediaType string) (string, error) {
	store, ok := s.core.Blobs.(storage.Presigner)
	if !ok || f.Arriving != nil {
		return "", nil
	}
	return store.PresignGet(ctx, f.Blob.Digest, storage.PresignOptions{ContentType: mediaType}, linkTTL)
}
