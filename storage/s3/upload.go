package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"

	"slipway/storage"
)

// Create implements storage.Uploads, in one request.
func (s *Store) Create(ctx context.Context, id string, state *string) error {
	if !storage.ValidID(id) {
		return fmt.Errorf("s3: create upload: invalid id %.80q", id)
	}
	b := newSpool(s.spoolDir)
	defer b.free()
	now, err := s.save(ctx, id, "", nil, b)
	if errors.Is(err, errConflict) {
		return fmt.Errorf("s3: create upload %s: %w", id, storage.ErrExists)
	}
	if err == nil {
		tell(state, now)
	}
	return wrap("create upload", err)
}

// UploadState implements storage.Uploads: the ETag of the object that names all others.
func (s *Store) UploadState(ctx context.Context, id string) (string, error) {
	if !storage.ValidID(id) {
		return "", wrap("state of an upload", storage.ErrNotExist)
	}
	info, err := s.head(ctx, s.uploadKey(id, tailName))
	if missing(err) {
		err = storage.ErrNotExist
	}
	return info.ETag, wrap("state of an upload", err)
}

// OpenUpload implements storage.Uploads.
func (s *Store) OpenUpload(ctx context.Context, id string, size int64) (io.ReadCloser, error) {
	if !storage.ValidID(id) {
		return nil, wrap("open upload", storage.ErrNotExist)
	}
	st, err := s.load(ctx, id)
	if err == nil && (size < 0 || st.size() < size) {
		err = storage.ErrOffset
	}
	if err != nil {
		return nil, wrap("open upload", err)
	}
	return s.openBytes(ctx, id, st, 0, size), nil
}

// openBytes reads the bytes of an upload from one offset to another, object after object.
func (s *Store) openBytes(ctx context.Context, id string, st state, from, to int64) *sequence {
	q := &sequence{}
	add := func(key, etag string, start, size int64) {
		if lo, hi := max(from, start), min(to, start+size); lo < hi {
			q.objects = append(q.objects, &object{ctx: ctx, s: s, key: key, etag: etag, offset: lo - start, left: hi - lo})
		}
	}
	var start int64
	for _, p := range st.parts {
		add(s.uploadKey(id, p.Name), "", start, p.Size)
		start += p.Size
	}
	add(s.uploadKey(id, tailName), st.etag, start, st.tail)
	return q
}

type sequence struct{ objects []*object }

func (q *sequence) Read(p []byte) (int, error) {
	for len(q.objects) > 0 {
		n, err := q.objects[0].Read(p)
		if err != io.EOF {
			return n, err
		}
		_ = q.objects[0].Close() // at its end
		q.objects = q.objects[1:]
	}
	return 0, io.EOF
}

func (q *sequence) Close() error {
	if len(q.objects) == 0 {
		return nil
	}
	return q.objects[0].Close()
}

// Discard implements storage.Uploads. It aborts the multipart uploads of an interrupted Finish or Put.
func (s *Store) Discard(ctx context.Context, id string) error {
	if !storage.ValidID(id) {
		return nil
	}
	return wrap("discard upload", s.clear(ctx, id))
}

// clear removes all objects of an upload, the tail first: without it there is no upload.
func (s *Store) clear(ctx context.Context, id string) error {
	s.states.forget(id)
	if err := s.remove(ctx, s.uploadKey(id, tailName)); err != nil {
		return err
	}
	var failed error
	err := s.removeAll(ctx, func(yield func(string) bool) {
		for info, err := range s.list(ctx, s.uploadKey(id, ""), "") {
			if err == nil && strings.HasPrefix(info.Key, s.uploadKey(id, assemblyPrefix)) {
				err = s.abortNoted(ctx, info.Key)
			}
			if failed = err; failed != nil || !yield(info.Key) {
				return
			}
		}
	})
	return errors.Join(failed, err)
}

// ListUploads implements storage.Uploads, in ascending order of id. Objects that an interrupted Append, Put or Discard has
// left without a tail are listed as an upload of no bytes: discarding it removes them.
func (s *Store) ListUploads(ctx context.Context) iter.Seq2[storage.Upload, error] {
	return func(yield func(storage.Upload, error) bool) {
		var u storage.Upload
		var parts bool
		flush := func() bool {
			if u.ID == "" {
				return true
			}
			if parts { // the size is in the list of parts
				st, err := s.load(ctx, u.ID)
				if err != nil && !errors.Is(err, storage.ErrNotExist) {
					yield(storage.Upload{}, wrap("list uploads", err))
					return false
				}
				u.Size = st.size()
			}
			return yield(u, nil)
		}
		for info, err := range s.list(ctx, s.uploadsPrefix(), "") {
			if err != nil {
				yield(storage.Upload{}, wrap("list uploads", err))
				return
			}
			id, name, ok := s.uploadOf(info)
			if !ok {
				continue
			}
			if id != u.ID {
				if !flush() {
					return
				}
				u, parts = storage.Upload{ID: id}, false
			}
			if u.Modified.Before(info.LastModified) {
				u.Modified = info.LastModified
			}
			parts = parts || name != tailName
			u.Size = info.Size // the tail comes last
		}
		flush()
	}
}

func (s *Store) uploadOf(info minio.ObjectInfo) (id, name string, ok bool) {
	rest, ok := strings.CutPrefix(info.Key, s.uploadsPrefix())
	if !ok {
		return "", "", false
	}
	id, name, ok = strings.Cut(rest, "/")
	return id, name, ok && storage.ValidID(id)
}
