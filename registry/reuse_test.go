package registry_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestReuse: where a coordinate may hold other bytes after a deletion, nothing that was known of the old ones is said of the
// new ones.
func TestReuse(t *testing.T) {
	e := registrytest.New(t)
	yes := func(now *registry.RepositorySettings) error { now.AllowReuse = true; return nil }
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
		d, err := e.Catalog.Detail(e.Admin, at)
		if err != nil {
			t.Fatal(err)
		}
		return len(d.Facts)
	}
	finds := func(query string, when registry.AsOf) bool {
		t.Helper()
		hits, err := e.Catalog.Search(e.Admin, catalog.VersionSearch{Query: query, AsOf: when})
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
	d, err := e.Catalog.Detail(e.Admin, at)
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
