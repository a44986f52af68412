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
		_, err = s.recordBlob(ctx, registry.Blob{Digest: b.Digest, Size: b.Size}, stored, func(tx metadata.Tx, _ registry.Blob) error { return tx.Uploads().UpdateUpload(u, 0) })
		if err == nil {
			return Upload{ID: u.ID, Offset: u.Offset}, nil
		}
		if !errors.Is(err, ErrCollected) || try == MaxRescues {
			return s.notMoved(ctx, Upload{ID: u.ID}, err)
		}
	}
}

// extendUpload adds bytes to an upload in the store. If the session's bytes are a blob so far, it first makes an upload of
// them.
func (s *Store) extendUpload(ctx context.Context, u metadata.UploadSession, r io.Reader, limit int64) (Upload, error) {
	id, from, kept := u.ID, u.Offset, u.Offset
	if u.Blob != "" {
		head, err := s.core.Blobs.Open(ctx, u.Blob, 0, -1)
		if err != nil {
			return Upload{ID: id, Offset: from}, lostUpload(err)
		}
		defer head.Close()
		r, kept = io.MultiReader(head, r), 0
	}
	sum, err := resumeHash(u.HashState)
	if err != nil {
		return Upload{}, err
	}
	in := &counted{r: r, sum: sum}
	var made error
	if kept == 0 {
		made = s.core.Blobs.Create(ctx, id) // it exists already where an earlier try broke off before its first byte was recorded
	}
	n, err := s.core.Blobs.Append(ctx, id, kept, in, limit)
	if errors.Is(err, storage.ErrNotExist) && made != nil {
		err = made
	}
	if kept+n <= from || n != in.n {
		return Upload{ID: id, Offset: from}, lostUpload(err) // no new bytes; otherwise the hash has seen more bytes than became durable
	}
	state, herr := hashState(sum)
	if herr != nil {
		return Upload{ID: id, Offset: from}, herr
	}
	u.Offset, u.HashState, u.Blob = kept+n, state, ""
	// The client may be gone by now; the bytes it sent are recorded all the same.
	if err := s.core.Update(context.WithoutCancel(ctx), func(tx metadata.Tx) error { return tx.Uploads().UpdateUpload(u, from) }); err != nil {
		return s.notMoved(ctx, Upload{ID: id, Offset: from}, err)
	}
	return Upload{ID: id, Offset: u.Offset}, err
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
	r   io.Reader
	sum hash.Hash
	n   int64
}

func (c *counted) Read(p []byte) (int, error) {
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
