package formatstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// Remotes is what RunRemotes needs of a format.
type Remotes struct {
	New func() formats.Format
	// URL is the address of the format's registry at a server.
	URL func(u *upstreamtest.Server) string
	// Put publishes a version there, whose bytes depend on the seed, and returns the file that Get fetches.
	Put func(u *upstreamtest.Server, pkg, version, seed string) *upstreamtest.File
	// Get fetches a file of a version as the format's clients do, through the documents that they read; ask sends one request.
	Get func(ask func(q Request) Response, repository, pkg, version string) Response
	// Exact fetches it by what a lock file says; "" is a format without one, whose clients do as Get does.
	Exact func(repository, pkg, version string, f *upstreamtest.File) Request
	// Publish are the requests that publish a version here; the last one makes it visible.
	Publish func(repository, pkg, version string) []Request
	// Listed reports whether the document of a package names a version, so that a version which it does not name is not fetched.
	Lists bool
	// Files reports whether registries of the format tell of files only, so that nothing says which versions of a package they have.
	Files bool
	// Key is the name by which a package is known here.
	Key func(pkg string) string
	// Settings of repositories that versions are published to.
	Settings map[string]any
}

// RunRemotes checks the rules about which place a name comes from.
func RunRemotes(t *testing.T, r Remotes) {
	t.Run("37", r.sticky)
	t.Run("37 merged", r.stickyMerged)
	t.Run("37 in a group", r.stickyGroup)
	t.Run("35", r.shadowed)
	t.Run("moved away", r.moved)
	t.Run("28", r.broken)
	t.Run("31", r.owned)
	t.Run("32", r.claimed)
	t.Run("33", r.unreadable)
	t.Run("34", r.overCached)
	t.Run("owners", r.owners)
	t.Run("owners unseen", r.ownersUnseen)
	t.Run("owners later", r.ownersLater)
	t.Run("owners with other bytes", r.ownersOther)
	t.Run("38", r.ownersDown)
	t.Run("36", r.promotedCached)
	t.Run("2.1", r.strictOrder)
	t.Run("39", r.failing)
	t.Run("5.7", r.kept)
	t.Run("40", r.tenants)
	t.Run("resolution", r.explained)
	t.Run("45", r.deniedElsewhere)
	t.Run("46 audit", r.audited)
	if r.Lists { // the others have no times of versions, or one for each file
		t.Run("42", r.firstUse)
		t.Run("46", r.exempted)
	}
}

// guarded is a server with two registries of the format elsewhere, "a" and "b".
type guarded struct {
	*Server
	t     *testing.T
	r     Remotes
	clock *Clock
	a, b  *upstreamtest.Server
	as    As
}

func (r Remotes) server(t *testing.T) *guarded {
	t.Helper()
	return r.serverOf(t, true)
}

// serverOf is server, which callers without credentials may read or not.
func (r Remotes) serverOf(t *testing.T, anonymous bool) *guarded {
	t.Helper()
	g := &guarded{t: t, r: r, clock: NewClock(), a: upstreamtest.New(t, upstreamtest.Options{}), b: upstreamtest.New(t, upstreamtest.Options{})}
	g.Server = NewServer(t, Options{AnonymousRead: anonymous, Core: []registrytest.Option{g.clock.Option()}}, r.New())
	g.later(0)
	return g
}

// later moves the clock.
func (g *guarded) later(d time.Duration) {
	g.clock.Later(d)
	g.as = As(g.Token("*", access.Read, access.Publish))
}

// repository makes a repository.
func (g *guarded) repository(name string) {
	g.t.Helper()
	_, err := g.Core.CreateRepository(g.Admin, name, registry.RepositoryChange{Settings: g.r.Settings})
	g.must(err)
}

// remote adds a registry to a repository, under a name.
func (g *guarded) remote(repository, name string, u *upstreamtest.Server, settings upstreams.Settings) {
	g.t.Helper()
	settings.Redirects = []string{"127.0.0.1"}
	_, err := g.Upstreams.Add(g.Admin, repository, upstreams.NewUpstream{Name: name, Type: metadata.UpstreamRemote, Format: g.r.New().Name(), URL: g.r.URL(u), Settings: settings})
	g.must(err)
}

// member adds a repository to another one.
func (g *guarded) member(repository, name string, settings upstreams.Settings) {
	g.t.Helper()
	_, err := g.Upstreams.Add(g.Admin, repository, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name, Settings: settings})
	g.must(err)
}

