package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry/access"
	"slipway/storage"
)

// leaseTTL is how long a blob that was uploaded, mounted or seen to exist is kept for the version that will need it;
// half of it is what a caller can rely on.
const leaseTTL = 24 * time.Hour

// holder is the package as the keeper of leases. It is by name: the leases of a repository go with it, and before one is
// given for bytes that took their time it is asked whether the repository is still the same (sameRepository).
func holder(at Name) string { return at.Repository + "/" + at.Format + "/" + at.Package }

// sameRepository fails unless a name still means the repository that a request began in. NotFound.
func sameRepository(repositories metadata.Repositories, name string, id int64) error {
	r, err := repositories.Repository(name)
	if err == nil && r.ID != id {
		err = metadata.ErrNotExist
	}
	return missing(err, AboutRepository, "there is no repository %q", clip(name))
}

// findBlob looks a digest up in the books: sha256, or sha512 where it was computed.
func findBlob(blobs metadata.Blobs, d digest.Digest) (Blob, error) {
	if d.Validate() == nil && d.Algorithm() == digest.SHA512 {
		sum, err := hex.DecodeString(d.Encoded())
		if err != nil {
			return Blob{}, err
		}
		return blobs.BlobBySHA512(sum)
	}
	return blobs.Blob(d)
}

// ownBlob returns a blob that the package holds, by a file of a version or by a lease. A blob that only others hold does
// not exist for it: digests are no secrets, and must open nothing.
func ownBlob(tx metadata.Tx, at Name, packageID int64, d digest.Digest) (Blob, error) {
	b, err := findBlob(tx.Blobs(), d)
	if err != nil {
		return Blob{}, err
	}
	if ok, err := tx.Leases().Leased(b.ID, holder(at)); err != nil || ok {
		return b, err
	}
	if packageID == 0 {
		return Blob{}, metadata.ErrNotExist
	}
	if ok, err := tx.Files().HasBlob(packageID, b.ID); err != nil || ok {
		return b, err
	}
	return Blob{}, metadata.ErrNotExist
}

// packageID is 0 for a package without versions so far.
func packageID(packages metadata.Packages, at Name) (int64, error) {
	p, err := packages.Package(at.Repository, at.Format, at.Package)
	if errors.Is(err, metadata.ErrNotExist) {
		return 0, nil
	}
	return p.ID, err
}

func (s *Service) ownBlob(ctx context.Context, at Name, d digest.Digest) (Blob, error) {
	var b Blob
	err := s.meta.View(ctx, func(tx metadata.Tx) error {
		id, err := packageID(tx.Packages(), at)
		if err != nil {
			return err
		}
		b, err = ownBlob(tx, at, id, d)
		return err
	})
	return b, missing(err, AboutBlob, "there is no blob %q in %s/%s", clip(d.String()), at.Repository, at.Package)
}

// Blob returns a blob that the package holds, for reading. A caller who may publish may also rely on it, so it gets a lease,
// unless that can't be written: on a full disk what is there can still be read. NotFound.
func (s *Service) Blob(ctx context.Context, at Name, d digest.Digest) (Blob, error) {
	b, err := s.lookBlob(ctx, at, d)
	var kept *keepError
	if !errors.As(err, &kept) || KindOf(kept.error) == NotFound {
		return b, err
	}
	if s.leases.failed(s.now()) {
		s.log.LogAttrs(ctx, slog.LevelError, "a blob that is read can't be kept for its reader", slog.String("digest", b.Digest.String()),
			slog.Any("error", kept.error))
	}
	return b, nil
}

// StoredBlob is Blob for a caller who sends the bytes unless they are there: NotFound also where the store has lost them, so
// that they come back, and an error where there is no lease to rely on.
func (s *Service) StoredBlob(ctx context.Context, at Name, d digest.Digest) (Blob, error) {
	b, err := s.lookBlob(ctx, at, d)
	if err != nil {
		return b, err
	}
	return b, s.stored(ctx, at, b)
}

// keepError says why a blob that is there got no lease.
type keepError struct{ error }

func (e *keepError) Unwrap() error { return e.error }

// lookBlob finds a blob that the package holds, and gives it a lease if the caller may publish: keepError where that fails.
func (s *Service) lookBlob(ctx context.Context, at Name, d digest.Digest) (Blob, error) {
	actor, err := s.authorize(ctx, access.Read, at.Repository)
	if err != nil {
		return Blob{}, err
	}
	if _, err := s.repository(ctx, at.Repository); err != nil {
		return Blob{}, err
	}
	b, err := s.ownBlob(ctx, at, d)
	if err != nil || access.Decide(actor, access.Publish, at.Repository) != access.Allow {
		return b, err
	}
	if err := s.keep(ctx, at, d, b.ID); err != nil {
		return b, &keepError{err}
	}
	return b, nil
}

