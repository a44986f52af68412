package catalog

import (
	"slices"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/lookup"
)

// parted is a store that counts for each part.
type parted struct {
	metadata.Store
	now uint64
	of  map[metadata.Part]uint64
}

func (p *parted) Generation() uint64 { return p.now }

func (p *parted) GenerationOf(part metadata.Part) uint64 { return p.of[part] }

func (p *parted) write(part metadata.Part) {
	p.now++
	p.of[part] = p.now
}

// TestRecallParts: what is remembered of a package outlasts what is written to others, and nothing that is written to it, to a
// repository, or, where names count, to the list of packages.
func TestRecallParts(t *testing.T) {
	store := &parted{of: map[metadata.Part]uint64{}}
	packages := lookup.New[string](store, packageBytes, packageSince)
	versions := lookup.New[string](store, versionBytes, versionSince)
	prefixes := lookup.New[string](store, packageOrGroup.bytes, func(m metadata.Versioned, p packageOrGroup) uint64 { return p.since(m) })
	looks := map[string]int{}
	ask := func() {
		_, _ = packages.Get("a", func() (registry.Package, error) { looks["package"]++; return registry.Package{ID: 7}, nil })
		_, _ = versions.Get("a", func() (registry.Version, error) { looks["version"]++; return registry.Version{PackageID: 7}, nil })
		_, _ = prefixes.Get("a", func() (packageOrGroup, error) {
			looks["prefix"]++
			return packageOrGroup{pkg: registry.Package{ID: 7}}, nil
		})
		_, _ = prefixes.Get("none", func() (packageOrGroup, error) { looks["no package"]++; return packageOrGroup{}, nil })
	}
	ask()
	for _, c := range []struct {
		part metadata.Part
		want []string
	}{
		{8, nil},
		{7, []string{"package", "version", "prefix"}},
		{metadata.PackageNames, []string{"prefix", "no package"}},
		{metadata.RepositoryRows, []string{"package", "version", "prefix", "no package"}},
	} {
		clear(looks)
		store.write(c.part)
		ask()
		ask()
		for _, what := range []string{"package", "version", "prefix", "no package"} {
			want := 0
			if slices.Contains(c.want, what) {
				want = 1
			}
			if looks[what] != want {
				t.Errorf("after part %d was written: %d looks for %s, want %d", c.part, looks[what], what, want)
			}
		}
	}
}
