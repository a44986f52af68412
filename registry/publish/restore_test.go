package publish_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestRestore: a deleted version comes back as it was until its files are collected; its tags stay ended.
func TestRestore(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.RequiredTag, r.States = "latest", []registry.State{registry.Deprecated}
		c.Rules[registrytest.Format] = r
	}))
	facts := registry.CommitFacts("r1", "test", registry.RankDeclared)
	if _, err := e.PublishRelease("web", publish.Release{Version: "1", Tags: []string{"latest", "stable"}, Facts: facts}, "a", "one", "b/c", "two"); err != nil {
		t.Fatal(err)
	}
	at := e.Name("web").At("1")
	if _, _, err := e.Publisher.SetState(e.Admin, at, registry.Deprecated, "use 2"); err != nil {
		t.Fatal(err)
	}
	restore := func(want registry.Kind) {
		t.Helper()
		if _, _, err := e.Publisher.Restore(e.Admin, at, "by mistake"); err == nil || registry.KindOf(err) != want {
			t.Errorf("restored: %v, want kind %d", err, want)
		}
	}
	restore(registry.Conflict) // it is there
	seq := func() int64 {
		t.Helper()
		events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
		if err != nil {
			t.Fatal(err)
		}
		return events[len(events)-1].Seq
	}
	present := seq()
	before, err := e.Catalog.VersionDetail(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, at, "gone"); err != nil {
		t.Fatal(err)
	}
	absent := seq()
	if r := e.MustCollect(t, maintain.CollectOptions{DeletedGrace: time.Hour, Force: true}); r.Blobs != 0 {
		t.Errorf("collected before its time: %+v", r)
	}
	reader := e.Login(access.Credentials{Token: e.Token("main", access.Read, access.Delete)})
	if _, _, err := e.Publisher.Restore(reader, at, ""); registry.KindOf(err) != registry.Denied {
		t.Errorf("without the right to publish: %v", err)
	}
	if _, _, err := e.Publisher.Restore(e.Admin, e.Name("web").At("9"), ""); registry.KindOf(err) != registry.NotFound {
		t.Errorf("what never was: %v", err)
	}
	_, v, err := e.Publisher.Restore(e.Admin, at, "by mistake")
	if err != nil || v.State != registry.Deprecated || v.Reason != "use 2" {
		t.Fatalf("%+v, %v", v, err)
	}
	after, err := e.Catalog.VersionDetail(e.Admin, at)
	if err != nil || len(after.Files) != 2 || !slices.EqualFunc(after.Files, before.Files, sameFile) || len(after.Facts) != len(before.Facts) || after.Version.Digest != before.Version.Digest ||
		after.Package.VersionCount != 1 || after.Package.Latest != "1" {
		t.Errorf("restored %+v, %v; was %+v", after, err, before)
	}
	if len(after.Tags) != 1 || after.Tags[0].Name != "latest" { // the format requires it
		t.Errorf("tags %+v", after.Tags)
	}
	if !e.Has("web", "1") {
		t.Error("not whole")
	}
	for at, want := range map[int64]int{present: 1, absent: 0, seq(): 1} {
		hits, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: "name:web", AsOf: registry.AsOf{Seq: &at}})
		if err != nil || len(hits) != want {
			t.Errorf("as of entry %d: %d versions, %v", at, len(hits), err)
		}
	}
	e.MustFsck(t)

	// Collected, published again, and forgotten by that.
	delete := func() {
		t.Helper()
		if err := e.Publisher.Delete(e.Admin, at, ""); err != nil {
			t.Fatal(err)
		}
	}
	delete()
	e.MustFsck(t)
	if r := e.MustCollect(t, maintain.CollectOptions{DryRun: true}); r.Blobs != 2 {
		t.Errorf("dry run: %+v", r)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 2 {
		t.Errorf("collected: %+v", r)
	}
	restore(registry.Conflict)
	if _, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: map[string]any{"allow_reuse": true}}); err != nil {
		t.Fatal(err)
	}
	publishes := func(file string) {
		t.Helper()
		if _, err := e.PublishRelease("web", publish.Release{Version: "1"}, file, file); err != nil {
			t.Fatal(err)
		}
	}
	publishes("first")
	delete()
	publishes("second")
	restore(registry.Conflict)
	delete()
	if _, _, err := e.Publisher.Restore(e.Admin, at, ""); err != nil {
		t.Fatal(err)
	}
	if d, err := e.Catalog.VersionDetail(e.Admin, at); err != nil || len(d.Files) != 1 || !strings.Contains(d.Files[0].Path, "second") {
		t.Errorf("%+v, %v", d.Files, err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); r.Blobs != 1 {
		t.Errorf("the files of the version before are not collected: %+v", r)
	}
	e.MustFsck(t)
}

// TestRestoreRepository: a deleted repository comes back with its settings, and its versions after it.
func TestRestoreRepository(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.DeletedGrace = time.Hour }))
	at := e.TeamRepository(t)
	if _, err := e.Core.UpdateRepository(e.Admin, at.Repository, registry.RepositoryChange{Settings: map[string]any{"allow_reuse": true}}); err != nil {
		t.Fatal(err)
	}
	p, err := e.Publisher.Begin(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stage(e.Admin, content.StageFile{Path: "f"}, strings.NewReader("bytes")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(e.Admin, publish.Release{Version: "1", PURL: "pkg:x/img@1"}); err != nil {
		t.Fatal(err)
	}
	versions, err := e.Catalog.Versions(e.Admin, at, catalog.VersionQuery{})
	if err != nil || len(versions) == 0 {
		t.Fatal(versions, err)
	}
	for _, v := range versions {
		if err := e.Publisher.Delete(e.Admin, at.At(v.Name), ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Maintain.RestoreRepository(e.Admin, at.Repository); registry.KindOf(err) != registry.Conflict {
		t.Errorf("it is there: %v", err)
	}
	if _, err := e.Maintain.RestoreRepository(e.Admin, "never"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("never made: %v", err)
	}
	if err := e.Maintain.DeleteRepository(e.Admin, at.Repository); err != nil {
		t.Fatal(err)
	}
	e.MustFsck(t)
	if r, err := e.Maintain.RestoreRepository(e.Admin, at.Repository); err != nil || !registry.AllowReuse.In(r) {
		t.Fatal(r, err)
	}
	if _, err := e.Maintain.RestoreRepository(e.Admin, at.Repository); registry.KindOf(err) != registry.Conflict {
		t.Errorf("again: %v", err)
	}
	for _, v := range versions {
		if _, _, err := e.Publisher.Restore(e.Admin, at.At(v.Name), ""); err != nil {
			t.Fatal(err)
		}
	}
	back, err := e.Catalog.Versions(e.Admin, at, catalog.VersionQuery{})
	if err != nil || !slices.EqualFunc(back, versions, func(a, b registry.Version) bool { return a.Name == b.Name && a.Digest == b.Digest }) {
		t.Errorf("%+v, %v", back, err)
	}
	e.MustFsck(t)
}

func sameFile(a, b registry.File) bool {
	return a.Path == b.Path && a.MediaType == b.MediaType && a.Seq == b.Seq && a.AddedAt.Equal(b.AddedAt) && a.Blob.Digest == b.Blob.Digest
}
