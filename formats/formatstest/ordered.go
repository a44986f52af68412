package formatstest

import (
	"net/http"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/upstreams"
)

// strictOrder: with the setting of that name, a registry elsewhere that stands before a repository in the list answers before what was promoted
// to it, by documents and by what lock files say; what is published here comes from nowhere else all the same.
func (r Remotes) strictOrder(t *testing.T) {
	g := r.server(t)
	for _, name := range []string{"p", "h", "all"} {
		g.repository(name)
	}
	g.remote("p", "a", g.a, upstreams.Settings{})
	old := r.Put(g.a, "example", "1.0.0", "as it was promoted")
	g.gets("before", "p", "example", "1.0.0", old)
	at, tags := g.named("p", "example").At("1.0.0"), []string(nil)
	if r.New().Rules().Images {
		at.Version, tags = "sha256:"+old.SHA256(), []string{"1.0.0"}
	}
	_, _, err := g.Upstreams.Promote(g.Admin, at, "h", tags)
	g.must(err)
	now := r.Put(g.b, "example", "1.0.0", "of b")
	two := r.Put(g.b, "example", "2.0.0", "of b")
	merge := upstreams.Settings{Mode: upstreams.Merge}
	g.remote("all", "b", g.b, merge)
	g.member("all", "h", merge)

	g.gets("by default", "all", "example", "1.0.0", old)
	strict := func(on bool) {
		t.Helper()
		_, err := g.Core.UpdateRepository(g.Admin, "all", registry.RepositoryChange{Settings: map[string]any{registry.StrictOrder.Name: on}})
		g.must(err)
	}
	places := func() (out []string) {
		t.Helper()
		res, err := g.Upstreams.Resolution(g.Admin, g.named("all", "example").At(at.Version))
		g.must(err)
		for _, p := range res.Places {
			out = append(out, p.Repository+"/"+p.Upstream)
		}
		return out
	}
	if got := strings.Join(places(), " "); got != "all/ h/ all/b" {
		t.Errorf("by default the places are %s", got)
	}
	strict(true)
	if got := strings.Join(places(), " "); got != "all/ all/b h/" {
		t.Errorf("in the order of the list the places are %s", got)
	}
	g.gets("the list's order", "all", "example", "1.0.0", now)
	g.gets("again", "all", "example", "1.0.0", now)
	g.gets("what only the registry has", "all", "example", "2.0.0", two)
	if r.Exact != nil && r.Lists {
		g.has("by a lock file", g.Do(g.as, r.Exact("all", "example", "1.0.0", now)), now)
	}
	g.must(g.Upstreams.Order(g.Admin, "all", []string{"h", "b"}))
	g.gets("after a change of the order", "all", "example", "1.0.0", old)
	g.must(g.Upstreams.Order(g.Admin, "all", []string{"b", "h"}))
	strict(false)
	g.gets("without the setting", "all", "example", "1.0.0", old)
	strict(true)

	r.Put(g.b, "ours", "1.0.0", "of b")
	g.published("h", "ours", "1.0.0")
	g.b.Reset()
	if res := g.get(g.as, "all", "ours", "1.0.0"); res.Status != http.StatusOK {
		t.Errorf("what is published here: %v", res)
	}
	g.b.NeverAsked(t, "**ours**")
	g.MustFsck(t)
}