// get fetches a version as clients do.
func (g *guarded) get(as As, repository, pkg, version string) Response {
	g.t.Helper()
	return g.r.Get(func(q Request) Response { return g.Do(as, q) }, repository, pkg, version)
}

// gets fetches a version that must be there with the bytes of a file.
func (g *guarded) gets(what, repository, pkg, version string, want *upstreamtest.File) {
	g.t.Helper()
	g.has(what, g.get(g.as, repository, pkg, version), want)
}

func (g *guarded) has(what string, res Response, want *upstreamtest.File) {
	g.t.Helper()
	if sum := sha256.Sum256(res.Body); res.Status != http.StatusOK || hex.EncodeToString(sum[:]) != want.SHA256() {
		g.t.Errorf("%s: %v, want %s", what, res, want.Path)
	}
}

// fails fetches a version that must not be there.
func (g *guarded) fails(what string, status int, repository, pkg, version string) Response {
	g.t.Helper()
	res := g.get(g.as, repository, pkg, version)
	if res.Status != status {
		g.t.Errorf("%s: %v, want %d", what, res, status)
	}
	return res
}

// publish publishes a version here.
func (g *guarded) publish(repository, pkg, version string) Response {
	g.t.Helper()
	var last Response
	for _, q := range g.r.Publish(repository, pkg, version) {
		last = g.Do(g.as, q)
	}
	return last
}

// published publishes one that must be taken.
func (g *guarded) published(repository, pkg, version string) {
	g.t.Helper()
	if res := g.publish(repository, pkg, version); res.Status >= http.StatusMultipleChoices {
		g.t.Fatalf("publish %s %s to %s: %v", pkg, version, repository, res)
	}
}

// told waits for an event of a type, and returns all of them.
func (g *guarded) told(kind registry.EventType, n int) []registry.EventData {
	g.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		list, _, err := g.Ledger.Events(g.Admin, ledger.EventQuery{After: -1, Types: []string{kind.String()}})
		g.must(err)
		if len(list) < n && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
			continue
		}
		var out []registry.EventData
		for _, e := range list {
			var d registry.EventData
			g.must(json.Unmarshal(e.Data, &d))
			out = append(out, d)
		}
		if len(out) != n {
			g.t.Errorf("%s: %d events, want %d", kind, len(out), n)
		}
		return out
	}
}

// sticky: a name stays with the remote that it first came from, whatever others begin to have and in whichever order they are.
func (r Remotes) sticky(t *testing.T) {
	g := r.server(t)
	g.repository("mirror")
	first := upstreams.Settings{Mode: upstreams.First}
	g.remote("mirror", "a", g.a, first)
	g.remote("mirror", "b", g.b, first)
	one := r.Put(g.b, "example", "1.0.0", "of b")
	g.gets("the only one", "mirror", "example", "1.0.0", one)

	r.Put(g.a, "example", "1.0.0", "of a")
	r.Put(g.a, "example", "9.0.0", "of a")
	two := r.Put(g.b, "example", "2.0.0", "of b")
	g.later(2 * time.Hour)
	g.a.Reset()
	g.gets("a new version", "mirror", "example", "2.0.0", two)
	g.gets("what came before", "mirror", "example", "1.0.0", one)
	g.fails("what only the other one has", http.StatusNotFound, "mirror", "example", "9.0.0")
	events := g.told(registry.EventNameContested, 1)
	if len(events) > 0 && (events[0].Upstream.Name != "a" || events[0].Repository != "mirror" || events[0].Package == "") {
		t.Errorf("the event is %+v", events[0])
	}
	for _, q := range g.a.Matching(http.MethodGet, "**") {
		if strings.Contains(q.Path, "9.0.0") {
			t.Errorf("the other one was asked for %s", q.Path)
		}
	}

	g.must(g.Upstreams.Order(g.Admin, "mirror", []string{"b", "a"}))
	g.gets("after a change of the order", "mirror", "example", "1.0.0", one)
	g.must(g.Upstreams.Order(g.Admin, "mirror", []string{"a", "b"}))
	g.gets("after another one", "mirror", "example", "1.0.0", one)
	if r.Exact != nil {
		g.has("by a lock file", g.Do(g.as, r.Exact("mirror", "example", "1.0.0", one)), one)
	}
	g.must(g.Upstreams.SetOrigin(g.Admin, g.named("mirror", "example"), upstreams.Origin{Origin: upstreams.OriginUpstream, Upstream: "a", Reason: "it moved"}))
	nine := r.Put(g.a, "example", "9.0.0", "of a")
	g.later(2 * time.Hour)
	g.gets("once it was moved", "mirror", "example", "9.0.0", nine)
	g.must(g.Upstreams.ClearOrigin(g.Admin, g.named("mirror", "example")))
	three := r.Put(g.b, "example", "3.0.0", "of b")
	g.later(2 * time.Hour)
	g.gets("once it was moved back", "mirror", "example", "3.0.0", three)
	g.must(g.Upstreams.Remove(g.Admin, "mirror", "b"))
	ten := r.Put(g.a, "example", "10.0.0", "of a")
	g.later(2 * time.Hour)
	g.gets("once the remote is removed", "mirror", "example", "10.0.0", ten)
	g.MustFsck(t)
}

