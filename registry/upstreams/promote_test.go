package upstreams_test

import (
	"slices"
	"testing"

	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// TestPromote: a promoted version has its state with the reason, its facts, and one more, which names the repository that it was promoted
// from last; the tag that its format requires is set where there is none, and stays where there is one.
func TestPromote(t *testing.T) {
	s := scene{registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.RequiredTag = "latest"
		c.Rules[registrytest.Format] = r
	})), t}
	for _, name := range []string{"a", "b", "c"} {
		s.create(name)
	}
	s.publish("a", "1", "latest")
	s.publish("a", "2")
	s.must(s.Publisher.Declare(s.Admin, named("a").At("1"), registry.Declared{Custom: map[string]string{"team.ticket": "ABC-1"}}))
	_, _, err := s.Publisher.SetState(s.Admin, named("a").At("1"), registry.Deprecated, "use 2")
	s.must(err)
	promote := func(from, version, to string, tags ...string) catalog.VersionDetail {
		t.Helper()
		_, _, err := s.Upstreams.Promote(s.Admin, named(from).At(version), to, tags)
		s.must(err)
		d, err := s.Catalog.VersionDetail(s.Admin, named(to).At(version))
		s.must(err)
		return d
	}
	fact := func(d catalog.VersionDetail, key string) (values []string) {
		for _, f := range d.Facts {
			if f.Key == key {
				values = append(values, f.Value)
			}
		}
		return values
	}
	first := promote("a", "1", "b")
	if v := first.Version; v.State != registry.Deprecated || v.Reason != "use 2" {
		t.Errorf("state %q, %q", v.State, v.Reason)
	}
	if got := fact(first, "custom.team.ticket"); !slices.Equal(got, []string{"ABC-1"}) {
		t.Errorf("ticket %q", got)
	}
	if got := fact(first, upstreams.FactPromotedFrom); !slices.Equal(got, []string{"a"}) {
		t.Errorf("promoted from %q", got)
	}
	if got := fact(promote("b", "1", "c"), upstreams.FactPromotedFrom); !slices.Equal(got, []string{"b"}) {
		t.Errorf("promoted again, from %q", got)
	}
	latest := func() string {
		t.Helper()
		v, err := s.Catalog.Resolve(s.Admin, named("b"), catalog.Ref{Tag: "latest"})
		s.must(err)
		return v.Name
	}
	if latest() != "1" {
		t.Errorf("latest is %q where there was none", latest())
	}
	if promote("a", "2", "b", "stable"); latest() != "1" {
		t.Errorf("latest moved to %q", latest())
	}
	if v, err := s.Catalog.Resolve(s.Admin, named("b"), catalog.Ref{Tag: "stable"}); err != nil || v.Name != "2" {
		t.Errorf("stable is %q, %v", v.Name, err)
	}
	s.must(s.Publisher.Delete(s.Admin, named("a").At("2"), "test"))
	if _, _, err := s.Upstreams.Promote(s.Admin, named("a").At("2"), "c", nil); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("a deleted version: %v", err)
	}
	s.MustFsck(t)
}
