package staging_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

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

// setKey is an area of the tests.
var setKey = staging.Key{Repository: "main", ID: "release-1"}

func addToSet(ctx context.Context, e *registrytest.Env, pkg, version, path, text string) error {
	_, err := e.Staging.Add(ctx, setKey, staging.File{At: e.Name(pkg).At(version), File: content.StageFile{Path: path}}, strings.NewReader(text))
	return err
}

// TestSet: files of several requests and packages appear at one moment, for nobody before.
func TestSet(t *testing.T) {
	e := registrytest.New(t)
	for _, f := range [][4]string{{"a", "1", "x", "old"}, {"a", "1", "x", "new"}, {"a", "1", "y", "2"}, {"b", "7", "z", "3"}} {
		if err := addToSet(e.Admin, e, f[0], f[1], f[2], f[3]); err != nil {
			t.Fatal(err)
		}
	}
	e.MustCollect(t, maintain.CollectOptions{Force: true})
	if e.Has("a", "1") || e.Has("b", "7") {
		t.Error("visible before the commit")
	}
	other := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	if _, _, err := e.Staging.Find(other, setKey); registry.KindOf(err) != registry.NotFound {
		t.Errorf("another caller sees the set: %v", err)
	}
	build := func(files []registry.StagedFile) ([]staging.Release, error) {
		if len(files) != 3 {
			t.Errorf("%d files", len(files))
		}
		return []staging.Release{
			{At: e.Name("a"), Release: publish.Release{Version: "1", Tags: []string{"latest"}}},
			{At: e.Name("b"), Release: publish.Release{Version: "7"}},
		}, nil
	}
	res, err := e.Staging.Commit(e.Admin, setKey, build)
	if err != nil || len(res) != 2 || !res[0].Created {
		t.Fatalf("%+v, %v", res, err)
	}
	if !e.Has("a", "1") || !e.Has("b", "7") {
		t.Error("not visible after the commit")
	}
	if _, err := e.Staging.Commit(e.Admin, setKey, build); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a second commit: %v", err)
	}
	f, err := e.Catalog.File(e.Admin, e.Name("a").At("1"), "x")
	if err != nil || f.Blob.Digest != digest.FromString("new") {
		t.Errorf("the replaced file: %+v, %v", f, err)
	}
	e.MustFsck(t)
}

