package oci_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// TestRemoteTokens: a registry that wants tokens gives one for each image, which is used until most of its life is over, and a new one
// when it ends early. Clients' credentials never reach it.
func TestRemoteTokens(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.RequireToken("", "")
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}})
	other := m.u.OCI("team/other", "1.0")
	m.pull("team/app", "1.0", image)
	m.pull("team/other", "1.0", other)
	m.u.Asked(t, 2, "", "/token")
	if scope := m.u.Matching("", "/token")[0].Query; !strings.Contains(scope, "scope=repository%3Ateam%2Fapp%3Apull") {
		t.Errorf("scope %q", scope)
	}
	m.u.NoCredential(t, "/token")
	m.u.NoSecret(t, "**", string(m.as))
	m.u.ExpireTokens()
	m.later(6 * time.Minute)
	two := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Text: "two"})
	m.pull("team/app", "1.0", two)
	m.u.Asked(t, 3, "", "/token")
}

// TestRemoteRealm: a realm of another host gets no request, whatever it looks like.
func TestRemoteRealm(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.OCI("team/app", "1.0")
	for _, realm := range []string{"http://images.example.com/token", "https://images.example.net/token", "https://user:secret@127.0.0.1/token", "file:///etc/passwd", "//x"} {
		rule := m.u.On("/v2/**", upstreamtest.Challenge(`Bearer realm="`+realm+`",service="x",scope="repository:team/app:pull"`))
		if res := m.get("team/app/manifests/1.0"); res.Status != http.StatusBadGateway || strings.Contains(string(res.Body), "example.") {
			t.Errorf("%s: %v", realm, res)
		}
		rule.Stop()
		m.later(time.Minute)
	}
	m.u.NeverAsked(t, "/token")
	image := m.u.OCI("team/app", "2.0")
	m.pull("team/app", "2.0", image)
}

// TestRemoteLibrary: images with names of one segment lie in the folder library at a registry whose challenge says that it is of that kind,
// or whose upstream is set up so. Here they keep their names.
func TestRemoteLibrary(t *testing.T) {
	for _, set := range []bool{false, true} {
		m := mirror(t, formatstest.Options{})
		if set {
			m.set(func(v *upstreams.Settings) { v.Library = true })
		} else {
			m.u.RequireToken("", "")
			m.u.On("**", upstreamtest.EditHeader(func(_ *http.Request, h http.Header) {
				h.Set("Www-Authenticate", strings.Replace(h.Get("Www-Authenticate"), "upstreamtest", "registry.docker.example", 1))
			}))
		}
		image, deep := m.u.OCI("library/busybox", "1.0"), m.u.OCI("team/busybox", "1.0")
		m.pull("busybox", "1.0", image)
		m.pull("library/busybox", "1.0", image)
		m.pull("team/busybox", "1.0", deep)
		m.u.NeverAsked(t, "/v2/busybox/**")
		if asked := m.u.Count("", "/v2/"); set && asked != 0 || !set && asked != 1 {
			t.Errorf("%d questions for the kind", asked)
		}
	}
}

// TestRemotePrefix: what the address has behind /v2/, or behind its host, is the beginning of all names there.
func TestRemotePrefix(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCI("team/app", "1.0")
	for name, url := range map[string]string{"behind-host": m.u.OCIURL() + "/team", "behind-v2": m.u.OCIURL() + "/v2/team/", "root": m.u.OCIURL() + "/v2/"} {
		m.Remote(name, "oci", url)
		app := name + "/app"
		if name == "root" {
			app = name + "/team/app"
		}
		if res := m.call(m.as, http.MethodGet, app+"/manifests/1.0", nil); res.Status != http.StatusOK || res.Header.Get("Docker-Content-Digest") != image.Digest {
			t.Errorf("%s: %v", name, res)
		}
	}
}

