package formatstest

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"

	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// explain is how a repository answers for a package, by the places' names: "" of one that answers, else why it does not.
func (g *guarded) explain(as access.Actor, repository, pkg, version string) map[string]string {
	g.t.Helper()
	out := map[string]string{}
	r, err := g.Upstreams.Resolution(access.With(g.t.Context(), as), g.named(repository, pkg).At(version))
	g.must(err)
	for _, p := range r.Places {
		name := p.Repository
		if p.Upstream != "" {
			name += " " + p.Upstream
		}
		out[name] = p.Why
	}
	return out
}

// explained: what is said of where a name comes from is what clients get, asks no registry, and shows nothing of places that are hidden from
// the caller.
func (r Remotes) explained(t *testing.T) {
	g := r.ownersScene(t)
	unasked := map[bool]string{true: upstreams.Absent}[r.Lists] // where nothing is listed, a registry is asked for each thing
	want := func(what string, as access.Actor, repository, pkg, version string, places map[string]string) {
		t.Helper()
		g.a.Reset()
		g.b.Reset()
		if got := g.explain(as, repository, pkg, version); !reflect.DeepEqual(got, places) {
			t.Errorf("%s: %v, want %v", what, got, places)
		}
		g.a.NeverAsked(t, "**")
		g.b.NeverAsked(t, "**")
	}
	admin := access.System()
	want("nothing is known", admin, "mirror", "ours", "", map[string]string{"mirror": upstreams.Absent, "mirror a": unasked, "mirror b": unasked})
	ours := r.Put(g.b, "ours", "1.0.0", "of b")
	g.gets("ours", "mirror", "ours", "1.0.0", ours)
	if r.Lists || r.Files {
		want("a name of the owner", admin, "mirror", "ours", "", map[string]string{"mirror": "", "mirror a": upstreams.Owned, "mirror b": ""})
	}
	if r.Lists {
		want("a version that it lacks", admin, "mirror", "ours", "7.0.0", map[string]string{"mirror": upstreams.Absent, "mirror a": upstreams.Owned, "mirror b": upstreams.Absent})
		g.fails("nowhere", http.StatusNotFound, "mirror", "nowhere", "1.0.0")
		want("a name that is nowhere", admin, "mirror", "nowhere", "", map[string]string{"mirror": upstreams.Absent, "mirror a": upstreams.Absent, "mirror b": upstreams.Absent})
	}
	g.published("mirror", "fresh", "1.0.0")
	want("a published name", admin, "mirror", "fresh", "", map[string]string{"mirror": "", "mirror a": upstreams.Published, "mirror b": upstreams.Published})
	g.must(g.Upstreams.SetOrigin(g.Admin, g.named("mirror", "fresh"), upstreams.Origin{Origin: upstreams.OriginUpstream, Upstream: "a", Reason: "it moved"}))
	want("a name that was moved", admin, "mirror", "fresh", "", map[string]string{"mirror": upstreams.Directed, "mirror a": unasked, "mirror b": upstreams.Directed})
	if r.Lists || r.Files {
		want("its exact version", admin, "mirror", "fresh", "1.0.0", map[string]string{"mirror": "", "mirror a": unasked, "mirror b": upstreams.Directed})
	}

	for _, name := range []string{"hidden", "all"} {
		g.repository(name)
	}
	g.member("all", "hidden", upstreams.Settings{})
	g.member("all", "mirror", upstreams.Settings{})
	g.published("hidden", "private", "1.0.0")
	reader := access.Actor{Type: access.TypeUser, ID: "1", Name: "reader", Grants: grants([]access.Action{access.Read}, "all", "mirror")}
	g.get(g.as, "all", "unheard", "1.0.0")
	if secret, unknown := g.explain(reader, "all", "private", "1.0.0"), g.explain(reader, "all", "unheard", "1.0.0"); fmt.Sprint(secret) != fmt.Sprint(unknown) {
		t.Errorf("a hidden name is told from one that is nowhere: %v, %v", secret, unknown)
	}
	if all := g.explain(admin, "all", "private", ""); all["hidden"] != "" || all["mirror a"] != upstreams.Published {
		t.Errorf("for an administrator: %v", all)
	}
}
