package raw_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
)

// manyFiles is how large the folders of the benchmarks are.
const manyFiles = 20_000

// site makes a version of raw files in one commit.
func site(t testing.TB, srv *formatstest.Server, paths []string) {
	t.Helper()
	p, err := srv.Publisher.Begin(srv.Admin, registry.Name{Repository: "main", Format: "raw", Package: "site", Display: "site"})
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		if _, err := p.Stage(srv.Admin, content.StageFile{Path: path}, strings.NewReader(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Commit(srv.Admin, publish.Release{Version: "1", PURL: "pkg:generic/site@1"}); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkFolder is a page of a folder: flat has every file in it, nested has them in twenty sub-folders.
func BenchmarkFolder(b *testing.B) {
	srv := formatstest.NewServer(b, formatstest.Options{}, raw.New())
	paths := []string{"small/a", "small/b"}
	for i := range manyFiles {
		paths = append(paths, fmt.Sprintf("flat/%05d.js", i), fmt.Sprintf("nested/%02d/%05d.js", i%20, i))
	}
	site(b, srv, paths)
	for _, c := range []struct{ name, path string }{
		{"small", "small/?format=json"}, {"nested", "nested/?format=json"}, {"flat-20", "flat/?format=json&limit=20"},
		{"flat-1000", "flat/?format=json&limit=1000"}, {"absent", "absent"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if res := srv.Do(formatstest.Admin, get("site/1/"+c.path)); res.Status >= 500 {
					b.Fatal(res)
				}
			}
		})
	}
}
