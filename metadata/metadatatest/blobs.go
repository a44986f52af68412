package metadatatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

func testBlobs(e *env) {
	want := metadata.Blob{Digest: digest.FromString("a"), Size: 1, SHA1: bytes.Repeat([]byte{1}, 20), CreatedAt: e.now()}
	put := func(b metadata.Blob) metadata.Blob {
		var out metadata.Blob
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Blobs().PutBlob(b)
			return err
		})
		return out
	}
	got := put(metadata.Blob{Digest: want.Digest, Size: 1, SHA1: want.SHA1})
	want.ID = got.ID
	equal(e, "put", got, want)
	get := func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(want.Digest) }
	equal(e, "read", read(e, get), want)

	e.clock.Add(time.Hour)
	want.MD5, want.SHA512 = bytes.Repeat([]byte{2}, 16), bytes.Repeat([]byte{3}, 64)
	equal(e, "more sums", put(metadata.Blob{Digest: want.Digest, Size: 1, MD5: want.MD5, SHA512: want.SHA512}), want)
	equal(e, "sums stay", put(metadata.Blob{Digest: want.Digest, Size: 1}), want)
	equal(e, "read again", read(e, get), want)
	if err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
		_, err := tx.Blobs().PutBlob(metadata.Blob{Digest: want.Digest, Size: 2})
		return err
	}); err == nil {
		e.Error("another size for the same digest was taken")
	}
	for _, d := range []digest.Digest{digest.FromString("b"), digest.SHA512.FromString("a"), "", "sha256:xyz"} {
		missing(e, "blob "+string(d), func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(d) })
	}

	var all []digest.Digest
	for i := range 10 {
		all = append(all, e.blob(fmt.Sprint("blob ", i)).Digest)
	}
	all = append(all, want.Digest)
	slices.Sort(all)
	var paged []digest.Digest
	after := digest.Digest("")
	for {
		page := read(e, func(tx metadata.Tx) ([]metadata.Blob, error) { return tx.Blobs().BlobList(after, 4) })
		for _, b := range page {
			paged = append(paged, b.Digest)
			after = b.Digest
		}
		if len(page) < 4 {
			break
		}
	}
	equal(e, "list", paged, all)
}

func testLeases(e *env) {
	b := e.blob("a")
	start := e.now()
	lease := func(holder string, d time.Duration) {
		e.update(func(tx metadata.Tx) error {
			return tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: holder, Until: start.Add(d)})
		})
	}
	leased := func(holder string) bool {
		return read(e, func(tx metadata.Tx) (bool, error) { return tx.Leases().Leased(b.ID, holder) })
	}
	released := func() time.Time {
		return read(e, func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(b.Digest) }).ReleasedAt
	}
	lease("upload", time.Hour)
	lease("upload", time.Minute) // never shortens
	lease("other", 2*time.Hour)
	equal(e, "leased", []bool{leased("upload"), leased("other"), leased("nobody")}, []bool{true, true, false})
	holders := func(limit int) []string {
		return read(e, func(tx metadata.Tx) ([]string, error) { return tx.Leases().Holders(b.ID, limit) })
	}
	equal(e, "holders", [][]string{holders(0), holders(1)}, [][]string{{"other", "upload"}, {"other"}})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error {
		return tx.Leases().PutLease(metadata.Lease{BlobID: 99, Holder: "x", Until: start.Add(time.Hour)})
	})
	e.clock.Add(time.Hour - time.Microsecond)
	equal(e, "at the last moment", leased("upload"), true)
	e.clock.Add(time.Microsecond)
	equal(e, "at its end", leased("upload"), false)
	equal(e, "release before it is noticed", released(), time.Time{})
	e.clock.Add(time.Minute)
	e.update(func(tx metadata.Tx) error { _, err := tx.Leases().ExpireLeases(9); return err })
	equal(e, "release", released(), start.Add(time.Hour))
	lease("upload", 3*time.Hour) // extends again
	equal(e, "extended", leased("upload"), true)
	e.update(func(tx metadata.Tx) error { return tx.Leases().DropLease("upload") })
	equal(e, "dropped", []bool{leased("upload"), leased("other")}, []bool{false, true})
	equal(e, "release by a drop", released(), e.now())
	e.update(func(tx metadata.Tx) error { return tx.Leases().DropLease("nobody") })

	for _, holder := range []string{"team", "team/a", "team/b/c", "team-b/a", "team0", "tea/m"} {
		lease(holder, 10*time.Hour)
	}
	e.clock.Add(time.Minute)
	e.update(func(tx metadata.Tx) error {
		n, err := tx.Leases().DropLeasesBelow("team", 1)
		equal(e, "dropped below", n, 1)
		return err
	})
	equal(e, "holders after the first one", holders(0), []string{"other", "tea/m", "team", "team-b/a", "team/b/c", "team0"})
	e.update(func(tx metadata.Tx) error { _, err := tx.Leases().DropLeasesBelow("team", 9); return err })
	equal(e, "holders that are not below", holders(0), []string{"other", "tea/m", "team", "team-b/a", "team0"})
	equal(e, "release by that", released(), e.now())
}

