package local

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/local/packs"
)

func growingOf(t *testing.T, s *Store, size int) (*growing, []byte) {
	t.Helper()
	data := bytes.Repeat([]byte("slipway"), size/7+1)[:size]
	g, err := s.Grow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	if n, err := g.Write(data); n != size || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	return g.(*growing), data
}

// TestGrowSmall: what fits into a pack never has a file.
func TestGrowSmall(t *testing.T) {
	for size, want := range map[int]int{0: 0, packs.MaxBlob: 0, packs.MaxBlob + 1: 1} {
		dir := t.TempDir()
		s, err := New(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		g, data := growingOf(t, s, size)
		if _, err := g.Write([]byte("")); err != nil {
			t.Error(err)
		}
		if found := files(t, s.tmp); len(found) != want {
			t.Errorf("%d bytes: files %v, want %d", size, found, want)
		}
		if _, err := g.Commit(t.Context(), digest.FromBytes(data)); err != nil {
			t.Error(err)
		}
		if found := files(t, s.tmp); len(found) != 0 {
			t.Errorf("%d bytes, committed: left behind %v", size, found)
		}
		blobs := files(t, s.blobs)
		if len(blobs) != want {
			t.Errorf("%d bytes: blobs with files of their own %v, want %d", size, blobs, want)
		}
	}
}

// TestGrowCommitFails: after a failed flush the same blob can be committed, and readers notice nothing.
func TestGrowCommitFails(t *testing.T) {
	s, dir := openTest(t)
	g, data := growingOf(t, s, 300_000)
	s.syncDir = func(*os.File) error { return errSync }
	b, err := g.Commit(t.Context(), digest.FromBytes(data))
	if !errors.Is(err, errSync) || b != (storage.Blob{}) {
		t.Fatalf("Commit = %+v, %v", b, err)
	}
	if found := files(t, dir); len(found) != 1 || filepath.Dir(found[0]) != s.tmp {
		t.Errorf("after a failed Commit: %v, want the temporary file", found)
	}
	got := make([]byte, len(data))
	if n, err := g.ReadAt(got, 0); n != len(got) || err != nil || !bytes.Equal(got, data) {
		t.Errorf("ReadAt = %d, %v", n, err)
	}
	s.syncDir = (*os.File).Sync
	if _, err := g.Commit(t.Context(), digest.FromBytes(data)); err != nil {
		t.Errorf("second Commit: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if found := files(t, dir); len(found) != 1 || filepath.Dir(filepath.Dir(found[0])) != s.blobs {
		t.Errorf("at the end: %v, want the blob", found)
	}
}

// TestGrowNoSpace: a full disk fails Write and Commit as it fails Put, and what was taken can be written again later.
func TestGrowNoSpace(t *testing.T) {
	s, _ := openTest(t)
	g, data := growingOf(t, s, 100_000) // the last bytes are held
	mustWrite := func(p []byte) {
		t.Helper()
		if n, err := g.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	mustWrite([]byte("held"))
	data = append(data, "held"...)
	disk := g.file.f
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()

	g.file.f = full
	if _, err := g.Commit(t.Context(), digest.FromBytes(data)); !errors.Is(err, storage.ErrNoSpace) {
		t.Errorf("Commit: %v, want ErrNoSpace", err)
	}
	more := bytes.Repeat([]byte("more"), 100_000)
	n, err := g.Write(more)
	if n != heldBytes-len("held") || !errors.Is(err, storage.ErrNoSpace) {
		t.Errorf("Write = %d, %v, want what fits into memory and ErrNoSpace", n, err)
	}
	g.file.f = disk
	mustWrite(more[n:])
	data = append(data, more...)
	if _, err := g.Commit(t.Context(), digest.FromBytes(data)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(files(t, s.blobs)[0])
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("the blob has %d bytes, %v; want %d", len(got), err, len(data))
	}
}

// TestGrowAfterCrash: the next process removes what a killed one leaves of a growing blob; a process beside it does not.
func TestGrowAfterCrash(t *testing.T) {
	s, dir := openTest(t)
	g, _ := growingOf(t, s, 300_000)
	beside, err := New(dir, WithoutPacks())
	if err != nil {
		t.Fatal(err)
	}
	if found := files(t, s.tmp); len(found) != 1 {
		t.Errorf("beside a running process: %v", found)
	}
	if err := errors.Join(beside.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	next, err := New(dir, WithoutPacks())
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if found := files(t, dir); len(found) != 0 {
		t.Errorf("after a restart: %v", found)
	}
	if err := g.Close(); !errors.Is(err, fs.ErrNotExist) { // its file is gone
		t.Errorf("Close: %v", err)
	}
}

// TestGrowHeals: a blob whose file was cut behind the store's back is whole again after a Commit.
func TestGrowHeals(t *testing.T) {
	s, _ := openTest(t)
	data := strings.Repeat("0123456789", 10_000)
	if err := put(s, data); err != nil {
		t.Fatal(err)
	}
	path := files(t, s.blobs)[0]
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	if err := grow(s, data); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != data {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
