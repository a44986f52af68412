package formatstest

import (
	"net/http"
	"strings"
	"testing"

	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// orders are the repositories of a server from owning that have what is published and what comes from elsewhere: groups in both orders, and
// one that has both itself.
var orders = []string{"here-first", "here-last", "both"}

// owning is a server on which each of orders has a version 1.0.0 of "secret", of which the registry elsewhere has 99.0.0.
func (r Remotes) owning(t *testing.T, anonymous bool) *guarded {
	t.Helper()
	g := r.serverOf(t, anonymous)
	for _, name := range []string{"here", "mirror"} {
		g.repository(name)
	}
	g.remote("mirror", "a", g.a, upstreams.Settings{AnonymousFetch: true})
	for i, members := range [][]string{{"here", "mirror"}, {"mirror", "here"}, nil} {
		g.repository(orders[i])
		for _, member := range members {
			g.member(orders[i], member, upstreams.Settings{})
		}
	}
	g.remote("both", "a", g.a, upstreams.Settings{AnonymousFetch: true})
	g.published("both", "secret", "1.0.0")
	g.published("here", "secret", "1.0.0")
	return g
}

// owned: of a name that is published here, readers get what is published, and the registry elsewhere is never asked, however the places are
// ordered and whoever reads.
func (r Remotes) owned(t *testing.T) {
	g := r.owning(t, true)
	theirs := r.Put(g.a, "secret", "99.0.0", "of a")
	for _, order := range orders {
		for who, as := range map[string]As{"a reader": g.as, "anonymous": Anonymous} {
			what := order + ", " + who
			if res := g.get(as, order, "secret", "1.0.0"); res.Status != http.StatusOK {
				t.Errorf("%s: %v", what, res)
			}
			if res := g.get(as, order, "secret", "99.0.0"); res.Status != http.StatusNotFound {
				t.Errorf("%s, theirs: %v", what, res)
			}
			g.nothingExact(what, as, order, "secret", "99.0.0", theirs)
		}
	}
	g.a.NeverAsked(t, "**")
}

// nothingExact fails the test where a lock file or a link gets something of a version.
func (g *guarded) nothingExact(what string, as As, repository, pkg, version string, f *upstreamtest.File) {
	g.t.Helper()
	if g.r.Exact == nil {
		return
	}
	q := g.r.Exact(repository, pkg, version, f)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		q.Method = method
		for _, q := range []Request{q, q.With("Range", "bytes=0-3")} {
			if res := g.Do(as, q); res.Status != http.StatusNotFound {
				g.t.Errorf("%s, %s by a lock file: %v", what, method, res)
			}
		}
	}
}

// claimed: of a name that is reserved here, in whatever spelling, nothing comes from elsewhere, also before anything is published.
func (r Remotes) claimed(t *testing.T) {
	g := r.owning(t, true)
	theirs := r.Put(g.a, "absent", "1.0.0", "of a")
	pattern := strings.ToUpper(r.Key("absent"))
	for _, repository := range []string{"here", "both"} {
		_, err := g.Upstreams.AddClaim(g.Admin, upstreams.Claim{Repository: repository, Claim: metadata.Claim{Format: r.New().Name(), Pattern: pattern}})
		g.must(err)
	}
	for _, order := range orders {
		for who, as := range map[string]As{"a reader": g.as, "anonymous": Anonymous} {
			if res := g.get(as, order, "absent", "1.0.0"); res.Status != http.StatusNotFound {
				t.Errorf("%s, %s: %v", order, who, res)
			}
			g.nothingExact(order+", "+who, as, order, "absent", "1.0.0", theirs)
		}
	}
	g.a.NeverAsked(t, "**")
	g.published("here", "absent", "2.0.0")
	if res := g.get(g.as, "here-last", "absent", "2.0.0"); res.Status != http.StatusOK {
		t.Errorf("once it is published: %v", res)
	}
	g.a.NeverAsked(t, "**")
}

// unreadable: a name of a member that the caller may not read is not there, and is not asked for elsewhere either.
func (r Remotes) unreadable(t *testing.T) {
	g := r.owning(t, false)
	theirs := r.Put(g.a, "secret", "99.0.0", "of a")
	for _, order := range orders[:2] {
		as := g.UserToken("reader-of-"+order, 0, grants([]access.Action{access.Read}, order, "mirror")...)
		for _, version := range []string{"1.0.0", "99.0.0"} {
			if res := g.get(as, order, "secret", version); res.Status != http.StatusNotFound {
				t.Errorf("%s, %s: %v", order, version, res)
			}
		}
		g.nothingExact(order, as, order, "secret", "99.0.0", theirs)
		unknown, hidden := g.get(as, order, "unknown", "1.0.0"), g.get(as, order, "secret", "1.0.0")
		if unknown.Status != hidden.Status || len(unknown.Header) != len(hidden.Header) {
			t.Errorf("%s: %v tells it from what is nowhere: %v", order, hidden, unknown)
		}
	}
	for _, q := range g.a.Requests() {
		if strings.Contains(q.Path, "secret") {
			t.Errorf("asked for %s", q.Path)
		}
	}
}

// overCached: a name that came from elsewhere is not published over, until an administrator lets both be; then readers get what both have.
func (r Remotes) overCached(t *testing.T) {
	g := r.server(t)
	g.repository("mirror")
	g.remote("mirror", "a", g.a, upstreams.Settings{})
	one := r.Put(g.a, "example", "1.0.0", "of a")
	g.gets("from elsewhere", "mirror", "example", "1.0.0", one)
	res := g.publish("mirror", "example", "2.0.0")
	if res.Status != http.StatusForbidden || !strings.Contains(string(res.Body), "comes from an upstream of repository") {
		t.Errorf("published over: %v", res)
	}
	g.must(g.Upstreams.SetOrigin(g.Admin, g.named("mirror", "example"), upstreams.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	g.published("mirror", "example", "2.0.0")
	g.gets("what came from elsewhere", "mirror", "example", "1.0.0", one)
	if res := g.get(g.as, "mirror", "example", "2.0.0"); res.Status != http.StatusOK {
		t.Errorf("what is published: %v", res)
	}
	three := r.Put(g.a, "example", "3.0.0", "of a")
	_, err := g.Upstreams.Refresh(g.Admin, registry.Name{Repository: "mirror"})
	g.must(err)
	g.gets("what elsewhere is new", "mirror", "example", "3.0.0", three)
	g.MustFsck(t)
}
