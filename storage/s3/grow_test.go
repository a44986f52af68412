package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

func grow(ctx context.Context, s *s3.Store, data []byte) error {
	g, err := s.Grow(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	for piece := range slices.Chunk(data, 50_000) {
		if _, err := g.Write(piece); err != nil {
			return err
		}
	}
	_, err = g.Commit(ctx, digest.FromBytes(data))
	return err
}

// TestD22Grow breaks each request of a Commit, as TestD22 does for the other ways to store a blob.
func TestD22Grow(t *testing.T) {
	sc := scene{"grow", random(11, s3.WindowBytes+100_000), grow}
	for _, fault := range s3test.Faults {
		t.Run(fault.String(), func(t *testing.T) {
			t.Parallel()
			walk(t, sc, fault, false)
		})
	}
	t.Run("from then on", func(t *testing.T) {
		t.Parallel()
		walk(t, sc, s3test.SlowDown, true)
	})
}

// TestGrowOutage: no request is sent before Commit. When the server is away, the blob can still be read, and Commit
// succeeds once the server is back.
func TestGrowOutage(t *testing.T) {
	for _, size := range []int{1_000, s3.WindowBytes + 1_000, testPart + 1_000} {
		p := s3test.NewProxy(t)
		o := s3test.OptionsAt(t, p.URL)
		s := open(t, o)
		p.Reset()
		data := random(21, size)
		g, err := s.Grow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := g.Write(data); n != size || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if seen := p.Requests(); len(seen) > 0 {
			t.Errorf("%d bytes: requests before Commit: %v", size, seen)
		}
		if _, err := g.Commit(t.Context(), digest.FromString("other")); !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("%d bytes: Commit as another blob: %v, want ErrMismatch", size, err)
		}
		p.Break(func(int, *http.Request) s3test.Fault { return s3test.InternalError })
		b, err := g.Commit(t.Context(), digest.FromBytes(data))
		if b != (storage.Blob{}) || !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%d bytes: Commit = %+v, %v, want ErrUnavailable", size, b, err)
		}
		p.Break(nil)
		if got, err := io.ReadAll(io.NewSectionReader(g, 0, int64(size)+1)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		if b, err := g.Commit(t.Context(), digest.FromBytes(data)); err != nil || b.Size != int64(size) {
			t.Errorf("%d bytes: second Commit = %+v, %v", size, b, err)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		mustHave(t, s, data)
		mustClean(t, s, o, data)
	}
}

// TestGrowTooLarge: Write refuses what the parts of one object can't hold.
func TestGrowTooLarge(t *testing.T) {
	s := open(t, s3test.Options(t))
	s.SetSizes(testPart, testPart, 10) // 10,000 parts
	g, err := s.Grow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if n, err := g.Write(make([]byte, 100_000)); n != 100_000 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if n, err := g.Write([]byte{1}); n != 0 || !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("Write = %d, %v, want ErrTooLarge", n, err)
	}
}
