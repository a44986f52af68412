package upstreams

import (
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// maxHolders bounds how many files of a blob are searched for a package that the caller may read.
const maxHolders = 200

// Elsewhere implements catalog.Reader.
func (r *Reader) Elsewhere(ctx context.Context, at registry.Name, d digest.Digest) (registry.Name, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Elsewhere(ctx, at, d)
	}
	f, err := r.s.look(ctx, at)
	if err != nil {
		return at, err
	}
	places := f.everywhere()
	local := func(src source) (registry.Name, error) {
		_, err := r.s.local.Blob(ctx, src.at(at), d)
		return src.at(at), err
	}
	if name, err := firstOf(f, places, local); err == nil || registry.KindOf(err) != registry.NotFound {
		return name, err
	}
	if name, err := r.s.holder(ctx, at, d); err == nil || registry.KindOf(err) != registry.NotFound || !catalog.NeedsWhole(ctx) {
		return name, err
	}
	if _, err := r.Blob(ctx, at, d); err != nil {
		return at, err
	}
	return firstOf(f, places, local)
}

// holder finds a package of any name that holds a blob, in a place that the caller may read through the repository. NotFound.
func (s *Upstreams) holder(ctx context.Context, at registry.Name, d digest.Digest) (registry.Name, error) {
	places, err := s.readable(ctx, at.Repository, at.Format)
	if err != nil {
		return at, err
	}
	var out registry.Name
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		b, err := registry.BlobByDigest(tx.Blobs(), d)
		if err != nil {
			return err
		}
		files, err := tx.Files().Files(metadata.FileQuery{BlobID: b.ID, Limit: maxHolders})
		if err != nil {
			return err
		}
		for _, f := range files {
			p, err := tx.Packages().PackageByID(f.PackageID)
			if err != nil {
				return err
			}
			name := registry.Name{Repository: p.Repository, Format: p.Format, Package: p.Key, Display: p.Name}
			if name.Format == at.Format && slices.ContainsFunc(places, func(pl place) bool {
				return pl.remote == nil && pl.repository.ID == p.RepositoryID && pl.admits(name)
			}) {
				out = name
				return nil
			}
		}
		return metadata.ErrNotExist
	})
	if errors.Is(err, metadata.ErrNotExist) {
		err = catalog.NoBlob(at, d)
	}
	return out, err
}
