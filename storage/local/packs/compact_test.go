package packs

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"slipway/internal/fsync"
)

// TestGuestDoesNotCompact: a second process that removes blobs leaves compaction to the writing process.
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
	owner.background.Wait() // its compaction would move blobs between two looks at the index
	mustBeTrue(t, owner)
	closeSet(t, owner)
}

// compactNow waits for a running compaction, and runs another.
func compactNow(t *testing.T, s *Set) {
	t.Helper()
	<-s.compacting
	defer func() { s.compacting <- struct{}{} }()
	if err := s.compact(); err != nil {
		t.Errorf("compact: %v", err)
	}
}

// TestCompaction removes four of five blobs: the room comes back, also in the growing pack, and live blobs stay readable
// meanwhile.
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

// TestCompactionKeepsTheUnreadable: a blob that can't be moved stays, and so does its pack.
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

// wasted is a set of at least four packs, each with more dead bytes than a compaction leaves. The blobs whose number is a
// multiple of ten are live.
func wasted(t *testing.T, set *Set) (s *Set, packs []string) {
	t.Helper()
	const n = 160
	s = openSet(t, t.TempDir(), set)
	for i := range n {
		mustPut(t, s, blob(i, 1500))
	}
	for i := range n {
		if i%10 != 0 {
			mustDelete(t, s, i)
		}
	}
	if packs, _ = packsOf(t, s.dir); len(packs) < 4 {
		t.Fatalf("only %v", packs)
	}
	return s, packs
}

// mustDelete removes a blob of wasted, without a compaction.
func mustDelete(t *testing.T, s *Set, i int) {
	t.Helper()
	<-s.compacting
	defer func() { s.compacting <- struct{}{} }()
	if err := s.Delete(t.Context(), sha256.Sum256(blob(i, 1500))); err != nil {
		t.Fatal(err)
	}
}

// livingIn returns the numbers of the blobs of wasted that are in a pack.
func livingIn(t *testing.T, s *Set, pack int64) (in, elsewhere []int) {
	t.Helper()
	for i := 0; i < 160; i += 10 {
		e, err := s.readers.find(t.Context(), sha256.Sum256(blob(i, 1500)))
		switch {
		case err != nil:
			t.Fatal(err)
		case e.pack == pack:
			in = append(in, i)
		default:
			elsewhere = append(elsewhere, i)
		}
	}
	return in, elsewhere
}

// mustBeEmptied expects that all of these packs are gone, except the pack at but.
func mustBeEmptied(t *testing.T, packs []string, but string) {
	t.Helper()
	for _, path := range packs {
		if _, err := os.Lstat(path); (err == nil) != (path == but) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestCompactionWithoutPack: a pack whose file is lost does not keep the others from being emptied.
func TestCompactionWithoutPack(t *testing.T) {
	s, packs := wasted(t, small())
	defer closeSet(t, s)
	_, elsewhere := livingIn(t, s, 2)
	if err := os.Remove(s.path(2)); err != nil {
		t.Fatal(err)
	}
	compactNow(t, s)
	mustBeEmptied(t, packs, "")
	for _, i := range elsewhere {
		mustHave(t, s, blob(i, 1500))
	}
}

// TestCompactionCantRemove: a pack whose file can't be removed does not keep the others from being emptied either; here
// something else has its name.
func TestCompactionCantRemove(t *testing.T) {
	set := small()
	var occupy func()
	set.sync = func(f *os.File) error {
		if occupy != nil {
			occupy()
		}
		return fsync.Data(f)
	}
	s, packs := wasted(t, set)
	defer closeSet(t, s)
	in, elsewhere := livingIn(t, s, 2)
	for _, i := range in[1:] { // so that it is emptied first, in one batch
		mustDelete(t, s, i)
	}
	at := s.path(2)
	occupy = func() {
		_ = os.Remove(at) // its bytes are in the batch
		_ = os.MkdirAll(filepath.Join(at, "occupied"), 0o700)
	}
	compactNow(t, s)
	mustBeEmptied(t, packs, at)
	for _, i := range append(elsewhere, in[0]) {
		mustHave(t, s, blob(i, 1500))
	}
}
