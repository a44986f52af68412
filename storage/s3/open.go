package s3

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/minio/minio-go/v7"
	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// maxResumes is how often in a row a body resumes after its connection broke, without a byte in between.
const maxResumes = 4

// Open implements storage.Blobs, in one request unless the range is empty or wrong. ctx covers the body too, which resumes
// where a connection broke off.
func (s *Store) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	key, ok := s.blobKey(d)
	if !ok {
		return nil, wrap("open blob", storage.ErrNotExist)
	}
	r, err := s.openRange(ctx, key, offset, length)
	if err != nil {
		return nil, wrapMissing("open blob", err)
	}
	return r, nil
}

func (s *Store) openRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < -1 || length == 0 || length > math.MaxInt64-offset {
		return s.openEmpty(ctx, key, offset, length)
	}
	end := int64(-1)
	if length > 0 {
		end = offset + length - 1
	}
	body, n, err := s.get(ctx, key, "", offset, end)
	if is(err, minio.InvalidRange) {
		return s.openEmpty(ctx, key, offset, length)
	}
	if err != nil {
		return nil, err
	}
	if length > 0 && n != length { // the server cuts a range that passes the last byte
		_ = body.Close()
		return nil, storage.ErrRange
	}
	return &object{ctx: ctx, s: s, key: key, offset: offset, left: n, body: body}, nil
}

// openEmpty opens ranges of no bytes, which S3 can't express.
func (s *Store) openEmpty(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	info, err := s.head(ctx, key)
	if err != nil {
		return nil, err
	}
	if offset == info.Size && length == -1 || offset >= 0 && offset <= info.Size && length == 0 {
		return &object{}, nil
	}
	return nil, storage.ErrRange
}

// object reads the bytes of an object that never changes, or of the object with the given ETag.
type object struct {
	ctx          context.Context // the context of Open: a body belongs to one call
	s            *Store
	key, etag    string
	offset, left int64
	body         io.ReadCloser // nil before the first byte of an object that is not the first, and after a fault
	resumes      int
}

func (o *object) Read(p []byte) (int, error) {
	for {
		if o.left == 0 {
			return 0, io.EOF
		}
		n, err := o.read(p)
		o.offset += int64(n)
		o.left -= int64(n)
		if n > 0 {
			o.resumes = 0
			return n, nil
		}
		if err == nil {
			return 0, nil
		}
		_ = o.Close()
		if o.resumes++; o.resumes > maxResumes || o.ctx.Err() != nil {
			return 0, wrap("read", err)
		}
	}
}

func (o *object) read(p []byte) (int, error) {
	if o.body == nil {
		body, n, err := o.s.get(o.ctx, o.key, o.etag, o.offset, o.offset+o.left-1)
		if err != nil || n != o.left {
			o.resumes = maxResumes // minio-go has repeated the request, and its answer is final
			if err == nil {
				_ = body.Close()
				err = errors.New("the server sends another number of bytes than it was asked for")
			}
			return 0, err
		}
		o.body = body
	}
	n, err := o.body.Read(p[:min(int64(len(p)), o.left)])
	return n, clean(err)
}

// Close lets the connection serve the next request if the body was read to its end.
func (o *object) Close() error {
	if o.body != nil {
		_ = o.body.Close() // the bytes that were read are safe; unread bytes can't be lost
		o.body = nil
	}
	return nil
}
