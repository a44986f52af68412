package formatstest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// untilAgain is a time after which remotes are asked anew, whatever they said before.
const untilAgain = 2 * time.Hour

// ownersScene is a repository with the registries "a" and "b", of which b owns names and is the last one in the list.
func (r Remotes) ownersScene(t *testing.T) *guarded {
	g := r.server(t)
	g.repository("mirror")
	g.remote("mirror", "a", g.a, upstreams.Settings{})
	g.remote("mirror", "b", g.b, upstreams.Settings{Owns: true})
	return g
}

// owners: a name that a remote has which owns names comes from nowhere else, and is not published here; other names do come from elsewhere.
func (r Remotes) owners(t *testing.T) {
	g, format := r.ownersScene(t), r.New().Name()
	r.Put(g.a, "ours", "9.0.0", "of a")
	r.Put(g.a, "ours", "1.0.0", "of a")
	ours := r.Put(g.b, "ours", "1.0.0", "of b")
	g.gets("ours", "mirror", "ours", "1.0.0", ours)
	g.fails("what only the other one has", http.StatusNotFound, "mirror", "ours", "9.0.0")
	if res := g.publish("mirror", "ours", "1.0.0"); res.Status != http.StatusForbidden {
		t.Errorf("published all the same: %v", res)
	}
	g.repository("team")
	g.published("team", "ours", "3.0.0")
	if _, _, err := g.Upstreams.Promote(g.Admin, g.named("team", "ours").At("3.0.0"), "mirror", nil); format != "oci" && (registry.KindOf(err) != registry.Denied || err == nil) {
		t.Errorf("promoted all the same: %v", err)
	}
	g.a.NeverAsked(t, "**")

	theirs := r.Put(g.a, "theirs", "1.0.0", "of a")
	g.gets("theirs", "mirror", "theirs", "1.0.0", theirs)
	g.published("mirror", "fresh", "1.0.0")
	g.must(g.Upstreams.SetOrigin(g.Admin, g.named("mirror", "ours"), upstreams.Origin{Origin: upstreams.OriginBoth, Reason: "we patch it"}))
	g.published("mirror", "ours", "5.0.0")
	g.MustFsck(t)
}

// ownersUnseen: a caller who may not read the member that has the owner of a name is refused its publish, and is not told the owner's name.
func (r Remotes) ownersUnseen(t *testing.T) {
	g := r.server(t)
	for _, name := range []string{"member", "all"} {
		g.repository(name)
	}
	g.remote("member", "vault", g.b, upstreams.Settings{Owns: true})
	g.member("all", "member", upstreams.Settings{})
	r.Put(g.b, "ours", "1.0.0", "of b")
	actions := []access.Action{access.Read, access.Publish}
	for who, c := range map[string]struct {
		repositories []string
		told         bool
	}{"reads": {[]string{"all", "member"}, true}, "stranger": {[]string{"all"}, false}} {
		g.as = g.UserToken(who, 0, grants(actions, c.repositories...)...)
		if res := g.publish("all", "ours", "1.0.0"); res.Status != http.StatusForbidden || strings.Contains(string(res.Body)+res.Reason, "upstream vault") != c.told {
			t.Errorf("%s: %v", who, res)
		}
	}
}

// ownersLater: a name that came from elsewhere is the owner's as soon as that has it. What came before is delivered no more.
func (r Remotes) ownersLater(t *testing.T) {
	g := r.ownersScene(t)
	before := r.Put(g.a, "late", "1.5.0", "of a")
	g.gets("before", "mirror", "late", "1.5.0", before)
	after := r.Put(g.b, "late", "2.0.0", "of b")
	g.later(untilAgain)
	g.a.Reset()
	g.gets("after", "mirror", "late", "2.0.0", after)
	if r.Files {
		return // of a version that its owner does not have, it says nothing
	}
	g.fails("what came before", http.StatusNotFound, "mirror", "late", "1.5.0")
	if r.Exact != nil {
		if res := g.Do(g.as, r.Exact("mirror", "late", "1.5.0", before)); res.Status != http.StatusNotFound {
			t.Errorf("what came before, by a lock file: %v", res)
		}
	}
	g.a.NeverAsked(t, "**")
}

