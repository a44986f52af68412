package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"slipway/backup"
	"slipway/storage"
)

// wrongBytes returns other bytes than were asked for.
type wrongBytes struct{ storage.Store }

func (w wrongBytes) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	return w.Store.Open(ctx, digest.FromString("two"), offset, length)
}

// TestDamagedBytes: bytes are checked on their way, so a backup holds none under a wrong name.
func TestDamagedBytes(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one")
	s.publish("app", "2", "f", "two")
	s.publish("app", "3", "f", "three, which is longer")
	o := s.options(0)
	o.Blobs = wrongBytes{s.Blobs}
	sum, err := backup.Run(t.Context(), s.dir, o)
	if err != nil || len(sum.Lost) != 2 || sum.Copied != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if sum = s.backup(0); len(sum.Lost) != 0 || sum.Copied != 2 {
		t.Errorf("with the right bytes: %+v", sum)
	}
	s.restored(sum.Snapshot)
}

// TestLostBytes: bytes that the installation has lost, or that are damaged, are named; the rest is kept, and all that is older.
func TestLostBytes(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one")
	s.backup(1)
	s.publish("app", "2", "f", "two", "g", "fine")
	if err := s.Blobs.Delete(t.Context(), digest.FromString("two")); err != nil {
		t.Fatal(err)
	}
	sum := s.backup(1)
	if !slices.Equal(sum.Lost, []digest.Digest{digest.FromString("two")}) || sum.Copied != 1 || sum.Removed != 0 {
		t.Errorf("backup: %+v", sum)
	}
	if list := s.snapshots(); len(list) != 2 {
		t.Errorf("%d snapshots, want both", len(list))
	}
	p := s.place()
	got, err := sum.Restore(t.Context(), p)
	if err != nil || !slices.Equal(got.Lost, sum.Lost) || got.Blobs != 3 || got.Copied != 2 {
		t.Errorf("restore: %+v, %v", got, err)
	}
	// Blobs that the backup had before are not lost.
	if err := s.Blobs.Delete(t.Context(), digest.FromString("one")); err != nil {
		t.Fatal(err)
	}
	s.publish("app", "3", "f", "two")
	if sum = s.backup(0); len(sum.Lost) > 0 {
		t.Errorf("lost %v", sum.Lost)
	}
	s.restored(sum.Snapshot)
}

// badSector fails to read one blob.
type badSector struct {
	storage.Store
	d digest.Digest
}

func (b badSector) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	r, err := b.Store.Open(ctx, d, offset, length)
	if err != nil || d != b.d {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 1), iotest.ErrReader(&os.PathError{Op: "read", Path: "blob", Err: syscall.EIO})), r}, nil
}

// TestBadSector: a blob that can't be read is lost, and everything else is saved.
func TestBadSector(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one")
	s.publish("app", "2", "f", "two")
	o := s.options(0)
	o.Blobs = badSector{s.Blobs, digest.FromString("one")}
	sum, err := backup.Run(t.Context(), s.dir, o)
	if err != nil || !slices.Equal(sum.Lost, []digest.Digest{digest.FromString("one")}) || sum.Copied != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestVerify: bytes that rot in the backup are copied again.
func TestVerify(t *testing.T) {
	s := newScene(t)
	large := strings.Repeat("large", 50_000)
	s.publish("app", "1", "f", "small", "g", large)
	s.backup(0)
	for pattern, content := range map[string]string{"blobs/packs/*.pack": "small", "blobs/sha256/*/*": large} {
		paths, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil || len(paths) != 1 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		raw, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		raw[bytes.Index(raw, []byte(content))+1] ^= 1
		if err := errors.Join(os.Chmod(paths[0], 0o600), os.WriteFile(paths[0], raw, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if sum := s.backup(0); sum.Copied != 0 {
		t.Errorf("without a look: %+v", sum)
	}
	o := s.options(0)
	o.Verify = true
	sum, err := backup.Run(t.Context(), s.dir, o)
	if err != nil || sum.Copied != 2 || len(sum.Lost) != 0 {
		t.Errorf("with a look: %+v, %v", sum, err)
	}
	s.restored(sum.Snapshot)
}
