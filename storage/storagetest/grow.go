package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

var growCases = []testCase{
	{"Grow/sizes", growSizes},
	{"Grow/ranges", growRanges},
	{"Grow/readers", growReaders},
	{"Grow/readers and Close", growClosing},
	{"Grow/discard", growDiscard},
	{"Grow/again", growAgain},
	{"Grow/concurrent same", growConcurrentSame},
	{"Grow/deleted", growDeleted},
	{"Grow/cancel", growCancel},
	{"Grow/committed", growCommitted},
	{"Grow/invalid digests", growInvalid},
	{"Grow/faults", growFaults},
}

const heldBytes = 64 << 10 // sizes around it cross the memory of the backends

func mustGrow(t *testing.T, s storage.Store) storage.Growing {
	t.Helper()
	g, err := s.(storage.Grower).Grow(t.Context())
	if err != nil {
		t.Fatalf("Grow: %v", err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close of a growing blob: %v", err)
		}
	})
	return g
}

func mustWrite(t *testing.T, g storage.Growing, p []byte) {
	t.Helper()
	if n, err := g.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write of %d bytes = %d, %v", len(p), n, err)
	}
}

func mustCommit(t *testing.T, g storage.Growing, data []byte) storage.Blob {
	t.Helper()
	b, err := g.Commit(t.Context(), digest.FromBytes(data))
	if err != nil || b.Digest != digest.FromBytes(data) || b.Size != int64(len(data)) || b.Modified.IsZero() {
		t.Fatalf("Commit of %d bytes = %+v, %v", len(data), b, err)
	}
	return b
}

// mustShow checks that a growing blob shows data and no more.
func mustShow(t *testing.T, g storage.Growing, data []byte) {
	t.Helper()
	got := make([]byte, len(data)+1)
	if n, err := g.ReadAt(got, 0); n != len(data) || err != io.EOF || !bytes.Equal(got[:n], data) {
		t.Errorf("ReadAt of %d bytes, where %d were written: %d, %v", len(got), len(data), n, err)
	}
}

func mustBeEmpty(t *testing.T, s storage.Store) {
	t.Helper()
	if found := digests(t, s, ""); len(found) > 0 {
		t.Errorf("List = %v", found)
	}
	if found := uploads(t, s); len(found) > 0 {
		t.Errorf("ListUploads = %v", found)
	}
}

