package storagetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/mem"
	"slipway/storage/storagetest"
)

// TestFaultyWithoutFault: the wrapper itself changes nothing.
func TestFaultyWithoutFault(t *testing.T) {
	for _, when := range storagetest.Moments {
		t.Run(string(when), func(t *testing.T) {
			storagetest.Run(t, func(*testing.T) storage.Store {
				return storagetest.Faulty(mem.New(), when, new(storagetest.Fuse).Blow)
			})
		})
	}
}

func TestFuse(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		fuse *storagetest.Fuse
		want string
	}{
		{&storagetest.Fuse{}, "....."},
		{&storagetest.Fuse{N: 1}, "x...."},
		{&storagetest.Fuse{N: 3, Err: broken}, "..x.."},
		{&storagetest.Fuse{N: 3, Stay: true}, "..xxx"},
		{&storagetest.Fuse{N: 6}, "....."},
	} {
		var got strings.Builder
		for range 5 {
			err := c.fuse.Blow()
			switch {
			case err == nil:
				got.WriteByte('.')
			case c.fuse.Err != nil && errors.Is(err, c.fuse.Err), c.fuse.Err == nil && errors.Is(err, storagetest.ErrFault):
				got.WriteByte('x')
			default:
				t.Errorf("Blow: %v", err)
			}
			if c.fuse.Tripped() != strings.Contains(got.String(), "x") {
				t.Errorf("N %d: Tripped = %v after %s", c.fuse.N, c.fuse.Tripped(), &got)
			}
		}
		if got.String() != c.want || c.fuse.Calls() != 5 {
			t.Errorf("N %d, Stay %v: %s in %d calls, want %s", c.fuse.N, c.fuse.Stay, &got, c.fuse.Calls(), c.want)
		}
	}
}

const id = "upload-0123456789"

var (
	stored = []byte(strings.Repeat("stored ", 100))
	body   = []byte(strings.Repeat("body ", 100))
)

