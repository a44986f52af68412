package packs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/storage"
)

// small has packs that fill up and become wasteful within a test.
func small() *Set {
	return &Set{now: time.Now, sync: datasync, packBytes: 64 << 10, spareable: 8 << 10}
}

func openSet(t testing.TB, dir string, s *Set) *Set {
	t.Helper()
	s, err := open(dir, s)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func closeSet(t testing.TB, s *Set) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// blob returns bytes that are its own for each n.
func blob(n, size int) []byte {
	data := make([]byte, size)
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(n))
	_, _ = rand.NewChaCha8(seed).Read(data)
	return data
}

func mustPut(t testing.TB, s *Set, data []byte) [sha256.Size]byte {
	t.Helper()
	sum := sha256.Sum256(data)
	b, err := s.Put(sum, data)
	if err != nil || b.Size != int64(len(data)) || b.Digest.Encoded() != fmt.Sprintf("%x", sum) {
		t.Fatalf("Put = %+v, %v", b, err)
	}
	return sum
}

func get(s *Set, sum [sha256.Size]byte) ([]byte, error) {
	f, at, size, err := s.Open(context.Background(), sum)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	_, err = f.ReadAt(data, at)
	return data, err
}

func mustHave(t testing.TB, s *Set, data []byte) {
	t.Helper()
	if got, err := get(s, sha256.Sum256(data)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("a blob of %d bytes: %d bytes, %v", len(data), len(got), err)
	}
}

func mustLack(t testing.TB, s *Set, data []byte) {
	t.Helper()
	sum := sha256.Sum256(data)
	if _, err := get(s, sum); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Open: %v, want ErrNotExist", err)
	}
	if _, err := s.Stat(t.Context(), sum); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Stat: %v, want ErrNotExist", err)
	}
}

// packsOf returns the packs in a directory and their bytes.
func packsOf(t testing.TB, dir string) (names []string, size int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += fi.Size()
	}
	return names, size
}

