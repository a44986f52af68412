package staging

import (
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// TestKnownSets: an area is known from its first file on while no revision is missing, for a while, and not behind its end.
func TestKnownSets(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	file := func(path, attributes string) registry.StagedFile {
		return registry.StagedFile{StagingID: "s", Format: "maven", Package: "a:b", Version: "1", Path: path, Attributes: []byte(attributes)}
	}
	set := func(revision int64) registry.Staging {
		return registry.Staging{ID: "s", RepositoryID: 7, Revision: revision, CreatedAt: began}
	}
	type step struct {
		set  registry.Staging
		path string
	}
	anew := registry.Staging{ID: "s", RepositoryID: 7, Revision: 1, CreatedAt: began.Add(time.Second)}
	for name, c := range map[string]struct {
		steps []step
		want  string // known paths; "-": the area is not known
	}{
		"nothing":        {nil, "-"},
		"in order":       {[]step{{set(1), "a"}, {set(2), "b"}}, "a b"},
		"from the midst": {[]step{{set(2), "b"}, {set(3), "c"}}, "-"},
		"overlapping":    {[]step{{set(1), "a"}, {set(3), "c"}, {set(2), "b"}}, "-"},
		"begun anew":     {[]step{{set(1), "a"}, {set(2), "b"}, {anew, "c"}}, "c"},
		"late answer":    {[]step{{anew, "c"}, {set(1), "a"}}, "-"},
	} {
		k := &areaCache{versioned: generation(1), sets: map[string]*cachedArea{}}
		for _, s := range c.steps {
			k.added(s.set, file(s.path, "x"), began, k.since())
		}
		find := func(now time.Time) string {
			files, ok := k.find(7, file("", ""), []string{"a", "b", "c"}, now)
			if !ok {
				return "-"
			}
			var paths []string
			for _, f := range files {
				paths = append(paths, f.Path)
			}
			return strings.Join(paths, " ")
		}
		if got := find(began); got != c.want {
			t.Errorf("%s: known are %q, not %q", name, got, c.want)
		}
		if _, ok := k.find(8, file("", ""), nil, began); ok {
			t.Errorf("%s: known in another repository of the name", name)
		}
		if got := find(began.Add(2 * knownSetMemory)); got != "-" {
			t.Errorf("%s: after some time known are %q", name, got)
		}
		k.versioned = generation(2)
		if got := find(began); got != "-" {
			t.Errorf("%s: after another process has written, known are %q", name, got)
		}
		k.versioned = generation(1)
		if k.forget("s"); find(began) != "-" || k.bytes != 0 {
			t.Errorf("%s: known behind its end, %d bytes", name, k.bytes)
		}
	}
	k := &areaCache{versioned: generation(1), sets: map[string]*cachedArea{}}
	for i := range int64(10) {
		k.added(set(i+1), file("a", strings.Repeat("x", knownSetBytes/4)), began, k.since())
		if k.bytes > knownSetBytes {
			t.Fatalf("%d bytes are kept", k.bytes)
		}
	}
}

// generation is a store that stays at one.
type generation uint64

func (g generation) Generation() uint64 { return uint64(g) }

func (g generation) GenerationOf(metadata.Part) uint64 { return uint64(g) }