// stickyMerged: where all remotes answer together, a version that several have comes from the one that the name first came from.
func (r Remotes) stickyMerged(t *testing.T) {
	g := r.server(t)
	g.repository("mirror")
	for name, u := range map[string]*upstreamtest.Server{"a": g.a, "b": g.b} {
		g.remote("mirror", name, u, upstreams.Settings{Mode: upstreams.Merge})
	}
	g.must(g.Upstreams.Order(g.Admin, "mirror", []string{"a", "b"}))
	one := r.Put(g.b, "example", "1.0.0", "of b")
	g.gets("the only one", "mirror", "example", "1.0.0", one)
	r.Put(g.a, "example", "1.0.0", "of a")
	two := r.Put(g.a, "example", "2.0.0", "of a")
	r.Put(g.a, "example", "3.0.0", "of a")
	three := r.Put(g.b, "example", "3.0.0", "of b")
	g.later(2 * time.Hour)
	g.gets("what came before", "mirror", "example", "1.0.0", one)
	g.gets("what only the other one has", "mirror", "example", "2.0.0", two)
	g.gets("what both have", "mirror", "example", "3.0.0", three)
}

// stickyGroup: in a repository that answers from mirrors, a name stays with the mirror from which its readers first got it; what readers of a
// mirror get from it by itself decides nothing for others.
func (r Remotes) stickyGroup(t *testing.T) {
	g := r.server(t)
	first := upstreams.Settings{Mode: upstreams.First}
	for name, u := range map[string]*upstreamtest.Server{"pa": g.a, "pb": g.b} {
		g.repository(name)
		g.remote(name, "remote", u, first)
	}
	g.repository("all")
	g.member("all", "pa", first)
	g.member("all", "pb", first)
	one := r.Put(g.b, "example", "1.0.0", "of b")
	g.gets("the only one", "all", "example", "1.0.0", one)
	r.Put(g.a, "example", "1.0.0", "of a")
	g.later(2 * time.Hour)
	g.gets("after the first began to have it", "all", "example", "1.0.0", one)
	g.must(g.Upstreams.SetOrigin(g.Admin, g.named("all", "example"), upstreams.Origin{Origin: upstreams.OriginUpstream, Upstream: "pa", Reason: "it moved"}))
	four := r.Put(g.a, "example", "4.0.0", "of a")
	g.later(2 * time.Hour)
	g.gets("once it was moved to a member", "all", "example", "4.0.0", four)

	mine := r.Put(g.a, "other", "1.0.0", "of a")
	theirs := r.Put(g.b, "other", "1.0.0", "of b")
	g.gets("the second by itself", "pb", "other", "1.0.0", theirs)
	g.gets("what others got decides nothing", "all", "other", "1.0.0", mine)

	late := r.Put(g.b, "late", "1.0.0", "of b")
	g.gets("the second by itself", "pb", "late", "1.0.0", late)
	g.gets("what is here already", "all", "late", "1.0.0", late)
	r.Put(g.a, "late", "1.0.0", "of a")
	g.later(2 * time.Hour)
	g.gets("it stays where it was found", "all", "late", "1.0.0", late)
}

// named is a package here.
func (g *guarded) named(repository, pkg string) registry.Name {
	return registry.Name{Repository: repository, Format: g.r.New().Name(), Package: g.r.Key(pkg), Display: g.r.Key(pkg)}
}

