package metadatatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// testClock: the clock is never behind what has happened here, and goes with the database's.
func testClock(e *env) {
	check := func(what string, want time.Time) {
		e.Helper()
		if now := e.store.Clock(); !now.Equal(want) || now.Location() != time.UTC {
			e.Errorf("%s: the clock says %v, want %v", what, now, want)
		}
	}
	check("at first", e.now())
	e.clock.Add(time.Hour)
	check("an hour later", e.now())
	e.append(entry("a"))
	last := e.now()
	e.clock.Add(-time.Hour)
	check("after the clock went back", last)
}

// testSync: behind an update, Sync finds the generation of it.
func testSync(e *env) {
	before := uint64(0)
	store, versioned := e.store.(metadata.Versioned)
	if versioned {
		before = store.Generation()
	}
	e.repository("main")
	if err := e.store.Sync(context.Background()); err != nil {
		e.Errorf("Sync: %v", err)
	}
	if versioned && store.GenerationOf(metadata.RepositoryRows) <= before {
		e.Error("behind Sync the generation is still that of before the update")
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.store.Sync(gone); !errors.Is(err, context.Canceled) {
		e.Errorf("Sync of a caller who has gone: %v", err)
	}
}

// testHints: hints change nothing, right ones, wrong ones, and those of what another update of the group writes.
func testHints(e *env) {
	p := e.main()
	right := metadata.Hint{Repository: "main", Format: "npm", Package: "left-pad", Versions: []string{"1"}, Tags: []string{"latest"}, Paths: []string{"a.tgz"},
		Blobs: []digest.Digest{digest.FromString("a")}, Uploads: []string{"upload"}}
	wrong := []metadata.Hint{{}, {Repository: "nowhere", Format: "npm", Package: "x", Versions: []string{"1", "", "1"}}, {Blobs: []digest.Digest{"nonsense", ""}},
		{Repository: "main", Format: "npm", Package: "left-pad", Versions: []string{"\x00", "\xff"}, Uploads: []string{"\x00"}}}
	const n = 24
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			name := fmt.Sprint(i)
			hints := append([]metadata.Hint{right}, wrong...)[i%(len(wrong)+1):]
			err := e.store.Update(context.Background(), func(tx metadata.Tx) error {
				if _, err := tx.Versions().Version(p.ID, name); !errors.Is(err, metadata.ErrNotExist) {
					return fmt.Errorf("version %s: %w", name, err)
				}
				now, err := tx.Packages().Package("main", "npm", "left-pad")
				if err != nil {
					return err
				}
				v, err := tx.Versions().CreateVersion(metadata.Version{PackageID: p.ID, Name: name, SortKey: []byte(name)})
				if err != nil {
					return err
				}
				set, err := tx.Log().Append(entry("tag.set"))
				if err != nil {
					return err
				}
				if _, err := tx.Tags().SetTag(metadata.Tag{PackageID: p.ID, Name: "latest", VersionID: v.ID, SeqFrom: set.Seq}); err != nil {
					return err
				}
				now.VersionCount++
				return tx.Packages().UpdatePackage(now)
			}, hints...)
			if err != nil {
				e.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	now := read(e, func(tx metadata.Tx) (metadata.Package, error) { return tx.Packages().PackageByID(p.ID) })
	equal(e, "versions", now.VersionCount, n)
	tag := read(e, func(tx metadata.Tx) (metadata.Tag, error) { return tx.Tags().Tag(p.ID, "latest") })
	equal(e, "generation of the tag", tag.Generation, n)
}
