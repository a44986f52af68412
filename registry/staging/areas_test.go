package staging_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/instance"
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