func testUnreferenced(e *env) {
	p := e.main()
	v := e.version(p, "1")
	free, held, leased, removed := e.blob("free"), e.blob("held"), e.blob("leased"), e.blob("removed")
	e.file(v, "x", held, 1)
	e.file(v, "y", removed, 1)
	start := e.now()
	e.update(func(tx metadata.Tx) error {
		return tx.Leases().PutLease(metadata.Lease{BlobID: leased.ID, Holder: "upload", Until: start.Add(time.Hour)})
	})
	e.clock.Add(time.Minute)
	e.update(func(tx metadata.Tx) error { return tx.Files().RemoveFile(v.ID, "y") })
	list := func(before time.Time, after int64, n int) []int64 {
		return names(read(e, func(tx metadata.Tx) ([]metadata.Blob, error) {
			return tx.Collection().Unreferenced(before, before, after, n)
		}),
			func(b metadata.Blob) int64 { return b.ID })
	}
	equal(e, "before anything", list(start, 0, 0), nil)
	equal(e, "created before", list(start.Add(1), 0, 0), []int64{free.ID})
	equal(e, "released later", list(start.Add(time.Minute), 0, 0), []int64{free.ID})
	equal(e, "released before", list(start.Add(time.Minute+1), 0, 0), []int64{free.ID, removed.ID})
	equal(e, "page", list(e.now().Add(time.Hour), 0, 1), []int64{free.ID})
	equal(e, "next page", list(e.now().Add(time.Hour), free.ID, 1), []int64{removed.ID})

	e.clock.Add(time.Hour) // the lease ran out a minute ago, whether or not ExpireLeases has run
	for _, what := range []string{"unnoticed", "noticed"} {
		equal(e, what+", grace", list(start.Add(time.Hour), 0, 0), []int64{free.ID, removed.ID})
		equal(e, what, list(start.Add(time.Hour+time.Microsecond), 0, 0), []int64{free.ID, leased.ID, removed.ID})
		e.update(func(tx metadata.Tx) error { _, err := tx.Leases().ExpireLeases(9); return err })
	}
}

func testCondemn(e *env) {
	p := e.main()
	v := e.version(p, "1")
	// free is made last, so that its ID is the one that might be reused.
	held, leased, young, free := e.blob("held"), e.blob("leased"), e.blob("young"), e.blob("free")
	e.file(v, "x", held, 1)
	e.update(func(tx metadata.Tx) error {
		return tx.Leases().PutLease(metadata.Lease{BlobID: leased.ID, Holder: "upload", Until: e.now().Add(time.Hour)})
	})
	before := e.now().Add(time.Microsecond)
	condemn := func(b metadata.Blob, before time.Time) bool {
		var ok bool
		e.update(func(tx metadata.Tx) (err error) {
			ok, err = tx.Collection().Condemn(b, before)
			return err
		})
		return ok
	}
	equal(e, "held", condemn(held, before), false)
	equal(e, "leased", condemn(leased, before), false)
	equal(e, "young", condemn(young, young.CreatedAt), false)
	equal(e, "another digest", condemn(metadata.Blob{ID: free.ID, Digest: held.Digest}, before), false)
	equal(e, "free", condemn(free, before), true)
	equal(e, "twice", condemn(free, before), false)
	missing(e, "condemned", func(tx metadata.Tx) (metadata.Blob, error) { return tx.Blobs().Blob(free.Digest) })
	equal(e, "pending", read(e, func(tx metadata.Tx) ([]metadata.Collected, error) { return tx.Collection().CollectedPending() }),
		[]metadata.Collected{{Digest: free.Digest, Size: free.Size, At: e.now()}})

	e.fails(metadata.ErrCollected, func(tx metadata.Tx) error {
		_, err := tx.Blobs().PutBlob(metadata.Blob{Digest: free.Digest, Size: free.Size})
		return err
	})
	e.update(func(tx metadata.Tx) error { return tx.Collection().CollectedDone(free.Digest, e.now()) })
	again := e.blob("free")
	if again.ID == free.ID {
		e.Error("the blob has the ID of the one that was collected")
	}

	e.clock.Add(2 * time.Hour)
	if !condemn(leased, e.now().Add(-time.Minute)) { // its lease has run out, and its row is still there
		e.Error("a blob with a lease of the past was kept")
	}
}

