package content

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

// leaseTTL is how long a blob that was uploaded, mounted or looked up is kept for the version that will need it. A caller can
// rely on half of that time.
const leaseTTL = 24 * time.Hour

// holder is the name under which a package holds leases. Deleting a repository drops its leases. A lease for bytes that took
// long to arrive is given only after sameRepository found that the name still means the same repository.
func holder(at registry.Name) string { return at.Repository + "/" + at.Format + "/" + at.Package }

// sameRepository fails unless a name still means the repository that a request began in. NotFound.
func sameRepository(repositories metadata.Repositories, name string, id int64) error {
	r, err := repositories.Repository(name)
	if err == nil && r.ID != id {
		err = metadata.ErrNotExist
	}
	return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(name))
}

// OwnBlob returns a blob that the package holds, by a file of a version or by a lease. A blob that only other packages hold is
// reported as absent: digests are no secrets, so knowing one must give no access.
func OwnBlob(tx metadata.Tx, at registry.Name, packageID int64, d digest.Digest) (registry.Blob, error) {
	b, err := registry.BlobByDigest(tx.Blobs(), d)
	if err != nil {
		return registry.Blob{}, err
	}
	if ok, err := tx.Leases().Leased(b.ID, holder(at)); err != nil || ok {
		return b, err
	}
	if packageID == 0 {
		return registry.Blob{}, metadata.ErrNotExist
	}
	if ok, err := tx.Files().HasBlob(packageID, b.ID); err != nil || ok {
		return b, err
	}
	return registry.Blob{}, metadata.ErrNotExist
}

// packageID returns the id of the package's row, 0 for a package without versions so far.
func packageID(packages metadata.Packages, at registry.Name) (int64, error) {
	p, err := packageRow(packages, at)
	return p.ID, err
}

// packageRow returns the package's row, empty for a package without versions so far.
func packageRow(packages metadata.Packages, at registry.Name) (registry.Package, error) {
	p, err := packages.Package(at.Repository, at.Format, at.Package)
	if errors.Is(err, metadata.ErrNotExist) {
		return registry.Package{}, nil
	}
	return p, err
}

// OwnBlob returns a blob that the package holds, as the function OwnBlob does in a transaction. NotFound.
func (s *Store) OwnBlob(ctx context.Context, at registry.Name, d digest.Digest) (registry.Blob, error) {
	b, _, err := s.ownBlob(ctx, at, d)
	return b, err
}

// ownBlob is OwnBlob, with the package's row.
func (s *Store) ownBlob(ctx context.Context, at registry.Name, d digest.Digest) (b registry.Blob, p registry.Package, err error) {
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if p, err = packageRow(tx.Packages(), at); err != nil {
			return err
		}
		b, err = OwnBlob(tx, at, p.ID, d)
		return err
	})
	return b, p, registry.Missing(err, registry.AboutBlob, "there is no blob %q in %s/%s", registry.Clip(d.String()), at.Repository, at.Package)
}

// Blob returns a blob that the package holds, for reading. For a caller who may publish, the blob gets a lease, so that the
// caller can rely on it. A lease that can't be written is no error: on a full disk blobs can still be read. NotFound.
func (s *Store) Blob(ctx context.Context, at registry.Name, d digest.Digest) (registry.Blob, error) {
	b, err := s.blobForPublisher(ctx, at, d)
	var kept *keepError
	if !errors.As(err, &kept) || registry.KindOf(kept.error) == registry.NotFound {
		return b, err
	}
	if s.renewals.failed(s.core.Now()) {
		s.core.Log.LogAttrs(ctx, slog.LevelError, "a blob that is read can't be kept for its reader", slog.String("digest", b.Digest.String()),
			slog.Any("error", kept.error))
	}
	return b, nil
}

// StoredBlob is Blob for a caller who sends the bytes unless they are there. It also answers NotFound where the store has lost
// the bytes, so that the caller sends them again, and fails where the lease can't be written.
func (s *Store) StoredBlob(ctx context.Context, at registry.Name, d digest.Digest) (registry.Blob, error) {
	b, err := s.blobForPublisher(ctx, at, d)
	if err != nil {
		return b, err
	}
	return b, s.verifyStored(ctx, at, b)
}

// keepError says why an existing blob got no lease.
type keepError struct{ error }

