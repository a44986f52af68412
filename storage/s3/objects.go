package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/minio/minio-go/v7"
)

// The calls below are the only requests of the backend to a server. Their errors have passed through clean.

// condition says under which circumstances a PUT takes effect.
type condition struct {
	absent bool   // no object has the key
	etag   string // the object has this ETag
}

// errConflict says that the condition does not hold.
var errConflict = errors.New("changed by somebody else")

// put stores the bytes of b under key, in one request. The signature covers their sha256, so the server refuses any other
// bytes. It returns the ETag and a time not after the object's modification, by the server's clock.
func (s *Store) put(ctx context.Context, key string, b *spool, meta map[string]string, c condition) (string, time.Time, error) {
	body, err := b.body()
	if err != nil {
		return "", time.Time{}, err
	}
	o := minio.PutObjectOptions{DisableContentSha256: true, UserMetadata: meta} // the body is signed all the same, as a whole
	conditional := c != condition{} && !s.unconditional.Load()
	switch {
	case conditional && c.absent:
		o.SetMatchETagExcept("*")
	case conditional:
		o.SetMatchETag(c.etag)
	}
	ctx, answered := withAnswered(ctx)
	begun := time.Now()
	sum := hex.EncodeToString(b.sum.Sum(nil))
	var info minio.UploadInfo
	err = persist(ctx, func() error {
		info, err = s.api.PutObject(ctx, s.bucket, key, body, b.size, "", sum, o)
		return err
	})
	switch {
	case err == nil:
		return info.ETag, notAfter(*answered, begun), nil
	case conditional && is(err, minio.NotImplemented):
		s.unconditional.Store(true)
		return s.put(ctx, key, b, meta, c)
	case conditional && is(err, minio.PreconditionFailed, conflictNow, minio.NoSuchKey):
		return "", time.Time{}, errConflict
	default:
		return "", time.Time{}, clean(err)
	}
}

// notAfter is a lower bound of the time at which the server did what was asked: the request was sent at begun and answered
// at answered. Servers record the beginning or the end of a request, cut to the second.
func notAfter(answered, begun time.Time) time.Time {
	if answered.IsZero() {
		answered = time.Now()
	}
	return answered.Add(-time.Since(begun)).Truncate(time.Second)
}

// head tells size, time, ETag and metadata.
func (s *Store) head(ctx context.Context, key string) (minio.ObjectInfo, error) {
	info, err := s.api.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	return info, clean(err)
}

// get opens the bytes between from and end, both included; end -1 means the last byte. It returns how many bytes the server
// will send.
func (s *Store) get(ctx context.Context, key, etag string, from, end int64) (io.ReadCloser, int64, error) {
	var o minio.GetObjectOptions
	if etag != "" {
		if err := o.SetMatchETag(etag); err != nil {
			return nil, 0, clean(err)
		}
	}
	ranged := from > 0 || end >= 0
	switch {
	case end >= 0:
		o.Set("Range", fmt.Sprintf("bytes=%d-%d", from, end))
	case from > 0:
		o.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	body, info, header, err := s.api.GetObject(ctx, s.bucket, key, o)
	if is(err, minio.PreconditionFailed) {
		return nil, 0, errConflict
	}
	if err != nil {
		return nil, 0, clean(err)
	}
	var first int64
	if ranged {
		_, err = fmt.Sscanf(header.Get("Content-Range"), "bytes %d-", &first)
	}
	if err != nil || first != from || info.Size < 0 {
		_ = body.Close()
		return nil, 0, errors.New("the server does not send the range that it was asked for")
	}
	return body, info.Size, nil
}

// copyTo makes a new object as a copy of a whole object, if that has the ETag.
func (s *Store) copyTo(ctx context.Context, key, from, etag string) error {
	err := persist(ctx, func() error {
		info, err := s.api.CopyObject(ctx, s.bucket, from, s.bucket, key, map[string]string{
			"x-amz-metadata-directive":   "REPLACE",
			"x-amz-copy-source-if-match": `"` + etag + `"`,
			"Content-Type":               "application/octet-stream",
		}, minio.CopySrcOptions{}, minio.PutObjectOptions{})
		return made(info.ETag, err)
	})
	if is(err, minio.PreconditionFailed) {
		return errConflict
	}
	return clean(err)
}

// remove deletes one object; a missing one is no error.
func (s *Store) remove(ctx context.Context, key string) error {
	err := persist(ctx, func() error { return s.api.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{}) })
	if is(err, minio.NoSuchKey) {
		return nil
	}
	return clean(err)
}

// removeAll deletes objects, up to 1000 by one request.
func (s *Store) removeAll(ctx context.Context, keys iter.Seq[string]) error {
	results, err := s.api.RemoveObjectsWithIter(ctx, s.bucket, func(yield func(minio.ObjectInfo) bool) {
		for key := range keys {
			if !yield(minio.ObjectInfo{Key: key}) {
				return
			}
		}
	}, minio.RemoveObjectsOptions{})
	if err != nil {
		return clean(err)
	}
	var failed error
	for res := range results {
		if res.Err != nil && !is(res.Err, minio.NoSuchKey) {
			failed = res.Err
		}
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return clean(failed)
}

// list yields the objects below prefix after the given key, in the order of keys. When an answer breaks off, it resumes
// after the last object.
func (s *Store) list(ctx context.Context, prefix, after string) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		for try := 0; ; try++ {
			var failed error
			for info := range s.api.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: prefix, StartAfter: after, Recursive: true}) {
				if failed = info.Err; failed != nil {
					break
				}
				try, after = 0, info.Key
				if !yield(info, nil) {
					return
				}
			}
			if failed == nil {
				failed = ctx.Err()
			}
			if failed == nil {
				return
			}
			if try == maxResumes || ctx.Err() != nil || !passing(failed) {
				yield(minio.ObjectInfo{}, clean(failed))
				return
			}
		}
	}
}

// sha256Hex reads r to its end and seeks back to its beginning.
func sha256Hex(r io.ReadSeeker) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	_, err := r.Seek(0, io.SeekStart)
	return hex.EncodeToString(h.Sum(nil)), err
}
