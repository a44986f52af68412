package s3

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

// assembly makes a blob from parts by a multipart upload, which is invisible before commit. A note beside the upload that
// it serves says how to abort it, in case this process ends first.
type assembly struct {
	s       *Store
	key, id string
	note    string
	begun   time.Time // by the server's clock, to the second
	parts   []minio.CompletePart
}

// assemble begins an assembly of n parts, for the upload with the given id.
func (s *Store) assemble(ctx context.Context, key, upload string, n int) (*assembly, error) {
	answered, at := withAnswered(ctx)
	begun := time.Now()
	var id string
	err := persist(ctx, func() (err error) {
		id, err = s.api.NewMultipartUpload(answered, s.bucket, key, minio.PutObjectOptions{})
		return err
	})
	if err != nil {
		return nil, clean(err)
	}
	a := &assembly{
		s: s, key: key, id: id, begun: notAfter(*at, begun), parts: make([]minio.CompletePart, n),
		note: s.uploadKey(upload, assemblyPrefix+nonce()),
	}
	b := newSpool(s.spoolDir)
	defer b.free()
	err = b.write([]byte(key + "\n" + id))
	if err == nil {
		_, _, err = s.put(ctx, a.note, b, nil, condition{})
	}
	if err != nil {
		a.abort(ctx)
		return nil, err
	}
	return a, nil
}

// each fills every part by calling send, several at a time. After an error the running calls finish first: a part that
// arrives after an abort would stay.
func (a *assembly) each(ctx context.Context, send func(i int) (minio.CompletePart, error)) error {
	var g errgroup.Group
	g.SetLimit(parallel)
	var failed atomic.Bool
	for i := range a.parts {
		g.Go(func() error {
			if failed.Load() {
				return nil
			}
			err := persist(ctx, func() (err error) {
				a.parts[i], err = send(i)
				return made(a.parts[i].ETag, err)
			})
			if err != nil {
				failed.Store(true)
			}
			return clean(err)
		})
	}
	return g.Wait()
}

// commit makes the blob visible and stats it. When the answer got lost, commit succeeded if the object is there and was not
// there before; an object that another request made in the last seconds is as good. The note stays, for the caller to
// remove.
func (a *assembly) commit(ctx context.Context, size int64) (time.Time, error) {
	err := persist(ctx, func() error {
		_, err := a.s.api.CompleteMultipartUpload(ctx, a.s.bucket, a.key, a.id, a.parts, minio.PutObjectOptions{})
		return err
	})
	if ctx.Err() != nil {
		return time.Time{}, clean(ctx.Err())
	}
	info, herr := a.s.head(ctx, a.key)
	switch {
	case herr == nil && info.Size == size && (err == nil || !info.LastModified.Before(a.begun)):
		return info.LastModified, nil
	case err != nil:
		return time.Time{}, clean(err)
	case herr != nil:
		return time.Time{}, herr
	default:
		return time.Time{}, fmt.Errorf("the server has made an object of %d bytes, not %d", info.Size, size)
	}
}

// abort gives up, also when ctx is done. The note stays: the server may still be busy with a part whose request was
// cancelled, so discarding the upload aborts again.
func (a *assembly) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	_ = a.s.abortMultipart(ctx, a.key, a.id) // if this fails, the note leads to another abort
}

// abortMultipart ends a multipart upload that may be over already.
func (s *Store) abortMultipart(ctx context.Context, key, id string) error {
	err := s.api.AbortMultipartUpload(ctx, s.bucket, key, id)
	if is(err, minio.NoSuchUpload, minio.NoSuchKey) {
		return nil
	}
	return clean(err)
}

// abortNoted aborts the multipart upload that a note names.
func (s *Store) abortNoted(ctx context.Context, note string) error {
	body, _, err := s.get(ctx, note, "", 0, -1)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxNoteBytes))
	if err != nil {
		return clean(err)
	}
	key, id, ok := strings.Cut(string(text), "\n")
	if _, blob := s.blobOf(key); !ok || !blob {
		return nil // no note of this package
	}
	return s.abortMultipart(ctx, key, id)
}

const maxNoteBytes = 4 << 10

// putParts stores a spool as parts that are sent in parallel.
func (s *Store) putParts(ctx context.Context, key string, b *spool) (_ time.Time, err error) {
	body, err := b.body()
	if err != nil {
		return time.Time{}, err
	}
	n := int((b.size + s.putPartBytes - 1) / s.putPartBytes)
	a, err := s.assemble(ctx, key, putPrefix+nonce()+nonce(), n)
	if err != nil {
		return time.Time{}, err
	}
	defer func() {
		if err != nil {
			a.abort(ctx)
		}
	}()
	err = a.each(ctx, func(i int) (minio.CompletePart, error) {
		offset := int64(i) * s.putPartBytes
		part := io.NewSectionReader(body, offset, min(s.putPartBytes, b.size-offset))
		sum, err := sha256Hex(part)
		if err != nil {
			return minio.CompletePart{}, err
		}
		sent, err := s.api.PutObjectPart(ctx, s.bucket, key, a.id, i+1, part, part.Size(),
			minio.PutObjectPartOptions{Sha256Hex: sum, DisableContentSha256: true})
		return minio.CompletePart{PartNumber: i + 1, ETag: sent.ETag}, err
	})
	if err != nil {
		return time.Time{}, err
	}
	modified, err := a.commit(ctx, b.size)
	if err == nil {
		_ = s.remove(ctx, a.note) // otherwise the collector removes it
	}
	return modified, err
}
