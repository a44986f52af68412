package s3

import (
	"context"
	"strings"

	"github.com/minio/minio-go/v7"

	"slipway/storage"
)

// Finish implements storage.Uploads. The server makes the blob of the upload's objects: a copy when there is one, an
// assembly of copies when there are more. After an error the upload is still there, and Finish may be called again. Of an
// upload without parts the store knows the digest itself: ErrMismatch.
func (s *Store) Finish(ctx context.Context, id string, b storage.Blob) error {
	key, ok := s.blobKey(b.Digest)
	if !storage.ValidID(id) {
		return wrap("finish", storage.ErrNotExist)
	}
	st, err := s.state(ctx, id, b.Size)
	switch {
	case err != nil:
	case !ok:
		err = storage.ErrNotExist
	case b.Size < 0 || st.size() < b.Size:
		err = storage.ErrOffset
	case st.size() > b.Size:
		if _, err = s.append(ctx, id, st, b.Size, strings.NewReader(""), -1); err == nil {
			st, err = s.state(ctx, id, b.Size)
		}
	}
	if err == nil && st.sum != "" && st.sum != b.Digest.Encoded() {
		err = storage.ErrMismatch
	}
	if err == nil {
		err = s.finish(ctx, id, st, key)
	}
	return wrap("finish", s.explain(ctx, id, err))
}

func (s *Store) finish(ctx context.Context, id string, st state, key string) error {
	tail := s.uploadKey(id, tailName)
	s.states.forget(id)
	if len(st.parts) > 0 {
		if err := s.join(ctx, id, st, key); err != nil {
			return gone(err)
		}
		// Without its tail the upload has ended. What stays of it now, ListUploads shows for somebody to discard.
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

// gone makes a source that is missing a conflict: the upload was there a moment ago.
func gone(err error) error {
	if missing(err) {
		return errConflict
	}
	return err
}

// join makes the blob of parts and tail. The server copies; no byte comes through here.
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
	err = a.each(ctx, func(ctx context.Context, i int) (minio.CompletePart, error) {
		if i < len(st.parts) {
			return s.api.CopyObjectPart(ctx, s.bucket, s.uploadKey(id, st.parts[i].Name), s.bucket, key, a.id, i+1, 0, -1, nil)
		}
		return s.api.CopyObjectPart(ctx, s.bucket, s.uploadKey(id, tailName), s.bucket, key, a.id, i+1, 0, st.tail,
			map[string]string{"x-amz-copy-source-if-match": `"` + st.etag + `"`})
	})
	if err == nil {
		_, err = a.commit(ctx, st.size())
	}
	return err
}