// stored looks whether the store has the bytes of a blob. NotFound.
func (s *Service) stored(ctx context.Context, at Name, b Blob) error {
	_, err := s.blobs.Stat(ctx, b.Digest)
	if errors.Is(err, storage.ErrNotExist) {
		s.log.LogAttrs(ctx, slog.LevelError, "the store has lost a blob", slog.String("digest", b.Digest.String()))
		return Errorf(NotFound, AboutBlob, "there is no blob %q in %s/%s", clip(b.Digest.String()), at.Repository, at.Package)
	}
	return err
}

// keep renews the package's lease of a blob that it holds, unless much of the time is left. Between the look and the
// lease the blob may have gone: NotFound then.
func (s *Service) keep(ctx context.Context, at Name, d digest.Digest, id int64) error {
	due, as := s.leases.due(holder(at), id, s.now())
	if !due {
		return nil
	}
	err := s.meta.Update(ctx, func(tx metadata.Tx) error {
		pkg, err := packageID(tx.Packages(), at)
		if err != nil {
			return err
		}
		b, err := ownBlob(tx, at, pkg, d)
		if err != nil {
			return err
		}
		return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder(at), Until: tx.Now().Add(leaseTTL)})
	})
	if err == nil {
		s.leases.renewed(holder(at), id, s.now(), as)
	}
	return missing(err, AboutBlob, "there is no blob %q in %s/%s", clip(d.String()), at.Repository, at.Package)
}

// OpenBlob reads a blob that a look-up returned. The caller closes.
func (s *Service) OpenBlob(ctx context.Context, b Blob, offset, length int64) (io.ReadCloser, error) {
	return s.blobs.Open(ctx, b.Digest, offset, length)
}

// PutBlob stores the bytes of r for the package in one go. want is sha256 or sha512; DigestMismatch, TooLarge (limit -1
// is none), NotFound, Denied.
func (s *Service) PutBlob(ctx context.Context, at Name, want digest.Digest, r io.Reader, limit int64) (Blob, error) {
	if _, err := s.authorize(ctx, access.Publish, at.Repository); err != nil {
		return Blob{}, err
	}
	repo, err := s.repository(ctx, at.Repository)
	if err != nil {
		return Blob{}, err
	}
	return s.putBlob(ctx, repo.ID, at, want, r, limit, nil)
}

// putBlob is PutBlob for a caller who may, into the repository that the name means; also is part of the transaction that notes
// the blob, nil for nothing.
func (s *Service) putBlob(ctx context.Context, repositoryID int64, at Name, want digest.Digest, r io.Reader, limit int64,
	also func(tx metadata.Tx) error) (Blob, error) {
	raw, err := hex.DecodeString(want.Encoded())
	if err != nil {
		return Blob{}, Errorf(Invalid, AboutBlob, "%q is not a digest", clip(want.String()))
	}
	var sums Sums
	switch want.Algorithm() {
	case digest.SHA256:
		r = storage.Expect(r, want)
	case digest.SHA512:
		sums.SHA512 = raw
	default:
		return Blob{}, Errorf(Invalid, AboutBlob, "digests are sha256 or sha512, not %q", clip(string(want.Algorithm())))
	}
	stored := s.now()
	sum := newSummer(0, sums)
	b, err := s.blobs.Put(ctx, sum.verify(r), limit)
	if err != nil {
		return Blob{}, stageError(err, StageFile{Path: want.String(), Limit: limit})
	}
	s.noteReceived(at.Format, b.Size)
	return s.own(ctx, repositoryID, at, Blob{Digest: b.Digest, Size: b.Size, SHA512: sum.sum(SHA512)}, stored, also)
}

// noteReceived counts bytes that were stored for a format.
func (s *Service) noteReceived(format string, size int64) {
	s.received.WithLabelValues(format).Add(float64(size))
}

// own records stored bytes as the package's, by a lease. NotFound: the repository that they were sent to is gone.
func (s *Service) own(ctx context.Context, repositoryID int64, at Name, b Blob, stored time.Time, also func(tx metadata.Tx) error) (Blob, error) {
	as := s.leases.epoch()
	out, err := s.record(ctx, b, stored, func(tx metadata.Tx, b Blob) error {
		if err := sameRepository(tx.Repositories(), at.Repository, repositoryID); err != nil {
			return err
		}
		if err := tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder(at), Until: tx.Now().Add(leaseTTL)}); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err == nil {
		s.leases.renewed(holder(at), out.ID, s.now(), as) // clients look whether a blob is there right after they have pushed it
	}
	return out, err
}

