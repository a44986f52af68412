package registry

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"slipway/metadata"
)

// versioned is a store that counts.
type versioned struct {
	metadata.Store
	n atomic.Uint64
}

func (v *versioned) Generation() uint64 { return v.n.Load() }

func (v *versioned) GenerationOf(metadata.Part) uint64 { return v.n.Load() }

// everything depends on every update.
func everything[V any](m metadata.Versioned, _ V) uint64 { return m.GenerationOf(0) }

// TestRecall: what was found is found again until something is written, errors and what is too large never are.
func TestRecall(t *testing.T) {
	store := &versioned{}
	r := newRecall[string](store, func(n int) int { return n }, everything)
	looks := 0
	get := func(key string, n int) int {
		v, err := r.get(key, func() (int, error) { looks++; return n, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if get("a", 1) != 1 || get("a", 2) != 1 || looks != 1 {
		t.Errorf("%d looks for one record", looks)
	}
	store.n.Add(1)
	if get("a", 2) != 2 || looks != 2 {
		t.Error("a record is remembered over a change")
	}
	if _, err := r.get("b", func() (int, error) { return 0, errors.New("fails") }); err == nil {
		t.Error("no error")
	}
	if get("b", 3) != 3 {
		t.Error("an error is remembered")
	}
	looks = 0
	get("large", recallBytes+1)
	get("large", recallBytes+1)
	if looks != 2 {
		t.Error("a record over the bound is remembered")
	}
	for _, key := range []string{"1", "2", "3"} {
		get(key, recallBytes/2)
	}
	if r.used > recallBytes {
		t.Errorf("%d bytes are remembered", r.used)
	}

	plain := newRecall[string](metadata.Store(nil), func(n int) int { return n }, everything)
	for want := range 2 {
		if got, _ := plain.get("a", func() (int, error) { return want, nil }); got != want {
			t.Error("without a count of changes something is remembered")
		}
	}
}

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
	packages := newRecall[string](store, packageBytes, packageSince)
	versions := newRecall[string](store, versionBytes, versionSince)
	prefixes := newRecall[string](store, packageAndMore.bytes, func(m metadata.Versioned, p packageAndMore) uint64 { return p.since(m) })
	looks := map[string]int{}
	ask := func() {
		_, _ = packages.get("a", func() (Package, error) { looks["package"]++; return Package{ID: 7}, nil })
		_, _ = versions.get("a", func() (Version, error) { looks["version"]++; return Version{PackageID: 7}, nil })
		_, _ = prefixes.get("a", func() (packageAndMore, error) { looks["prefix"]++; return packageAndMore{pkg: Package{ID: 7}}, nil })
		_, _ = prefixes.get("none", func() (packageAndMore, error) { looks["no package"]++; return packageAndMore{}, nil })
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

// TestRecallRace: a reader that begins after a writer was answered sees what it wrote, whatever other readers put in.
func TestRecallRace(t *testing.T) {
	store := &versioned{}
	var value atomic.Uint64 // of the database
	r := newRecall[string](store, func(uint64) int { return 1 }, everything)
	get := func() uint64 {
		v, _ := r.get("a", func() (uint64, error) { return value.Load(), nil })
		return v
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					get()
				}
			}
		})
	}
	for i := range uint64(20_000) {
		value.Store(i)              // committed
		store.n.Add(1)              // counted
		if got := get(); got != i { // answered
			t.Fatalf("after %d was written, %d is read", i, got)
		}
	}
	close(stop)
	readers.Wait()
}
