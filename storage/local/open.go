package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// Open implements storage.Blobs. A whole blob is an *os.File, unless it lies in a pack.
func (s *Store) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, wrap("open blob", err)
	}
	if r, err := s.openWarm(ctx, d, offset, length); r != nil || err != nil {
		return r, wrap("open blob", err)
	}
	p, ok := s.place(d)
	if !ok {
		return nil, wrap("open blob", storage.ErrNotExist)
	}
	f, err := os.Open(p.path)
	for err == nil && s.commits.wait(d) {
		_ = f.Close()
		f, err = os.Open(p.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		r, err := s.openPacked(ctx, p, offset, length)
		return r, wrapMissing("open blob", err)
	}
	if err != nil {
		return nil, wrap("open blob", err)
	}
	if err := s.settle(p.shard, p.dir); err != nil {
		_ = f.Close()
		return nil, wrap("open blob", err)
	}
	if offset == 0 && length == -1 {
		return f, nil
	}
	r, err := cut(f, offset, length)
	if err != nil {
		_ = f.Close()
		return nil, wrap("open blob", err)
	}
	return r, nil
}

// cut returns length bytes of f from offset, or f itself when that is all of it.
func cut(f *os.File, offset, length int64) (io.ReadCloser, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	rest := fi.Size() - offset
	if length == -1 {
		length = rest
	}
	if offset < 0 || length < 0 || rest < length {
		return nil, storage.ErrRange
	}
	if length == fi.Size() {
		return f, nil
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	return &section{io.LimitedReader{R: f, N: length}, f}, nil
}

// section is a part of a file.
type section struct {
	part io.LimitedReader
	f    *os.File
}

func (s *section) Read(p []byte) (int, error) { return s.part.Read(p) }

func (s *section) Close() error { return s.f.Close() }

// WriteTo passes a connection the form that it hands to sendfile: a LimitedReader over an *os.File.
func (s *section) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, &s.part) }