// shadowed: what is published into a member is all that readers of a group get of the name from then on, and the event names those who got it
// from elsewhere in the last 30 days.
func (r Remotes) shadowed(t *testing.T) {
	g := r.server(t)
	for _, name := range []string{"here", "mirror", "all"} {
		g.repository(name)
	}
	g.remote("mirror", "a", g.a, upstreams.Settings{})
	g.member("all", "mirror", upstreams.Settings{})
	g.member("all", "here", upstreams.Settings{})
	one := r.Put(g.a, "example", "1.0.0", "of a")
	caller := func(name string) As {
		return g.UserToken(name, 0, access.Grant{Repository: "*", Actions: []access.Action{access.Read}})
	}
	g.has("long ago", g.get(caller("olga"), "all", "example", "1.0.0"), one)
	g.later(31 * 24 * time.Hour)
	g.has("from elsewhere", g.get(caller("ulla"), "all", "example", "1.0.0"), one)
	g.has("again", g.get(caller("vera"), "all", "example", "1.0.0"), one)
	g.until(func() bool {
		n := 0
		g.must(g.Core.Store.View(g.Admin, func(tx metadata.Tx) error {
			all, err := g.Core.Repository(g.Admin, "all")
			if err != nil {
				return err
			}
			list, err := tx.Names().NameUses(all.ID, r.New().Name(), r.Key("example"), g.clock.Now().Add(-24*time.Hour), 0)
			n = len(list)
			return err
		}))
		return n == 2
	})
	g.published("here", "example", "2.0.0")
	g.published("here", "example", "3.0.0")
	events := g.told(registry.EventNameShadowed, 1)
	if len(events) > 0 && (events[0].Repository != "here" || len(events[0].Callers) != 2 || !strings.Contains(events[0].Callers[0], "ulla") || !strings.Contains(events[0].Callers[1], "vera")) {
		t.Errorf("the event is %+v", events[0])
	}
	g.a.Reset()
	if res := g.get(g.as, "all", "example", "2.0.0"); res.Status != http.StatusOK {
		t.Errorf("what is published: %v", res)
	}
	g.fails("what came from elsewhere", http.StatusNotFound, "all", "example", "1.0.0")
	g.a.NeverAsked(t, "**")
	g.published("here", "unseen", "1.0.0")
	g.told(registry.EventNameShadowed, 1)
	g.MustFsck(t)
}

// moved: a published name that an administrator has come from registries elsewhere is not published any more, and their files enter. What was
// published is in no document, and is served by its exact version.
func (r Remotes) moved(t *testing.T) {
	g := r.server(t)
	g.repository("mirror")
	g.remote("mirror", "a", g.a, upstreams.Settings{Mode: upstreams.Merge})
	g.published("mirror", "example", "1.0.0")
	two := r.Put(g.a, "example", "2.0.0", "of a")
	at := g.named("mirror", "example")
	away := upstreams.Origin{Origin: upstreams.OriginUpstream, Upstream: "absent", Reason: "it moved"}
	if err := g.Upstreams.SetOrigin(g.Admin, at, away); registry.KindOf(err) != registry.Invalid {
		t.Errorf("an upstream that is not there: %v", err)
	}
	away.Upstream = "a"
	var exact Request // asks for what a lock file names
	before := r.Get(func(q Request) Response { exact = q; return g.Do(g.as, q) }, "mirror", "example", "1.0.0")
	if r.Exact != nil && !r.Lists {
		exact = r.Exact("mirror", "example", "1.0.0", g.b.Raw("published", before.Body))
	}
	g.must(g.Upstreams.SetOrigin(g.Admin, at, away))
	if res := g.publish("mirror", "example", "3.0.0"); res.Status != http.StatusForbidden {
		t.Errorf("published all the same: %v", res)
	}
	g.later(2 * time.Hour)
	g.gets("from elsewhere", "mirror", "example", "2.0.0", two)
	published := func(what string, res Response) {
		if res.Status != http.StatusOK || !bytes.Equal(res.Body, before.Body) {
			t.Errorf("%s: %v", what, res)
		}
	}
	published("what was published, by its exact version", g.Do(g.as, exact))
	if !r.Files {
		g.fails("what was published, by documents", http.StatusNotFound, "mirror", "example", "1.0.0")
	}
	if r.Lists {
		r.Put(g.a, "example", "1.0.0", "of a")
		g.later(2 * time.Hour)
		published("what both have", g.get(g.as, "mirror", "example", "1.0.0"))
	}
	g.must(g.Upstreams.ClearOrigin(g.Admin, at))
	g.published("mirror", "example", "3.0.0")
	g.MustFsck(t)
}

// until waits until something is so.
func (g *guarded) until(is func() bool) {
	g.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatal("it took too long")
		}
	}
}
