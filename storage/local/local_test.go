package local_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/local"
	"slipway/storage/storagetest"
)

const id = "upload-0123456789"

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		dir := t.TempDir()
		t.Cleanup(func() { mustBeClean(t, dir) })
		return open(t, dir)
	})
}

func TestStoreWithPacks(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		s, err := local.New(t.TempDir())
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		return s
	})
}

// open opens a store of files.
func open(t testing.TB, dir string) *local.Store {
	t.Helper()
	s, err := local.New(dir, local.WithoutPacks())
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

func put(t testing.TB, s storage.Blobs, data string) storage.Blob {
	t.Helper()
	b, err := s.Put(t.Context(), strings.NewReader(data), -1)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return b
}

// mustBeClean checks the layout: no temporary file, modes, and every blob under the name of its digest.
func mustBeClean(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = fs.ModeDir | 0o700
		}
		if fi.Mode() != want {
			t.Errorf("%s has mode %v, want %v", rel, fi.Mode(), want)
		}
		if e.IsDir() {
			return nil
		}
		switch kind, _, _ := strings.Cut(rel, string(filepath.Separator)); kind {
		case "uploads":
		case "blobs":
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := digest.FromBytes(data).Encoded()
			if rel != filepath.Join("blobs", "sha256", sum[:2], sum) {
				t.Errorf("%s holds the bytes of %s", rel, sum)
			}
		default:
			t.Errorf("left behind: %s", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewClearsTmp(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := put(t, s, "stays")
	if err := s.Create(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), id, 0, strings.NewReader("stays as well"), -1, nil); err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(dir, "tmp", "put-123")
	if err := os.WriteFile(leftover, []byte("half a bl"), 0o600); err != nil {
		t.Fatal(err)
	}

	// A second process beside the first, as fsck is, takes nothing away.
	second := open(t, dir)
	if _, err := os.Stat(leftover); err != nil {
		t.Errorf("a second process cleared tmp: %v", err)
	}
	for _, s := range []*local.Store{s, second} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}

	s = open(t, dir)
	defer s.Close()
	mustBeClean(t, dir)
	if _, err := s.Stat(t.Context(), b.Digest); err != nil {
		t.Errorf("Stat after the restart: %v", err)
	}
	r, err := s.OpenUpload(t.Context(), id, 13)
	if err != nil {
		t.Fatalf("OpenUpload after the restart: %v", err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "stays as well" {
		t.Errorf("upload after the restart: %q, %v", got, err)
	}
}

func TestNewMakesParents(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "some", "where")
	s := open(t, dir)
	defer s.Close()
	put(t, s, "bytes")
	mustBeClean(t, dir)
	for _, made := range []string{filepath.Join(top, "some"), dir} {
		if fi, err := os.Stat(made); err != nil || fi.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", made, fi, err)
		}
	}
}

func TestNewFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local.New(file); err == nil {
		t.Error("New on a file succeeds")
	}
	if _, err := local.New(filepath.Join(file, "below")); err == nil {
		t.Error("New below a file succeeds")
	}
}

// TestOpenFile: a whole blob is a file for sendfile, also when it is asked for by its length.
func TestOpenFile(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	b := put(t, s, "0123456789")
	for _, length := range []int64{-1, 10} {
		r, err := s.Open(t.Context(), b.Digest, 0, length)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := r.(*os.File); !ok {
			t.Errorf("Open(0, %d) = %T, want *os.File", length, r)
		}
		_ = r.Close()
	}
}