// growSizes: each piece can be read at once, only here before Commit, and here and in the store after it.
func growSizes(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 1, heldBytes - 1, heldBytes, heldBytes + 1, chunkBytes, 5*chunkBytes + 17} {
		for _, piece := range []int{50_000, heldBytes, heldBytes + 1, chunkBytes} {
			data := random(500+piece, size)
			d := digest.FromBytes(data)
			g := mustGrow(t, s)
			for at := 0; at < size; at += piece {
				end := min(at+piece, size)
				mustWrite(t, g, data[at:end])
				mustShow(t, g, data[:end])
			}
			mustShow(t, g, data)
			if size > 0 {
				mustBeEmpty(t, s)
				mustLack(t, s, d)
			}
			mustCommit(t, g, data)
			mustShow(t, g, data)
			mustHave(t, s, data)
			if err := g.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			mustHave(t, s, data)
			if err := s.Delete(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func growRanges(t *testing.T, s storage.Store) {
	const size = 5*chunkBytes + heldBytes + 100
	data := random(510, size)
	g := mustGrow(t, s)
	check := func() {
		t.Helper()
		for _, c := range [][2]int{
			{0, 0}, {0, 1}, {0, size}, {1, size - 1}, {0, size + 1}, {size - 1, 1}, {size - 1, 2}, {size, 0}, {size, 1}, {size + 1, 1}, {size + 1, 0},
			{5*chunkBytes - 10, 20}, {5 * chunkBytes, 200}, {5*chunkBytes + heldBytes - 10, 200}, {500, chunkBytes}, {4 * chunkBytes, 2 * chunkBytes},
		} {
			want := data[min(c[0], size):min(c[0]+c[1], size)]
			got := make([]byte, c[1])
			n, err := g.ReadAt(got, int64(c[0]))
			if n != len(want) || !bytes.Equal(got[:n], want) || err != nil && err != io.EOF || n < len(got) && err == nil {
				t.Errorf("ReadAt of %d bytes from %d = %d, %v", c[1], c[0], n, err)
			}
		}
		if n, err := g.ReadAt(make([]byte, 10), math.MaxInt64-1); n != 0 || err != io.EOF {
			t.Errorf("ReadAt far behind the end = %d, %v", n, err)
		}
		if n, err := g.ReadAt(make([]byte, 10), -1); n != 0 || !errors.Is(err, storage.ErrRange) {
			t.Errorf("ReadAt before the beginning = %d, %v, want ErrRange", n, err)
		}
	}
	for at := 0; at < size; at += 100_000 {
		mustWrite(t, g, data[at:min(at+100_000, size)])
	}
	check()
	mustCommit(t, g, data)
	check()
}

// follow reads a growing blob to its end, which is known once whole is closed. A read that comes before the next bytes
// waits for them.
func follow(g storage.Growing, piece int, more func(seen int64) (whole bool)) ([]byte, error) {
	var got []byte
	buf := make([]byte, piece)
	for {
		n, err := g.ReadAt(buf, int64(len(got)))
		got = append(got, buf[:n]...)
		if err == io.EOF && n == 0 && more(int64(len(got))) {
			return got, nil
		}
		if err != nil && err != io.EOF {
			return got, err
		}
	}
}

// progress tells readers how far a writer is.
type progress struct {
	mu    sync.Mutex
	cond  *sync.Cond
	n     int64
	whole bool
}

func newProgress() *progress {
	p := new(progress)
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *progress) wrote(n int, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n += int64(n)
	p.whole = p.whole || whole
	p.cond.Broadcast()
}

// more waits until there is more than seen, or there will never be.
func (p *progress) more(seen int64) (whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.n <= seen && !p.whole {
		p.cond.Wait()
	}
	return p.n <= seen
}

// growReaders: readers of all paces follow one writer and go on after Commit.
func growReaders(t *testing.T, s storage.Store) {
	data := random(520, 6*chunkBytes+123)
	g := mustGrow(t, s)
	p := newProgress()
	var readers sync.WaitGroup
	for _, piece := range []int{1_000, 4 << 10, 32 << 10, heldBytes, 100_000, chunkBytes, 2 * chunkBytes} {
		readers.Go(func() {
			got, err := follow(g, piece, p.more)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("reader of %d bytes each: %d bytes, %v", piece, len(got), err)
			}
		})
	}
	for at, piece := 0, 1; at < len(data); piece = piece*3%90_001 + 1 {
		end := min(at+piece, len(data))
		mustWrite(t, g, data[at:end])
		p.wrote(end-at, false)
		at = end
	}
	mustCommit(t, g, data)
	p.wrote(0, true)
	readers.Wait()
	mustHave(t, s, data)
}

// growClosing: a Close beside readers and the writer leaves each call whole or refused.
func growClosing(t *testing.T, s storage.Store) {
	data := random(530, 2*chunkBytes)
	g := mustGrow(t, s)
	mustWrite(t, g, data[:chunkBytes+1_000])
	var calls sync.WaitGroup
	var read atomic.Int64
	begun := make(chan struct{})
	for i := range 4 {
		calls.Go(func() {
			got := make([]byte, 50_000)
			for at := i; ; at = (at + 7_777) % chunkBytes {
				n, err := g.ReadAt(got, int64(at))
				if errors.Is(err, fs.ErrClosed) {
					return
				}
				if err != nil && err != io.EOF || !bytes.Equal(got[:n], data[at:at+n]) {
					t.Errorf("ReadAt = %d, %v", n, err)
				}
				if read.Add(1) == 20 {
					close(begun)
				}
			}
		})
	}
	calls.Go(func() {
		for at := chunkBytes + 1_000; at < len(data); at += 1_000 {
			if _, err := g.Write(data[at:min(at+1_000, len(data))]); err != nil {
				if !errors.Is(err, fs.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
				return
			}
		}
	})
	<-begun
	if err := g.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	calls.Wait()
	mustBeEmpty(t, s)
}

// growDiscard: without Commit nothing is left, and after Close nothing can be done.
func growDiscard(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 100, heldBytes + 1, 2 * chunkBytes} {
		data := random(540, size)
		g := mustGrow(t, s)
		mustWrite(t, g, data)
		for range 2 {
			if err := g.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if n, err := g.ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("ReadAt after Close = %d, %v", n, err)
		}
		if n, err := g.Write(data); n != 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Write after Close = %d, %v", n, err)
		}
		if b, err := g.Commit(t.Context(), digest.FromBytes(data)); b != (storage.Blob{}) || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Commit after Close = %+v, %v", b, err)
		}
		mustBeEmpty(t, s)
		mustLack(t, s, digest.FromBytes(data))
	}
}

// growAgain: a commit of bytes that are stored already counts as storing them again.
func growAgain(t *testing.T, s storage.Store) {
	for _, size := range []int{3_000, heldBytes + 1} {
		data := random(550, size)
		first := mustPut(t, s, data)
		moves(t, first.Modified, func() time.Time {
			g := mustGrow(t, s)
			mustWrite(t, g, data)
			b := mustCommit(t, g, data)
			mustShow(t, g, data)
			return b.Modified
		})
		if got := mustStat(t, s, first.Digest); !got.Modified.After(first.Modified) {
			t.Errorf("Stat still says %v", got.Modified)
		}
		mustHave(t, s, data)
	}
	if found := digests(t, s, ""); len(found) != 2 {
		t.Errorf("List = %v, want two blobs", found)
	}
}

