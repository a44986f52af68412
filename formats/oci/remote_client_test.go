package oci_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// elsewhere is a second server of this kind, whose repository "team" the repository "mirror" of s answers from, with a user's credentials.
// What is pushed to it is then pulled through s. gate stands between the two.
func elsewhere(t *testing.T, s *server) (there *server, gate *httptest.Server) {
	t.Helper()
	there = newServer(t, formatstest.Options{Local: true})
	if _, err := there.Core.CreateRepository(there.Admin, "team", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(there.URL)
	must(t, err)
	gate = httptest.NewServer(httputil.NewSingleHostReverseProxy(to))
	t.Cleanup(gate.Close)
	if _, err := s.Core.CreateRepository(s.Admin, "mirror", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Upstreams.Add(s.Admin, "mirror", upstreams.NewUpstream{Type: metadata.UpstreamRemote, Format: "oci", URL: gate.URL + "/v2/team/",
		Settings: upstreams.Settings{Auth: upstreams.Auth{Type: upstreams.AuthBasic, User: "ci", Secret: upstreams.NewSecret(string(there.token("team", access.Read)))}}})
	must(t, err)
	return there, gate
}

// TestClientsMirror: the tools pull images of one and of several platforms through a repository that answers from a registry elsewhere:
// for the first time, and again while that registry is down. Digests are those of the registry, whose address no answer names.
func TestClientsMirror(t *testing.T) {
	t.Parallel()
	u := upstreamtest.New(t, upstreamtest.Options{})
	u.RequireToken("", "")
	u.OCIRedirect(true)
	s := newServer(t, formatstest.Options{Local: true, Wrap: formatstest.NoLeaks(t, u.Origin.Addr, u.CDN.Addr).Wrap})
	s.Remote("mirror", "oci", u.OCIURL())
	many := u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64", "linux/arm/v7"}, Layers: []int64{5 << 20}})
	one := u.OCIImage("team/tool", "2.0", upstreamtest.ImageSpec{Docker: true})
	u.OCIAttach("team/app", many.Digest, "application/spdx+json", []byte(`{"sbom":true}`))
	m := newMachine(t, s)
	m.login(string(s.token("*", access.Read, access.Publish)))
	m.records("skopeo", "copy --all of an image elsewhere", "--version")
	m.records("crane", "digest, validate --remote, ls of an image elsewhere", "version")
	m.records("regctl", "image copy --referrers of an image elsewhere", "version")
	m.records("oras", "discover of an image elsewhere", "version")
	m.ok("regctl", "registry", "set", "--tls", "disabled", s.Addr)
	app, tool := s.Addr+"/mirror/team/app", s.Addr+"/mirror/team/tool"
	for _, when := range []string{"cold", "down"} {
		if when == "down" {
			u.Origin.Down()
			u.CDN.Down()
		}
		for ref, want := range map[string]string{app + ":1.0": many.Digest, tool + ":2.0": one.Digest} {
			if got := m.ok("crane", "digest", ref); got != want {
				t.Errorf("%s: the digest of %s is %s, want %s", when, ref, got, want)
			}
			m.ok("crane", "validate", "--remote", ref)
			dir := "dir:" + filepath.Join(m.home, when+want[7:15])
			m.ok("skopeo", m.skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", "docker://"+ref, dir)...)
		}
		m.ok("regctl", "image", "copy", "--referrers", app+":1.0", s.Addr+"/other/"+when+":1.0")
		if got := m.ok("regctl", "artifact", "list", s.Addr+"/other/"+when+":1.0", "--format", "{{len .Descriptors}}"); got != "1" {
			t.Errorf("%s: %s referrers", when, got)
		}
		if got := m.ok("oras", "discover", app+":1.0", "--format", "json", "--plain-http"); !strings.Contains(got, "application/spdx+json") {
			t.Errorf("%s: referrers: %s", when, got)
		}
		if got := m.ok("crane", "ls", app); got != "1.0" {
			t.Errorf("%s: tags: %s", when, got)
		}
	}
	u.AskedOnce(t, http.MethodGet, many.Manifest.Path)
	m.fails("UNAVAILABLE|can't be asked", "crane", "digest", app+":9")
	s.MustFsck(t)
}

// TestClientsMirrorOfSlipway: the same through another server of this kind, which wants credentials: podman pulls, and buildah once that
// server is gone.
func TestClientsMirrorOfSlipway(t *testing.T) {
	t.Parallel()
	s := newServer(t, formatstest.Options{Local: true})
	there, gate := elsewhere(t, s)
	layers := there.image("team/app", `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}`)
	there.push("team/app", "1.0", layers)
	m := newMachine(t, there)
	m.publisher()
	m.ok("crane", "append", "-b", there.Addr+"/team/app:1.0", "-f", m.layer("one", strings.Repeat("one", 500_000)), "-t", there.Addr+"/team/app:1.1")
	d := m.ok("crane", "digest", there.Addr+"/team/app:1.1")
	m.s = s
	m.login(string(s.token("mirror", access.Read)))
	app := s.Addr + "/mirror/app:1.1"
	storage := m.storage()
	m.file(".config/containers/policy.json", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`))
	pull := func(tool string) {
		t.Helper()
		m.ok(tool, append(storage[:len(storage):len(storage)], "pull", "--tls-verify=false", app)...)
		m.ok(tool, append(storage[:len(storage):len(storage)], "rmi", "--force", app)...)
	}
	m.records("podman", "pull of an image elsewhere", "--version")
	m.records("buildah", "pull of an image elsewhere", "--version")
	pull("podman")
	gate.Close()
	pull("buildah")
	if got := m.ok("crane", "digest", app); got != d {
		t.Errorf("the digest is %s, want %s", got, d)
	}
	m.ok("crane", "validate", "--remote", app)
	m.fails("UNAVAILABLE|can't be asked|does not answer", "crane", "digest", s.Addr+"/mirror/app:1.0")
	s.MustFsck(t)
}
