package staging_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
	"slipway/storage/storagetest"
)

// crowd fills a publish of the administrator, begun by one file, with so many files in all.
func crowd(t testing.TB, e *registrytest.Env, id string, many int) {
	t.Helper()
	key, err := staging.PublishKey("main", id)
	registrytest.Must(t, err)
	stage(t, e, e.Admin, key, id, "1")
	row := access.From(e.Admin).ID + " main " + key.ID
	registrytest.Must(t, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		files, err := tx.Stagings().StagedFiles(row)
		for i := 1; i < many && err == nil; i++ {
			f := files[0]
			f.Path = fmt.Sprintf("file-%05d", i)
			err = tx.Stagings().PutStagedFile(f)
		}
		return err
	}))
}

// BenchmarkCrowdedAreas ends publishes of 10,000 files, the most that one has: one by a commit, one by its client, and 20 that nobody
// went on with. waits-ms is the longest that another writer waited meanwhile.
func BenchmarkCrowdedAreas(b *testing.B) {
	const many = 10_000
	for what, c := range map[string]struct {
		areas int
		end   func(e *registrytest.Env, ahead *atomic.Int64) error
	}{
		"commit": {1, func(e *registrytest.Env, _ *atomic.Int64) error {
			return registrytest.ErrOf(e.Staging.CommitPublish(e.Admin, staging.Which{Repository: "main", ID: "p0"}))
		}},
		"drop": {1, func(e *registrytest.Env, _ *atomic.Int64) error {
			return e.Staging.DropPublish(e.Admin, staging.Which{Repository: "main", ID: "p0"})
		}},
		"abandon": {20, func(e *registrytest.Env, ahead *atomic.Int64) error {
			ahead.Store(int64(25 * time.Hour))
			return e.Staging.DropIdle(access.With(context.Background(), access.System()))
		}},
	} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				var ahead atomic.Int64
				e := registrytest.New(b, clocked(b, &ahead), withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
				for i := range c.areas {
					crowd(b, e, fmt.Sprint("p", i), many)
				}
				b.StartTimer()
				b.ReportMetric(float64(e.LongestWait(func() error { return c.end(e, &ahead) }).Milliseconds()), "waits-ms")
			}
		})
	}
}

// TestEndOfCrowdedArea: a publish of more files than one transaction drops has ended with its first transaction, for whoever looks, or is
// wholly there. What is left of it does not come back with one of its name, and goes a day later.
func TestEndOfCrowdedArea(t *testing.T) {
	const many = 1100
	var ahead atomic.Int64
	e := registrytest.New(t, clocked(t, &ahead), withAssemble(0), registrytest.Breakable(storagetest.Before, registrytest.AllParts),
		registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	aDayLater := func() error {
		ahead.Add(int64(25 * time.Hour))
		return e.Staging.DropIdle(e.Admin)
	}
	for what, end := range map[string]func(staging.Which) error{
		"drop":    func(w staging.Which) error { return e.Staging.DropPublish(e.Admin, w) },
		"commit":  func(w staging.Which) error { return registrytest.ErrOf(e.Staging.CommitPublish(e.Admin, w)) },
		"abandon": func(staging.Which) error { return aDayLater() },
	} {
		unfinished := 0
		for n, reached := 1, true; reached; n += 1 + n/3 {
			which := staging.Which{Repository: "main", ID: fmt.Sprint(what, n)}
			crowd(t, e, which.ID, many)
			e.Break(n)
			err := end(which)
			reached = e.Mend()
			_, _, files, found := e.Staging.StagedPublish(e.Admin, which)
			left, ended := stagedRows(t, e), registry.KindOf(found) == registry.NotFound
			switch {
			case ended && err != nil && what != "abandon", !ended && (err == nil || len(files) != many), ended && left > 0 && !reached:
				t.Fatalf("%s, call %d fails: %v; found: %v, %d files, %d left", what, n, err, found, len(files), left)
			case ended && left > 0:
				unfinished++
				endedInPart(t, e, which.ID)
			}
			registrytest.Must(t, aDayLater())
			if left := stagedRows(t, e); left > 0 {
				t.Errorf("%s, call %d: %d files a day later", what, n, left)
			}
		}
		if unfinished == 0 {
			t.Errorf("%s: nothing was left unfinished: the walk did too little", what)
		}
	}
	e.MustFsck(t)
}

// endedInPart looks at a publish that has ended and of which files are left, and begins one of its name.
func endedInPart(t *testing.T, e *registrytest.Env, id string) {
	t.Helper()
	e.MustFsck(t)
	key, err := staging.PublishKey("main", id)
	registrytest.Must(t, err)
	if files, err := e.Staging.StagedAt(e.Admin, key, e.Name(id).At("1"), "file-01050"); err != nil || len(files) > 0 {
		t.Errorf("%s: a file of what has ended: %+v, %v", id, files, err)
	}
	stage(t, e, e.Admin, key, id, "2")
	if _, _, files, err := e.Staging.StagedPublish(e.Admin, staging.Which{Repository: "main", ID: id}); err != nil || len(files) != 1 {
		t.Errorf("%s: begun anew with %d files, %v", id, len(files), err)
	}
}

// stagedRows counts the staged files in the store.
func stagedRows(t testing.TB, e *registrytest.Env) (n int) {
	t.Helper()
	registrytest.Must(t, e.Metadata.View(context.Background(), func(tx metadata.Tx) error {
		sets, err := tx.Stagings().Stagings(metadata.StagingQuery{Before: tx.Now().Add(time.Hour)})
		for i := 0; i < len(sets) && err == nil; i++ {
			var files []metadata.StagedFile
			files, err = tx.Stagings().StagedFiles(sets[i].ID)
			n += len(files)
		}
		return err
	}))
	return n
}
