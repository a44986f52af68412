package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestO1: a version is found by its commit and by the text that the commit was read from.
func TestO1(t *testing.T) {
	e := registrytest.New(t)
	for name, text := range map[string]string{"flux": "main@sha1:FEDCBA9876543210fedcba9876543210fedcba98-dirty", "svn": "Trunk-R42"} {
		if _, err := e.PublishRelease(name, publish.Release{Version: "1", Facts: registry.CommitFacts(text, "test", registry.RankDeclared)}); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{
		"fedcba98": "flux", "FEDCBA9876543210fedcba9876543210fedcba98": "flux", "*fedcba98": "flux",
		"main@sha1:FEDCBA9876543210fedcba9876543210fedcba98-dirty": "flux", "main@sha1:FEDC": "flux", "Trunk-R42": "svn", "abcdef": "",
	} {
		got := ""
		hits, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: "commit:" + query})
		for _, h := range hits {
			got += h.Package
		}
		if err != nil || got != want {
			t.Errorf("commit:%s finds %q, want %q; %v", query, got, want, err)
		}
	}
}

// TestSearch asks what auditors ask.
func TestSearch(t *testing.T) {
	e := registrytest.New(t)
	fact := func(key, value string) registry.FactInput {
		return registry.FactInput{Key: key, Value: value, Source: "test", Rank: 1}
	}
	commit := strings.Repeat("abc123", 6) + "abcd"
	for _, v := range []struct {
		pkg, version string
		facts        []registry.FactInput
		tags         []string
	}{
		{"web", "1.0", []registry.FactInput{fact(registry.FactSourceCommit, commit), fact(registry.FactSourceRepository, "https://example.com/acme/web")}, []string{"stable"}},
		{"web", "1.1", []registry.FactInput{fact("custom.team.ticket", "ABC-1"), fact(registry.FactBuildID, "77")}, []string{"stable", "next"}},
		{"api", "1.0", []registry.FactInput{fact(registry.FactSourceCommit, commit), fact(registry.FactSourceRef, "refs/heads/main")}, nil},
		{"100%_sure", "1.0", nil, nil},
	} {
		if _, err := e.PublishRelease(v.pkg, publish.Release{Version: v.version, Facts: v.facts, Tags: v.tags}); err != nil {
			t.Fatal(err)
		}
	}
	find := func(ctx catalog.VersionSearch) string {
		t.Helper()
		hits, err := e.History.Search(e.Admin, ctx)
		if err != nil {
			t.Errorf("%q: %v", ctx.Query, err)
		}
		var out []string
		for _, h := range hits {
			out = append(out, h.Package+"@"+h.Version.Name)
		}
		return strings.Join(out, " ")
	}
	today := time.Now().UTC().Format(time.DateOnly)
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("api").At("1.0"))
	if err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]string{
		"":                            "100%_sure@1.0 api@1.0 web@1.1 web@1.0",
		"commit:" + commit:            "api@1.0 web@1.0",
		"commit:ABC123":               "api@1.0 web@1.0",
		"commit:*abcd -name:web":      "api@1.0",
		"commit:abd1":                 "",
		"commit:ab*2*":                "api@1.0 web@1.0",
		"tag:stable":                  "web@1.1",
		"tag:ne* OR ref:refs/heads/*": "api@1.0 web@1.1",
		"repo:main format:test name:web version:1.0":         "web@1.0",
		"source:git@example.com:acme/web.git":                "web@1.0",
		"custom.team.ticket:ABC-1":                           "web@1.1",
		"build:77":                                           "web@1.1",
		"has:commit":                                         "api@1.0 web@1.0",
		"-has:commit -has:custom":                            "100%_sure@1.0",
		"by:admin (name:web OR name:api) -(version:1.1)":     "api@1.0 web@1.0",
		"published:" + today + " name:api":                   "api@1.0",
		"published:>" + today:                                "",
		"published:<=" + today + " name:api":                 "api@1.0",
		"published:>2020-01-01T00:00:00Z state:published we": "web@1.1 web@1.0",
		"digest:" + d.Version.Digest.String():                "api@1.0",
		"purl:pkg:generic/web@*":                             "web@1.1 web@1.0",
		"100%_":                                              "100%_sure@1.0",
		"name:1%":                                            "",
		"name:100__sure":                                     "",
		`name:"web" AND version:"1.0"`:                       "web@1.0",
		"repo:other":                                         "",
	} {
		if got := find(catalog.VersionSearch{Query: q}); got != want {
			t.Errorf("%q finds %q, want %q", q, got, want)
		}
	}
	asOf(t, e, find)
}

