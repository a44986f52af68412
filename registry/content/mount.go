package content

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// MountBlob leases a blob of the package from, which the caller may read, to the package to. NotFound: from does not hold the
// blob, or the caller may not read from, or the bytes are lost; the error does not say which.
func (s *Store) MountBlob(ctx context.Context, from, to registry.Name, d digest.Digest) (registry.Blob, error) {
	target, err := s.core.Target(ctx, to, "", access.Publish)
	if err != nil {
		return registry.Blob{}, err
	}
	if access.Decide(access.From(ctx), access.Read, from.Repository) != access.Allow {
		return registry.Blob{}, registry.Errorf(registry.NotFound, registry.AboutBlob, "there is no blob %q to mount", registry.Clip(d.String()))
	}
	return s.mount(ctx, from, target.At(to), d)
}

// Adopt is MountBlob from a place that the caller has been found to be allowed to read.
func (s *Store) Adopt(ctx context.Context, from, to registry.Name, d digest.Digest) (registry.Blob, error) {
	target, err := s.core.Target(ctx, to, "", access.Publish)
	if err != nil {
		return registry.Blob{}, err
	}
	return s.mount(ctx, from, target.At(to), d)
}

// mount leases a blob that the package from holds to the package to. NotFound.
func (s *Store) mount(ctx context.Context, from, to registry.Name, d digest.Digest) (registry.Blob, error) {
	if err := s.core.Refuses(ctx, from, d); err != nil {
		return registry.Blob{}, err
	}
	var b registry.Blob
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		if _, err := tx.Repositories().Repository(to.Repository); err != nil {
			return err
		}
		id, err := packageID(tx.Packages(), from)
		if err != nil {
			return err
		}
		if b, err = OwnBlob(tx, from, id, d); err != nil {
			return err
		}
		return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder(to), Until: tx.Now().Add(leaseTTL)})
	})
	if err == nil {
		err = s.verifyStored(ctx, to, b) // after the lease, so that no collection removes the bytes before the answer
	}
	return b, registry.Missing(err, registry.AboutBlob, "there is no blob %q to mount", registry.Clip(d.String()))
}

// maxMountLooks bounds how many files, and how many leases, of a blob are searched for a package that the caller may read.
const maxMountLooks = 200

// MountAnyBlob is MountBlob from any package of the same format that the caller may read; the package itself is tried first.
// NotFound as MountBlob.
func (s *Store) MountAnyBlob(ctx context.Context, to registry.Name, d digest.Digest) (registry.Blob, error) {
	target, err := s.core.Target(ctx, to, "", access.Publish)
	if err != nil {
		return registry.Blob{}, err
	}
	if b, err := s.MountBlob(ctx, target.At(to), target.At(to), d); registry.KindOf(err) != registry.NotFound {
		return b, err
	}
	var from []registry.Name
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		from, err = packagesOf(tx, d)
		return err
	})
	if err != nil {
		return registry.Blob{}, registry.Missing(err, registry.AboutBlob, "there is no blob %q to mount", registry.Clip(d.String()))
	}
	for _, n := range from {
		if n.Format != to.Format {
			continue
		}
		if b, err := s.MountBlob(ctx, n, to, d); registry.KindOf(err) != registry.NotFound {
			return b, err
		}
	}
	return registry.Blob{}, registry.Errorf(registry.NotFound, registry.AboutBlob, "there is no blob %q to mount", registry.Clip(d.String()))
}

// packagesOf returns packages that hold a blob, by a file or by a lease.
func packagesOf(tx metadata.Tx, d digest.Digest) ([]registry.Name, error) {
	b, err := registry.BlobByDigest(tx.Blobs(), d)
	if err != nil {
		return nil, err
	}
	var out []registry.Name
	add := func(n registry.Name) {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	holders, err := tx.Leases().Holders(b.ID, maxMountLooks)
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		if parts := strings.SplitN(h, "/", 3); len(parts) == 3 {
			add(registry.Name{Repository: parts[0], Format: parts[1], Package: parts[2], Display: parts[2]})
		}
	}
	files, err := tx.Files().Files(metadata.FileQuery{BlobID: b.ID, Limit: maxMountLooks})
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		p, err := tx.Packages().PackageByID(f.PackageID)
		if err != nil {
			return nil, err
		}
		add(registry.Name{Repository: p.Repository, Format: p.Format, Package: p.Key, Display: p.Key})
	}
	return out, nil
}
