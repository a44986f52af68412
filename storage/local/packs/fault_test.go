package packs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"slipway/internal/fsync"
	"slipway/storage"
)

// rotFirst changes bytes of the first blob on the disk.
func rotFirst(t *testing.T, s *Set) {
	t.Helper()
	f, err := os.OpenFile(s.path(1), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("rot"), headerBytes+100)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestHeals: bytes that rotted on the disk are replaced when the right bytes are put again.
func TestHeals(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	data := blob(1, 500)
	sum := mustPut(t, s, data)
	rotFirst(t, s)
	if got, err := get(s, sum); err != nil || bytes.Equal(got, data) {
		t.Fatalf("the bytes were not changed: %v", err)
	}
	mustPut(t, s, data)
	mustHave(t, s, data)
	mustBeTrue(t, s)
}

var errSync = errors.New("flush failed")

// TestFlushFails: no blob of the failed batch is there, and its pack grows no more.
func TestFlushFails(t *testing.T) {
	set := small()
	var fails atomic.Bool
	set.sync = func(f *os.File) error {
		if fails.Load() {
			return errSync
		}
		return fsync.Data(f)
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

// TestCommitFails: records of a failed batch that the index may name are not overwritten.
func TestCommitFails(t *testing.T) {
	dir := t.TempDir()
	s := openSet(t, dir, small())
	mustPut(t, s, []byte("before"))
	s.sync = func(f *os.File) error {
		_ = s.writer.db.do(`ROLLBACK`) // so that there is nothing to commit
		return fsync.Data(f)
	}
	if _, err := s.Put(sha256.Sum256([]byte("data")), []byte("data")); err == nil {
		t.Error("Put of a batch that was not committed succeeds")
	}
	s.sync = fsync.Data
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

// TestForeignRecord: a blob whose place in the pack holds other bytes does not exist.
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

// TestFewDescriptors runs Open, Put and Stat with 0, 1, … free descriptors until they succeed: until then they fail with
// EMFILE.
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
