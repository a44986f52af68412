package content

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/storage"
)

// Upload is a blob that arrives over several requests. Only the caller who began it may continue it.
type Upload struct {
	ID     string
	Offset int64
}

// maxUploads bounds the uploads that one user has under way: each is kept for uploadTTL, and one user must not fill the disk and
// the tables of all with beginnings.
const maxUploads = 1000

// StartUpload begins an upload for a package, in the metadata only: most uploads come whole with their last request, and need
// no upload in the store. NotFound, Denied, Unauthenticated; TooMany: the caller has its share of uploads under way.
func (s *Store) StartUpload(ctx context.Context, at registry.Name) (Upload, error) {
	to, err := s.core.Target(ctx, at, "", access.Publish)
	if err != nil {
		return Upload{}, err
	}
	actor, repo := access.From(ctx), to.Repository
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	id := hex.EncodeToString(raw)
	state, err := hashState(sha256.New())
	if err != nil {
		return Upload{}, err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.roomFor(tx.Uploads(), actor); err != nil {
			return err
		}
		return tx.Uploads().CreateUpload(metadata.UploadSession{ID: id, RepositoryID: repo.ID, Scope: at.Format + "/" + at.Package,
			Owner: actor.ID, UserID: actor.UserID, HashState: state})
	})
	return Upload{ID: id}, err
}

// roomFor refuses a caller whose user has its share of uploads. TooMany.
func (s *Store) roomFor(uploads metadata.Uploads, actor access.Actor) error {
	if actor.UserID == 0 {
		return nil
	}
	n, err := uploads.UploadsOf(actor.UserID)
	if err == nil && n >= maxUploads {
		err = &registry.Error{Kind: registry.TooMany, Subject: registry.AboutUpload, RetryAfter: time.Minute,
			Detail: fmt.Sprintf("user %q has %d uploads under way, which is the most: finish or cancel some; those without a new byte are dropped after %s", actor.Name, n, s.uploadTTL)}
	}
	return err
}

// upload loads a session, and returns the package that it is for, in the repository that takes it. A session of another caller,
// repository or package is reported as absent.
func (s *Store) upload(ctx context.Context, at registry.Name, id string) (metadata.UploadSession, registry.Name, error) {
	to, err := s.core.Target(ctx, at, "", access.Publish)
	if err != nil {
		return metadata.UploadSession{}, at, err
	}
	actor, repo := access.From(ctx), to.Repository
	var u metadata.UploadSession
	err = s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		u, err = tx.Uploads().Upload(id)
		return err
	})
	if err == nil && (u.Owner != actor.ID || u.RepositoryID != repo.ID || u.Scope != at.Format+"/"+at.Package) {
		err = metadata.ErrNotExist
	}
	return u, to.At(at), registry.Missing(err, registry.AboutUpload, "there is no such upload")
}

// lockUpload is upload, and locks the session for a change. It checks the caller's rights before it waits for the lock.
func (s *Store) lockUpload(ctx context.Context, at registry.Name, id string) (metadata.UploadSession, registry.Name, func(), error) {
	if _, _, err := s.upload(ctx, at, id); err != nil {
		return metadata.UploadSession{}, at, nil, err
	}
	unlock, err := s.uploading.lock(ctx, id)
	if err != nil {
		return metadata.UploadSession{}, at, nil, err
	}
	u, to, err := s.upload(ctx, at, id) // again: it may have grown or ended while this request waited
	if err != nil {
		unlock()
		return u, at, nil, err
	}
	return u, to, unlock, nil
}

// Upload returns an upload's offset. NotFound.
func (s *Store) Upload(ctx context.Context, at registry.Name, id string) (Upload, error) {
	u, _, err := s.upload(ctx, at, id)
	return Upload{ID: id, Offset: u.Offset}, err
}

// FinishUpload makes the upload's bytes a blob and keeps it for the package by a lease. want is sha256 or sha512.
// DigestMismatch: the bytes have another digest, and the upload is gone.
func (s *Store) FinishUpload(ctx context.Context, at registry.Name, id string, want digest.Digest) (registry.Blob, error) {
	u, to, unlock, err := s.lockUpload(ctx, at, id)
	if err != nil {
		return registry.Blob{}, err
	}
	defer unlock()
	return s.finishUpload(ctx, to, u, want)
}

