package upstreams_test

import (
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

// TestWriters: a write has one taker; the bounds are those of formats and versions.
func TestWriters(t *testing.T) {
	for name, c := range map[string]struct {
		a, b upstreams.Settings
		ok   bool
	}{
		"two":                          {upstreams.Settings{Writes: true}, upstreams.Settings{Writes: true}, false},
		"one":                          {upstreams.Settings{Writes: true}, upstreams.Settings{}, true},
		"releases and snapshots":       {upstreams.Settings{Writes: true, WritesVersions: upstreams.Releases}, upstreams.Settings{Writes: true, WritesVersions: upstreams.Snapshots}, true},
		"releases and all":             {upstreams.Settings{Writes: true, WritesVersions: upstreams.Releases}, upstreams.Settings{Writes: true}, false},
		"releases twice":               {upstreams.Settings{Writes: true, WritesVersions: upstreams.Releases}, upstreams.Settings{Writes: true, WritesVersions: upstreams.Releases}, false},
		"another that takes no writes": {upstreams.Settings{}, upstreams.Settings{Writes: true}, true},
	} {
		s := newScene(t, true, false)
		s.change("all", "a", c.a)
		_, err := s.Upstreams.Change(s.Admin, "all", "b", func(upstreams.Settings) (upstreams.Settings, error) { return c.b, nil })
		if (err == nil) != c.ok || err != nil && registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWritesThrough: tags, states and deletions go on to the upstream, over two links as well, with the right in each repository; a name
// that the upstream leaves out is refused, and so is every write once the upstream's repository is gone.
func TestWritesThrough(t *testing.T) {
	s := newScene(t, true, false)
	s.create("top")
	s.link("top", "all", upstreams.Settings{Writes: true})
	s.change("all", "b", upstreams.Settings{Writes: true, Deny: []string{"secret*"}})
	if v := s.publish("top", "1", "stable"); v.ID == 0 {
		t.Fatal(v)
	}
	if p, err := s.Catalog.Package(s.Admin, named("b")); err != nil || p.VersionCount != 1 {
		t.Errorf("in b: %+v, %v", p, err)
	}
	for _, n := range []string{"top", "all"} {
		if _, err := s.Catalog.Package(s.Admin, named(n)); registry.KindOf(err) != registry.NotFound {
			t.Errorf("own rows of %s: %v", n, err)
		}
		if _, err := s.Reader.Package(s.Admin, named(n)); err != nil {
			t.Errorf("through %s: %v", n, err)
		}
	}
	secret := named("top")
	secret.Package, secret.Display = "secret-x", "secret-x"
	if _, err := s.Publisher.Begin(s.Admin, secret); registry.KindOf(err) != registry.Denied || !strings.Contains(err.Error(), "leaves out") {
		t.Errorf("a name that is left out: %v", err)
	}
	may := func(action access.Action, repositories ...string) (out []access.Grant) {
		for _, r := range repositories {
			out = append(out, access.Grant{Repository: r, Actions: []access.Action{access.Read, action}})
		}
		return out
	}
	tag := func(grants []access.Grant) error {
		_, err := s.Publisher.SetTag(s.token(grants...), named("top"), "stable", publish.TagChange{Version: "1"})
		return err
	}
	if err := tag(append(may(access.Tag, "top", "b"), reads("all")...)); registry.KindOf(err) != registry.Denied || !strings.Contains(err.Error(), `"all"`) {
		t.Errorf("without the right half way: %v", err)
	}
	if err := tag(append(may(access.Tag, "top", "all"), reads("b")...)); registry.KindOf(err) != registry.Denied || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("without the right at the end: %v", err)
	}
	if err := tag(may(access.Tag, "top", "all")); registry.KindOf(err) != registry.Denied || strings.Contains(err.Error(), `"b"`) {
		t.Errorf("a hidden end: %v", err)
	}
	s.must(tag(may(access.Tag, "top", "all", "b")))
	// The right to delete lets the caller in, and the operation asks for the right that it needs, in each repository.
	err := s.Publisher.Edit(s.token(append(may(access.Delete, "top", "all", "b"), access.Grant{Repository: "top", Actions: []access.Action{access.Publish}})...),
		named("top"), publish.Rights{access.Delete}, func(e *publish.Edit) error { return e.SetState("1", registry.Deprecated, "old") })
	if registry.KindOf(err) != registry.Denied {
		t.Errorf("a state without the right: %v", err)
	}
	s.must(s.Publisher.Delete(s.Admin, named("top").At("1"), "done"))
	if p, err := s.Catalog.Package(s.Admin, named("b")); err != nil || p.VersionCount != 0 {
		t.Errorf("in b: %+v, %v", p, err)
	}
	s.MustFsck(t)
	s.must(s.Maintain.DeleteRepository(s.Admin, "b"))
	if _, err := s.Publisher.Begin(s.Admin, named("top")); registry.KindOf(err) != registry.Conflict {
		t.Errorf("once it is gone: %v", err)
	}
	s.must(s.Upstreams.Remove(s.Admin, "all", "b"))
	s.publish("top", "2")
	if p, err := s.Catalog.Package(s.Admin, named("all")); err != nil || p.VersionCount != 1 {
		t.Errorf("in all: %+v, %v", p, err)
	}
}