// TestRemoteAnonymous: a caller without credentials reads what is here, and causes no request.
func TestRemoteAnonymous(t *testing.T) {
	m := mirror(t, formatstest.Options{AnonymousRead: true})
	image := m.u.OCI("team/app", "1.0")
	user := m.as
	m.as = formatstest.Anonymous
	for _, path := range []string{"team/app/manifests/1.0", "team/app/manifests/" + image.Digest, "team/app/tags/list"} {
		if res := m.get(path); res.Status != http.StatusUnauthorized {
			t.Errorf("%s: %v", path, res)
		}
	}
	m.u.NeverAsked(t, "**")
	m.as = user
	m.pull("team/app", "1.0", image)
	seen := m.u.Count("", "**")
	m.later(time.Hour)
	m.as = formatstest.Anonymous
	m.pull("team/app", "1.0", image)
	m.u.Asked(t, seen, "", "**")
	m.set(func(v *upstreams.Settings) { v.AnonymousFetch = true })
	m.pull("team/app", "2.0", m.u.OCI("team/app", "2.0"))
}

// TestRemoteTags: lists of tags are those of the registry, in pages, with what was served here; the last list stays while it is away.
func TestRemoteTags(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	var image upstreamtest.Image
	for _, tag := range []string{"1.0", "1.1", "2.0", "latest"} {
		image = m.u.OCI("team/app", tag)
	}
	m.u.OCITagPage(2)
	m.pull("team/app", "latest", image)
	m.u.OCITag("team/app", "latest", "")
	list := func(query string) (formatstest.Response, string) {
		res := m.get("team/app/tags/list" + query)
		_, tags, _ := strings.Cut(string(res.Body), `"tags":`)
		return res, strings.TrimSpace(tags)
	}
	if res, tags := list(""); res.Status != http.StatusOK || tags != `["1.0","1.1","2.0","latest"]}` {
		t.Errorf("all: %v", res)
	}
	if res, tags := list("?n=2&last=1.0"); tags != `["1.1","2.0"]}` || !strings.Contains(res.Header.Get("Link"), "last=2.0") || strings.Contains(res.Header.Get("Link"), "://") {
		t.Errorf("a page: %v", res)
	}
	m.u.Origin.Down()
	m.later(time.Hour)
	if res, tags := list(""); tags != `["1.0","1.1","2.0","latest"]}` {
		t.Errorf("while it is down: %v", res)
	}
	if res := m.get("none/tags/list"); res.Status != http.StatusServiceUnavailable {
		t.Errorf("another image while it is down: %v", res)
	}
}

// TestRemoteReferrers: what is attached to an image is listed by the registry's own list, or that of its fallback tag, with what is here; it
// enters when it is asked for.
func TestRemoteReferrers(t *testing.T) {
	for _, api := range []bool{true, false} {
		m := mirror(t, formatstest.Options{})
		m.u.OCIReferrers(api)
		image := m.u.OCI("team/app", "1.0")
		m.pull("team/app", "1.0", image)
		sbom := m.u.OCIAttach("team/app", image.Digest, "application/x.sbom", []byte("sbom"))
		signature := m.u.OCIAttach("team/app", image.Digest, "application/x.signature", []byte("signature"))
		path := "team/app/referrers/" + image.Digest
		digests := func(query string) (out []string) {
			res := m.get(path + query)
			if res.Status != http.StatusOK {
				t.Errorf("referrers: %v", res)
			}
			for _, d := range parse(t, res.Body).Manifests {
				if d.ArtifactType == "" || d.Size == 0 {
					t.Errorf("a descriptor: %+v", d)
				}
				out = append(out, d.Digest.String())
			}
			slices.Sort(out)
			return out
		}
		both := []string{sbom.Digest(), signature.Digest()}
		slices.Sort(both)
		if got := digests(""); !slices.Equal(got, both) {
			t.Errorf("referrers: %v, want %v", got, both)
		}
		if n := m.entries("cache.entered"); n != 1 {
			t.Errorf("%d entries after a list", n)
		}
		m.same(m.get("team/app/manifests/"+sbom.Digest()), sbom)
		if got := digests(""); !slices.Equal(got, both) {
			t.Errorf("with one of them here: %v, want %v", got, both)
		}
		if got := digests("?artifactType=application/x.signature"); !slices.Equal(got, []string{signature.Digest()}) {
			t.Errorf("filtered: %v", got)
		}
		m.u.Origin.Down()
		m.later(time.Hour)
		if got := digests(""); !slices.Equal(got, both) {
			t.Errorf("while it is down: %v", got)
		}
		if res := m.want(http.StatusOK, m.as, http.MethodGet, "mirror/team/app/tags/list", nil); strings.Contains(string(res.Body), sbom.Digest()[7:]) {
			t.Errorf("tags: %s", res.Body)
		}
		m.MustFsck(t)
	}
}

