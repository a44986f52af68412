package publish_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestRevive: a coordinate that names its content may come back after its deletion.
func TestRevive(t *testing.T) {
	e := registrytest.New(t)
	id, err := e.PushImage("app", "layer", "v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At(id.String()), ""); err != nil {
		t.Fatal(err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 0 {
		t.Errorf("the layer's lease did not keep it: %+v", r)
	}
	if err := e.Content.ForgetBlob(e.Admin, e.Name("app"), digest.FromString("layer")); err != nil {
		t.Fatal(err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := e.PushImage("app", "layer", "v1"); err != nil {
		t.Fatal(err)
	}
	if !e.Has("app", id.String()) {
		t.Error("not whole")
	}
	if err := e.Content.ForgetBlob(e.Admin, e.Name("app"), digest.FromString("layer")); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a blob that a version needs: %v", err)
	}
	e.MustFsck(t)
}

// TestDelete: a deleted version leaves a tombstone, its tags move or end, and its coordinate stays taken.
func TestDelete(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.RequiredTag = "latest"
		c.Rules[registrytest.Format] = r
	}))
	for _, v := range []string{"1", "2", "3"} {
		if _, err := e.PublishRelease("web", publish.Release{Version: v, Tags: []string{"latest", "v" + v}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("web").At("3"), "broken"); err != nil {
		t.Fatal(err)
	}
	tags, err := e.Catalog.Tags(e.Admin, e.Name("web"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tag := range tags {
		got = append(got, tag.Name+"="+tag.Version)
	}
	if fmt.Sprint(got) != "[latest=2 v1=1 v2=2]" {
		t.Errorf("tags %v", got)
	}
	if err := e.Publish("web", "3"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("publish of a deleted coordinate: %v, want Conflict", err)
	}
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("web").At("3"))
	if err != nil || d.Version.State != registry.Deleted || d.Version.Reason != "broken" || len(d.Files) != 0 {
		t.Errorf("tombstone %+v, %v", d.Version, err)
	}
	if _, err := e.Catalog.Resolve(e.Admin, e.Name("web"), catalog.Ref{Version: "3"}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("resolve: %v", err)
	}
	e.MustFsck(t)

	if _, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: map[string]any{registry.AllowReuse.Name: true}}); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("web", "3", "f", "anew"); err != nil {
		t.Errorf("publish again where it is allowed: %v", err)
	}
	if !e.Has("web", "3") {
		t.Error("the version that was published again is not there")
	}
	e.MustFsck(t)
}

// TestK7: the deletion of a version with very many tags, by itself or as a part of an edit, lets other writers in and ends every tag; one
// that is refused ends none.
func TestK7(t *testing.T) {
	const many = 1200
	for what, remove := range map[string]func(e *registrytest.Env, version string) error{
		"by itself": func(e *registrytest.Env, version string) error {
			return e.Publisher.Delete(e.Admin, e.Name("web").At(version), "old")
		},
		"in an edit": func(e *registrytest.Env, version string) error {
			return e.Publisher.Edit(e.Admin, e.Name("web"), publish.Rights{access.Delete}, func(ed *publish.Edit) error { return ed.Delete(version, "old") })
		},
	} {
		e := registrytest.New(t)
		for _, v := range []string{"1", "2"} {
			registrytest.Must(t, e.Publish("web", v))
		}
		registrytest.Must(t, e.Publisher.Edit(e.Admin, e.Name("web"), publish.Rights{access.Tag}, func(ed *publish.Edit) error {
			for i := range many {
				if _, err := ed.SetTag(fmt.Sprintf("t%04d", i), "1", ""); err != nil {
					return err
				}
			}
			return nil
		}))
		page, err := e.Catalog.TagPage(e.Admin, e.Name("web"), registry.Page{After: "t0009", Limit: 2})
		if err != nil || len(page) != 2 || page[0].Name != "t0010" || page[1].Name != "t0011" {
			t.Errorf("a page: %v, %v", page, err)
		}
		report := deploy.Report{Environment: "prod", Service: "web", Repository: "main", PURL: "pkg:generic/web@1", Status: deploy.DeploymentSucceeded}
		_, _, err = e.Deploy.ReportDeployment(e.Admin, report)
		registrytest.Must(t, err)
		if err := remove(e, "1"); registry.KindOf(err) != registry.Conflict {
			t.Errorf("%s, while it runs: %v", what, err)
		}
		if tags, err := e.Catalog.Tags(e.Admin, e.Name("web")); err != nil || len(tags) < many {
			t.Errorf("%s: %d tags are left by what was refused, %v", what, len(tags), err)
		}
		registrytest.Must(t, e.Deploy.StopService(e.Admin, "prod", "web"))
		before := e.Metadata.(metadata.Versioned).Generation() //nolint:forcetypeassert // it is the SQLite store
		registrytest.Must(t, remove(e, "1"))
		if n := e.Metadata.(metadata.Versioned).Generation() - before; n < many/500 { //nolint:forcetypeassert
			t.Errorf("%s: %d transactions", what, n)
		}
		if tags, err := e.Catalog.Tags(e.Admin, e.Name("web")); err != nil || len(tags) > 1 {
			t.Errorf("%s: %d tags are left, %v", what, len(tags), err)
		}
		e.MustFsck(t)
	}
}

// TestRemoveFile: one file goes, its path stays reserved for the same bytes.
func TestRemoveFile(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("tool", "1", "a", "1", "b", "2"); err != nil {
		t.Fatal(err)
	}
	remove := func(path string) error {
		return e.Publisher.Edit(e.Admin, e.Name("tool"), publish.Rights{access.Admin}, func(ed *publish.Edit) error { return ed.RemoveFile("1", path, "") })
	}
	if err := remove("a"); err != nil {
		t.Fatal(err)
	}
	e.MustFsck(t)
	again := func(content string) error {
		_, err := e.PublishRelease("tool", publish.Release{Version: "1", Mode: publish.Append}, "a", content)
		return err
	}
	if err := again("other"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("other bytes: %v, want Conflict", err)
	}
	if err := again("1"); err != nil {
		t.Errorf("the same bytes: %v", err)
	}
	for _, path := range []string{"a", "b"} {
		if err := remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if e.Has("tool", "1") {
		t.Error("a version without files is visible")
	}
	e.MustFsck(t)
}

// TestRemoveFiles: many files go with one event; with the last the version goes.
func TestRemoveFiles(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("x", "1", "a/1", "1", "a/2", "2", "b", "3"); err != nil {
		t.Fatal(err)
	}
	remove := func(path string) (n int) {
		var err error
		if strings.HasSuffix(path, "/") {
			n, err = e.Publisher.RemoveFolder(e.Admin, e.Name("x").At("1"), path, "")
		} else {
			err = e.Publisher.Edit(e.Admin, e.Name("x"), publish.Rights{access.Admin}, func(ed *publish.Edit) (err error) {
				n, err = ed.RemoveFiles("1", "", path, "absent")
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := remove("a/"); n != 2 {
		t.Errorf("%d files removed", n)
	}
	p, err := e.Publisher.Begin(e.Login(access.Credentials{Token: e.Token("main", access.Publish)}), e.Name("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.File(e.Admin, "1", "b"); err != nil {
		t.Errorf("a publisher looks at a file: %v", err)
	}
	if _, err := p.File(e.Admin, "1", "a/1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a removed file: %v", err)
	}
	if n := remove("b"); n != 1 || e.Has("x", "1") {
		t.Errorf("%d files removed; a version without files is visible: %v", n, e.Has("x", "1"))
	}
	if got := fmt.Sprint(types(t, e, 4)); got != "[artifact.files_removed token.created artifact.deleted]" {
		t.Errorf("events %s", got)
	}
	e.MustFsck(t)
}

// TestReuse: where a coordinate may hold other bytes after a deletion, nothing that was known of the old ones is said of the
// new ones.
func TestReuse(t *testing.T) {
	e := registrytest.New(t)
	yes := map[string]any{registry.AllowReuse.Name: true}
	if _, err := e.Core.UpdateRepository(e.Admin, "main", registry.RepositoryChange{Settings: yes}); err != nil {
		t.Fatal(err)
	}
	at := e.Name("web").At("1")
	commit := strings.Repeat("a", 40)
	declare := func() {
		t.Helper()
		d := registry.Declared{Source: &registry.Source{Commit: commit}, Custom: map[string]string{"ticket": "ABC-1"}}
		if err := e.Publisher.Declare(e.Admin, at, d); err != nil {
			t.Fatal(err)
		}
	}
	release := func(content string) {
		t.Helper()
		if _, err := e.PublishRelease("web", publish.Release{Version: "1", Silent: true}, "file", content); err != nil {
			t.Fatal(err)
		}
	}
	known := func() int {
		t.Helper()
		d, err := e.Catalog.VersionDetail(e.Admin, at)
		if err != nil {
			t.Fatal(err)
		}
		return len(d.Facts)
	}
	finds := func(query string, when registry.AsOf) bool {
		t.Helper()
		hits, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: query, AsOf: when})
		if err != nil {
			t.Fatal(err)
		}
		return len(hits) > 0
	}
	release("old")
	declare()
	if err := e.Publisher.Delete(e.Admin, at, ""); err != nil {
		t.Fatal(err)
	}
	if n := known(); n != 2 {
		t.Errorf("%d facts of the tombstone", n)
	}
	release("new")
	if n := known(); n != 0 {
		t.Errorf("%d facts of the new bytes", n)
	}
	for _, query := range []string{"commit:aaaa", "custom.ticket:ABC-1", "has:commit", "has:custom"} {
		if finds(query, registry.AsOf{}) {
			t.Errorf("%s finds the new bytes", query)
		}
	}
	p, err := e.Publisher.Begin(e.Admin, at.Name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Catalog.VersionDetail(e.Admin, at)
	if err != nil {
		t.Fatal(err)
	}
	if of, err := p.FactsOf(e.Admin, []digest.Digest{d.Version.Digest}); err != nil || len(of[0]) != 0 {
		t.Errorf("facts by digest: %v, %v", of, err)
	}
	if _, err := e.Publisher.SetTag(e.Admin, at.Name, "stable", publish.TagChange{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	events, before, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"artifact.published"}})
	if err != nil || len(events) != 1 || strings.Contains(string(events[0].Data), commit) {
		t.Errorf("announced as %+v, %v", events, err)
	}
	e.MustFsck(t)

	declare() // the same words, of other bytes
	if n := known(); n != 2 || !finds("commit:aaaa has:custom", registry.AsOf{}) || finds("commit:aaaa", registry.AsOf{Seq: &before}) {
		t.Errorf("%d facts of the new bytes, declared", n)
	}
	if !finds("name:web", registry.AsOf{Seq: &before}) {
		t.Error("the new bytes were not there before their facts")
	}
	e.MustFsck(t)
}
