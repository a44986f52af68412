package registry_test

import (
	"fmt"
	"testing"

	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// BenchmarkChangeFile adds, replaces and removes one file of a version that has few or many, each in its own commit.
func BenchmarkChangeFile(b *testing.B) {
	for _, files := range []int{10, 20_000} {
		e := registrytest.New(b)
		path := func(i int) string { return fmt.Sprintf("assets/%02d/%05d.js", i%50, i) }
		var contents []string
		for i := range files {
			contents = append(contents, path(i), fmt.Sprint(i))
		}
		if err := e.Publish("site", "1", contents...); err != nil {
			b.Fatal(err)
		}
		n := 0
		release := func(path string) error {
			n++
			_, err := e.PublishRelease("site", publish.Release{Version: "1", Mode: publish.Replace}, path, fmt.Sprint("new", n))
			return err
		}
		for _, c := range []struct {
			name   string
			change func() error
		}{
			{"add", func() error { return release(path(files + n)) }},
			{"replace", func() error { return release(path(n % files)) }},
			{"add+remove", func() error {
				added := fmt.Sprintf("assets/removed/%d", n)
				if err := release(added); err != nil {
					return err
				}
				return e.Publisher.Edit(e.Admin, e.Name("site"), func(ed *publish.Edit) error { return ed.RemoveFile("1", added, "") })
			}},
		} {
			b.Run(fmt.Sprintf("%s/files=%d", c.name, files), func(b *testing.B) {
				for b.Loop() {
					if err := c.change(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
