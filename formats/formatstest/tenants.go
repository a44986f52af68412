package formatstest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/ledger"
	"slipway/registry/upstreams"
)

// tenants: two callers of one repository that answers from others get what each of them may read, also where the other one's document was
// made a moment ago. To the one who may not read a member, nothing tells of it.
func (r Remotes) tenants(t *testing.T) {
	g := r.serverOf(t, false)
	for _, name := range []string{"hidden", "open", "more", "mirror", "all"} {
		g.repository(name)
	}
	g.remote("mirror", "a", g.a, upstreams.Settings{})
	for _, name := range []string{"hidden", "open", "more", "mirror"} {
		g.member("all", name, upstreams.Settings{})
	}
	g.published("hidden", "shared", "2.0.0")
	g.published("open", "shared", "1.0.0")
	g.published("more", "shared", "0.5.0")
	g.published("hidden", "secret", "1.0.0")
	theirs := r.Put(g.a, "secret", "1.0.0", "of a")
	owner := g.UserToken("olga", 0, grants([]access.Action{access.Read}, "all", "hidden", "open", "more", "mirror")...)
	other := g.UserToken("bert", 0, grants([]access.Action{access.Read}, "all", "open", "more", "mirror")...)
	for range 2 {
		for _, c := range []struct {
			as           As
			pkg, version string
			status       int
		}{
			{owner, "shared", "2.0.0", http.StatusOK}, {other, "shared", "2.0.0", http.StatusNotFound}, {other, "shared", "1.0.0", http.StatusOK},
			{owner, "secret", "1.0.0", http.StatusOK}, {other, "secret", "1.0.0", http.StatusNotFound},
		} {
			res := r.Get(func(q Request) Response {
				res := g.Do(c.as, q)
				if c.as == other && res.Status == http.StatusOK && bytes.Contains(res.Body, []byte("2.0.0")) {
					t.Errorf("%s has what is hidden: %s", q.Path, res.Body)
				}
				return res
			}, "all", c.pkg, c.version)
			if res.Status != c.status {
				t.Errorf("%s %s: %v, want %d", c.pkg, c.version, res, c.status)
			}
			if c.status == http.StatusNotFound && strings.Contains(string(res.Body), "hidden") {
				t.Errorf("%s tells of what is hidden: %v", c.pkg, res)
			}
		}
	}
	g.nothingExact("a hidden name", other, "all", "secret", "1.0.0", theirs)
	g.a.NeverAsked(t, "**secret**")

	actor := access.Actor{Type: access.TypeUser, ID: "2", Name: "bert", Grants: grants([]access.Action{access.Read}, "all", "open", "more", "mirror")}
	ctx := access.With(t.Context(), actor)
	list, err := g.Reader.Packages(ctx, "all", catalog.PackageQuery{})
	g.must(err)
	for _, p := range list {
		if p.Key == r.Key("secret") {
			t.Error("the list has a hidden name")
		}
	}
	events, _, err := g.Ledger.Events(ctx, ledger.EventQuery{After: -1})
	g.must(err)
	for _, e := range events {
		if strings.Contains(string(e.Data), "hidden") || strings.Contains(string(e.Data), "secret") {
			t.Errorf("an event of what is hidden: %s", e.Data)
		}
	}
	_, err = g.Reader.VersionDetail(ctx, g.named("all", "secret").At("1.0.0"))
	if registry.KindOf(err) != registry.NotFound || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a hidden version: %v", err)
	}
}

// promotedCached: a version that came from elsewhere becomes one of another repository. Readers of both get all other versions from elsewhere
// as before; the promoted one is the same bytes, stored once, and stays when the registry is gone.
func (r Remotes) promotedCached(t *testing.T) {
	g := r.server(t)
	for _, name := range []string{"p", "h", "hp", "ph"} {
		g.repository(name)
	}
	g.remote("p", "a", g.a, upstreams.Settings{})
	groups := map[string][]string{"hp": {"h", "p"}, "ph": {"p", "h"}}
	for name, members := range groups {
		for _, m := range members {
			g.member(name, m, upstreams.Settings{})
		}
	}
	one, two := r.Put(g.a, "example", "1.0.0", "of a"), r.Put(g.a, "example", "2.0.0", "of a")
	g.gets("before", "hp", "example", "1.0.0", one)
	at, tags := g.named("p", "example").At("1.0.0"), []string(nil)
	images := r.New().Rules().Images
	if images {
		at.Version, tags = "sha256:"+one.SHA256(), []string{"1.0.0"}
	}
	pkg, _, err := g.Upstreams.Promote(g.Admin, at, "h", tags)
	g.must(err)
	if pkg.Origin != metadata.OriginPromoted {
		t.Errorf("the origin is %q", pkg.Origin)
	}
	for name := range groups {
		g.gets("the promoted one through "+name, name, "example", "1.0.0", one)
		g.gets("another one through "+name, name, "example", "2.0.0", two)
	}
	three := r.Put(g.a, "example", "3.0.0", "of a")
	g.later(untilAgain)
	g.gets("a later one", "hp", "example", "3.0.0", three)
	g.gets("the promoted one alone", "h", "example", "1.0.0", one)
	if !images { // whose manifests are in rows
		g.must(g.Core.Store.View(g.Admin, func(tx metadata.Tx) error {
			b, err := registry.BlobByDigest(tx.Blobs(), digest.Digest(one.Digest()))
			if err != nil {
				return err
			}
			files, err := tx.Files().Files(metadata.FileQuery{BlobID: b.ID, Limit: 10})
			if len(files) != 2 {
				t.Errorf("%d files have the blob, want 2", len(files))
			}
			return err
		}))
	}
	g.a.On("**", upstreamtest.Status(http.StatusInternalServerError))
	for name := range groups {
		g.must(g.Upstreams.Remove(g.Admin, name, "p"))
		g.gets("without the mirror, through "+name, name, "example", "1.0.0", one)
	}
	g.gets("without the mirror", "h", "example", "1.0.0", one)
	g.MustFsck(t)
}