// FinishUploadWith is FinishUpload with r as the last bytes of the upload, or all its bytes; offset and limit are as in
// AppendUpload. It also returns the upload's offset. A body that is the whole upload goes to the store as a blob directly;
// nothing is kept of one that breaks off.
func (s *Store) FinishUploadWith(ctx context.Context, at registry.Name, id string, offset int64, r io.Reader, want digest.Digest) (Upload, error) {
	u, to, unlock, err := s.lockUpload(ctx, at, id)
	if err != nil {
		return Upload{}, err
	}
	defer unlock()
	if u.Offset == 0 {
		if err := misplaced(u, offset); err != nil {
			return Upload{ID: id}, err
		}
		_, err := s.putUpload(ctx, to, u, want, r)
		return Upload{ID: id}, err
	}
	up, err := s.appendUpload(ctx, u, offset, r, -1)
	if err != nil {
		return up, err
	}
	if u, _, err = s.upload(ctx, at, id); err != nil {
		return up, err
	}
	_, err = s.finishUpload(ctx, to, u, want)
	return up, err
}

// putUpload stores, in one go, an upload that has no bytes yet. DigestMismatch: the upload is gone.
func (s *Store) putUpload(ctx context.Context, at registry.Name, u metadata.UploadSession, want digest.Digest, r io.Reader) (registry.Blob, error) {
	b, err := s.putBlob(ctx, u.RepositoryID, at, want, r, -1, func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload(u.ID) })
	if err != nil && registry.KindOf(err) == registry.DigestMismatch {
		err = errors.Join(err, s.dropUpload(ctx, u.ID))
	}
	return b, err
}

func (s *Store) finishUpload(ctx context.Context, at registry.Name, u metadata.UploadSession, want digest.Digest) (registry.Blob, error) {
	id := u.ID
	if u.Offset == 0 {
		return s.putUpload(ctx, at, u, want, strings.NewReader(""))
	}
	blob, err := uploaded(u)
	if err != nil {
		return registry.Blob{}, err
	}
	got := blob.Digest
	if want.Algorithm() == digest.SHA512 {
		// The client names the algorithm only now, so sha512 has to read the bytes again.
		if got, blob.SHA512, err = s.sha512Of(ctx, &u); err != nil {
			return registry.Blob{}, s.failedFinish(ctx, id, err)
		}
	}
	if got != want {
		return registry.Blob{}, errors.Join(
			registry.Errorf(registry.DigestMismatch, registry.AboutBlob, "the upload's digest is %s, not %s", got, registry.Clip(want.String())), s.dropUpload(ctx, id))
	}
	stored := s.core.Now()
	if u.Blob == "" {
		if err := s.finishBytes(ctx, u, blob); err != nil {
			return registry.Blob{}, s.failedFinish(ctx, id, err)
		}
	}
	return s.leaseTo(ctx, u.RepositoryID, at, blob, stored, func(tx metadata.Tx) error {
		if u.Blob != "" {
			// The store is not asked for the bytes: while the session holds the blob, no collection removes it.
			now, err := tx.Uploads().Upload(id)
			if err == nil && now.Blob != u.Blob {
				err = metadata.ErrExists
			}
			if err != nil {
				return overtaken(err)
			}
		}
		return tx.Uploads().DeleteUpload(id)
	})
}

// finishBytes makes a blob of an upload's bytes, those of the session's state and no others.
func (s *Store) finishBytes(ctx context.Context, u metadata.UploadSession, b registry.Blob) error {
	bytes := storage.Blob{Digest: b.Digest, Size: u.Offset}
	err := s.core.Blobs.Finish(ctx, u.ID, bytes, &u.State)
	if errors.Is(err, storage.ErrMoved) {
		if err = s.adopt(ctx, &u); err == nil {
			err = s.core.Blobs.Finish(ctx, u.ID, bytes, &u.State)
		}
	}
	if err != nil && s.finished(ctx, err, b) {
		return nil
	}
	return err
}

// failedFinish is the error for an upload whose bytes could not become a blob.
func (s *Store) failedFinish(ctx context.Context, id string, err error) error {
	if errors.Is(err, storage.ErrMoved) || errors.Is(err, metadata.ErrExists) {
		_, err = s.notMoved(ctx, Upload{ID: id}, metadata.ErrExists)
		return err
	}
	return lostUpload(err)
}

// uploaded is the blob that the bytes of an upload are so far.
func uploaded(u metadata.UploadSession) (registry.Blob, error) {
	if u.Blob != "" {
		return registry.Blob{Digest: u.Blob, Size: u.Offset}, nil
	}
	sum, err := resumeHash(u.HashState)
	if err != nil {
		return registry.Blob{}, err
	}
	return registry.Blob{Digest: digest.NewDigest(digest.SHA256, sum), Size: u.Offset}, nil
}