// TestRemoteGroup: through a repository that answers from a hosted one and a mirror, an image of the mirror is served whole; one that is
// published in the hosted one never comes from elsewhere; and a signature that is pushed does not hide the image that it belongs to.
func TestRemoteGroup(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image, theirs := m.u.OCI("team/app", "1.0"), m.u.OCI("corp/secret", "99.0")
	ours := m.push("main/corp/secret", "1.0", m.image("main/corp/secret", "config", "ours"))
	m.Group("all", "main", "mirror")
	reader := m.token("all", access.Read)
	get := func(path string) formatstest.Response { return m.call(reader, http.MethodGet, "all/"+path, nil) }
	check := func() {
		t.Helper()
		m.same(get("team/app/manifests/1.0"), image.Manifest)
		m.same(get("team/app/manifests/"+image.Digest), image.Manifest)
		m.same(get("team/app/manifests/1.0?ns=docker.example.com"), image.Manifest) // as containerd asks a mirror
		m.same(get("team/app/blobs/"+image.Platforms["linux/amd64"].Config.Digest()), image.Platforms["linux/amd64"].Config)
	}
	check()
	signature := m.image("main/team/app", "signature of it", "signed")
	subject := content(imageType, image.Manifest.Bytes())
	signature.Subject = &subject
	signed := m.push("main/team/app", "", signature)
	m.push("main/team/app", "sha256-"+image.Digest[7:]+".sig", m.image("main/team/app", "another", "signed"))
	check()
	m.pull("team/app", "2.0", m.u.OCI("team/app", "2.0"))
	if res := get("team/app/referrers/" + image.Digest); !strings.Contains(string(res.Body), signed.String()) {
		t.Errorf("referrers: %v", res)
	}
	for _, path := range []string{"team/app/manifests/" + signed.String(), "team/app/manifests/sha256-" + image.Digest[7:] + ".sig", "corp/secret/manifests/1.0"} {
		if res := get(path); res.Status != http.StatusOK {
			t.Errorf("%s: %v", path, res)
		}
	}
	for _, path := range []string{"corp/secret/manifests/99.0", "corp/secret/manifests/" + theirs.Digest, "corp/secret/blobs/" + theirs.Platforms["linux/amd64"].Config.Digest()} {
		if res := get(path); res.Status != http.StatusNotFound {
			t.Errorf("%s: %v", path, res)
		}
	}
	if res := get("corp/secret/tags/list"); !strings.Contains(string(res.Body), `["1.0"]`) {
		t.Errorf("tags: %v, %s", res, ours)
	}
	m.u.NeverAsked(t, "/v2/corp/**")

	// The same in the repository of the remote itself, before the image was ever pulled.
	fresh := m.u.OCI("team/fresh", "1.0")
	m.push("mirror/team/fresh", "sha256-"+fresh.Digest[7:]+".sig", m.image("mirror/team/fresh", "its signature", "signed"))
	m.pull("team/fresh", "1.0", fresh)
	m.MustFsck(t)
}
