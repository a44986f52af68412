package catalog_test

import (
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// BenchmarkPackage is the one indexed look-up that a cached document costs.
func BenchmarkPackage(b *testing.B) {
	e := registrytest.New(b)
	if err := e.Publish("web", "1"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Catalog.Package(e.Admin, e.Name("web")); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReadAfterWrite: what look-ups remember is never older than the last answer to a change.
func TestReadAfterWrite(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("web")
	if _, more, err := e.Catalog.PackageOrGroup(e.Admin, at, "we"); err != nil || more {
		t.Fatalf("an empty repository: %v, %v", more, err)
	}
	for _, version := range []string{"1", "2", "3"} {
		if err := e.Publish("web", version); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Publisher.SetTag(e.Admin, at, "stable", publish.TagChange{Version: version}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			pkg, err := e.Catalog.Package(e.Admin, at)
			if err != nil || pkg.Latest != version {
				t.Errorf("the package's latest is %q after %s: %v", pkg.Latest, version, err)
			}
			found, more, err := e.Catalog.PackageOrGroup(e.Admin, at, "we")
			if err != nil || !more || found.Revision != pkg.Revision {
				t.Errorf("%+v, %v, %v", found, more, err)
			}
			if v, err := e.Catalog.Resolve(e.Admin, at, catalog.Ref{Tag: "stable"}); err != nil || v.Name != version {
				t.Errorf("the tag is %q after %s: %v", v.Name, version, err)
			}
		}
	}
	if _, more, err := e.Catalog.PackageOrGroup(e.Admin, at, "web/"); err != nil || more {
		t.Errorf("a prefix of nothing: %v, %v", more, err)
	}
	if _, err := e.Publisher.RemoveTag(e.Admin, at, "stable", publish.TagChange{}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Catalog.Resolve(e.Admin, at, catalog.Ref{Tag: "stable"}); registry.KindOf(err) != registry.NotFound {
		t.Errorf("a tag that was removed: %v", err)
	}
	stranger := e.Login(access.Credentials{Token: e.Token("other", access.Read)})
	if _, err := e.Catalog.Package(stranger, at); err == nil {
		t.Error("what was remembered is told to who may not read it")
	}
}
