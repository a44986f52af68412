package registry_test

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// withAssemble lets versions of the test format be staged; they settle after a time without a further file.
func withAssemble(after time.Duration) registrytest.Option {
	return registrytest.With(func(c *instance.Config) {
		c.Assemblers = map[string]staging.Assembler{registrytest.Format: plainAssembler{after}}
		c.SettleInterval = 10 * time.Millisecond
	})
}

// plainAssembler makes a release of whatever files a version has; they settle after a time without a further file.
type plainAssembler struct{ after time.Duration }

func (plainAssembler) Assemble(_ context.Context, a staging.Assembly) (publish.Release, error) {
	return publish.Release{Version: a.At.Version, PURL: "pkg:generic/" + a.At.Package + "@" + a.At.Version, SortKey: []byte(a.At.Version)}, nil
}

func (p plainAssembler) Settle(context.Context, staging.Opener, []registry.StagedFile) (time.Duration, error) {
	return p.after, nil
}

func stage(t *testing.T, e *registrytest.Env, ctx context.Context, key staging.SetKey, pkg, version string) {
	t.Helper()
	name := e.Name(pkg)
	name.Repository = key.Repository
	_, err := e.Staging.AddToSet(ctx, key, staging.SetFile{At: name.At(version), File: content.StageFile{Path: "file"}}, strings.NewReader(pkg+version))
	if err != nil {
		t.Fatal(err)
	}
}

// TestCommitPublish: a publish is found by its id alone, by its owner, in whichever repository it is, and never settles.
func TestCommitPublish(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	key := func(repository string) staging.SetKey {
		k, err := staging.PublishKey(repository, "r1")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	stage(t, e, e.Admin, key("main"), "a", "1")
	stage(t, e, e.Admin, key("main"), "a", "2")
	stage(t, e, e.Admin, key("main"), "b", "1")
	stage(t, e, e.Admin, key("other"), "c", "1")
	time.Sleep(100 * time.Millisecond)
	if e.Has("a", "1") {
		t.Fatal("a publish settled")
	}
	if _, err := e.Staging.CommitPublish(e.Admin, "", "r1"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a publish in two repositories: %v", err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.Staging.CommitPublish(stranger, "main", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if _, err := e.Staging.CommitPublish(context.Background(), "", "r1"); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("of nobody: %v", err)
	}
	if err := e.Staging.DropPublish(e.Admin, "other", "r1"); err != nil {
		t.Error(err)
	}
	published, err := e.Staging.CommitPublish(e.Admin, "", "r1")
	if err != nil || len(published) != 3 || !e.Has("a", "1") || !e.Has("a", "2") || !e.Has("b", "1") {
		t.Fatalf("%+v, %v", published, err)
	}
	for _, id := range []string{"r2", "x y", "", strings.Repeat("x", 201)} {
		if _, err := e.Staging.CommitPublish(e.Admin, "", id); err == nil {
			t.Errorf("%q was committed", id)
		}
	}
	e.MustFsck(t)
}

// TestCommitPublishAgain: who did not get the answer asks again, and gets it; nothing is published twice. A new publish may
// have the id of one that ended.
func TestCommitPublishAgain(t *testing.T) {
	e := registrytest.New(t, withAssemble(0))
	key, err := staging.PublishKey("main", "r1")
	if err != nil {
		t.Fatal(err)
	}
	stage(t, e, e.Admin, key, "a", "1")
	stage(t, e, e.Admin, key, "b", "1")
	names := func(published []staging.PublishedVersion, err error) string {
		t.Helper()
		out := fmt.Sprint(err)
		for _, p := range published {
			out += fmt.Sprintf(" %s %s %s %v", p.At, p.Version.PURL, p.Version.Digest, p.Created)
		}
		return out
	}
	first := names(e.Staging.CommitPublish(e.Admin, "", "r1"))
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, repository := range []string{"", "main"} {
		if again := names(e.Staging.CommitPublish(e.Admin, repository, "r1")); again != first || !strings.HasPrefix(first, "<nil> ") {
			t.Errorf("again: %s, at first %s", again, first)
		}
	}
	if more, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: events[len(events)-1].Seq}); err != nil || len(more) > 0 {
		t.Errorf("events of the second answer: %v, %v", more, err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("*", access.Publish)})
	if _, err := e.Staging.CommitPublish(stranger, "", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("of another caller: %v", err)
	}
	if err := e.Staging.DropPublish(e.Admin, "main", "r1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("drop of what is published: %v", err)
	}
	stage(t, e, e.Admin, key, "c", "1")
	if again, err := e.Staging.CommitPublish(e.Admin, "", "r1"); err != nil || len(again) != 1 || again[0].At.Package != "c" {
		t.Errorf("the next of the same id: %+v, %v", again, err)
	}
	e.MustFsck(t)
}

