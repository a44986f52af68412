package formatstest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/ledger"
	"slipway/registry/policy"
	"slipway/registry/upstreams"
)

// aging is a server whose repository "mirror" has a minimum age of a week, and a version of "example" that is years old and came with the
// first look at it.
func (r Remotes) aging(t *testing.T) (*guarded, *upstreamtest.File) {
	t.Helper()
	g := r.server(t)
	g.repository("mirror")
	week := upstreams.Duration(7 * 24 * time.Hour)
	g.remote("mirror", "a", g.a, upstreams.Settings{Cooldown: &week, Mode: upstreams.Merge})
	g.repository("all")
	g.member("all", "mirror", upstreams.Settings{})
	one := r.Put(g.a, "example", "1.0.0", "old")
	g.gets("what the first look finds", "all", "example", "1.0.0", one)
	return g, one
}

// appeared is a version with an old time that the registry elsewhere did not have at first, as a day goes by.
func (g *guarded) appeared(version string) *upstreamtest.File {
	g.t.Helper()
	f := g.r.Put(g.a, "example", version, "seen later")
	g.later(24 * time.Hour)
	return f
}

// asks asks for a version by what a lock file says.
func (g *guarded) asks(what, repository, version string, f *upstreamtest.File, want int) Response {
	g.t.Helper()
	res := g.Do(g.as, g.r.Exact(repository, "example", version, f))
	if res.Status != want {
		g.t.Errorf("%s, %s: %v, want %d", what, repository, res, want)
	}
	return res
}

// firstUse: under a minimum age a package that is asked for the first time is served by the times that its registry says; a version that
// appears later is held from when it was first seen, whatever time it claims.
func (r Remotes) firstUse(t *testing.T) {
	g, one := r.aging(t)
	two := g.appeared("2.0.0")
	for _, repository := range []string{"mirror", "all"} {
		g.fails("the list, "+repository, http.StatusNotFound, repository, "example", "2.0.0")
		if res := g.asks("the file", repository, "2.0.0", two, http.StatusForbidden); !bytes.Contains(res.Body, []byte("held until")) {
			t.Errorf("it doesn't say until when: %v", res)
		}
		g.gets("the old one", repository, "example", "1.0.0", one)
	}
	g.a.NeverAsked(t, two.Path)
	g.later(5 * 24 * time.Hour)
	g.asks("a day too early", "all", "2.0.0", two, http.StatusForbidden)
	g.later(3 * 24 * time.Hour)
	g.gets("old enough", "all", "example", "2.0.0", two)
	g.MustFsck(t)
}

// exempted: a rule lets a version through that is held otherwise, until the rule ends: by the clock alone.
func (r Remotes) exempted(t *testing.T) {
	g, _ := r.aging(t)
	two := g.appeared("2.0.0")
	g.asks("without a rule", "all", "2.0.0", two, http.StatusForbidden)
	g.AddRule(metadata.Rule{Action: policy.Allow, Match: g.purl("2.0.0"), Reason: "a security fix", ExpiresAt: g.clock.Now().Add(24 * time.Hour)})
	g.gets("while the rule holds", "all", "example", "2.0.0", two)
	g.asks("while it holds", "mirror", "2.0.0", two, http.StatusOK)
	size := g.logSize()
	g.later(25 * time.Hour)
	g.asks("after it", "all", "2.0.0", two, http.StatusForbidden)
	g.fails("the list after it", http.StatusNotFound, "all", "example", "2.0.0")
	for _, e := range g.since(size) {
		if !strings.Contains(e, "token.") && !strings.Contains(e, "policy.blocked") {
			t.Errorf("%s was written", e)
		}
	}
}

// since are the types of the log's entries after a size of it.
func (g *guarded) since(size int64) (types []string) {
	g.t.Helper()
	list, _, err := g.Ledger.Events(g.Admin, ledger.EventQuery{After: size})
	g.must(err)
	for _, e := range list {
		types = append(types, e.Type)
	}
	return types
}