func (e *keepError) Unwrap() error { return e.error }

// blobForPublisher finds a blob that the package holds, and gives it a lease if the caller may publish: keepError where that fails.
func (s *Store) blobForPublisher(ctx context.Context, at registry.Name, d digest.Digest) (registry.Blob, error) {
	actor, err := s.core.Authorize(ctx, access.Read, at.Repository)
	if err != nil {
		return registry.Blob{}, err
	}
	if _, err := s.core.RepositoryRow(ctx, at.Repository); err != nil {
		return registry.Blob{}, err
	}
	publisher := access.Decide(actor, access.Publish, at.Repository) == access.Allow
	if publisher {
		to, err := s.core.Target(ctx, at, "", access.Publish)
		publisher = err == nil
		if publisher && (len(to.Through) == 0 || access.Decide(actor, access.Read, to.Repository.Name) == access.Allow) {
			at = to.At(at)
		}
	}
	b, p, err := s.ownBlob(ctx, at, d)
	if err == nil {
		err = s.core.Refuses(ctx, at, d)
	}
	if err == nil && p.Origin == metadata.OriginCached && s.core.UsedBlob != nil {
		s.core.UsedBlob(ctx, p, d)
	}
	if err != nil || !publisher {
		return b, err
	}
	if err := s.renewLease(ctx, at, d, b.ID); err != nil {
		return b, &keepError{err}
	}
	return b, nil
}

// verifyStored checks that the store has the bytes of a blob. NotFound.
func (s *Store) verifyStored(ctx context.Context, at registry.Name, b registry.Blob) error {
	_, err := s.core.Blobs.Stat(ctx, b.Digest)
	if errors.Is(err, storage.ErrNotExist) {
		s.core.Log.LogAttrs(ctx, slog.LevelError, "the store has lost a blob", slog.String("digest", b.Digest.String()))
		return registry.Errorf(registry.NotFound, registry.AboutBlob, "there is no blob %q in %s/%s", registry.Clip(b.Digest.String()), at.Repository, at.Package)
	}
	return err
}

// renewLease renews the package's lease of a blob that it holds, unless the lease was renewed lately. NotFound: the blob was
// removed since the look-up.
func (s *Store) renewLease(ctx context.Context, at registry.Name, d digest.Digest, id int64) error {
	due, as := s.renewals.due(holder(at), id, s.core.Now())
	if !due {
		return nil
	}
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		pkg, err := packageID(tx.Packages(), at)
		if err != nil {
			return err
		}
		b, err := OwnBlob(tx, at, pkg, d)
		if err != nil {
			return err
		}
		return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder(at), Until: tx.Now().Add(leaseTTL)})
	})
	if err == nil {
		s.renewals.renewed(holder(at), id, s.core.Now(), as)
	}
	return registry.Missing(err, registry.AboutBlob, "there is no blob %q in %s/%s", registry.Clip(d.String()), at.Repository, at.Package)
}

// OpenBlob reads a blob that a look-up returned. The caller closes.
func (s *Store) OpenBlob(ctx context.Context, b registry.Blob, offset, length int64) (io.ReadCloser, error) {
	return s.core.Blobs.Open(ctx, b.Digest, offset, length)
}

// PutBlob stores the bytes of r for the package in one go. want is sha256 or sha512; limit -1 is none. DigestMismatch,
// TooLarge, NotFound, Denied.
func (s *Store) PutBlob(ctx context.Context, at registry.Name, want digest.Digest, r io.Reader, limit int64) (registry.Blob, error) {
	to, err := s.core.Target(ctx, at, "", access.Publish)
	if err != nil {
		return registry.Blob{}, err
	}
	return s.putBlob(ctx, to.Repository.ID, to.At(at), want, r, limit, nil)
}

