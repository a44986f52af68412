package packs

import (
	"crypto/sha256"
	"os"
	"sync"
	"testing"
)

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
	guest.compactSoon()
	guest.background.Wait()
	closeSet(t, guest)
	mustPut(t, owner, blob(100, 4000))
	mustHave(t, owner, blob(9, 4000))
	mustHave(t, owner, blob(100, 4000))
	mustBeTrue(t, owner)
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
	rotFirst(t, s)
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