func testCollected(e *env) {
	d := digest.FromString("orphan")
	e.blob("known")
	orphan := func(d digest.Digest) bool {
		var ok bool
		e.update(func(tx metadata.Tx) (err error) {
			ok, err = tx.Collection().CondemnOrphan(d, 6)
			return err
		})
		return ok
	}
	since := func(at time.Time) bool {
		return read(e, func(tx metadata.Tx) (bool, error) { return tx.Collection().CollectedSince(d, at) })
	}
	pending := func() int {
		return len(read(e, func(tx metadata.Tx) ([]metadata.Collected, error) { return tx.Collection().CollectedPending() }))
	}
	equal(e, "known", orphan(digest.FromString("known")), false)
	equal(e, "never", since(time.Time{}), false)
	equal(e, "orphan", orphan(d), true)
	equal(e, "pending", pending(), 1)
	equal(e, "pending since", []bool{since(time.Time{}), since(e.now().Add(time.Hour))}, []bool{true, true})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Collection().CollectedDone(digest.FromString("?"), e.now()) })
	equal(e, "an orphan again", orphan(d), false)
	take := func(since time.Time) bool {
		var ok bool
		e.update(func(tx metadata.Tx) (err error) {
			ok, err = tx.Collection().TakeCollected(d, since)
			return err
		})
		return ok
	}
	noted := e.now()
	e.clock.Add(time.Minute)
	equal(e, "taken", []bool{take(noted.Add(1000)), take(noted)}, []bool{false, true})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Collection().CollectedDone(d, noted) })
	noted = e.now()

	e.clock.Add(time.Minute)
	done := e.now()
	e.update(func(tx metadata.Tx) error { return tx.Collection().CollectedDone(d, noted) })
	equal(e, "taken when it is done", take(noted), false)
	equal(e, "none pending", pending(), 0)
	equal(e, "done since", []bool{since(done), since(done.Add(time.Microsecond))}, []bool{true, false})
	e.update(func(tx metadata.Tx) error { _, err := tx.Collection().ForgetCollected(done, 9); return err })
	equal(e, "not forgotten", since(done), true)
	equal(e, "again", orphan(d), true)
	noted = e.now()
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Collection().ForgetCollected(done.Add(time.Hour), 9)
		return err
	})
	equal(e, "pending is not forgotten", since(done), true)
	e.update(func(tx metadata.Tx) error { return tx.Collection().CollectedDone(d, noted) })
	e.update(func(tx metadata.Tx) error {
		_, err := tx.Collection().ForgetCollected(done.Add(time.Hour), 9)
		return err
	})
	equal(e, "forgotten", since(done), false)
}

// testCondemnRace runs collectors and publishers on the same blobs. In the end each blob is held by a file or collected,
// and every publisher that succeeded has its file.
func testCondemnRace(e *env) {
	p := e.main()
	v := e.version(p, "1")
	const n = 40
	blobs := make([]metadata.Blob, n)
	for i := range blobs {
		blobs[i] = e.blob(fmt.Sprint("blob ", i))
	}
	before := e.now().Add(time.Microsecond)
	var condemned [n]atomic.Int32
	var published [n]atomic.Bool
	var wg sync.WaitGroup
	for i, b := range blobs {
		for range 2 {
			wg.Go(func() {
				err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
					ok, err := tx.Collection().Condemn(b, before)
					if err == nil && !ok {
						err = errTest
					}
					return err
				})
				if err == nil {
					condemned[i].Add(1)
				} else if !errors.Is(err, errTest) {
					e.Errorf("condemn: %v", err)
				}
			})
		}
		wg.Go(func() {
			err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
				b, err := tx.Blobs().Blob(b.Digest)
				if err != nil {
					return err
				}
				return tx.Files().AddFile(metadata.File{VersionID: v.ID, PackageID: p.ID, Path: fmt.Sprint(i), Blob: b})
			})
			if err == nil {
				published[i].Store(true)
			} else if !errors.Is(err, metadata.ErrNotExist) {
				e.Errorf("publish: %v", err)
			}
		})
	}
	wg.Wait()
	e.view(func(tx metadata.Tx) error {
		for i, b := range blobs {
			_, ferr := tx.Files().File(v.ID, fmt.Sprint(i))
			_, berr := tx.Blobs().Blob(b.Digest)
			gone, err := tx.Collection().CollectedSince(b.Digest, time.Time{})
			if err != nil {
				return err
			}
			c := condemned[i].Load()
			if ok := published[i].Load(); c > 1 || ok == (c == 1) || ok != (ferr == nil) || ok != (berr == nil) || ok == gone {
				e.Errorf("blob %d: condemned %d times, published %v, file %v, blob %v, collected %v", i, c, ok, ferr, berr, gone)
			}
		}
		return nil
	})
}
