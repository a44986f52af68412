package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

const testID = "upload-0123456789"

var errSync = errors.New("flush failed")

func openTest(t *testing.T) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := New(dir, WithoutPacks())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir
}

// files returns the files below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func upload(t *testing.T, s *Store, data string) {
	t.Helper()
	if err := s.Create(t.Context(), testID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), testID, 0, strings.NewReader(data), -1, nil); err != nil {
		t.Fatal(err)
	}
}

// put and grow are the ways to store a blob in one go.
func put(s *Store, data string) error {
	b, err := s.Put(context.Background(), strings.NewReader(data), -1)
	return stored(b, err)
}

func grow(s *Store, data string) error {
	g, err := s.Grow(context.Background())
	if err != nil {
		return err
	}
	if _, err := io.WriteString(g, data); err != nil {
		return errors.Join(err, g.Close())
	}
	b, err := g.Commit(context.Background(), digest.FromString(data))
	return errors.Join(stored(b, err), g.Close())
}

func stored(b storage.Blob, err error) error {
	if err != nil && b != (storage.Blob{}) {
		return fmt.Errorf("%+v beside %v", b, err)
	}
	return err
}

// TestFlushFails fails each directory flush of a blob that goes into a new shard in turn.
func TestFlushFails(t *testing.T) {
	t.Run("Put", func(t *testing.T) { testFlushFails(t, put) })
	t.Run("Grow", func(t *testing.T) { testFlushFails(t, grow) })
}

func testFlushFails(t *testing.T, store func(*Store, string) error) {
	for n := 1; ; n++ {
		s, dir := openTest(t)
		calls := 0
		s.syncDir = func(f *os.File) error {
			if calls++; calls == n {
				return errSync
			}
			return f.Sync()
		}
		err := store(s, "data")
		if calls < n {
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			if n != 4 {
				t.Errorf("%d flushes, want those of the new shard and its parent, and that of the name", n-1)
			}
			return
		}
		if !errors.Is(err, errSync) {
			t.Errorf("flush %d fails: %v", n, err)
		}
		if found := files(t, dir); len(found) > 0 {
			t.Errorf("flush %d fails: left behind %v", n, found)
		}
		if err := store(s, "data"); err != nil {
			t.Errorf("flush %d failed, the next try: %v", n, err)
		}
		if calls < n+1 {
			t.Errorf("flush %d failed and was not made up for", n)
		}
	}
}

func TestFlushFailsInFinish(t *testing.T) {
	s, dir := openTest(t)
	upload(t, s, "data")
	s.syncDir = func(*os.File) error { return errSync }
	b := storage.Blob{Digest: digest.FromString("data"), Size: 4}
	if err := s.Finish(t.Context(), testID, b, nil); !errors.Is(err, errSync) {
		t.Fatalf("Finish: %v", err)
	}
	if found := files(t, dir); len(found) != 1 || filepath.Base(found[0]) != testID {
		t.Errorf("after a failed Finish: %v, want the upload", found)
	}
	s.syncDir = (*os.File).Sync
	if err := s.Finish(t.Context(), testID, b, nil); err != nil {
		t.Errorf("second Finish: %v", err)
	}
	if _, err := s.Stat(t.Context(), b.Digest); err != nil {
		t.Errorf("Stat: %v", err)
	}
}

func TestFlushFailsInAppend(t *testing.T) {
	s, _ := openTest(t)
	if err := s.Create(t.Context(), testID, nil); err != nil {
		t.Fatal(err)
	}
	s.syncDir = func(*os.File) error { return errSync }
	if n, err := s.Append(t.Context(), testID, 0, strings.NewReader("data"), -1, nil); n != 0 || !errors.Is(err, errSync) {
		t.Errorf("Append = %d, %v: nothing is durable", n, err)
	}
	s.syncDir = (*os.File).Sync
	if n, err := s.Append(t.Context(), testID, 0, strings.NewReader("data"), -1, nil); n != 4 || err != nil {
		t.Errorf("second Append = %d, %v", n, err)
	}
}

// TestSeenIsDurable: a blob between rename and flush is neither there nor missing: readers wait, and a second Put does not
// rely on it. When the flush fails, no caller has seen the blob.
func TestSeenIsDurable(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("fails %v", fails), func(t *testing.T) {
			s, _ := openTest(t)
			d := digest.FromString("data")
			p, _ := s.place(d)
			if err := os.Mkdir(p.dir, dirMode); err != nil {
				t.Fatal(err)
			}
			if err := s.settle(p.shard, p.dir); err != nil {
				t.Fatal(err)
			}

			flushing, goOn := make(chan struct{}), make(chan struct{})
			var over atomic.Bool
			var once sync.Once
			s.syncDir = func(f *os.File) (err error) {
				once.Do(func() {
					close(flushing)
					<-goOn
					if over.Store(true); fails {
						err = errSync
					}
				})
				return err
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := s.Put(t.Context(), strings.NewReader("data"), -1); (err != nil) != fails {
					t.Errorf("first Put: %v", err)
				}
			})
			<-flushing
			if _, err := os.Stat(p.path); err != nil {
				t.Errorf("not renamed yet: %v", err)
			}
			wg.Go(func() {
				_, err := s.Stat(t.Context(), d)
				if !over.Load() || err != nil && !(fails && errors.Is(err, storage.ErrNotExist)) {
					t.Errorf("Stat: %v, flush over: %v", err, over.Load())
				}
			})
			wg.Go(func() {
				r, err := s.Open(t.Context(), d, 0, -1)
				if !over.Load() || err != nil && !(fails && errors.Is(err, storage.ErrNotExist)) {
					t.Errorf("Open: %v, flush over: %v", err, over.Load())
				}
				if err == nil {
					_ = r.Close()
				}
			})
			wg.Go(func() {
				if _, err := s.Put(t.Context(), strings.NewReader("data"), -1); err != nil || !over.Load() {
					t.Errorf("second Put: %v, flush over: %v", err, over.Load())
				}
			})
			if _, err := s.Stat(t.Context(), digest.FromString("other")); !errors.Is(err, storage.ErrNotExist) {
				t.Errorf("another digest has to wait: %v", err)
			}
			time.Sleep(20 * time.Millisecond) // a reader that does not wait fails now
			close(goOn)
			wg.Wait()
			if _, err := s.Stat(t.Context(), d); err != nil {
				t.Errorf("after the second Put: %v", err)
			}
			if len(s.commits.m) > 0 {
				t.Errorf("%d commits left", len(s.commits.m))
			}
		})
	}
}

