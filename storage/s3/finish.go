package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/minio/minio-go/v7"

	"slipway/storage"
)

// Finish implements storage.Uploads. The server makes the blob from the upload's objects: a copy of a single object, an
// assembly of copies of several. After an error the upload is still there, and Finish may be called again. The store knows
// the digest of an upload without parts, and checks it: ErrMismatch.
func (s *Store) Finish(ctx context.Context, id string, b storage.Blob, from *string) error {
	key, ok := s.blobKey(b.Digest)
	if !storage.ValidID(id) {
		return wrap("finish", storage.ErrNotExist)
	}
	err := errConflict
	for try := 1; errors.Is(err, errConflict) && try <= 2; try++ { // the remembered state may be old
		var st state
		if st, err = s.whole(ctx, id, b.Size, from); err != nil {
			continue
		}
		switch {
		case !ok:
			err = storage.ErrNotExist
		case st.sum != "" && st.sum != b.Digest.Encoded():
			err = storage.ErrMismatch
		default:
			err = s.finish(ctx, id, st, key)
		}
		s.states.forget(id)
	}
	return wrap("finish", moved(s.explain(ctx, id, err), from))
}

// whole returns the state of an upload after cutting it to the given size.
func (s *Store) whole(ctx context.Context, id string, size int64, from *string) (state, error) {
	st, err := s.stateIn(ctx, id, size, from)
	if err != nil {
		return state{}, err
	}
	if size < 0 || st.size() < size {
		return state{}, storage.ErrOffset
	}
	if st.size() > size {
		_, st, err = s.append(ctx, id, st, size, strings.NewReader(""), -1, bound(from))
	}
	return st, err
}

func (s *Store) finish(ctx context.Context, id string, st state, key string) error {
	tail := s.uploadKey(id, tailName)
	if len(st.parts) > 0 {
		if err := s.join(ctx, id, st, key); err != nil {
			return gone(err)
		}
		// Without its tail the upload has ended. ListUploads shows any objects that stay, to be discarded.
		if err := s.remove(ctx, tail); err != nil {
			return err
		}
		_ = s.clear(ctx, id)
		return nil
	}
	if err := s.copyTo(ctx, key, tail, st.etag); err != nil {
		return gone(err)
	}
	return s.remove(ctx, tail)
}

// gone turns the error of a missing or changed source into a conflict: the source was there a moment ago.
func gone(err error) error {
	if is(err, minio.NoSuchKey, minio.PreconditionFailed) {
		return errConflict
	}
	return err
}

// join makes the blob of parts and tail. The server copies; no byte passes through this process.
func (s *Store) join(ctx context.Context, id string, st state, key string) (err error) {
	n := len(st.parts)
	if st.tail > 0 {
		n++
	}
	a, err := s.assemble(ctx, key, id, n)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			a.abort(ctx)
		}
	}()
	err = a.each(ctx, func(i int) (minio.CompletePart, error) {
		if i < len(st.parts) {
			return s.api.CopyObjectPart(ctx, s.bucket, s.uploadKey(id, st.parts[i].Name), s.bucket, key, a.id, i+1, 0, -1, nil)
		}
		return s.api.CopyObjectPart(ctx, s.bucket, s.uploadKey(id, tailName), s.bucket, key, a.id, i+1, 0, st.tail,
			map[string]string{"x-amz-copy-source-if-match": `"` + st.etag + `"`})
	})
	if err != nil {
		return err
	}
	// The names of the parts do not show whether the state is old.
	if info, err := s.head(ctx, s.uploadKey(id, tailName)); err != nil {
		return err
	} else if info.ETag != st.etag {
		return errConflict
	}
	_, err = a.commit(ctx, st.size())
	return err
}
