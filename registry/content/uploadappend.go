package content

import (
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"hash"
	"io"

	"slipway/internal/ctxgrace"
	"slipway/metadata"
	"slipway/registry"
	"slipway/storage"
)

// AppendUpload adds r at offset, which must be the upload's length so far, or -1 for that length; otherwise RangeInvalid, with
// the true state. The bytes that arrived before r broke off are kept. Concurrent requests wait for each other. limit bounds
// the whole upload; -1 is none. TooLarge.
func (s *Store) AppendUpload(ctx context.Context, at registry.Name, id string, offset int64, r io.Reader, limit int64) (Upload, error) {
	u, _, unlock, err := s.lockUpload(ctx, at, id)
	if err != nil {
		return Upload{}, err
	}
	defer unlock()
	return s.appendUpload(ctx, u, offset, r, limit)
}

// misplaced refuses bytes whose offset is not the end of the upload. RangeInvalid.
func misplaced(u metadata.UploadSession, offset int64) error {
	if offset < 0 || offset == u.Offset {
		return nil
	}
	return registry.Errorf(registry.RangeInvalid, registry.AboutUpload, "the upload is at byte %d, not %d", u.Offset, offset)
}

func (s *Store) appendUpload(ctx context.Context, u metadata.UploadSession, offset int64, r io.Reader, limit int64) (Upload, error) {
	if err := misplaced(u, offset); err != nil {
		return Upload{ID: u.ID, Offset: u.Offset}, err
	}
	if u.Offset > 0 {
		return s.extendUpload(ctx, u, r, limit)
	}
	first := s.bodies.gather(ctx, r)
	defer first.free()
	switch {
	case first.size == 0 && first.err == io.EOF:
		return Upload{ID: u.ID}, nil
	case first.size == 0 && first.err != nil:
		return Upload{ID: u.ID}, first.err
	case first.err == io.EOF && (limit < 0 || first.size <= limit):
		return s.keepWhole(ctx, u, first)
	}
	if first.broken() {
		var cancel context.CancelFunc
		ctx, cancel = ctxgrace.Extend(ctx, KeepTimeout)
		defer cancel()
	}
	return s.extendUpload(ctx, u, first.before(r), limit)
}

// keepWhole stores the first body of an upload, which is all in memory, directly as a blob: mostly no second body follows, so
// the store never needs an upload for it. If a second body follows, extendUpload makes the blob an upload.
func (s *Store) keepWhole(ctx context.Context, u metadata.UploadSession, first *body) (Upload, error) {
	ctx, cancel := ctxgrace.Extend(ctx, KeepTimeout)
	defer cancel()
	for try := 0; ; try++ {
		stored := s.core.Now()
		first.at = 0
		b, err := s.core.Blobs.Put(ctx, first, -1)
		if err != nil {
			return Upload{ID: u.ID}, err
		}
		u.Offset, u.Blob = b.Size, b.Digest
		// From this transaction on the session keeps the blob from the collector.
		_, err = s.recordBlob(ctx, registry.Blob{Digest: b.Digest, Size: b.Size}, stored, func(tx metadata.Tx, _ registry.Blob) error { return tx.Uploads().UpdateUpload(u, 0, u.State) })
		if err == nil {
			return Upload{ID: u.ID, Offset: u.Offset}, nil
		}
		if !errors.Is(err, ErrCollected) || try == MaxRescues(s.core.Store) {
			return s.notMoved(ctx, Upload{ID: u.ID}, err)
		}
	}
}

// extendUpload adds bytes to an upload in the store. If the session's bytes are a blob so far, it first makes an upload of
// them.
func (s *Store) extendUpload(ctx context.Context, u metadata.UploadSession, r io.Reader, limit int64) (Upload, error) {
	at, kept := Upload{ID: u.ID, Offset: u.Offset}, u.Offset
	if u.Blob != "" {
		head, err := s.core.Blobs.Open(ctx, u.Blob, 0, -1)
		if err != nil {
			return at, lostUpload(err)
		}
		defer head.Close()
		r, kept = io.MultiReader(head, r), 0
	}
	sum, err := resumeHash(u.HashState)
	if err != nil {
		return Upload{}, err
	}
	in := &counted{r: r, sum: sum, beat: s.keepAlive(ctx, u.ID)}
	was, n, err := s.appendBytes(ctx, &u, kept, in, limit)
	if errors.Is(err, metadata.ErrExists) || errors.Is(err, storage.ErrMoved) {
		return s.notMoved(ctx, at, metadata.ErrExists)
	}
	if kept+n <= at.Offset || n != in.n {
		return at, lostUpload(err) // no new bytes; otherwise the hash has seen more bytes than became durable
	}
	state, herr := hashState(sum)
	if herr != nil {
		return at, herr
	}
	u.Offset, u.HashState, u.Blob = kept+n, state, ""
	// The client may be gone by now; the bytes it sent are recorded all the same.
	if err := s.core.Update(context.WithoutCancel(ctx), func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(u, at.Offset, was) }); err != nil {
		return s.notMoved(ctx, at, err)
	}
	return Upload{ID: u.ID, Offset: u.Offset}, err
}