// putBlob is PutBlob after the check of rights, into the repository with the id. also, unless nil, runs in the transaction
// that records the blob.
func (s *Store) putBlob(ctx context.Context, repositoryID int64, at registry.Name, want digest.Digest, r io.Reader, limit int64,
	also func(tx metadata.Tx) error) (registry.Blob, error) {
	raw, err := hex.DecodeString(want.Encoded())
	if err != nil {
		return registry.Blob{}, registry.Errorf(registry.Invalid, registry.AboutBlob, "%q is not a digest", registry.Clip(want.String()))
	}
	var sums Sums
	switch want.Algorithm() {
	case digest.SHA256:
		r = storage.Expect(r, want)
	case digest.SHA512:
		sums.SHA512 = raw
	default:
		return registry.Blob{}, registry.Errorf(registry.Invalid, registry.AboutBlob, "digests are sha256 or sha512, not %q", registry.Clip(string(want.Algorithm())))
	}
	stored := s.core.Now()
	sum := NewSummer(0, sums)
	b, err := s.core.Blobs.Put(ctx, sum.Verify(r), limit)
	if err != nil {
		return registry.Blob{}, StageError(err, StageFile{Path: want.String(), Limit: limit})
	}
	s.NoteReceived(at.Format, b.Size)
	return s.leaseTo(ctx, repositoryID, at, registry.Blob{Digest: b.Digest, Size: b.Size, SHA512: sum.Sum(SHA512)}, stored, also)
}

// NoteReceived counts bytes that were stored for a format.
func (s *Store) NoteReceived(format string, size int64) {
	s.received.WithLabelValues(format).Add(float64(size))
}

// leaseTo records stored bytes and leases them to the package. NotFound: the repository that the bytes were sent to is gone.
func (s *Store) leaseTo(ctx context.Context, repositoryID int64, at registry.Name, b registry.Blob, stored time.Time, also func(tx metadata.Tx) error) (registry.Blob, error) {
	as := s.renewals.epoch()
	out, err := s.recordBlob(ctx, b, stored, func(tx metadata.Tx, b registry.Blob) error {
		if err := sameRepository(tx.Repositories(), at.Repository, repositoryID); err != nil {
			return err
		}
		if err := tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder(at), Until: tx.Now().Add(leaseTTL)}); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err == nil {
		s.renewals.renewed(holder(at), out.ID, s.core.Now(), as) // clients ask for a blob right after they have pushed it
	}
	return out, err
}

// recordBlob makes the row of stored bytes, after making sure that no collection has removed them. need runs in the same
// transaction and records what needs the blob. ErrCollected (Unavailable): the bytes are gone.
func (s *Store) recordBlob(ctx context.Context, b registry.Blob, stored time.Time, need func(tx metadata.Tx, b registry.Blob) error) (registry.Blob, error) {
	since := stored.Add(-ClockMargin)
	for try := 0; ; try++ {
		var out registry.Blob
		err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
			if out, err = PutStored(tx.Blobs(), b, since); err != nil {
				return err
			}
			return need(tx, out)
		})
		if !errors.Is(err, ErrCollected) {
			return out, err
		}
		if try == MaxRescues(s.core.Store) {
			return registry.Blob{}, BytesGone(err)
		}
		if err := Pause(ctx, RescuePause); err != nil {
			return registry.Blob{}, err
		}
		since = s.core.Now()
		if _, err := s.core.Blobs.Stat(ctx, b.Digest); errors.Is(err, storage.ErrNotExist) {
			return registry.Blob{}, BytesGone(errors.Join(ErrCollected, err))
		} else if err != nil {
			return registry.Blob{}, err
		}
	}
}

// ForgetBlob takes a blob away from a package none of whose versions needs it. NotFound; Conflict: a version needs it.
func (s *Store) ForgetBlob(ctx context.Context, at registry.Name, d digest.Digest) error {
	to, err := s.core.Target(ctx, at, "", access.Delete)
	if err != nil {
		return err
	}
	at = to.At(at)
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		id, err := packageID(tx.Packages(), at)
		if err != nil {
			return err
		}
		b, err := OwnBlob(tx, at, id, d)
		if err != nil {
			return err
		}
		needed, err := tx.Files().HasBlob(id, b.ID)
		if err != nil {
			return err
		}
		if needed {
			return registry.Errorf(registry.Conflict, registry.AboutBlob, "a version of %s needs the blob %s; delete that first", at.Package, d)
		}
		return tx.Leases().DropBlobLease(b.ID, holder(at))
	})
	s.renewals.forget() // also after an error: the commit may have succeeded all the same
	return registry.Missing(err, registry.AboutBlob, "there is no blob %q in %s/%s", registry.Clip(d.String()), at.Repository, at.Package)
}