// TestFaulty walks through every method: one call fails, and has the effect that the moment says.
func TestFaulty(t *testing.T) {
	has := func(data []byte) func(storage.Store) bool {
		return func(s storage.Store) bool {
			_, err := s.Stat(context.Background(), digest.FromBytes(data))
			return err == nil
		}
	}
	holds := func(size int64) func(storage.Store) bool {
		return func(s storage.Store) bool {
			r, err := s.OpenUpload(context.Background(), id, size)
			if err == nil {
				_ = r.Close()
			}
			return err == nil
		}
	}
	not := func(is func(storage.Store) bool) func(storage.Store) bool {
		return func(s storage.Store) bool { return !is(s) }
	}
	for name, c := range map[string]struct {
		call   func(ctx context.Context, s storage.Store) error
		effect func(storage.Store) bool // nil: the call has none
	}{
		"Put": {func(ctx context.Context, s storage.Store) error {
			_, err := s.Put(ctx, bytes.NewReader(body), -1)
			return err
		}, has(body)},
		"Append": {func(ctx context.Context, s storage.Store) error {
			_, err := s.Append(ctx, id, 10, bytes.NewReader(body), -1, nil)
			return err
		}, holds(510)},
		"Delete": {func(ctx context.Context, s storage.Store) error {
			return s.Delete(ctx, digest.FromBytes(stored))
		}, not(has(stored))},
		"Create": {func(ctx context.Context, s storage.Store) error { return s.Create(ctx, id+"-2", nil) }, func(s storage.Store) bool {
			_, err := s.OpenUpload(context.Background(), id+"-2", 0)
			return err == nil
		}},
		"Finish": {func(ctx context.Context, s storage.Store) error {
			return s.Finish(ctx, id, storage.Blob{Digest: digest.FromBytes(body[:10]), Size: 10}, nil)
		}, has(body[:10])},
		"Discard": {func(ctx context.Context, s storage.Store) error { return s.Discard(ctx, id) }, not(holds(0))},
		"Stat": {func(ctx context.Context, s storage.Store) error {
			_, err := s.Stat(ctx, digest.FromBytes(stored))
			return err
		}, nil},
		"Grow": {func(ctx context.Context, s storage.Store) error {
			g, err := s.(storage.Grower).Grow(ctx)
			if err != nil {
				return err
			}
			return g.Close()
		}, nil},
		"Ready": {func(ctx context.Context, s storage.Store) error { return s.Ready(ctx) }, nil},
		"Open": {func(ctx context.Context, s storage.Store) error {
			r, err := s.Open(ctx, digest.FromBytes(stored), 0, -1)
			return drain(r, err)
		}, nil},
		"OpenUpload": {func(ctx context.Context, s storage.Store) error { return drain(s.OpenUpload(ctx, id, 10)) }, nil},
		"List": {func(ctx context.Context, s storage.Store) error {
			for _, err := range s.List(ctx, "") {
				if err != nil {
					return err
				}
			}
			return nil
		}, nil},
		"ListUploads": {func(ctx context.Context, s storage.Store) error {
			for _, err := range s.ListUploads(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		}, nil},
	} {
		for _, when := range storagetest.Moments {
			t.Run(fmt.Sprintf("%s/%s", name, when), func(t *testing.T) {
				inner := mem.New()
				prepare(t, inner)
				fuse := &storagetest.Fuse{N: 1}
				s := storagetest.Faulty(inner, when, fuse.Blow)
				if err := c.call(t.Context(), s); !errors.Is(err, storagetest.ErrFault) {
					t.Errorf("first call: %v, want ErrFault", err)
				}
				if !fuse.Tripped() || fuse.Calls() != 1 {
					t.Errorf("Tripped = %v after %d calls", fuse.Tripped(), fuse.Calls())
				}
				if c.effect != nil && c.effect(inner) != (when == storagetest.After) {
					t.Errorf("effect of the failed call: %v", c.effect(inner))
				}
				if when == storagetest.After {
					return // a second call need not succeed
				}
				if err := c.call(t.Context(), s); err != nil {
					t.Errorf("second call: %v", err)
				}
				if c.effect != nil && !c.effect(inner) {
					t.Error("the second call has no effect")
				}
			})
		}
	}
}

func prepare(t *testing.T, s storage.Store) {
	t.Helper()
	_, err := s.Put(t.Context(), bytes.NewReader(stored), -1)
	if err == nil {
		err = s.Create(t.Context(), id, nil)
	}
	if err == nil {
		_, err = s.Append(t.Context(), id, 0, bytes.NewReader(body[:10]), -1, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func drain(r io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// TestFaultyMidway: some bytes pass, and Append returns how many.
func TestFaultyMidway(t *testing.T) {
	inner := mem.New()
	prepare(t, inner)
	s := storagetest.Faulty(inner, storagetest.Midway, (&storagetest.Fuse{N: 1}).Blow)
	n, err := s.Append(t.Context(), id, 10, bytes.NewReader(body), -1, nil)
	if n <= 0 || n >= int64(len(body)) || !errors.Is(err, storagetest.ErrFault) {
		t.Fatalf("Append = %d, %v, want some bytes and ErrFault", n, err)
	}
	r, err := s.OpenUpload(t.Context(), id, 10+n)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got[10:], body[:n]) {
		t.Errorf("upload holds %q, %v", got, err)
	}

	s = storagetest.Faulty(inner, storagetest.Midway, (&storagetest.Fuse{N: 1}).Blow)
	o, err := s.Open(t.Context(), digest.FromBytes(stored), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if len(got) == 0 || len(got) >= len(stored) || !errors.Is(err, storagetest.ErrFault) {
		t.Errorf("body of %d bytes breaks off after %d: %v", len(stored), len(got), err)
	}
}

// TestFaultyWalk has the shape of the walks over a publish, where another backend shares the count.
func TestFaultyWalk(t *testing.T) {
	for _, when := range storagetest.Moments {
		calls := 0
		for n := 1; ; n++ {
			fuse := &storagetest.Fuse{N: n, Stay: true}
			inner := mem.New()
			s := storagetest.Faulty(inner, when, fuse.Blow)
			commit := fuse.Blow // of the metadata
			err := func() error {
				b, err := s.Put(t.Context(), bytes.NewReader(body), -1)
				if err == nil {
					_, err = s.Stat(t.Context(), b.Digest)
				}
				if err != nil {
					return err
				}
				return commit()
			}()
			if fuse.Tripped() != (err != nil) {
				t.Errorf("%s, call %d: Tripped = %v, error %v", when, n, fuse.Tripped(), err)
			}
			if !fuse.Tripped() {
				break
			}
			calls++
		}
		if calls != 3 {
			t.Errorf("%s: %d calls failed in turn, want 3", when, calls)
		}
	}
}
