package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	b := newSpool(dir)
	defer b.free()
	for _, size := range []int{
		0, 1, firstBytes - 1, firstBytes, firstBytes + 1, windowBytes - 1, windowBytes, windowBytes + 1, 2*windowBytes + 5, 3 * windowBytes, 10,
	} {
		data := bytes.Repeat([]byte("slipway"), size/7+1)[:size]
		for _, wrap := range []func(io.Reader) io.Reader{iotest.HalfReader, iotest.DataErrReader} {
			b.reset()
			if err := b.fill(t.Context(), wrap(bytes.NewReader(data)), int64(size)+1); err != io.EOF {
				t.Fatalf("fill: %v", err)
			}
			mustHold(t, b, data)
			if err := b.write([]byte("more")); err != nil {
				t.Fatal(err)
			}
			mustHold(t, b, append(data[:size:size], "more"...))
		}
		if size > 0 {
			b.reset()
			r := bytes.NewReader(data)
			if err := b.fill(t.Context(), r, int64(size)-1); err != nil || r.Len() != 1 {
				t.Errorf("fill up to %d: %v, %d bytes left", size-1, err, r.Len())
			}
			mustHold(t, b, data[:size-1])
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("the file has a name: %v, %v", names, err)
	}
}

func mustHold(t *testing.T, b *spool, want []byte) {
	t.Helper()
	for range 2 {
		body, err := b.body()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, want) || b.size != int64(len(want)) {
			t.Errorf("holds %d bytes, %v; want %d", len(got), err, len(want))
		}
	}
	if want := sha256.Sum256(want); !bytes.Equal(b.sum.Sum(nil), want[:]) {
		t.Errorf("the sum of %d bytes is wrong", b.size)
	}
}

func TestSpoolFails(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		r    io.Reader
		dir  string
		want error
		disk bool
	}{
		"reader":      {io.MultiReader(bytes.NewReader(make([]byte, windowBytes+1)), iotest.ErrReader(broken)), t.TempDir(), broken, false},
		"no progress": {still{}, t.TempDir(), io.ErrNoProgress, false},
		"cancelled":   {cancels{cancel}, t.TempDir(), context.Canceled, false},
		"no folder":   {zeros{}, filepath.Join(t.TempDir(), "none"), os.ErrNotExist, true},
	} {
		b := newSpool(c.dir)
		ctx := ctx
		if name != "cancelled" {
			ctx = t.Context()
		}
		err := b.fill(ctx, c.r, 4*windowBytes)
		if !errors.Is(err, c.want) || onDisk(err) != c.disk {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		b.free()
	}
}

func TestSpoolNoSpace(t *testing.T) {
	err := spoolError(&os.PathError{Op: "write", Err: syscall.ENOSPC})
	if !errors.Is(err, storage.ErrNoSpace) || !onDisk(err) {
		t.Errorf("a full disk: %v", err)
	}
}

// TestGrowNoSpace: a full disk fails Write as it fails Put, what fitted into memory stays, and the rest can be written
// later.
func TestGrowNoSpace(t *testing.T) {
	g := &growing{s: &Store{putPartBytes: putPartBytes}, b: newSpool(t.TempDir())}
	defer g.Close()
	if n, err := g.Write(make([]byte, windowBytes+1)); n != windowBytes+1 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	disk := g.b.file
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	g.b.file = full
	n, err := g.Write(make([]byte, windowBytes))
	if n != windowBytes-1 || !errors.Is(err, storage.ErrNoSpace) {
		t.Errorf("Write = %d, %v, want what fits into memory and ErrNoSpace", n, err)
	}
	sum := digest.NewDigest(digest.SHA256, g.b.sum)
	if _, err := g.Commit(t.Context(), sum); !errors.Is(err, storage.ErrNoSpace) {
		t.Errorf("Commit: %v, want ErrNoSpace", err)
	}
	g.b.file = disk
	if n, err := g.Write(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	mustHold(t, g.b, make([]byte, 2*windowBytes+1))
}

// TestSpoolRoom: bodies on their way leave some of the file system to the database.
func TestSpoolRoom(t *testing.T) {
	for _, c := range []struct {
		free, total uint64
		n           int
		ok          bool
	}{
		{spoolKeeps + windowBytes, 1 << 40, windowBytes, true},
		{spoolKeeps + windowBytes - 1, 1 << 40, windowBytes, false},
		{0, 1 << 40, 1, false},
		{3 << 20, 32 << 20, windowBytes, false}, // 2 MiB of a small file system stay free
		{4 << 20, 32 << 20, windowBytes, true},
		{0, 0, windowBytes, true}, // the file system does not report its size
	} {
		if err := spoolRoom(c.free, c.total, c.n); (err == nil) != c.ok || err != nil && !errors.Is(err, storage.ErrNoSpace) {
			t.Errorf("%d of %d bytes are free, %d more: %v", c.free, c.total, c.n, err)
		}
	}
}

// TestOpenSpool: the folder is made, and only files that a killed process left there are removed.
func TestOpenSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "spool")
	if err := openSpool(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != spoolMode {
		t.Errorf("the folder: %v, %v", info, err)
	}
	for _, name := range []string{spoolPattern + "123", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, spoolPattern), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := openSpool(dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if want := []string{filepath.Join(dir, "other"), filepath.Join(dir, spoolPattern)}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left: %v, %v; want %v", left, err, want)
	}
	for name, path := range map[string]string{"no name": "", "a file": filepath.Join(dir, "other"), "below a file": filepath.Join(dir, "other", "spool")} {
		if err := openSpool(path); err == nil {
			t.Errorf("%s is taken for a folder", name)
		}
	}
}

type still struct{}

func (still) Read([]byte) (int, error) { return 0, nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type cancels struct{ cancel context.CancelFunc }

func (c cancels) Read(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}