// appendBytes stores in behind the first kept bytes of an upload. It moves u's state, and returns the state that the session has
// still. metadata.ErrExists, storage.ErrMoved: another request has moved the upload on.
func (s *Store) appendBytes(ctx context.Context, u *metadata.UploadSession, kept int64, in *counted, limit int64) (was string, n int64, err error) {
	was = u.State
	if kept == 0 {
		err := s.core.Blobs.Create(ctx, u.ID, &u.State)
		if errors.Is(err, storage.ErrExists) { // an earlier try broke off before its first byte was recorded
			err = s.adopt(ctx, u)
			was = u.State
		}
		if err != nil {
			return was, 0, err
		}
	}
	n, err = s.core.Blobs.Append(ctx, u.ID, kept, in, limit, &u.State)
	if errors.Is(err, storage.ErrMoved) && in.n == 0 {
		if err := s.adopt(ctx, u); err != nil {
			return was, 0, err
		}
		was = u.State
		n, err = s.core.Blobs.Append(ctx, u.ID, kept, in, limit, &u.State)
	}
	return was, n, err
}

// adopt goes on from the state in which the store has an upload, where another request left it there and could not note it. That
// state follows from the noted one by one change, which kept the noted bytes: nobody changes an upload but from a noted state. So the
// state is noted before bytes are added to it, unless the session has moved on; metadata.ErrExists.
func (s *Store) adopt(ctx context.Context, u *metadata.UploadSession) error {
	state, err := s.core.Blobs.UploadState(ctx, u.ID)
	if err != nil || state == u.State {
		return err
	}
	next := *u
	next.State = state
	err = s.core.Update(ctx, func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(next, u.Offset, u.State) })
	if err == nil {
		*u = next
	}
	return err
}

// keepAlive returns a function that keeps a session from being swept while its bytes come in for very long. It is called at each
// read.
func (s *Store) keepAlive(ctx context.Context, id string) func() {
	next := s.core.Now().Add(s.uploadTTL / 4)
	return func() {
		if s.core.Now().Before(next) {
			return
		}
		next = s.core.Now().Add(s.uploadTTL / 4)
		_ = s.core.Update(ctx, func(tx metadata.Tx) error { // a session that has ended or moved on is met at the end of the bytes
			now, err := tx.Uploads().Upload(id)
			if err != nil {
				return err
			}
			return tx.Uploads().UpdateUpload(now, now.Offset, now.State)
		})
	}
}

// notMoved returns the error of a session's update with the upload's offset, as far as that is known.
func (s *Store) notMoved(ctx context.Context, at Upload, err error) (Upload, error) {
	if errors.Is(err, metadata.ErrExists) {
		lerr := s.core.Store.View(ctx, func(tx metadata.Tx) error {
			u, err := tx.Uploads().Upload(at.ID)
			at.Offset = u.Offset
			return err
		})
		if lerr != nil {
			err = lerr
		}
	}
	return at, overtaken(err)
}

// overtaken is the error for a session that another request has changed meanwhile.
func overtaken(err error) error {
	if errors.Is(err, metadata.ErrExists) {
		return registry.Errorf(registry.RangeInvalid, registry.AboutUpload, "another request moved the upload on")
	}
	return registry.Missing(err, registry.AboutUpload, "there is no such upload")
}

type counted struct {
	r    io.Reader
	sum  hash.Hash
	n    int64
	beat func()
}

func (c *counted) Read(p []byte) (int, error) {
	c.beat()
	n, err := c.r.Read(p)
	_, _ = c.sum.Write(p[:n]) // a hash never fails
	c.n += int64(n)
	return n, err
}

func hashState(h hash.Hash) ([]byte, error) {
	return h.(encoding.BinaryMarshaler).MarshalBinary()
}

func resumeHash(state []byte) (hash.Hash, error) {
	h := sha256.New()
	return h, h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
}