// TestSettle: a set that nobody ends is committed in its owner's name, and not while it still grows.
func TestSettle(t *testing.T) {
	const quiet = 300 * time.Millisecond
	e := registrytest.New(t, withAssemble(quiet))
	owner := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	key := staging.SetKey{Repository: "main", ID: "deploy"}
	slow, finish := waiting{make(chan struct{}), make(chan struct{})}, make(chan error, 1)
	go func() {
		_, err := e.Staging.AddToSet(owner, key, staging.SetFile{At: e.Name("a").At("1"), File: content.StageFile{Path: "slow"}}, slow)
		finish <- err
	}()
	<-slow.begun
	stage(t, e, owner, key, "a", "1")
	time.Sleep(2 * quiet)
	if e.Has("a", "1") {
		t.Fatal("committed while a file was sent")
	}
	close(slow.until)
	if err := <-finish; err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !e.Has("a", "1"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not committed")
		}
	}
	d, err := e.Catalog.Detail(e.Admin, e.Name("a").At("1"))
	if err != nil || len(d.Files) != 2 || d.Version.PublisherID != access.From(owner).ID {
		t.Errorf("%+v, %v", d, err)
	}
	e.MustFsck(t)
}

// waiting is a body that says when it is read, and ends when that is wanted. It is read once.
type waiting struct{ begun, until chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	close(w.begun)
	<-w.until
	return 0, io.EOF
}

// eventually waits for something that happens beside the test.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not yet: " + what)
		}
	}
}

// TestSettleAfterRestart: a core that was not told of a set finds it behind any number of others: publishes, also those that
// have ended, and sets that never settle.
func TestSettleAfterRestart(t *testing.T) {
	e := registrytest.New(t, withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		for i := 0; i < 1100 && err == nil; i++ {
			ended := fmt.Sprintf("user:1 main publish/%d", i)
			for _, set := range []metadata.Staging{{ID: ended, Scope: "publish"}, {ID: ended + "-open", Scope: "publish"}, {ID: fmt.Sprint("user:1 main never", i)}} {
				set.RepositoryID, set.Owner = r.ID, "user:1"
				if err == nil {
					_, err = tx.Stagings().TouchStaging(set)
				}
			}
			if err == nil {
				err = tx.Stagings().EndStaging(ended, []byte("[]"))
			}
		}
		return err
	}))
	time.Sleep(2 * time.Millisecond) // so that it comes last
	stage(t, e, e.Admin, staging.SetKey{Repository: "main", ID: "deploy"}, "a", "1")
	var ahead atomic.Int64
	c := e.Config
	c.SettleInterval, c.Metrics = 5*time.Millisecond, nil
	c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s, err := instance.Open(t.Context(), c)
	must(t, err)
	defer s.Close()
	eventually(t, "what was there before", func() bool { return e.Has("a", "1") })
	stage(t, e, e.Admin, staging.SetKey{Repository: "main", ID: "deploy"}, "a", "2")
	eventually(t, "what another core was told of since", func() bool {
		ahead.Add(int64(time.Minute)) // it searches once a minute
		return e.Has("a", "2")
	})
	e.MustFsck(t)
}