// TestSearchReasons: hits say which terms they meet, also where others would do, and not those that they must not meet.
func TestSearchReasons(t *testing.T) {
	e := registrytest.New(t)
	registrytest.Must(t, e.Publish("web", "1"))
	registrytest.Must(t, e.Publish("api", "1"))
	if _, err := e.Publisher.SetTag(e.Admin, e.Name("api"), "stable", publish.TagChange{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]string{
		"format:test -name:x":                       "api[format:test] web[format:test]",
		"version:1 (name:web OR tag:stable OR api)": "api[version:1 tag:stable api] web[version:1 name:web]",
		`-(-name:"web")`:                            "web[]",
		"":                                          "api[] web[]",
	} {
		hits, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: q, Why: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range hits {
			got = append(got, h.Package+fmt.Sprint(h.Matched))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q: %s, want %s", q, got, want)
		}
		hits, err = e.History.Search(e.Admin, catalog.VersionSearch{Query: q})
		if err != nil || hits[0].Matched != nil {
			t.Errorf("%q: reasons that were not asked for: %v, %v", q, hits, err)
		}
	}
}

// asOf asks for the state before a tag moved and a version was deleted.
func asOf(t *testing.T, e *registrytest.Env, find func(catalog.VersionSearch) string) {
	t.Helper()
	_, seq, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Publisher.SetTag(e.Admin, e.Name("web"), "stable", publish.TagChange{Version: "1.0"}); err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("web").At("1.1"), ""); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("web", "2.0"); err != nil {
		t.Fatal(err)
	}
	then := registry.AsOf{Seq: &seq}
	for _, c := range []struct {
		q    catalog.VersionSearch
		want string
	}{
		{catalog.VersionSearch{Query: "tag:stable"}, "web@1.0"},
		{catalog.VersionSearch{Query: "tag:stable", AsOf: then}, "web@1.1"},
		{catalog.VersionSearch{Query: "name:web"}, "web@2.0 web@1.0"},
		{catalog.VersionSearch{Query: "name:web", AsOf: then}, "web@1.1 web@1.0"},
		{catalog.VersionSearch{Query: "name:web", Limit: 1}, "web@2.0"},
	} {
		if got := find(c.q); got != c.want {
			t.Errorf("%+v finds %q, want %q", c.q, got, c.want)
		}
	}
	var all []string
	q := catalog.VersionSearch{Limit: 1}
	for {
		hits, err := e.History.Search(e.Admin, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) == 0 {
			break
		}
		all = append(all, hits[0].Package)
		q.After = fmt.Sprint(hits[0].Version.Seq)
	}
	if fmt.Sprint(all) != "[web 100%_sure api web]" {
		t.Errorf("pages: %v", all)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("other", access.Read)})
	if hits, err := e.History.Search(stranger, catalog.VersionSearch{}); err != nil || len(hits) != 0 {
		t.Errorf("a reader of another repository finds %d, %v", len(hits), err)
	}
}

// TestQueryErrors: what is wrong is said, and where.
func TestQueryErrors(t *testing.T) {
	for q, want := range map[string]string{
		"color:red":                     "no field",
		"name:":                         "needs a value",
		`name:"web`:                     "closing quote",
		"(name:web":                     "closing parenthesis",
		"name:web)":                     "unexpected",
		"OR name:web":                   "both sides",
		"name:web OR":                   "both sides",
		"-":                             "exclude",
		"published:soon":                "a day like",
		"published:=>2026-01-01":        "no comparison",
		"digest:abc":                    "64 hex",
		"name:x commit:00":              "at character 8: commit: takes at least the first 4",
		"web -(a OR state:publishd)":    `no state "publishd": did you mean "published"?`,
		"state:x*":                      `no state "x*"; there are published, deprecated, yanked, deleted`,
		strings.Repeat("(", 1000):       "deeper",
		strings.Repeat("-", 1000) + "x": "exclude",
		strings.Repeat("a ", 200):       "terms",
		strings.Repeat("a", 5000):       "bytes",
	} {
		if _, err := catalog.ParseQuery(q); registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", q, err, want)
		}
	}
}