// TestSettle: a name that a killed process may not have flushed is flushed before any caller sees it, once per shard.
func TestSettle(t *testing.T) {
	for name, look := range map[string]func(s *Store, d digest.Digest) error{
		"Stat": func(s *Store, d digest.Digest) error { _, err := s.Stat(t.Context(), d); return err },
		"Open": func(s *Store, d digest.Digest) error {
			r, err := s.Open(t.Context(), d, 0, -1)
			if err == nil {
				_ = r.Close()
			}
			return err
		},
		"Put": func(s *Store, _ digest.Digest) error {
			_, err := s.Put(t.Context(), strings.NewReader("data"), -1)
			return err
		},
		"List": func(s *Store, _ digest.Digest) error {
			for _, err := range s.List(t.Context(), "") {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		s, dir := openTest(t)
		if _, err := s.Put(t.Context(), strings.NewReader("data"), -1); err != nil {
			t.Fatal(err)
		}
		next, err := New(dir, WithoutPacks())
		if err != nil {
			t.Fatal(err)
		}
		var flushed []string
		next.syncDir = func(f *os.File) error {
			flushed = append(flushed, f.Name())
			return f.Sync()
		}
		d := digest.FromString("data")
		p, _ := next.place(d)
		for range 2 {
			if err := look(next, d); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !slices.Equal(flushed, []string{p.dir, next.blobs}) {
				t.Errorf("%s flushed %v, want the shard and its parent, once", name, flushed)
			}
		}
		_ = next.Close()
	}
}

// TestVanishing: the blob that a Put finds is deleted before its time is moved.
func TestVanishing(t *testing.T) {
	s, dir := openTest(t)
	b, err := s.Put(t.Context(), strings.NewReader("data"), -1)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time {
		if err := s.Delete(t.Context(), b.Digest); err != nil {
			t.Error(err)
		}
		return time.Now()
	}
	if _, err := s.Put(t.Context(), strings.NewReader("data"), -1); err != nil {
		t.Fatalf("Put: %v", err)
	}
	if found := files(t, dir); len(found) != 1 || filepath.Base(found[0]) != b.Digest.Encoded() {
		t.Errorf("files: %v, want the blob", found)
	}
}

func TestWrap(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		err := wrap("put", &fs.PathError{Op: "write", Path: "x", Err: cause})
		if !errors.Is(err, storage.ErrNoSpace) || !errors.Is(err, cause) {
			t.Errorf("wrap(%v) = %v", cause, err)
		}
	}
	err := wrap("put", &fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE})
	if errors.Is(err, storage.ErrNoSpace) || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("wrap(EMFILE) = %v", err)
	}
}

// TestGroup: callers that come while a flush runs share the next flush, and no caller is served by a flush that began
// before its call.
func TestGroup(t *testing.T) {
	var g group
	var flushes, started atomic.Int64
	first, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = g.join(func() error {
			close(first)
			<-goOn
			return nil
		})
	})
	<-first
	const callers = 20
	for range callers {
		wg.Go(func() {
			started.Add(1)
			if err := g.join(func() error { flushes.Add(1); return errSync }); !errors.Is(err, errSync) {
				t.Errorf("join = %v: the result of a flush that began before", err)
			}
		})
	}
	for started.Load() < callers {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	wg.Wait()
	if n := flushes.Load(); n < 1 || n > callers/2 { // more than one when callers were slow to join
		t.Errorf("%d callers needed %d flushes, want one", callers, n)
	}
}

// TestFlushesAreShared: Puts into one directory that come while its flush runs share the next flush.
func TestFlushesAreShared(t *testing.T) {
	s, _ := openTest(t)
	const puts = 12
	var bodies [][]byte
	for i := 0; len(bodies) < puts+2; i++ {
		body := fmt.Appendf(nil, "body %d", i)
		if strings.HasPrefix(digest.FromBytes(body).Encoded(), "00") {
			bodies = append(bodies, body)
		}
	}
	var wg sync.WaitGroup
	put := func(body []byte) {
		if _, err := s.Put(t.Context(), bytes.NewReader(body), -1); err != nil {
			t.Error(err)
		}
	}
	put(bodies[0]) // so that no flush below is that of a new directory
	p, _ := s.place(digest.FromBytes(bodies[0]))
	var flushes atomic.Int64
	begun, goOn := make(chan struct{}), make(chan struct{})
	s.syncDir = func(f *os.File) error {
		if flushes.Add(1) == 1 {
			close(begun)
			<-goOn
		}
		return f.Sync()
	}
	wg.Go(func() { put(bodies[1]) })
	<-begun
	for _, body := range bodies[2:] {
		wg.Go(func() { put(body) })
	}
	for len(files(t, p.dir)) < len(bodies) { // renamed: now they join
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	wg.Wait()
	if n := flushes.Load(); n > 1+puts/2 { // more than two when Puts were slow to join
		t.Errorf("%d Puts while a flush ran: %d flushes, want 2", puts, n)
	}
}
