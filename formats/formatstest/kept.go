package formatstest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/policy"
	"slipway/registry/upstreams"
)

// What clients are told about keeping documents.
const (
	asksAgain       = "private, no-cache"
	asksAgainShared = "no-cache" // without credentials
)

// keeps fails the test unless the document that leads to a version says one of these about keeping it.
func (g *guarded) keeps(what string, as As, repository, pkg, version string, want ...string) {
	g.t.Helper()
	said, asked := "", false
	g.r.Get(func(q Request) Response {
		res := g.Do(as, q)
		if !asked {
			said, asked = res.Header.Get("Cache-Control"), true
			if res.Status != http.StatusOK {
				g.t.Errorf("%s: %v", what, res)
			}
		}
		return res
	}, repository, pkg, version)
	if !slices.Contains(want, said) {
		g.t.Errorf("%s: Cache-Control %q, want %q", what, said, want)
	}
}

// kept: clients keep a document that is made of copies from elsewhere alone for as long as these are taken to be right, 300 s at most; shared
// caches keep none. What has something that is published here, or an old copy, they ask for again each time.
func (r Remotes) kept(t *testing.T) {
	g := r.server(t)
	for _, name := range []string{"mirror", "here", "all"} {
		g.repository(name)
	}
	// Nothing is asked for behind an answer: that could fail after the registry was mended, and count from then.
	ttl, behind := upstreams.Duration(10*time.Minute), upstreams.Duration(0)
	g.remote("mirror", "a", g.a, upstreams.Settings{TTL: &ttl, StaleWhileRevalidate: &behind, Mode: upstreams.Merge})
	g.member("all", "here", upstreams.Settings{Mode: upstreams.Merge})
	g.member("all", "mirror", upstreams.Settings{Mode: upstreams.Merge})
	r.Put(g.a, "example", "1.0.0", "of a")
	for _, repository := range []string{"mirror", "all"} {
		g.keeps("new, "+repository, g.as, repository, "example", "1.0.0", "private, max-age=300")
		g.keeps("anonymous, "+repository, Anonymous, repository, "example", "1.0.0", "private, max-age=300")
	}
	g.later(9 * time.Minute)
	g.keeps("a minute is left", g.as, "all", "example", "1.0.0", "private, max-age=60", "private, max-age=59")
	silent := g.a.On("**", upstreamtest.Status(http.StatusInternalServerError))
	g.later(2 * time.Minute)
	g.keeps("an old copy", g.as, "all", "example", "1.0.0", asksAgain)
	g.keeps("an old copy, anonymous", Anonymous, "all", "example", "1.0.0", asksAgainShared)
	silent.Stop()
	g.later(untilAgain)
	g.keeps("asked again", g.as, "all", "example", "1.0.0", "private, max-age=300")

	ours, oursShared := asksAgain, asksAgainShared
	if r.Files { // the document is the file, whose bytes can't change
		ours = "private, max-age=86400, immutable"
		oursShared = ours
	}
	g.published("here", "ours", "1.0.0")
	g.keeps("published here", g.as, "all", "ours", "1.0.0", ours)
	g.keeps("published here, anonymous", Anonymous, "all", "ours", "1.0.0", oursShared)
	r.Put(g.a, "both", "1.0.0", "of a")
	g.published("here", "both", "2.0.0")
	g.must(g.Upstreams.SetOrigin(g.Admin, g.named("all", "both"), upstreams.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	g.keeps("from here and elsewhere, what is here", g.as, "all", "both", "2.0.0", ours)
	g.keeps("from here and elsewhere, what is not", g.as, "all", "both", "1.0.0", asksAgain)
	g.keeps("elsewhere by itself", g.as, "mirror", "both", "1.0.0", "private, max-age=300")

	if r.Files {
		return // their registries say nothing of times, and rules are about whole files
	}
	g.a.On("**", upstreamtest.SetHeader("Cache-Control", "max-age=30"))
	r.Put(g.a, "short", "1.0.0", "of a")
	g.keeps("the registry says less", g.as, "all", "short", "1.0.0", "private, max-age=30")
	g.a.Mend()
	if r.Lists {
		g.AddRule(metadata.Rule{Action: policy.Hide, Match: "pkg:" + r.New().Rules().PURLType + "/*@0.5.0", ExpiresAt: g.clock.Now().Add(100 * time.Second)})
		r.Put(g.a, "ruled", "0.5.0", "of a")
		r.Put(g.a, "ruled", "1.0.0", "of a")
		g.keeps("a rule that ends", g.as, "all", "ruled", "1.0.0", "private, max-age=100", "private, max-age=99")
	}
}