// record notes stored bytes, after making sure that no collection has taken them, and lets need say in the same transaction
// who needs them. errCollected (Unavailable): the bytes are gone.
func (s *Service) record(ctx context.Context, b Blob, stored time.Time, need func(tx metadata.Tx, b Blob) error) (Blob, error) {
	since := stored.Add(-clockMargin)
	for try := 0; ; try++ {
		var out Blob
		err := s.meta.Update(ctx, func(tx metadata.Tx) (err error) {
			if out, err = putStored(tx.Blobs(), b, since); err != nil {
				return err
			}
			return need(tx, out)
		})
		if !errors.Is(err, errCollected) {
			return out, err
		}
		if try == maxRescues {
			return Blob{}, bytesGone(err)
		}
		if err := pause(ctx, rescuePause); err != nil {
			return Blob{}, err
		}
		since = s.now()
		if _, err := s.blobs.Stat(ctx, b.Digest); errors.Is(err, storage.ErrNotExist) {
			return Blob{}, bytesGone(errors.Join(errCollected, err))
		} else if err != nil {
			return Blob{}, err
		}
	}
}

// pause waits, but not longer than ctx, whose error it returns then.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// putStored notes bytes that were stored at a time. errCollected: a collection may have taken them since.
func putStored(blobs metadata.Blobs, b Blob, stored time.Time) (Blob, error) {
	b, err := blobs.PutStored(b, stored)
	if errors.Is(err, metadata.ErrCollected) {
		err = errCollected
	}
	return b, err
}

// MountBlob lets a package hold a blob that another one holds and the caller may read. NotFound: it does not, or the
// caller may not, or the bytes are lost; which one is not said.
func (s *Service) MountBlob(ctx context.Context, from, to Name, d digest.Digest) (Blob, error) {
	if _, err := s.authorize(ctx, access.Publish, to.Repository); err != nil {
		return Blob{}, err
	}
	if access.Decide(access.From(ctx), access.Read, from.Repository) != access.Allow {
		return Blob{}, Errorf(NotFound, AboutBlob, "there is no blob %q to mount", clip(d.String()))
	}
	var b Blob
	err := s.meta.Update(ctx, func(tx metadata.Tx) error {
		if _, err := tx.Repositories().Repository(to.Repository); err != nil {
			return err
		}
		id, err := packageID(tx.Packages(), from)
		if err != nil {
			return err
		}
		if b, err = ownBlob(tx, from, id, d); err != nil {
			return err
		}
		return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder(to), Until: tx.Now().Add(leaseTTL)})
	})
	if err == nil {
		err = s.stored(ctx, to, b) // with the lease no collection takes them between this look and the answer
	}
	return b, missing(err, AboutBlob, "there is no blob %q to mount", clip(d.String()))
}

// maxMountLooks bounds how many of the files and of the leases that hold a blob are looked at for a package that the
// caller may read.
const maxMountLooks = 200

// MountAnyBlob is MountBlob from whichever package of the same format the caller may read; the package itself comes first.
// NotFound as MountBlob.
func (s *Service) MountAnyBlob(ctx context.Context, to Name, d digest.Digest) (Blob, error) {
	if b, err := s.MountBlob(ctx, to, to, d); KindOf(err) != NotFound {
		return b, err
	}
	var from []Name
	err := s.meta.View(ctx, func(tx metadata.Tx) (err error) {
		from, err = packagesOf(tx, d)
		return err
	})
	if err != nil {
		return Blob{}, missing(err, AboutBlob, "there is no blob %q to mount", clip(d.String()))
	}
	for _, n := range from {
		if n.Format != to.Format {
			continue
		}
		if b, err := s.MountBlob(ctx, n, to, d); KindOf(err) != NotFound {
			return b, err
		}
	}
	return Blob{}, Errorf(NotFound, AboutBlob, "there is no blob %q to mount", clip(d.String()))
}

// packagesOf returns packages that hold a blob, by a file or by a lease.
func packagesOf(tx metadata.Tx, d digest.Digest) ([]Name, error) {
	b, err := findBlob(tx.Blobs(), d)
	if err != nil {
		return nil, err
	}
	var out []Name
	add := func(n Name) {
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
			add(Name{Repository: parts[0], Format: parts[1], Package: parts[2], Display: parts[2]})
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
		add(Name{Repository: p.Repository, Format: p.Format, Package: p.Key, Display: p.Key})
	}
	return out, nil
}

// ForgetBlob takes a blob from a package that no version of it needs. NotFound; Conflict: a version needs it.
func (s *Service) ForgetBlob(ctx context.Context, at Name, d digest.Digest) error {
	if _, err := s.authorize(ctx, access.Delete, at.Repository); err != nil {
		return err
	}
	err := s.meta.Update(ctx, func(tx metadata.Tx) error {
		id, err := packageID(tx.Packages(), at)
		if err != nil {
			return err
		}
		b, err := ownBlob(tx, at, id, d)
		if err != nil {
			return err
		}
		needed, err := tx.Files().HasBlob(id, b.ID)
		if err != nil {
			return err
		}
		if needed {
			return Errorf(Conflict, AboutBlob, "a version of %s needs the blob %s; delete that first", at.Package, d)
		}
		return tx.Leases().DropBlobLease(b.ID, holder(at))
	})
	s.leases.forget() // also after an error: it may have come with the answer
	return missing(err, AboutBlob, "there is no blob %q in %s/%s", clip(d.String()), at.Repository, at.Package)
}
