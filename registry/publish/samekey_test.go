package publish_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestSameKey: a version whose key is there goes into the one that has it, also when that was deleted, and each fact is kept once.
func TestSameKey(t *testing.T) {
	e := registrytest.New(t)
	name := e.Name("pkg")
	publish := func(version, key, file string) (publish.Result, error) {
		t.Helper()
		p, err := e.Publisher.Begin(e.Admin, registry.Name{Repository: name.Repository, Format: name.Format})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Abort()
		st, err := p.Stage(e.Admin, content.StageFile{Path: file}, strings.NewReader("content of "+file))
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.OpenRange(e.Admin, st, 3, 7)
		if err != nil {
			t.Fatal(err)
		}
		if part, err := io.ReadAll(r); string(part) != "tent of" || err != nil {
			t.Errorf("%q %v", part, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		p.Into(name)
		return p.Commit(e.Admin, publish.Release{Version: version, PURL: "pkg:test/" + version, Mode: publish.Append, SortKey: []byte(key), SameKey: true,
			Facts: []registry.FactInput{{Key: "source.repository", Value: "https://git.example.com/a", Source: "test", Rank: registry.RankDeclared}}})
	}
	for _, c := range [][3]string{{"1.0", "k1", "a"}, {"1.0.0", "k1", "b"}, {"1", "k1", "c"}, {"0.9", "k0", "d"}, {"2.0", "k2", "e"}} {
		if _, err := publish(c[0], c[1], c[2]); err != nil {
			t.Fatal(err)
		}
	}
	c, err := e.Catalog.PackageListing(e.Admin, name, true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range c.Versions {
		got = append(got, fmt.Sprint(v.Name, " ", v.PURL, " ", len(c.Files[v.ID])))
	}
	if want := "[0.9 pkg:test/0.9 1 1.0 pkg:test/1.0 3 2.0 pkg:test/2.0 1]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if d, err := e.Catalog.VersionDetail(e.Admin, name.At("1.0")); err != nil || len(d.Facts) != 1 {
		t.Errorf("%d facts, %v", len(d.Facts), err)
	}
	if err := e.Publisher.Delete(e.Admin, name.At("1.0"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := publish("1.0.0", "k1", "b"); registry.KindOf(err) != registry.Conflict {
		t.Errorf("a deleted version came back under another spelling: %v", err)
	}
	e.MustFsck(t)
}