// mustBeTrue compares the index with what the packs hold.
func mustBeTrue(t testing.TB, s *Set) {
	t.Helper()
	live := map[int64]int64{}
	all, err := s.After(t.Context(), nil, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		raw, err := hex.DecodeString(b.Digest.Encoded())
		if err != nil {
			t.Fatal(err)
		}
		sum := [sha256.Size]byte(raw)
		e, err := s.readers.find(t.Context(), sum)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := s.read(e); err != nil || sha256.Sum256(data) != sum {
			t.Errorf("%s is not in its pack: %v", b.Digest, err)
		}
		live[e.pack] += length(e.size)
	}
	var d *db
	if d, err = openIndex(s.readers.path, 64); err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.query(`SELECT id, live FROM pack`, nil, func(row []driver.Value) error {
		var id, n int64
		err := numbers(row, &id, &n)
		if live[id] != n {
			t.Errorf("pack %d: %d bytes live, the index says %d", id, live[id], n)
		}
		delete(live, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(live) > 0 {
		t.Errorf("blobs in packs without a row: %v", live)
	}
}

func TestPutAndRead(t *testing.T) {
	dir := t.TempDir()
	s := openSet(t, dir, small())
	sizes := []int{0, 1, 63, 64, 65, 4096, MaxBlob - 1, MaxBlob}
	for i, size := range sizes {
		mustPut(t, s, blob(i, size))
	}
	for range 2 { // now, and after a restart
		for i, size := range sizes {
			mustHave(t, s, blob(i, size))
		}
		mustLack(t, s, blob(100, 100))
		mustBeTrue(t, s)
		closeSet(t, s)
		s = openSet(t, dir, small())
	}
	if names, _ := packsOf(t, dir); len(names) < 2 {
		t.Errorf("packs %v: they do not end at their size", names)
	}
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if fi, err := e.Info(); err != nil || fi.Mode() != fileMode {
			t.Errorf("%s: %v, %v", e.Name(), fi.Mode(), err)
		}
	}
	closeSet(t, s)
	if _, err := s.Put(sha256.Sum256(nil), nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Put after Close: %v", err)
	}
}

// TestLostIndex: a power cut takes what was not flushed from the index: all of it, or what came after some moment. What was
// acknowledged is in the packs.
func TestLostIndex(t *testing.T) {
	for _, kept := range []int{-1, 0, 7, 40} { // blobs that the index still knows
		t.Run(fmt.Sprint(kept), func(t *testing.T) {
			dir, old := t.TempDir(), t.TempDir()
			s := openSet(t, dir, small())
			for i := range 60 {
				if i == kept {
					closeSet(t, s)
					copyFile(t, filepath.Join(dir, indexName), filepath.Join(old, indexName))
					s = openSet(t, dir, small())
				}
				mustPut(t, s, blob(i, 100+97*i))
			}
			closeSet(t, s)
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if err := os.Remove(filepath.Join(dir, indexName+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
			if kept >= 0 {
				copyFile(t, filepath.Join(old, indexName), filepath.Join(dir, indexName))
			}
			s = openSet(t, dir, small())
			for i := range 60 {
				mustHave(t, s, blob(i, 100+97*i))
			}
			mustPut(t, s, blob(1000, 5000))
			mustHave(t, s, blob(1000, 5000))
			mustBeTrue(t, s)
			closeSet(t, s)
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, fileMode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTornEnd: behind the last acknowledged record a pack may hold anything. The next start cuts it off, and takes whole
// records, also behind a hole.
func TestTornEnd(t *testing.T) {
	whole := appendRecord(nil, header{sha256.Sum256([]byte("whole")), 5, 1}, []byte("whole"))
	for name, c := range map[string]struct {
		tail  []byte
		whole bool
	}{
		"half a header":      {tail: whole[:30]},
		"header alone":       {tail: whole[:headerBytes]},
		"zeros":              {tail: make([]byte, 10_000)},
		"other bytes":        {tail: append(bytes.Clone(whole[:headerBytes]), "wrong"...)},
		"text":               {tail: bytes.Repeat([]byte(magic), 1000)},
		"a record":           {tail: whole, whole: true},
		"a hole, a record":   {tail: append(make([]byte, 640), whole...), whole: true},
		"a record, rubbish":  {tail: append(bytes.Clone(whole), blob(1, 1000)...), whole: true},
		"half, then a whole": {tail: append(append(bytes.Clone(whole[:headerBytes]), make([]byte, 64)...), whole...), whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openSet(t, dir, small())
			mustPut(t, s, []byte("before"))
			closeSet(t, s)
			f, err := os.OpenFile(s.path(1), os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				_, err = f.Write(c.tail)
			}
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			s = openSet(t, dir, small())
			mustHave(t, s, []byte("before"))
			if c.whole {
				mustHave(t, s, []byte("whole"))
			} else {
				mustLack(t, s, []byte("whole"))
				if _, size := packsOf(t, dir); size != length(6) {
					t.Errorf("the pack has %d bytes, want %d", size, length(6))
				}
			}
			mustPut(t, s, []byte("after"))
			mustHave(t, s, []byte("after"))
			mustBeTrue(t, s)
			closeSet(t, s)
		})
	}
}

// TestLostPack: blobs of a pack that is gone, or was cut, are missing, and can be put again.
func TestLostPack(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 1000) },
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openSet(t, dir, small())
			for i := range 30 {
				mustPut(t, s, blob(i, 4000))
			}
			closeSet(t, s)
			if err := lose(s.path(1)); err != nil {
				t.Fatal(err)
			}
			s = openSet(t, dir, small())
			missing := 0
			for i := range 30 {
				if _, err := s.Stat(t.Context(), sha256.Sum256(blob(i, 4000))); err != nil {
					mustLack(t, s, blob(i, 4000))
					missing++
				}
				mustPut(t, s, blob(i, 4000))
				mustHave(t, s, blob(i, 4000))
			}
			if missing < 10 || missing == 30 {
				t.Errorf("%d of 30 are missing", missing)
			}
			mustBeTrue(t, s)
			closeSet(t, s)
		})
	}
}

// TestLostWhileRunning: a pack that vanishes below a running process is blobs that are not there.
func TestLostWhileRunning(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	data := blob(1, 500)
	sum := mustPut(t, s, data)
	if err := os.Remove(s.path(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := get(s, sum); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Open: %v, want ErrNotExist", err)
	}
}

// TestHeals: bytes that the disk changed are replaced when the right ones come again.
func TestHeals(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	data := blob(1, 500)
	sum := mustPut(t, s, data)
	f, err := os.OpenFile(s.path(1), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("rot"), headerBytes+100)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := get(s, sum); err != nil || bytes.Equal(got, data) {
		t.Fatalf("the bytes were not changed: %v", err)
	}
	mustPut(t, s, data)
	mustHave(t, s, data)
	mustBeTrue(t, s)
}

var errSync = errors.New("flush failed")

// TestFlushFails: nothing of the batch is there, and its pack grows no more.
func TestFlushFails(t *testing.T) {
	set := small()
	var fails atomic.Bool
	set.sync = func(f *os.File) error {
		if fails.Load() {
			return errSync
		}
		return datasync(f)
	}
	dir := t.TempDir()
	s := openSet(t, dir, set)
	mustPut(t, s, []byte("before"))
	fails.Store(true)
	if _, err := s.Put(sha256.Sum256([]byte("data")), []byte("data")); !errors.Is(err, errSync) {
		t.Errorf("Put: %v", err)
	}
	mustLack(t, s, []byte("data"))
	fails.Store(false)
	mustPut(t, s, []byte("data"))
	mustHave(t, s, []byte("data"))
	mustHave(t, s, []byte("before"))
	if names, _ := packsOf(t, dir); len(names) != 2 {
		t.Errorf("packs %v, want a second one", names)
	}
	mustBeTrue(t, s)
	closeSet(t, s)
}

// TestWriteFails lets the pack reach the process's limit for files: the batch is lost, the pack goes on.
func TestWriteFails(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	mustPut(t, s, blob(1, 100))
	full := s.writer.file
	read, err := os.Open(s.path(1)) // can't be written to
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	s.writer.file = read
	if _, err := s.Put(sha256.Sum256(blob(2, 100)), blob(2, 100)); !errors.Is(err, syscall.EBADF) {
		t.Errorf("Put: %v", err)
	}
	mustLack(t, s, blob(2, 100))
	s.writer.file = full
	mustPut(t, s, blob(3, 300))
	mustHave(t, s, blob(1, 100))
	mustHave(t, s, blob(3, 300))
	mustBeTrue(t, s)
}

// TestCommitFails: what the index may have been told of a batch that failed is not written over.
func TestCommitFails(t *testing.T) {
	dir := t.TempDir()
	s := openSet(t, dir, small())
	mustPut(t, s, []byte("before"))
	s.sync = func(f *os.File) error {
		_, _ = s.writer.db.conn.Exec(`ROLLBACK`, nil) // so that there is nothing to commit
		return datasync(f)
	}
	if _, err := s.Put(sha256.Sum256([]byte("data")), []byte("data")); err == nil {
		t.Error("Put of a batch that was not committed succeeds")
	}
	s.sync = datasync
	mustLack(t, s, []byte("data"))
	mustPut(t, s, []byte("other"))
	mustHave(t, s, []byte("before"))
	mustHave(t, s, []byte("other"))
	if names, _ := packsOf(t, dir); len(names) != 2 {
		t.Errorf("packs %v, want a second one", names)
	}
	mustBeTrue(t, s)
	closeSet(t, s)
}

// TestForeignRecord: where the index names a place that holds other bytes, there is no blob.
func TestForeignRecord(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	one, two := mustPut(t, s, []byte("one")), mustPut(t, s, []byte("two"))
	if _, err := s.writer.db.exec(`UPDATE blob SET at = (SELECT at FROM blob WHERE sum = ?) WHERE sum = ?`, two[:], one[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := get(s, one); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Open: %v, want ErrNotExist", err)
	}
	mustPut(t, s, []byte("one"))
	mustHave(t, s, []byte("one"))
	mustHave(t, s, []byte("two"))
}

// TestGuestDoesNotCompact: a second process that removes leaves the packs to the one that appends to them.
func TestGuestDoesNotCompact(t *testing.T) {
	dir := t.TempDir()
	owner := openSet(t, dir, small())
	for i := range 10 {
		mustPut(t, owner, blob(i, 4000))
	}
	guest := openSet(t, dir, small())
	for i := range 9 {
		if err := guest.Delete(t.Context(), sha256.Sum256(blob(i, 4000))); err != nil {
			t.Fatal(err)
		}
	}
	closeSet(t, guest)
	mustPut(t, owner, blob(100, 4000))
	mustHave(t, owner, blob(9, 4000))
	mustHave(t, owner, blob(100, 4000))
	mustBeTrue(t, owner)
	closeSet(t, owner)
}

// TestFewDescriptors lets Open, Put and Stat have 0, 1, … descriptors until they succeed: before that they say EMFILE.
func TestFewDescriptors(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	for spare := range uint64(40) {
		dir := t.TempDir()
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		free := uint64(null.Fd()) // the lowest that is free
		_ = null.Close()
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: free + spare, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		s, err := open(dir, small())
		if err == nil {
			_, err = s.Put(sha256.Sum256([]byte("data")), []byte("data"))
		}
		if err == nil {
			_, err = get(s, sha256.Sum256([]byte("data")))
		}
		if rerr := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); rerr != nil {
			t.Fatal(rerr)
		}
		if s != nil {
			closeSet(t, s)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("with %d descriptors: %v, want EMFILE", spare, err)
		}
	}
	t.Error("it never succeeds")
}

// TestGuest: a second process reads and removes, and does not write.
func TestGuest(t *testing.T) {
	dir := t.TempDir()
	owner := openSet(t, dir, small())
	one, two := blob(1, 1000), blob(2, 1000)
	mustPut(t, owner, one)
	guest := openSet(t, dir, small())
	if guest.Writes() || !owner.Writes() {
		t.Fatal("who writes?")
	}
	mustHave(t, guest, one)
	if _, err := guest.Put(sha256.Sum256(two), two); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Put of a guest: %v", err)
	}
	mustPut(t, owner, two)
	mustHave(t, guest, two)
	if err := guest.Delete(t.Context(), sha256.Sum256(one)); err != nil {
		t.Errorf("Delete of a guest: %v", err)
	}
	mustLack(t, owner, one)
	mustHave(t, owner, two)
	mustBeTrue(t, owner)
	closeSet(t, guest)
	closeSet(t, owner)
}

// compactNow waits for a compaction that runs, and runs another one.
func compactNow(t *testing.T, s *Set) {
	t.Helper()
	<-s.compacting
	defer func() { s.compacting <- struct{}{} }()
	if err := s.compact(); err != nil {
		t.Errorf("compact: %v", err)
	}
}

// TestCompaction removes four of five blobs: the room comes back, also in the pack that grows, and what lives stays
// readable meanwhile.
func TestCompaction(t *testing.T) {
	const n, size = 400, 3000
	dir := t.TempDir()
	s := openSet(t, dir, small())
	for i := range n {
		mustPut(t, s, blob(i, size))
	}
	_, before := packsOf(t, dir)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for r := range 2 {
		wg.Go(func() {
			for i := r; ; i = (i + 5) % n {
				select {
				case <-stop:
					return
				default:
				}
				mustHave(t, s, blob(i/5*5, size))
			}
		})
	}
	for i := range n {
		if i%5 != 0 {
			if err := s.Delete(t.Context(), sha256.Sum256(blob(i, size))); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	wg.Wait()
	compactNow(t, s)
	_, after := packsOf(t, dir)
	if live := n / 5 * length(size); after > 2*live+int64(small().packBytes) || after < live {
		t.Errorf("%d bytes of packs, %d before, %d live", after, before, live)
	}
	for range 2 {
		for i := range n {
			if i%5 == 0 {
				mustHave(t, s, blob(i, size))
			} else {
				mustLack(t, s, blob(i, size))
			}
		}
		mustBeTrue(t, s)
		closeSet(t, s)
		s = openSet(t, dir, small())
	}
	closeSet(t, s)
}

// TestCompactionKeepsTheUnreadable: bytes that can't be moved stay, and so does their pack.
func TestCompactionKeepsTheUnreadable(t *testing.T) {
	dir := t.TempDir()
	s := openSet(t, dir, small())
	defer closeSet(t, s)
	for i := range 40 {
		mustPut(t, s, blob(i, 1500))
	}
	f, err := os.OpenFile(s.path(1), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("rot"), headerBytes+100) // of the first blob
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 40; i++ {
		if err := s.Delete(t.Context(), sha256.Sum256(blob(i, 1500))); err != nil {
			t.Fatal(err)
		}
	}
	compactNow(t, s)
	if _, err := os.Stat(s.path(1)); err != nil {
		t.Errorf("the pack with the broken blob: %v", err)
	}
	if _, err := get(s, sha256.Sum256(blob(0, 1500))); err != nil {
		t.Errorf("the broken blob: %v", err)
	}
	mustHave(t, s, blob(1, 1500))
}

// TestBatch: many at once share flushes, also when they are the same bytes.
func TestBatch(t *testing.T) {
	set := small()
	var flushes atomic.Int64
	set.sync = func(f *os.File) error {
		flushes.Add(1)
		time.Sleep(5 * time.Millisecond)
		return datasync(f)
	}
	s := openSet(t, t.TempDir(), set)
	defer closeSet(t, s)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			data := blob(i/2, 700)
			if _, err := s.Put(sha256.Sum256(data), data); err != nil {
				t.Errorf("Put: %v", err)
			}
			mustHave(t, s, data)
		})
	}
	wg.Wait()
	if n := flushes.Load(); n > 40 {
		t.Errorf("%d flushes for 200 puts", n)
	}
	mustBeTrue(t, s)
}

func TestTouch(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	data := blob(1, 10)
	sum := mustPut(t, s, data)
	first, err := s.Stat(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	b, found, err := s.Touch(t.Context(), sum, 10)
	if err != nil || !found || !b.Modified.After(first.Modified) {
		t.Errorf("Touch = %+v, %v, %v", b, found, err)
	}
	if now, _ := s.Stat(t.Context(), sum); !now.Modified.Equal(b.Modified) {
		t.Errorf("Stat says %v, Touch said %v", now.Modified, b.Modified)
	}
	for _, size := range []int64{9, 11} {
		if _, found, err := s.Touch(t.Context(), sum, size); found || err != nil {
			t.Errorf("Touch of another size = %v, %v", found, err)
		}
	}
	if _, found, err := s.Touch(t.Context(), sha256.Sum256(nil), 0); found || err != nil {
		t.Errorf("Touch of nothing = %v, %v", found, err)
	}
}

// FuzzScan: whatever a file holds, what comes out is records that hash to their digests, in order, within bounds.
func FuzzScan(f *testing.F) {
	one := appendRecord(nil, header{sha256.Sum256([]byte("one")), 3, 7}, []byte("one"))
	f.Add(one, int64(0))
	f.Add(append(bytes.Clone(one), one...), int64(64))
	f.Add(append(make([]byte, 128), one[:100]...), int64(0))
	f.Fuzz(func(t *testing.T, file []byte, from int64) {
		if from < 0 || from > int64(len(file)) {
			return
		}
		last := from
		if err := scan(bytes.NewReader(file), from, int64(len(file)), func(at int64, h header, data []byte) error {
			if at < last || at+headerBytes+h.size > int64(len(file)) || sha256.Sum256(data) != h.sum || int64(len(data)) != h.size {
				t.Errorf("at %d: %+v", at, h)
			}
			last = at + length(h.size)
			return nil
		}); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
