package storagetest

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// When says at which moment of a call the fault strikes.
type When string

const (
	// Before: the call has no effect.
	Before When = "before"
	// Midway: the bytes of Put, Append, Open and OpenUpload and of a growing blob's Write break off, the lists after their
	// first element. Calls that move no bytes fail as with Before.
	Midway When = "midway"
	// After: the call takes effect and fails all the same, as when the answer of the backend got lost. A list fails at
	// its end, a body at its Close.
	After When = "after"
)

// Moments are all moments, for a walk.
var Moments = []When{Before, Midway, After}

// Faulty wraps a store. Each call of a method except Close first calls blow, mostly the Blow of a Fuse, and fails with the
// error that blow returns. A list counts when it is walked. Bodies that do not fail are the store's own. Of a growing blob
// Write and Commit count. The result is a storage.Grower, as s must be where Grow is called.
func Faulty(s storage.Store, when When, blow func() error) storage.Store {
	return &faulty{s, when, blow}
}

type faulty struct {
	storage.Store // Close
	when          When
	blow          func() error
}

func (f *faulty) Put(ctx context.Context, r io.Reader, limit int64) (storage.Blob, error) {
	fault := f.blow()
	switch {
	case fault == nil:
		return f.Store.Put(ctx, r, limit)
	case f.when == Midway:
		return f.Store.Put(ctx, &torn{r: r, err: fault}, limit)
	}
	return storage.Blob{}, f.strike(fault, func() error { _, err := f.Store.Put(ctx, r, limit); return err })
}

func (f *faulty) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	return f.open(func() (io.ReadCloser, error) { return f.Store.Open(ctx, d, offset, length) })
}

func (f *faulty) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	if fault := f.blow(); fault != nil {
		return storage.Blob{}, fault
	}
	return f.Store.Stat(ctx, d)
}

func (f *faulty) Delete(ctx context.Context, d digest.Digest) error {
	return f.do(func() error { return f.Store.Delete(ctx, d) })
}

func (f *faulty) List(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return list(f, f.Store.List(ctx, after))
}

func (f *faulty) Ready(ctx context.Context) error {
	return f.do(func() error { return f.Store.Ready(ctx) })
}

func (f *faulty) Create(ctx context.Context, id string, state *string) error {
	return f.do(func() error { return f.Store.Create(ctx, id, state) })
}

func (f *faulty) Append(ctx context.Context, id string, offset int64, r io.Reader, limit int64, state *string) (int64, error) {
	fault := f.blow()
	switch {
	case fault == nil:
		return f.Store.Append(ctx, id, offset, r, limit, state)
	case f.when == Midway:
		return f.Store.Append(ctx, id, offset, &torn{r: r, err: fault}, limit, state)
	}
	return 0, f.strike(fault, func() error { _, err := f.Store.Append(ctx, id, offset, r, limit, state); return err })
}

func (f *faulty) UploadState(ctx context.Context, id string) (state string, err error) {
	err = f.do(func() error { state, err = f.Store.UploadState(ctx, id); return err })
	return state, err
}

func (f *faulty) OpenUpload(ctx context.Context, id string, size int64) (io.ReadCloser, error) {
	return f.open(func() (io.ReadCloser, error) { return f.Store.OpenUpload(ctx, id, size) })
}

func (f *faulty) Finish(ctx context.Context, id string, b storage.Blob, state *string) error {
	return f.do(func() error { return f.Store.Finish(ctx, id, b, state) })
}

func (f *faulty) Discard(ctx context.Context, id string) error {
	return f.do(func() error { return f.Store.Discard(ctx, id) })
}

func (f *faulty) ListUploads(ctx context.Context) iter.Seq2[storage.Upload, error] {
	return list(f, f.Store.ListUploads(ctx))
}

func (f *faulty) Grow(ctx context.Context) (storage.Growing, error) {
	s, ok := f.Store.(storage.Grower)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	fault := f.blow()
	if fault != nil {
		return nil, f.strike(fault, func() error {
			g, err := s.Grow(ctx)
			if err != nil {
				return err
			}
			return g.Close()
		})
	}
	g, err := s.Grow(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyGrowing{g, f}, nil
}

type faultyGrowing struct {
	storage.Growing // ReadAt, Close
	f               *faulty
}

func (g *faultyGrowing) Write(p []byte) (int, error) {
	fault := g.f.blow()
	switch {
	case fault == nil:
		return g.Growing.Write(p)
	case g.f.when == Before:
		return 0, fault
	case g.f.when == Midway:
		p = p[:len(p)/2]
	}
	n, err := g.Growing.Write(p)
	if err != nil {
		return n, err
	}
	return n, fault
}

func (g *faultyGrowing) Commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	if fault := g.f.blow(); fault != nil {
		return storage.Blob{}, g.f.strike(fault, func() error { _, err := g.Growing.Commit(ctx, sum); return err })
	}
	return g.Growing.Commit(ctx, sum)
}

func (f *faulty) do(call func() error) error {
	fault := f.blow()
	if fault == nil {
		return call()
	}
	return f.strike(fault, call)
}

// strike returns fault; for the moment After it first runs call, so that call takes effect. A call that fails by itself
// returns its own error.
func (f *faulty) strike(fault error, call func() error) error {
	if f.when == After {
		if err := call(); err != nil {
			return err
		}
	}
	return fault
}

func (f *faulty) open(call func() (io.ReadCloser, error)) (io.ReadCloser, error) {
	fault := f.blow()
	if fault != nil && f.when == Before {
		return nil, fault
	}
	r, err := call()
	switch {
	case err != nil || fault == nil:
		return r, err
	case f.when == Midway:
		return &tornBody{torn{r: r, err: fault}, r}, nil
	default:
		return &lostClose{r, fault}, nil
	}
}

func list[T any](f *faulty, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		fault := f.blow()
		if fault == nil {
			all(yield)
			return
		}
		var zero T
		if f.when != Before {
			for v, err := range all {
				if !yield(v, err) {
					return
				}
				if f.when == Midway {
					break
				}
			}
		}
		yield(zero, fault)
	}
}

// torn passes on the first half of the first Read and then fails, also when r would have ended there.
type torn struct {
	r    io.Reader
	err  error
	over bool
}

func (t *torn) Read(p []byte) (int, error) {
	if t.over || len(p) == 0 {
		return 0, t.err
	}
	n, err := t.r.Read(p)
	if err != nil && err != io.EOF {
		return n, err
	}
	t.over = true
	return (n + 1) / 2, nil
}

type tornBody struct {
	torn
	io.Closer
}

type lostClose struct {
	io.ReadCloser
	err error
}

func (l *lostClose) Close() error {
	if err := l.ReadCloser.Close(); err != nil {
		return err
	}
	return l.err
}
