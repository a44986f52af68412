package oci_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// TestRemoteNamespaces: a client of a mirror that says which registry it wants gets images of that one alone, of those that the repository has a
// name for; what is published here, or reserved, stays here. Another name is 404. Without such names "?ns=" chooses nothing.
func TestRemoteNamespaces(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	b := upstreamtest.New(t, upstreamtest.Options{})
	add := func(repository, name string, u *upstreamtest.Server, namespaces ...string) {
		t.Helper()
		_, err := m.Upstreams.Add(m.Admin, repository, upstreams.NewUpstream{Name: name, Type: metadata.UpstreamRemote, Format: "oci", URL: u.OCIURL(),
			Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}, Namespaces: namespaces}})
		must(t, err)
	}
	add("mirror", "b", b)
	ofA, ofB := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Text: "a"}), b.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Text: "b"})
	onlyB := b.OCI("team/tool", "1.0")
	ask := func(status int, path, ns string) formatstest.Response {
		t.Helper()
		res := m.get(path + "?ns=" + url.QueryEscape(ns))
		if res.Status != status {
			t.Errorf("%s of %s: %v, want %d", path, ns, res, status)
		}
		return res
	}
	m.same(ask(http.StatusOK, "team/app/manifests/1.0", "b.example.com"), ofA.Manifest) // no upstream has names yet
	m.later(time.Hour)

	m.set(func(v *upstreams.Settings) { v.Namespaces = []string{"A.example.com"} })
	hostB := b.Origin.Addr
	b.Reset()
	m.same(ask(http.StatusOK, "team/tool/manifests/1.0", hostB), onlyB.Manifest)
	if res := ask(http.StatusNotFound, "team/app/manifests/1.0", hostB); res.Header.Get("OCI-Namespace") != hostB {
		t.Errorf("the answer is of %q", res.Header.Get("OCI-Namespace"))
	}
	b.NeverAsked(t, "/v2/team/app/**") // the name came from the other one first, and the repository has one image of a name
	if res := ask(http.StatusOK, "team/app/manifests/1.0", "a.example.com"); res.Header.Get("OCI-Namespace") != "a.example.com" {
		t.Errorf("the answer is of %q", res.Header.Get("OCI-Namespace"))
	}
	m.same(ask(http.StatusOK, "team/app/blobs/"+ofA.Platforms["linux/amd64"].Config.Digest(), "a.example.com"), ofA.Platforms["linux/amd64"].Config)
	m.u.Reset()
	for _, path := range []string{"team/other/manifests/1.0", "team/app/manifests/1.0", "team/app/manifests/" + ofA.Digest, "team/app/tags/list"} {
		if res := ask(http.StatusNotFound, path, "elsewhere.example.com"); res.Header.Get("OCI-Namespace") != "" {
			t.Errorf("an unknown registry: %v", res.Header)
		}
	}
	ask(http.StatusNotFound, "team/tool/manifests/1.0", "a.example.com")
	m.u.Asked(t, 0, "", "/v2/team/other/**")
	b.Asked(t, 0, "", "/v2/team/other/**")

	// A repository for each registry, and one over them: equal names are different images.
	for name, u := range map[string]*upstreamtest.Server{"of-a": m.u, "of-b": b} {
		_, err := m.Core.CreateRepository(m.Admin, name, registry.RepositoryChange{})
		must(t, err)
		add(name, "up", u, name+".example.com")
	}
	m.Group("over", "main", "of-a", "of-b")
	through := func(ns, tag string) formatstest.Response {
		t.Helper()
		return m.call(m.as, http.MethodGet, "over/team/app/manifests/"+tag+"?ns="+ns, nil)
	}
	for range 2 {
		m.same(through("of-b.example.com", "1.0"), ofB.Manifest)
		m.same(through("of-a.example.com", "1.0"), ofA.Manifest)
	}
	if res := through("none.example.com", "1.0"); res.Status != http.StatusNotFound {
		t.Errorf("an unknown registry: %v", res)
	}
	two := b.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Text: "b again"})
	m.later(time.Hour)
	m.same(through("of-b.example.com", "1.0"), two.Manifest)
	m.same(through("of-a.example.com", "1.0"), ofA.Manifest)
	m.Claim("main", "oci", "team/**")
	m.u.Reset()
	b.Reset()
	if res := through("of-b.example.com", "1.0"); res.Status != http.StatusNotFound {
		t.Errorf("a reserved name: %v", res)
	}
	m.u.NeverAsked(t, "**")
	b.NeverAsked(t, "**")
	for _, bad := range []string{"", "https://a.example.com", "a b", "a/b", "user@host"} {
		_, err := m.Upstreams.Change(m.Admin, "mirror", "up", func(v upstreams.Settings) (upstreams.Settings, error) {
			return m.Upstreams.ParseSettings(v, []byte(`{"namespaces":["`+bad+`"]}`))
		})
		if registry.KindOf(err) != registry.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	m.as = m.token("*", access.Read)
	m.MustFsck(t)
}