// FuzzParseQuery: no text makes the parser fail otherwise than with Invalid.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"a:b", "-(a OR b)", `x:"y z"`, "published:>2026-01-01", "((", "custom.a.b:*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := catalog.ParseQuery(s); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// TestSearchCost: searches that take long leave connections to everybody else, end with their caller, and are refused after a
// while, with what to do.
func TestSearchCost(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.SearchTime = time.Minute }))
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	pkg, err := e.Catalog.Package(e.Admin, e.Name("web"))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		for i := range 300 { // each of them takes the query a good part of a second
			name := fmt.Sprint(i, strings.Repeat("a", 60_000))
			if _, err := tx.Versions().CreateVersion(metadata.Version{PackageID: pkg.ID, Name: name, SortKey: []byte(name), Seq: int64(i + 10)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	costly := catalog.VersionSearch{Query: "version:*" + strings.Repeat("a", 4000) + "b"}
	ctx, leave := context.WithCancel(e.Admin)
	var searches sync.WaitGroup
	for range 20 {
		searches.Go(func() {
			if _, err := e.History.Search(ctx, costly); !errors.Is(err, context.Canceled) {
				t.Errorf("a search whose caller left: %v", err)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	for range 20 {
		if _, err := e.Catalog.VersionDetail(e.Admin, e.Name("web").At("1")); err != nil {
			t.Error(err)
		}
	}
	if ctx.Err() != nil {
		t.Error("the searches were over")
	}
	leave()
	searches.Wait()

	cfg := e.Config
	cfg.SearchTime = 200 * time.Millisecond
	short, err := instance.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer short.Close()
	_, err = short.History.Search(e.Admin, costly)
	if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), "narrow it") {
		t.Errorf("too costly: %v", err)
	}
	registrytest.Eventually(t, "a cheap search is answered", func() bool { // a busy machine may take longer
		hits, err := short.History.Search(e.Admin, catalog.VersionSearch{Query: "name:web version:1"})
		return err == nil && len(hits) == 1
	})
}

// TestSearchStates: what was deleted is found by its state alone, and was there at the moments before.
func TestSearchStates(t *testing.T) {
	e := registrytest.New(t)
	for _, v := range []string{"1", "2", "3"} {
		if err := e.Publish("web", v); err != nil {
			t.Fatal(err)
		}
	}
	_, before, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("web").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Edit(e.Admin, e.Name("web"), publish.Rights{access.Admin}, func(x *publish.Edit) error { return x.SetState("2", registry.Yanked, "broken") }); err != nil {
		t.Fatal(err)
	}
	now, then := registry.AsOf{}, registry.AsOf{Seq: &before}
	for _, c := range []struct {
		query string
		asOf  registry.AsOf
		want  string
	}{
		{"web", now, "3 published, 2 yanked"},
		{"web -state:yanked", now, "3 published"},
		{"web state:deleted", now, "1 deleted"},
		{"web state:*ed", now, "3 published, 2 yanked, 1 deleted"},
		{"web state:yanked OR state:deleted", now, "2 yanked, 1 deleted"},
		{"web version:1", then, "1 published"},
		{"web version:1 state:published", then, "1 published"},
		{"web state:deleted", then, ""},
	} {
		hits, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: c.query, AsOf: c.asOf})
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
		}
		var got []string
		for _, h := range hits {
			got = append(got, h.Version.Name+" "+string(h.Version.State))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s, then %v: %q, want %q", c.query, c.asOf.Seq != nil, got, c.want)
		}
	}
}
