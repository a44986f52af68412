package packs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"testing"

	"slipway/storage"
)

// load reads a part of a blob as Load gives it.
func load(t testing.TB, s *Set, data []byte, offset, length int64) ([]byte, error) {
	t.Helper()
	l, err := s.Load(t.Context(), sha256.Sum256(data), offset, length)
	if err != nil || l == nil {
		return nil, err
	}
	defer l.Close()
	var out bytes.Buffer
	_, err = l.WriteTo(&out)
	return out.Bytes(), err
}

func mustLoad(t testing.TB, s *Set, data []byte) {
	t.Helper()
	if got, err := load(t, s, data, 0, -1); err != nil || !bytes.Equal(got, data) {
		t.Errorf("Load of %d bytes: %d bytes, %v", len(data), len(got), err)
	}
}

// TestLoad: parts of blobs, the first time and when it is remembered where they are; larger blobs are left to Open.
func TestLoad(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	data, large := blob(1, LoadBytes), blob(2, LoadBytes+1)
	mustPut(t, s, data)
	mustPut(t, s, large)
	mustPut(t, s, nil)
	for range 2 {
		mustLoad(t, s, data)
		mustLoad(t, s, nil)
		if l, err := s.Load(t.Context(), sha256.Sum256(large), 0, -1); l != nil || err != nil {
			t.Errorf("Load of a large blob: %v, %v", l, err)
		}
		mustHave(t, s, large)
		for _, part := range [][2]int64{{0, 0}, {0, 10}, {100, 1000}, {LoadBytes, 0}, {LoadBytes, -1}, {LoadBytes - 1, -1}} {
			want := data[part[0]:]
			if part[1] >= 0 {
				want = want[:part[1]]
			}
			if got, err := load(t, s, data, part[0], part[1]); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: %d bytes, %v", part, len(got), err)
			}
		}
		for _, part := range [][2]int64{{-1, 1}, {0, -2}, {0, LoadBytes + 1}, {LoadBytes + 1, -1}, {LoadBytes, 1}} {
			if _, err := load(t, s, data, part[0], part[1]); !errors.Is(err, storage.ErrRange) {
				t.Errorf("%v: %v, want ErrRange", part, err)
			}
		}
	}
	if _, err := load(t, s, []byte("unknown"), 0, -1); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Load of what is not there: %v", err)
	}
	l, err := s.Load(t.Context(), sha256.Sum256(data), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.LimitReader(l, 10)); err != nil || !bytes.Equal(got, data[:10]) {
		t.Errorf("Read: %d bytes, %v", len(got), err)
	}
	_ = l.Close()
	if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

// TestWarm: what is remembered of a blob ends with its removal, with its replacement, and with the move of its bytes.
func TestWarm(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	const size = 3000
	for i := range 100 {
		mustPut(t, s, blob(i, size))
		mustLoad(t, s, blob(i, size))
	}
	if !s.Warm(sha256.Sum256(blob(0, size))) {
		t.Error("nothing is remembered")
	}
	rotFirst(t, s)
	mustPut(t, s, blob(0, size)) // stands elsewhere now
	mustLoad(t, s, blob(0, size))
	for i := range 100 {
		if i%10 == 0 {
			continue
		}
		if err := s.Delete(t.Context(), sha256.Sum256(blob(i, size))); err != nil {
			t.Fatal(err)
		}
		mustLack(t, s, blob(i, size))
		if _, err := load(t, s, blob(i, size), 0, -1); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Load of a removed blob: %v", err)
		}
	}
	compactNow(t, s)
	for i := range 10 {
		mustLoad(t, s, blob(10*i, size))
		mustHave(t, s, blob(10*i, size))
	}
	for pack := range s.warm.files {
		if _, err := os.Stat(s.path(pack)); err != nil {
			t.Errorf("a removed pack stays open: %v", err)
		}
	}
}

// TestWarmFull: no more is remembered than there is room for, and no more packs stay open, whichever are read.
func TestWarmFull(t *testing.T) {
	set := small()
	set.packBytes = 1
	s := openSet(t, t.TempDir(), set)
	defer closeSet(t, s)
	for i := range 3 * openPacks {
		mustPut(t, s, blob(i, 100))
	}
	for range 2 {
		for i := range 3 * openPacks {
			mustLoad(t, s, blob(i, 100))
		}
	}
	if n := len(s.warm.files); n > openPacks {
		t.Errorf("%d packs are open", n)
	}
	for i := range 3 * warmEntries {
		var sum [sha256.Size]byte
		sum[0], sum[1], sum[2] = byte(i), byte(i>>8), byte(i>>16)
		s.warm.put(sum, entry{pack: 1}, s.warm.now())
	}
	if n := len(s.warm.young) + len(s.warm.old); n > 2*warmEntries {
		t.Errorf("%d places are remembered", n)
	}
}

// TestWarmStale: a look that began before a change is not remembered after it, and what another process has moved is found.
func TestWarmStale(t *testing.T) {
	s := openSet(t, t.TempDir(), small())
	defer closeSet(t, s)
	data := blob(1, 100)
	sum := mustPut(t, s, data)
	at := s.warm.now()
	e, err := s.readers.find(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), sum); err != nil {
		t.Fatal(err)
	}
	s.warm.put(sum, e, at)
	if s.Warm(sum) {
		t.Error("a look from before the removal is remembered")
	}
	mustPut(t, s, data)
	e.at += 64 * recordAlign
	s.warm.put(sum, e, s.warm.now())
	mustLoad(t, s, data)
	e.pack = 77
	s.warm.put(sum, e, s.warm.now())
	mustHave(t, s, data)
	mustLoad(t, s, data)
}