// purl is what rules call a version of "example"; "" is every version.
func (g *guarded) purl(version string) string {
	name := "pkg:" + g.r.New().Rules().PURLType + "/" + strings.ReplaceAll(g.r.Key("example"), ":", "/")
	if version != "" {
		name += "@" + version
	}
	return name
}

// audited: what a rule that only audits would refuse is served and recorded; what a trial of the rule lists is what is refused once it is
// enforced.
func (r Remotes) audited(t *testing.T) {
	g, one := r.aging(t)
	rule := metadata.Rule{Action: policy.Deny, Match: g.purl("") + "@1.*", Reason: "we leave it", Mode: policy.Audit}
	if g.r.New().Rules().Images {
		rule.Match = g.purl("")
	}
	other := r.Put(g.a, "other", "1.0.0", "another")
	g.gets("another package", "mirror", "other", "1.0.0", other)
	audit := g.AddRule(rule)
	g.gets("under audit", "mirror", "example", "1.0.0", one)
	for _, e := range g.told(registry.EventPolicyBlocked, 1) {
		if e.Rule == nil || e.Rule.Mode != policy.Audit || !strings.Contains(e.Package, "example") {
			t.Errorf("the record is %+v", e)
		}
	}
	g.must(g.Policies.Remove(g.Admin, audit.ID))
	decisions := func(mode string) float64 {
		t.Helper()
		return counted(t, g.Metrics, "slipway_policy_decisions_total", "action", policy.Deny, "mode", mode)
	}
	if audited, enforced := decisions(policy.Audit), decisions(policy.Enforce); audited < 1 || enforced != 0 {
		t.Errorf("under audit %v and %v decisions are counted", audited, enforced)
	}

	rule.Mode = policy.Enforce
	tried, _, err := g.Policies.Simulate(g.Admin, []policy.Rule{{Rule: rule}}, policy.SimulationPage{})
	g.must(err)
	if len(tried) == 0 {
		t.Error("the trial lists nothing")
	}
	for _, s := range tried {
		if !strings.Contains(s.PURL, "example") || s.Before.Outcome != policy.Allowed || s.After.Outcome != policy.Denied {
			t.Errorf("the trial says %+v", s)
		}
	}
	g.AddRule(rule)
	if res := g.get(g.as, "mirror", "example", "1.0.0"); res.Status != http.StatusForbidden && !bytes.Contains(res.Body, []byte("quarantined")) {
		t.Errorf("enforced: %v", res)
	}
	if enforced := decisions(policy.Enforce); enforced < 1 {
		t.Errorf("%v enforced decisions are counted", enforced)
	}
	g.gets("another package, enforced", "mirror", "other", "1.0.0", other)
}

// deniedElsewhere: bytes that came from elsewhere and that a rule denies are refused at once in every repository, and queries say who had them
// come.
func (r Remotes) deniedElsewhere(t *testing.T) {
	g, one := r.aging(t)
	g.AddRule(metadata.Rule{Action: policy.Deny, Match: one.Digest()})
	for _, repository := range []string{"mirror", "all"} {
		// A page that lists nothing says why, where a client takes any error for absence.
		if res := g.get(g.as, repository, "example", "1.0.0"); res.Status != http.StatusForbidden && !bytes.Contains(res.Body, []byte("quarantined")) {
			t.Errorf("%s: %v", repository, res)
		}
		if r.Exact == nil {
			continue
		}
		q := r.Exact(repository, "example", "1.0.0", one)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			q.Method = method
			for _, q := range []Request{q, q.With("Range", "bytes=0-1"), q.With("If-None-Match", `"x"`)} {
				if res := g.Do(g.as, q); res.Status != http.StatusForbidden {
					t.Errorf("%s, %s %v: %v", repository, method, q.Header, res)
				}
			}
		}
	}
	hits, err := g.History.Search(g.Admin, catalog.VersionSearch{Query: "digest:" + one.Digest()})
	g.must(err)
	if len(hits) != 1 || hits[0].Version.PublishedBy == "" {
		t.Errorf("the query finds %+v", hits)
	}
}
