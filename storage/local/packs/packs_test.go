package packs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slipway/internal/fsync"
	"slipway/internal/sqldrv"
	"slipway/storage"
)

// small returns a set whose packs fill up and become wasteful within a test.
func small() *Set {
	return &Set{now: time.Now, sync: fsync.Data, packBytes: 64 << 10, spareable: 8 << 10}
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

// blob returns different bytes for each n.
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
	if d, err = openIndex(s.readers.path, 64, false); err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.query(`SELECT id, live FROM pack`, nil, func(r sqldrv.Row) error {
		var id, n int64
		err := r.Scan(&id, &n)
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

// TestBatch: many Puts that come while a flush runs share the next flush, also Puts of the same bytes.
func TestBatch(t *testing.T) {
	set := small()
	var flushes atomic.Int64
	begun, goOn := make(chan struct{}), make(chan struct{})
	set.sync = func(f *os.File) error {
		if flushes.Add(1) == 1 {
			close(begun)
			<-goOn
		}
		return fsync.Data(f)
	}
	s := openSet(t, t.TempDir(), set)
	defer closeSet(t, s)
	const puts = 200
	var wg sync.WaitGroup
	put := func(data []byte) {
		if _, err := s.Put(sha256.Sum256(data), data); err != nil {
			t.Errorf("Put: %v", err)
		}
		mustHave(t, s, data)
	}
	wg.Go(func() { put(blob(puts, 700)) })
	<-begun
	for i := range puts {
		wg.Go(func() { put(blob(i/2, 700)) })
	}
	for len(s.writer.queue) < puts {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	wg.Wait()
	if n := flushes.Load(); n != 2 {
		t.Errorf("%d flushes, want 2: for the first put, and for the %d that came meanwhile", n, puts)
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