func growConcurrentSame(t *testing.T, s storage.Store) {
	for _, size := range []int{20_000, chunkBytes + 100} {
		data := random(560, size)
		var wg sync.WaitGroup
		for range 4 {
			g := mustGrow(t, s)
			wg.Go(func() {
				if _, err := g.Write(data); err != nil {
					t.Errorf("Write: %v", err)
				}
				if b, err := g.Commit(t.Context(), digest.FromBytes(data)); err != nil || b.Size != int64(size) {
					t.Errorf("Commit = %+v, %v", b, err)
				}
			})
			wg.Go(func() {
				if _, err := s.Put(t.Context(), bytes.NewReader(data), noLimit); err != nil {
					t.Errorf("Put: %v", err)
				}
			})
		}
		wg.Wait()
		mustHave(t, s, data)
	}
}

// growDeleted: readers keep a committed blob that is deleted.
func growDeleted(t *testing.T, s storage.Store) {
	for _, size := range []int{100, 2*chunkBytes + 1} {
		data := random(570, size)
		g := mustGrow(t, s)
		mustWrite(t, g, data)
		mustCommit(t, g, data)
		if err := s.Delete(t.Context(), digest.FromBytes(data)); err != nil {
			t.Fatal(err)
		}
		mustShow(t, g, data)
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		mustLack(t, s, digest.FromBytes(data))
	}
}

// growCancel: the context of Grow does not end the blob; a Commit whose context is done does nothing, and another succeeds.
func growCancel(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	g, err := s.(storage.Grower).Grow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	cancel()
	if _, err := s.(storage.Grower).Grow(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Grow: %v, want context.Canceled", err)
	}
	data := random(580, chunkBytes+5)
	mustWrite(t, g, data)
	if _, err := g.Commit(ctx, digest.FromBytes(data)); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v, want context.Canceled", err)
	}
	mustBeEmpty(t, s)
	mustShow(t, g, data)
	mustCommit(t, g, data)
	mustHave(t, s, data)
}

func growCommitted(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 100, chunkBytes + 1} {
		data := random(590, size)
		g := mustGrow(t, s)
		mustWrite(t, g, data)
		mustCommit(t, g, data)
		if n, err := g.Write([]byte("more")); n != 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Write after Commit = %d, %v", n, err)
		}
		if _, err := g.Commit(t.Context(), digest.FromBytes(data)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second Commit: %v", err)
		}
		mustShow(t, g, data)
		mustHave(t, s, data)
	}
}

func growInvalid(t *testing.T, s storage.Store) {
	data := random(600, 100)
	g := mustGrow(t, s)
	mustWrite(t, g, data)
	for _, d := range badDigests() {
		if _, err := g.Commit(t.Context(), d); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Commit as %q: %v, want ErrNotExist", d, err)
		}
	}
	mustBeEmpty(t, s)
	mustCommit(t, g, data)
	mustHave(t, s, data)
}

// growFaults fails each call of a writer in turn. What ReadAt shows is what Write has taken, nothing is visible that was not
// committed, and the same writer succeeds when it goes on.
func growFaults(t *testing.T, inner storage.Store) {
	data := random(610, chunkBytes+heldBytes/2)
	d := digest.FromBytes(data)
	for _, when := range Moments {
		for n := 1; ; n++ {
			fuse := &Fuse{N: n}
			name := fmt.Sprintf("%s, call %d", when, n)
			g, err := Faulty(inner, when, fuse.Blow).(storage.Grower).Grow(t.Context())
			if err != nil {
				if !errors.Is(err, ErrFault) || n > 1 {
					t.Fatalf("%s: Grow: %v", name, err)
				}
				continue
			}
			for at := 0; at < len(data); {
				n, err := g.Write(data[at:min(at+90_000, len(data))])
				if err != nil && !errors.Is(err, ErrFault) {
					t.Fatalf("%s: Write: %v", name, err)
				}
				at += n
				mustShow(t, g, data[:at])
			}
			_, err = g.Commit(t.Context(), d)
			if err != nil {
				mustShow(t, g, data)
				if when != After {
					mustLack(t, inner, d)
					mustCommit(t, g, data)
				}
			}
			mustHave(t, inner, data)
			if err := errors.Join(g.Close(), inner.Delete(t.Context(), d)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !fuse.Tripped() {
				break
			}
		}
	}
}