// ownersOther: of a file that came from elsewhere before, the owner's bytes are refused, as bytes never change under a name, until an administrator
// takes them by the command that the refusal names, or refuses them.
func (r Remotes) ownersOther(t *testing.T) {
	format := r.New().Name()
	if format == "oci" || format == "raw" {
		return // what is named by its digest has no other bytes, and the file of raw's suite may change: raw_test.TestOwnersOther
	}
	g := r.ownersScene(t)
	theirs := map[string]*upstreamtest.File{}
	for _, name := range []string{"taken", "refused"} {
		before := r.Put(g.a, name, "1.0.0", "of a")
		g.gets("before", "mirror", name, "1.0.0", before)
		theirs[name] = r.Put(g.b, name, "1.0.0", "of b, and longer")
	}
	g.later(untilAgain)
	g.a.Reset()
	for range 2 {
		g.fails("other bytes", http.StatusBadGateway, "mirror", "taken", "1.0.0")
	}
	refusal := g.fails("other bytes", http.StatusBadGateway, "mirror", "refused", "1.0.0")
	g.told(registry.EventUpstreamMutated, 2)
	for name, do := range map[string]func(registry.Coordinate, string) error{
		"taken":   func(at registry.Coordinate, path string) error { return g.Upstreams.Accept(g.Admin, at, path) },
		"refused": func(at registry.Coordinate, path string) error { return g.Upstreams.Deny(g.Admin, at, path) },
	} {
		_, command, found := strings.Cut(string(g.fails("other bytes", http.StatusBadGateway, "mirror", name, "1.0.0").Body), "slipway cache accept mirror "+format+" ")
		words := strings.Fields(command)
		if !found || len(words) < 3 || words[1] != "1.0.0" {
			t.Fatalf("the refusal does not say what to do: %v", refusal)
		}
		at, err := g.Core.Rules.NameOf("mirror", format, words[0])
		g.must(err)
		g.must(do(at.At(words[1]), words[2]))
	}
	g.gets("what was taken", "mirror", "taken", "1.0.0", theirs["taken"])
	refusal = g.fails("what was refused", http.StatusBadGateway, "mirror", "refused", "1.0.0")
	if text := string(refusal.Body); strings.Contains(text, "cache accept") || !strings.Contains(text, "slipway version rm mirror "+format+" ") {
		t.Errorf("what was refused is offered all the same: %v", refusal)
	}
	g.told(registry.EventUpstreamMutated, 2)
	g.a.NeverAsked(t, "**")
	g.MustFsck(t)
}

// ownersDown: while the owner can't answer, what entered is served as it was, all else is unavailable, and no other remote is asked.
func (r Remotes) ownersDown(t *testing.T) {
	g := r.ownersScene(t)
	old := r.Put(g.a, "old", "1.0.0", "of a")
	ours := r.Put(g.b, "ours", "1.0.0", "of b")
	g.gets("before", "mirror", "old", "1.0.0", old)
	g.gets("before", "mirror", "ours", "1.0.0", ours)
	newer := r.Put(g.a, "old", "2.0.0", "of a")
	fresh := r.Put(g.a, "fresh", "1.0.0", "of a")
	silent := g.b.On("**", upstreamtest.Status(http.StatusInternalServerError))
	g.later(untilAgain)
	g.a.Reset()
	g.gets("what entered from elsewhere", "mirror", "old", "1.0.0", old)
	g.gets("what entered from the owner", "mirror", "ours", "1.0.0", ours)
	g.fails("what nobody got", http.StatusServiceUnavailable, "mirror", "fresh", "1.0.0")
	if exact := r.Exact; exact != nil {
		g.has("what entered, by a lock file", g.Do(g.as, exact("mirror", "old", "1.0.0", old)), old)
		if res := g.Do(g.as, exact("mirror", "old", "2.0.0", newer)); res.Status != http.StatusServiceUnavailable {
			t.Errorf("a newer version, by a lock file: %v", res)
		}
	}
	if res := g.get(g.as, "mirror", "old", "2.0.0"); res.Status != http.StatusServiceUnavailable && !(r.Lists && res.Status == http.StatusNotFound) {
		t.Errorf("a newer version: %v", res)
	}
	if res := g.publish("mirror", "unknown", "1.0.0"); res.Status != http.StatusServiceUnavailable {
		t.Errorf("published without knowing whose it is: %v", res)
	}
	g.a.NeverAsked(t, "**")
	silent.Stop()
	g.later(untilAgain)
	g.gets("once it answers", "mirror", "fresh", "1.0.0", fresh)
	g.gets("once it answers", "mirror", "old", "2.0.0", newer)
}

// failing: while a place can't answer, names that it may have come from no later one, unless its settings say so.
func (r Remotes) failing(t *testing.T) {
	g := r.server(t)
	for name, u := range map[string]*upstreamtest.Server{"pa": g.a, "pb": g.b} {
		g.repository(name)
		g.remote(name, "remote", u, upstreams.Settings{})
	}
	g.repository("all")
	g.member("all", "pa", upstreams.Settings{})
	g.member("all", "pb", upstreams.Settings{})
	one := r.Put(g.b, "example", "1.0.0", "of b")
	silent := g.a.On("**", upstreamtest.Status(http.StatusInternalServerError))
	g.fails("by default", http.StatusServiceUnavailable, "all", "example", "1.0.0")
	if r.Exact != nil && !r.Lists { // an image by its digest may come from any place
		pinned := r.Put(g.b, "pinned", "1.0.0", "of b")
		g.has("by its digest", g.Do(g.as, r.Exact("all", "pinned", "1.0.0", pinned)), pinned)
	} else {
		g.b.NeverAsked(t, "**")
	}

	_, err := g.Upstreams.Change(g.Admin, "all", "pa", func(v upstreams.Settings) (upstreams.Settings, error) {
		v.OnFailure = upstreams.FailureSkip
		return v, nil
	})
	g.must(err)
	g.later(untilAgain)
	res := g.get(g.as, "all", "example", "1.0.0")
	g.has("with skip", res, one)
	if status := res.Header.Get("Cache-Status"); !strings.HasSuffix(status, `; detail="without remote"`) {
		t.Errorf("with skip, Cache-Status: %s", status)
	}
	g.fails("what no other place has", http.StatusServiceUnavailable, "all", "absent", "1.0.0")
	silent.Stop()
	g.later(untilAgain)
	g.fails("once all answer", http.StatusNotFound, "all", "absent", "1.0.0")
}