// TestOpenRangeToConn: a range reaches the connection in a form that the connection hands to the kernel.
func TestOpenRangeToConn(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	b := put(t, s, "0123456789")
	r, err := s.Open(t.Context(), b.Digest, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var seen connLike
	if n, err := io.Copy(&seen, r); n != 4 || err != nil || seen.String() != "3456" {
		t.Errorf("io.Copy = %d, %v: %q", n, err, &seen)
	}
	if l, ok := seen.from.(*io.LimitedReader); !ok {
		t.Errorf("the connection is given %T", seen.from)
	} else if _, ok := l.R.(*os.File); !ok {
		t.Errorf("the connection is given a LimitedReader of %T", l.R)
	}
	var _ io.ReaderFrom = (*net.TCPConn)(nil)
}

type connLike struct {
	bytes.Buffer
	from io.Reader
}

func (c *connLike) ReadFrom(r io.Reader) (int64, error) {
	c.from = r
	return c.Buffer.ReadFrom(r)
}

func TestDeleteWhileReading(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	b := put(t, s, "0123456789")
	r, err := s.Open(t.Context(), b.Digest, 2, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.Delete(t.Context(), b.Digest); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "23456789" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestHeal: a blob whose file was cut or removed behind the store's back is whole again after the next Put or Finish.
func TestHeal(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	b := put(t, s, "0123456789")
	path := filepath.Join(dir, "blobs", "sha256", b.Digest.Encoded()[:2], b.Digest.Encoded())
	again := map[string]func(){
		"Put": func() { put(t, s, "0123456789") },
		"Finish": func() {
			if err := s.Create(t.Context(), id, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Append(t.Context(), id, 0, strings.NewReader("0123456789"), -1, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(t.Context(), id, b, nil); err != nil {
				t.Fatal(err)
			}
		},
	}
	damage := map[string]func() error{
		"cut":           func() error { return os.Truncate(path, 3) },
		"removed":       func() error { return os.Remove(path) },
		"shard removed": func() error { return os.RemoveAll(filepath.Dir(path)) },
	}
	for how, break_ := range damage {
		for name, store := range again {
			if err := break_(); err != nil {
				t.Fatal(err)
			}
			store()
			if got, err := os.ReadFile(path); err != nil || string(got) != "0123456789" {
				t.Errorf("%s, then %s: %q, %v", how, name, got, err)
			}
		}
	}
	mustBeClean(t, dir)
}

// TestForeign: foreign files in the directory are neither listed nor touched, and do not disturb the store.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := put(t, s, "blob")
	if err := s.Create(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	name := b.Digest.Encoded()
	shard := filepath.Join(dir, "blobs", "sha256", name[:2])
	other := strings.Repeat("ab", 32)
	for _, path := range []string{
		filepath.Join(dir, "lost+found", "x"),
		filepath.Join(dir, "blobs", "sha256", "README"),
		filepath.Join(dir, "blobs", "sha256", "0"),
		filepath.Join(dir, "blobs", "sha256", "AB", other),
		filepath.Join(dir, "blobs", "sha256", "abc", other),
		filepath.Join(dir, "blobs", "sha256", "+1", other),
		filepath.Join(dir, "blobs", "sha256", "cd", other), // in a wrong shard
		filepath.Join(dir, "blobs", "sha256", "ef"),        // no directory
		filepath.Join(dir, "blobs", "sha512", "ab", other),
		filepath.Join(shard, ".nfs0001"),
		filepath.Join(shard, name+".bak"),
		filepath.Join(shard, strings.ToUpper(name)),
		filepath.Join(shard, name[:63]),
		filepath.Join(shard, name[:2]+strings.Repeat("0", 62), "directory"),
		filepath.Join(dir, "uploads", "short"),
		filepath.Join(dir, "uploads", "DS_Store-0123456789"),
		filepath.Join(dir, "uploads", "directory-0123456789", "x"),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := name[:2] + strings.Repeat("1", 62)
	if err := os.Symlink(os.DevNull, filepath.Join(shard, link)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var found []digest.Digest
		for b, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatalf("List: %v", err)
			}
			found = append(found, b.Digest)
		}
		if !slices.Equal(found, []digest.Digest{b.Digest}) {
			t.Errorf("List = %v, want the one blob", found)
		}
		var ids []string
		for u, err := range s.ListUploads(t.Context()) {
			if err != nil {
				t.Fatalf("ListUploads: %v", err)
			}
			ids = append(ids, u.ID)
		}
		if !slices.Equal(ids, []string{id}) {
			t.Errorf("ListUploads = %v, want the one upload", ids)
		}
		if _, err := s.Stat(t.Context(), digest.Digest("sha256:"+link)); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Stat of a symbolic link: %v, want ErrNotExist", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir) // a restart ignores the foreign files too
	}
	_ = s.Close()
}

// TestNoSpace: a full disk has a name, and the cause stays testable.
func TestNoSpace(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("no", full)
	}
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	if err := os.Symlink(full, filepath.Join(dir, "uploads", id)); err != nil {
		t.Fatal(err)
	}
	n, err := s.Append(t.Context(), id, 0, strings.NewReader("bytes"), -1, nil)
	if n != 0 || !errors.Is(err, storage.ErrNoSpace) {
		t.Errorf("Append = %d, %v, want ErrNoSpace", n, err)
	}
}

// TestPutMemory: what a Put allocates does not grow with the blob.
func TestPutMemory(t *testing.T) {
	const size, maxAlloc = 256 << 20, 8 << 20
	s := open(t, t.TempDir())
	defer s.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b, err := s.Put(t.Context(), io.LimitReader(&generated{}, size), size)
	runtime.ReadMemStats(&after)
	if err != nil || b.Size != size {
		t.Fatalf("Put = %+v, %v", b, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > maxAlloc {
		t.Errorf("Put of %d bytes allocates %d, want less than %d", size, got, maxAlloc)
	} else {
		t.Logf("Put of %d MiB allocates %d KiB", size>>20, got>>10)
	}
}

// generated yields bytes without keeping them in memory.
type generated struct{ n byte }

func (g *generated) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 4096 {
		g.n++
		p[i] = g.n
	}
	return len(p), nil
}

// TestModifiedOfFinish: a blob's time is that of Finish, so that the blob of an upload that took days is not collected at
// once.
func TestModifiedOfFinish(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	if err := s.Create(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), id, 0, strings.NewReader("bytes"), -1, nil); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "uploads", id), old, old); err != nil {
		t.Fatal(err)
	}
	b := storage.Blob{Digest: digest.FromString("bytes"), Size: 5}
	if err := s.Finish(t.Context(), id, b, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Stat(t.Context(), b.Digest); err != nil || time.Since(got.Modified) > time.Hour {
		t.Errorf("Stat = %+v, %v, want it stored now", got, err)
	}
}