// finished reports whether an upload's bytes have become the blob already, by a request that ended after the store's change
// and before the metadata's. The digest that the session knows proves that the blob's bytes are its own.
func (s *Store) finished(ctx context.Context, err error, b registry.Blob) bool {
	if !errors.Is(err, storage.ErrNotExist) {
		return false
	}
	st, err := s.core.Blobs.Stat(ctx, b.Digest)
	return err == nil && st.Size == b.Size
}

// lostUpload is the error for a session whose upload the store does not have: an upload without bytes need not survive a power
// cut.
func lostUpload(err error) error {
	if errors.Is(err, storage.ErrNotExist) {
		return &registry.Error{Kind: registry.NotFound, Subject: registry.AboutUpload, Detail: "there is no such upload", Err: err}
	}
	return err
}

// sha512Of reads an upload's bytes, those of the session's state and no others.
func (s *Store) sha512Of(ctx context.Context, u *metadata.UploadSession) (digest.Digest, []byte, error) {
	if u.Blob == "" {
		if err := s.adopt(ctx, u); err != nil {
			return "", nil, err
		}
	}
	r, err := s.openUpload(ctx, *u)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	h := sha512.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", nil, err
	}
	if u.Blob == "" {
		if state, err := s.core.Blobs.UploadState(ctx, u.ID); err != nil || state != u.State {
			return "", nil, errors.Join(err, storage.ErrMoved)
		}
	}
	return digest.NewDigest(digest.SHA512, h), h.Sum(nil), nil
}

func (s *Store) openUpload(ctx context.Context, u metadata.UploadSession) (io.ReadCloser, error) {
	if u.Blob != "" {
		return s.core.Blobs.Open(ctx, u.Blob, 0, -1)
	}
	return s.core.Blobs.OpenUpload(ctx, u.ID, u.Offset)
}

// CancelUpload drops an upload. NotFound.
func (s *Store) CancelUpload(ctx context.Context, at registry.Name, id string) error {
	_, _, unlock, err := s.lockUpload(ctx, at, id)
	if err != nil {
		return err
	}
	defer unlock()
	return s.dropUpload(ctx, id)
}

// dropUpload removes the bytes, then the row: a crash in between leaves a row without bytes, which the next sweep removes.
func (s *Store) dropUpload(ctx context.Context, id string) error {
	if err := s.core.Blobs.Discard(ctx, id); err != nil {
		return err
	}
	return s.core.Update(ctx, func(tx metadata.Tx) error { return tx.Uploads().DeleteUpload(id) })
}

// DropUploads drops the uploads of a repository that was deleted, but for those whose bytes are coming in: they can't be finished
// any more, and a sweep takes them.
func (s *Store) DropUploads(ctx context.Context, repositoryID int64) error {
	for after := ""; ; {
		var page []metadata.UploadSession
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			page, err = tx.Uploads().UploadsIn(repositoryID, after, sweepBatch)
			return err
		}); err != nil {
			return err
		}
		for _, u := range page {
			after = u.ID
			if s.uploading.busy(u.ID) {
				continue
			}
			if err := s.dropUpload(ctx, u.ID); err != nil {
				return err
			}
		}
		if len(page) < sweepBatch {
			return nil
		}
	}
}

// sweepBatch bounds the uploads of one page of a sweep.
const sweepBatch = 500

// SweepUploads drops unfinished uploads that received no byte for uploadTTL, with or without a session, and returns their
// number.
func (s *Store) SweepUploads(ctx context.Context) (n int64, err error) {
	before := s.core.Now().Add(-s.uploadTTL)
	for {
		var stale []metadata.UploadSession
		if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			stale, err = tx.Uploads().StaleUploads(before, sweepBatch)
			return err
		}); err != nil {
			return n, err
		}
		dropped := 0
		for _, u := range stale {
			if s.uploading.busy(u.ID) {
				continue // a very long request
			}
			dropped++
			if err := s.dropUpload(ctx, u.ID); err != nil {
				return n, err
			}
			n++
		}
		if len(stale) < sweepBatch || dropped == 0 {
			break
		}
	}
	for u, err := range s.core.Blobs.ListUploads(ctx) {
		if err != nil {
			return n, err
		}
		if u.Modified.After(before) {
			continue
		}
		err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
			_, err := tx.Uploads().Upload(u.ID)
			return err
		})
		if errors.Is(err, metadata.ErrNotExist) {
			err = s.core.Blobs.Discard(ctx, u.ID)
			n++
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
