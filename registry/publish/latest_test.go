package publish_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestLatestCost: however many prereleases a package has, none of its changes walks through them for the newest version.
func TestLatestCost(t *testing.T) {
	const prereleases = 500
	e := registrytest.New(t)
	if err := e.Publish("web", "0"); err != nil {
		t.Fatal(err)
	}
	pkg, err := e.Catalog.Package(e.Admin, e.Name("web"))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		for i := range prereleases {
			name := fmt.Sprintf("1.dev%03d", i)
			if _, err := tx.Versions().CreateVersion(metadata.Version{PackageID: pkg.ID, Name: name, SortKey: []byte(name), Prerelease: true}); err != nil {
				return err
			}
		}
		pkg.VersionCount += prereleases
		return tx.Packages().UpdatePackage(pkg)
	}); err != nil {
		t.Fatal(err)
	}
	var rows atomic.Int64
	cfg := e.Config
	cfg.Metadata = metadatatest.CountRows(e.Metadata, &rows)
	s, err := instance.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	publish := func(version string, prerelease bool) func() error {
		return func() error {
			p, err := s.Publisher.Begin(e.Admin, e.Name("web"))
			if err == nil {
				_, err = p.Commit(e.Admin, publish.Release{Version: version, SortKey: []byte(version), PURL: "pkg:generic/web@" + version, Prerelease: prerelease})
			}
			return err
		}
	}
	remove := func(version string) func() error {
		return func() error { return s.Publisher.Delete(e.Admin, e.Name("web").At(version), "") }
	}
	for _, step := range []struct {
		what   string
		do     func() error
		latest string
	}{
		{"publish a prerelease", publish("1.dev900", true), "0"},
		{"publish a release", publish("1", false), "1"},
		{"yank it", func() error {
			_, _, err := s.Publisher.SetState(e.Admin, e.Name("web").At("1"), registry.Yanked, "")
			return err
		}, "0"},
		{"delete the other", remove("0"), "1.dev900"},
		{"delete the highest", remove("1.dev900"), "1.dev499"},
	} {
		rows.Store(0)
		if err := step.do(); err != nil {
			t.Fatal(step.what, err)
		}
		if n := rows.Load(); n > 5 {
			t.Errorf("%s: %d rows were read", step.what, n)
		}
		if p, err := s.Catalog.Package(e.Admin, e.Name("web")); err != nil || p.Latest != step.latest {
			t.Errorf("%s: the newest is %q, %v, want %q", step.what, p.Latest, err, step.latest)
		}
	}
}

// TestRequiredTagMoves: the version that a deletion moves the required tag to stays whole.
func TestRequiredTagMoves(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.RequiredTag = "latest"
		c.Rules[registrytest.Format] = r
	}))
	for _, rel := range []publish.Release{
		{Version: "1", Descriptor: []byte("descriptor"), Silent: true},
		{Version: "2", Tags: []string{"latest"}},
	} {
		if _, err := e.PublishRelease("web", rel); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("web").At("2"), ""); err != nil {
		t.Fatal(err)
	}
	v, err := e.Catalog.Resolve(e.Admin, e.Name("web"), catalog.Ref{Tag: "latest"})
	if err != nil || v.Name != "1" || string(v.Descriptor) != "descriptor" || !v.Announced {
		t.Errorf("%+v, %v", v, err)
	}
	e.MustFsck(t)
}
