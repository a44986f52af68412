package fill_test

import (
	"maps"
	"slices"
	"testing"

	"slipway/bench/fill"
	"slipway/formats"
	"slipway/formats/all"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/storage/local"
)

func newEnv(t testing.TB, opts ...registrytest.Option) *registrytest.Env {
	t.Helper()
	return registrytest.New(t, append(opts, registrytest.With(func(c *instance.Config) {
		c.Rules, c.Assemblers = formats.Rules(all.All()), formats.Assemblers(all.All())
	}))...)
}

func plan() fill.Plan {
	return fill.Plan{Repository: "main", Seed: 7, Packages: 40, Versions: 400, Files: 3, Tags: 2, Mix: fill.DefaultMix()}
}

// TestRun fills a store: the store holds what was planned, and fsck finds it consistent.
func TestRun(t *testing.T) {
	e := newEnv(t)
	sum, err := fill.Run(e.Admin, e.Instance, all.All(), plan(), fill.Options{Workers: 8})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Versions != 400 || sum.New != 400 || sum.Tags != 80 {
		t.Errorf("summary %+v", sum)
	}
	e.MustFsck(t)
	if got := versions(t, e); got != 400 {
		t.Errorf("there are %d versions, not 400", got)
	}
}

// TestRunAgain: running the same plan again changes nothing in the store.
func TestRunAgain(t *testing.T) {
	one, other := newEnv(t), newEnv(t)
	for i, e := range []*registrytest.Env{one, other, one} {
		sum, err := fill.Run(e.Admin, e.Instance, all.All(), plan(), fill.Options{Workers: 1 + 7*i})
		if err != nil {
			t.Fatal(err)
		}
		if want := 400 * (1 - i/2); sum.New != want {
			t.Errorf("run %d made %d versions new, not %d", i, sum.New, want)
		}
	}
	if a, b := digests(t, one), digests(t, other); !maps.Equal(a, b) {
		t.Errorf("two fills of the same plan differ: %d and %d versions", len(a), len(b))
	}
	if entries, again := logSize(t, one), logSize(t, other); entries != again {
		t.Errorf("the log has %d entries after the same fill twice, %d after once", entries, again)
	}
}

func versions(t *testing.T, e *registrytest.Env) int { return len(digests(t, e)) }

// digests are the contents of all versions, by their package URL.
func digests(t *testing.T, e *registrytest.Env) map[string]string {
	t.Helper()
	out := map[string]string{}
	pkgs, err := e.Catalog.Packages(e.Admin, "main", catalog.PackageQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		vs, err := e.Catalog.Versions(e.Admin, registry.Name{Repository: "main", Format: p.Format, Package: p.Key}, catalog.VersionQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range vs {
			out[v.PURL] = v.Digest.String()
		}
	}
	return out
}

func logSize(t *testing.T, e *registrytest.Env) (n int64) {
	t.Helper()
	if err := e.Metadata.View(e.Admin, func(tx metadata.Tx) (err error) {
		n, err = tx.Log().LogSize()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestList: every package has a version, the versions add up to the wanted number, and few packages have many.
func TestList(t *testing.T) {
	for _, p := range []fill.Plan{{Packages: 1, Versions: 1}, {Packages: 7, Versions: 7}, {Packages: 1000, Versions: 5001}, {Packages: 10, Versions: 100_000}} {
		p.Mix = fill.DefaultMix()
		total := 0
		list := p.List()
		for _, pkg := range list {
			total += pkg.Versions
		}
		least := slices.MinFunc(list, func(a, b fill.Package) int { return a.Versions - b.Versions }).Versions
		if len(list) != p.Packages || total != p.Versions || least < 1 {
			t.Errorf("%d packages, %d versions: %d packages with %d versions, %d at least", p.Packages, p.Versions, len(list), total, least)
		}
		if !slices.IsSortedFunc(list, func(a, b fill.Package) int { return (b.Versions - a.Versions) / 2 }) { // rounding may differ by one
			t.Errorf("%d packages, %d versions: they do not fall by rank", p.Packages, p.Versions)
		}
	}
}

func TestMix(t *testing.T) {
	if m, err := fill.ParseMix("npm=3, oci=1"); err != nil || !maps.Equal(m, fill.Mix{"npm": 3, "oci": 1}) {
		t.Errorf("got %v, %v", m, err)
	}
	for _, s := range []string{"", "npm", "npm=0", "npm=x", "npm=2000000000", "cargo=1", "npm=1,,"} {
		if m, err := fill.ParseMix(s); err == nil {
			t.Errorf("%q is %v", s, m)
		}
	}
}

// BenchmarkRun is the rate at which a store is filled.
func BenchmarkRun(b *testing.B) {
	store, err := local.New(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	e := newEnv(b, registrytest.WithBlobs(store))
	p := plan()
	p.Packages, p.Versions, p.Files, p.Tags = b.N/5+1, b.N+b.N/5+1, 2, 1
	b.ResetTimer()
	sum, err := fill.Run(e.Admin, e.Instance, all.All(), p, fill.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(sum.Versions)/b.Elapsed().Seconds(), "versions/s")
}
