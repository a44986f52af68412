package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/registrytest"
)

// TestFindPackages: a search by a part of the name looks at a bounded number of packages for each page, and its pages lead
// through all of them.
func TestFindPackages(t *testing.T) {
	const packages = 25_000 // two and a half walks
	e := registrytest.New(t)
	if err := e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		for i := 0; i < packages && err == nil; i++ {
			p := metadata.Package{RepositoryID: r.ID, Format: registrytest.Format, Key: fmt.Sprintf("p%05d", i)}
			if i%5000 < 3 {
				p.Key += "-Needle"
			}
			_, err = tx.Packages().CreatePackage(p)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	find := func(text string, limit int) (found, pages int) {
		t.Helper()
		q := catalog.PackageQuery{Format: registrytest.Format, Limit: limit}
		for {
			list, next, err := e.Catalog.FindPackages(e.Admin, "main", text, q)
			if err != nil || len(list) > limit {
				t.Fatal(len(list), err)
			}
			found += len(list)
			pages++
			if q.After = next; next == "" {
				return found, pages
			}
		}
	}
	for _, c := range []struct {
		text                string
		limit, found, pages int
	}{
		{"needle", 1000, 15, 3}, {"needle", 4, 15, 4}, {"absent", 1000, 0, 3}, {"p0000", 10, 10, 3}, {"p24999", 10, 1, 3},
	} {
		if found, pages := find(c.text, c.limit); found != c.found || pages != c.pages {
			t.Errorf("%q by %d: %d on %d pages, want %d on %d", c.text, c.limit, found, pages, c.found, c.pages)
		}
	}
	if _, _, err := e.Catalog.FindPackages(e.Admin, "absent", "p", catalog.PackageQuery{}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a repository that is not there: %v", err)
	}
}

// TestUnknownFormats: a list or a query of a format that there is not is refused, instead of being empty for ever.
func TestUnknownFormats(t *testing.T) {
	e := registrytest.New(t)
	registrytest.Must(t, e.Publish("web", "1"))
	refused := func(what string, err error) {
		t.Helper()
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(err.Error(), `no format "tst": did you mean "`+registrytest.Format+`"?`) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := e.Catalog.Packages(e.Admin, "main", catalog.PackageQuery{Format: "tst"})
	refused("packages", err)
	_, _, err = e.Catalog.FindPackages(e.Admin, "main", "w", catalog.PackageQuery{Format: "tst"})
	refused("packages by name", err)
	for _, q := range []string{"format:tst", "web -(format:tst OR name:x)"} {
		_, err = e.History.Search(e.Admin, catalog.VersionSearch{Query: q})
		refused(q, err)
	}
	for _, q := range []string{"format:" + registrytest.Format, "format:*", "format:T*"} {
		if _, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: q}); err != nil {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// BenchmarkFindPackages is a page of a search for what is not there, in a repository that has more than one page looks at.
func BenchmarkFindPackages(b *testing.B) {
	e := registrytest.New(b)
	if err := e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		for i := 0; i < 25_000 && err == nil; i++ {
			_, err = tx.Packages().CreatePackage(metadata.Package{RepositoryID: r.ID, Format: registrytest.Format, Key: fmt.Sprintf("package-%05d", i)})
		}
		return err
	}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, next, err := e.Catalog.FindPackages(e.Admin, "main", "absent", catalog.PackageQuery{}); err != nil || next == "" {
			b.Fatal(next, err)
		}
	}
}