// TestSettleOnFullDisk: a set that can't be committed for want of space is tried again.
func TestSettleOnFullDisk(t *testing.T) {
	e := registrytest.New(t, withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	var ahead atomic.Int64
	_, h := hook(t, e, func(c *instance.Config) {
		c.SettleInterval = 5 * time.Millisecond
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	var tries atomic.Int64
	h.update = func(ctx context.Context, fn func(metadata.Tx) error) error {
		if tries.Add(1) == 1 {
			return metadata.ErrNoSpace
		}
		return e.Metadata.Update(ctx, fn)
	}
	stage(t, e, e.Admin, staging.SetKey{Repository: "main", ID: "deploy"}, "a", "1")
	ahead.Add(int64(2 * time.Minute)) // it searches
	eventually(t, "a first try", func() bool { return tries.Load() > 0 })
	eventually(t, "settled", func() bool {
		if ahead.Load() < int64(2*time.Minute+40*time.Second) { // less than to the next search
			ahead.Add(int64(50 * time.Millisecond)) // it may not be noted yet when the next one is due
		}
		return e.Has("a", "1")
	})
}

// TestIdleSets: one collection drops all sets without a file for a day, however many.
func TestIdleSets(t *testing.T) {
	e := registrytest.New(t)
	at := time.Now().Add(-25 * time.Hour)
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(func() time.Time { return at }))
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	c := e.Config
	c.Metadata, c.Metrics, c.SignInterval = store, nil, time.Hour
	s, err := instance.Open(t.Context(), c)
	must(t, err)
	defer s.Close()
	touch := func(id string) error {
		return store.Update(t.Context(), func(tx metadata.Tx) error {
			r, err := tx.Repositories().Repository("main")
			for i := 0; i < 600 && err == nil; i++ {
				_, err = tx.Stagings().TouchStaging(metadata.Staging{ID: fmt.Sprint(id, i), RepositoryID: r.ID, Owner: "user:1"})
			}
			return err
		})
	}
	must(t, touch("a"))
	must(t, touch("b"))
	at = time.Now()
	must(t, touch("fresh"))
	must(t, errOf(s.Maintain.Collect(access.With(t.Context(), access.System()), maintain.CollectOptions{})))
	must(t, store.View(t.Context(), func(tx metadata.Tx) error {
		left, err := tx.Stagings().Stagings(metadata.StagingQuery{Before: tx.Now().Add(time.Hour)})
		if len(left) != 600 {
			t.Errorf("%d sets are left", len(left))
		}
		return err
	}))
}

// TestSetOfGoneRepository: another repository of the same name has neither the sets of the one that is gone nor the answers to
// its publishes.
func TestSetOfGoneRepository(t *testing.T) {
	e := registrytest.New(t, withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	teamRepository(t, e)
	key := staging.SetKey{Repository: "team", ID: "deploy", Scope: "g:a"}
	stage(t, e, e.Admin, key, "a", "1")
	publish, err := staging.PublishKey("team", "p1")
	must(t, err)
	stage(t, e, e.Admin, publish, "b", "1")
	must(t, errOf(e.Staging.CommitPublish(e.Admin, "team", "p1")))
	name := e.Name("b")
	name.Repository = "team"
	must(t, e.Publisher.Delete(e.Admin, name.At("1"), ""))
	must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	teamRepository(t, e)
	if _, files, err := e.Staging.Set(e.Admin, key); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("files in the new repository's set: %d, %v", len(files), err)
	}
	if out, err := e.Staging.CommitPublish(e.Admin, "team", "p1"); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("a publish of the old one: %+v, %v", out, err)
	}
	if files, err := e.Staging.StagedAt(e.Admin, key, registry.Name{Repository: "team", Format: registrytest.Format, Package: "a"}.At("1"), "file"); err != nil || len(files) != 0 {
		t.Errorf("files of the old one: %+v, %v", files, err)
	}
	stage(t, e, e.Admin, key, "a", "2")
	sets, err := e.Staging.Sets(e.Admin, "team", "g:a")
	if err != nil || len(sets) != 1 || len(sets[0].Files) != 1 || sets[0].Files[0].Version != "2" {
		t.Errorf("sets of the scope: %+v, %v", sets, err)
	}
	if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 2 {
		t.Errorf("collection of what the old one held: %+v", r)
	}
	e.MustFsck(t)
}
