package packs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"slipway/storage"
)

// TestLostIndex: a power cut takes unflushed rows from the index: all rows, or those after some moment. All acknowledged
// blobs are in the packs.
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

// TestTornEnd: behind the last acknowledged record a pack may hold anything. The next start keeps whole records, also
// behind a hole, and cuts off the rest.
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

// TestLostPack: blobs of a removed or cut pack are missing, and can be put again.
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

// TestLostWhileRunning: when a pack vanishes under a running process, its blobs do not exist.
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

// FuzzScan: from a file of any content, scan yields only records that hash to their digests, in order, within bounds.
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

// TestOldIndexDoesNotComeBack: a pack takes the number of a removed pack. Then a power cut takes all unflushed rows of the
// index: the rows that are left must not name the old pack's places in the new pack.
func TestOldIndexDoesNotComeBack(t *testing.T) {
	first, killed, cut := t.TempDir(), t.TempDir(), t.TempDir()
	s := openSet(t, first, small())
	for i := range 20 {
		mustPut(t, s, blob(i, 3000))
	}
	closeSet(t, s) // now the index is durable
	s = openSet(t, first, small())
	<-s.compacting // no compaction amid the removals: it would leave a pack too small to be compacted again
	for i := range 20 {
		if err := s.Delete(t.Context(), sha256.Sum256(blob(i, 3000))); err != nil {
			t.Fatal(err)
		}
	}
	s.compacting <- struct{}{}
	compactNow(t, s)
	if names, _ := packsOf(t, first); len(names) > 0 {
		t.Fatalf("packs %v, want none", names)
	}
	copyFile(t, filepath.Join(first, indexName), filepath.Join(killed, indexName))
	copyFile(t, filepath.Join(first, indexName+"-wal"), filepath.Join(killed, indexName+"-wal"))
	closeSet(t, s)

	s = openSet(t, killed, small())
	for i := range 15 {
		mustPut(t, s, blob(100+i, 2000))
	}
	names, _ := packsOf(t, killed)
	for _, name := range append(names, filepath.Join(killed, indexName)) {
		copyFile(t, name, filepath.Join(cut, filepath.Base(name)))
	}
	closeSet(t, s)

	s = openSet(t, cut, small())
	defer closeSet(t, s)
	for i := range 15 {
		mustHave(t, s, blob(100+i, 2000))
	}
	mustLack(t, s, blob(0, 3000))
	mustBeTrue(t, s)
}