// TestSetConflict: an area whose versions can't all appear changes nothing, and can be committed again.
func TestSetConflict(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("b", "7", "z", "other"); err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"a", "b"} {
		if err := addToSet(e.Admin, e, pkg, "7", "z", "mine"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := e.Staging.Commit(e.Admin, setKey, func([]registry.StagedFile) ([]staging.Release, error) {
		return []staging.Release{{At: e.Name("a"), Release: publish.Release{Version: "7"}}, {At: e.Name("b"), Release: publish.Release{Version: "7"}}}, nil
	})
	if registry.KindOf(err) != registry.AlreadyExists {
		t.Errorf("%v, want AlreadyExists", err)
	}
	if e.Has("a", "7") {
		t.Error("half of the set is visible")
	}
	if _, files, err := e.Staging.Find(e.Admin, setKey); err != nil || len(files) != 2 {
		t.Errorf("the set: %d files, %v", len(files), err)
	}
	if err := e.Staging.Drop(e.Admin, setKey); err != nil {
		t.Error(err)
	}
	e.MustFsck(t)
}

// TestAbandoned: what was acknowledged and never completed is dropped with an entry for each version, which says why; what can be
// committed after all is. Its owner sees it before.
func TestAbandoned(t *testing.T) {
	var ahead atomic.Int64
	e := registrytest.New(t, clocked(t, &ahead), withAssemble(staging.Never), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	secret := e.Token("main", access.Publish, access.Read)
	ci := e.Login(access.Credentials{Token: secret})
	stage(t, e, ci, staging.Key{Repository: "main", ID: "deploy"}, "a", "1")
	publish, err := staging.PublishKey("main", "p1")
	registrytest.Must(t, err)
	stage(t, e, ci, publish, "b", "1")
	stage(t, e, ci, publish, "b", "2")
	for who, ctx := range map[string]context.Context{"the token": ci, "its user": e.Admin} {
		list, err := e.Staging.Waiting(ctx)
		if err != nil || len(list) != 2 || list[0].At.Package != "a" || list[0].For != "more files" || !list[0].VisibleAt.IsZero() || list[1].Publish != "p1" || list[1].Files != 2 {
			t.Errorf("%s sees %+v, %v", who, list, err)
		}
	}
	other := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	if list, err := e.Staging.Waiting(other); err != nil || len(list) > 0 {
		t.Errorf("another token sees %+v, %v", list, err)
	}
	ahead.Store(int64(25 * time.Hour))
	for range 2 {
		registrytest.Must(t, e.Staging.DropIdle(access.With(t.Context(), access.System())))
	}
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"staging.abandoned"}})
	registrytest.Must(t, err)
	var got []string
	for _, ev := range events {
		var d registry.EventData
		registrytest.Must(t, json.Unmarshal(ev.Data, &d))
		got = append(got, fmt.Sprintf("%s %s: %s (%d)", ev.Subject, d.Name, d.Reason, len(d.Files)))
	}
	want := []string{
		"pkg:generic/a@1 token test of user admin: no file came for 24 hours, and it waited for more files (1)",
		"pkg:generic/b@1 token test of user admin: no file came for 24 hours, and the publish was not committed (1)",
		"pkg:generic/b@2 token test of user admin: no file came for 24 hours, and the publish was not committed (1)",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("entries: %q, want %q", got, want)
	}
	if list, err := e.Staging.Waiting(ci); err != nil || len(list) > 0 {
		t.Errorf("afterwards: %+v, %v", list, err)
	}
	e.MustFsck(t)
}

// TestIdleCommit: an area that is complete when its time is over is committed, not dropped.
func TestIdleCommit(t *testing.T) {
	var ahead atomic.Int64
	e := registrytest.New(t, clocked(t, &ahead), withAssemble(time.Hour), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	stage(t, e, e.Admin, staging.Key{Repository: "main", ID: "deploy"}, "a", "1")
	ahead.Store(int64(25 * time.Hour))
	registrytest.Must(t, e.Staging.DropIdle(access.With(t.Context(), access.System())))
	if !e.Has("a", "1") {
		t.Error("it was dropped")
	}
}

// clocked lets the database's clock run ahead.
func clocked(t testing.TB, ahead *atomic.Int64) registrytest.Option {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	registrytest.Must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return func(e *registrytest.Env) { e.Metadata = store }
}

// TestIdleSets: one collection drops all areas without a file for a day, however many.
func TestIdleSets(t *testing.T) {
	e := registrytest.New(t)
	at := time.Now().Add(-25 * time.Hour)
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(func() time.Time { return at }))
	registrytest.Must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	c := e.Config
	c.Metadata, c.Metrics, c.SignInterval = store, nil, time.Hour
	s, err := instance.Open(t.Context(), c)
	registrytest.Must(t, err)
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
	registrytest.Must(t, touch("a"))
	registrytest.Must(t, touch("b"))
	at = time.Now()
	registrytest.Must(t, touch("fresh"))
	registrytest.Must(t, registrytest.ErrOf(s.Maintain.Collect(access.With(t.Context(), access.System()), maintain.CollectOptions{})))
	registrytest.Must(t, store.View(t.Context(), func(tx metadata.Tx) error {
		left, err := tx.Stagings().Stagings(metadata.StagingQuery{Before: tx.Now().Add(time.Hour)})
		if len(left) != 600 {
			t.Errorf("%d sets are left", len(left))
		}
		return err
	}))
}
