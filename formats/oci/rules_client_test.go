package oci_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/policy"
	"slipway/registry/upstreams"
)

// TestHeldTag is upstreams.md acceptance 41 and 44: a tag that moves at a registry elsewhere keeps its former image until the minimum age has
// passed since the move was seen. Meanwhile the new image is refused by its digest, with the reason that skopeo and crane print, and so are
// its layers.
func TestHeldTag(t *testing.T) {
	t.Parallel()
	s := mirror(t, formatstest.Options{})
	week := upstreams.Duration(7 * 24 * time.Hour)
	s.set(func(v *upstreams.Settings) { v.Cooldown = &week })
	m := newMachine(t, s.server)
	m.records("skopeo", "a tag that is held, an image that is refused", "--version")
	m.records("crane", "a tag that is held, an image that is refused", "version")
	login := func() { m.login(string(s.token("*", access.Read, access.Publish))) }
	login()
	app := s.Addr + "/mirror/team/app"
	former := s.u.OCIImage("team/app", "1", upstreamtest.ImageSpec{Layers: []int64{1000}})
	s.u.OCIImage("team/app", "other", upstreamtest.ImageSpec{Layers: []int64{3000}})
	if got := m.ok("crane", "digest", app+":1"); got != former.Digest {
		t.Errorf("the tag names %s at first, want %s", got, former.Digest)
	}
	m.ok("crane", "validate", "--remote", app+":1")

	next := s.u.OCIImage("team/app", "1", upstreamtest.ImageSpec{Layers: []int64{2000}})
	s.later(time.Hour)
	login()
	if got := m.ok("crane", "digest", app+":1"); got != former.Digest || got == next.Digest {
		t.Errorf("the held tag names %s, want %s", got, former.Digest)
	}
	m.ok("skopeo", m.skopeo("copy", "--preserve-digests", "--src-tls-verify=false", "docker://"+app+":1", "dir:"+filepath.Join(m.home, "former"))...)
	m.fails("DENIED: held until", "crane", "manifest", app+"@"+next.Digest)
	m.fails("denied: held until", "skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+app+"@"+next.Digest, "dir:"+filepath.Join(m.home, "next"))...)
	if got := m.ok("crane", "ls", app); got != "1\nother" {
		t.Errorf("tags: %s", got)
	}
	s.u.NeverAsked(t, upstreamtest.OCIPath("team/app", "other"))
	manifest := "team/app/manifests/" + next.Digest
	sum := ""
	for _, platform := range next.Platforms {
		sum = platform.Layers[len(platform.Layers)-1].Digest() // the first one is in every image
	}
	layer := "team/app/blobs/" + sum
	for name, res := range map[string]formatstest.Response{
		"GET of the manifest":  s.get(manifest),
		"HEAD of the manifest": s.head(manifest),
		"GET of a layer":       s.get(layer),
		"HEAD of a layer":      s.head(layer),
		"a range of a layer":   s.get(layer, "Range", "bytes=0-9"),
		"a mount of a layer": s.call(s.token("*", access.Read, access.Publish), http.MethodPost,
			"main/mine/blobs/uploads/?mount="+sum+"&from=mirror/team/app", nil),
	} {
		if res.Status != http.StatusForbidden {
			t.Errorf("%s: %v", name, res)
		}
	}
	s.u.NeverAsked(t, upstreamtest.BlobPath("team/app", sum))

	// An exemption lets it through until it ends, by the clock alone.
	s.AddRule(metadata.Rule{Action: policy.Allow, Match: "pkg:oci/team/app", Reason: "a security fix", ExpiresAt: s.clock.Now().Add(24 * time.Hour)})
	if res := s.get(manifest); res.Status != http.StatusOK {
		t.Errorf("with an exemption: %v", res)
	}
	if res := s.get(layer); res.Status != http.StatusOK {
		t.Errorf("a layer with an exemption: %v", res)
	}
	s.later(25 * time.Hour)
	for _, path := range []string{manifest, layer} { // both are here now
		if res := s.get(path); res.Status != http.StatusForbidden {
			t.Errorf("%s after it: %v", path, res)
		}
	}
	login()

	s.later(6 * 24 * time.Hour)
	login()
	if got := m.ok("crane", "digest", app+":1"); got != next.Digest {
		t.Errorf("after the minimum age the tag names %s, want %s", got, next.Digest)
	}
	m.ok("crane", "validate", "--remote", app+":1")
	s.MustFsck(t)
}

// TestDeniedName is acceptance 47 for images, and 24 for what is not here while the registry elsewhere is away: the tools print why there is
// nothing. docs/protocols/oci.md has it as a table.
func TestDeniedName(t *testing.T) {
	t.Parallel()
	s := mirror(t, formatstest.Options{})
	s.u.OCIImage("team/evil", "1", upstreamtest.ImageSpec{})
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:oci/team/evil", Reason: "it steals keys"})
	m := newMachine(t, s.server)
	m.login(string(s.token("*", access.Read)))
	m.ok("regctl", "registry", "set", "--tls", "disabled", s.Addr)
	m.file(".config/containers/policy.json", []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`))
	const denied, away = "blocked by a rule of this server: it steals keys", "not cached here, and upstream up can't be asked now"
	storage := m.storage()
	pull := func(image string) []string {
		return append(storage[:len(storage):len(storage)], "pull", "--tls-verify=false", image)
	}
	tools := []struct {
		tool, evil, late string // what it prints
		waits            bool   // it tries again for seconds
		args             func(image string) []string
	}{
		{"crane", "DENIED: " + denied, "UNAVAILABLE: " + away, true, func(image string) []string { return []string{"manifest", image} }},
		{"skopeo", "denied: " + denied, "503 " + away, false, func(image string) []string {
			return m.skopeo("copy", "--src-tls-verify=false", "docker://"+image, "dir:"+filepath.Join(m.home, "copy"))
		}},
		{"regctl", `"message":"` + denied, `"message":"` + away, false, func(image string) []string { return []string{"manifest", "get", image} }},
		{"oras", "denied: " + denied, "unavailable: " + away, true, func(image string) []string { return []string{"manifest", "fetch", "--plain-http", image} }},
		{"podman", "denied: " + denied, "503 " + away, false, pull},
		{"buildah", "denied: " + denied, "503 " + away, false, pull},
	}
	for _, c := range tools {
		m.fails(c.evil, c.tool, c.args(s.Addr+"/mirror/team/evil:1")...)
	}
	s.u.NeverAsked(t, strings.TrimSuffix(upstreamtest.OCIPath("team/evil", "1"), "1")+"**")
	s.u.Origin.Down()
	for _, c := range tools {
		if !c.waits || os.Getenv("SLIPWAY_TEST_LONG") != "" {
			m.fails(c.late, c.tool, c.args(s.Addr+"/mirror/team/late:1")...)
		}
	}
}

// TestDeniedBytes is acceptance 45 for layers: a rule about one refuses it at once in every image of every repository, by every request, and no
// link to it is handed out; so it is with a manifest. crane prints why, and skopeo of a
// manifest only.
func TestDeniedBytes(t *testing.T) {
	t.Parallel()
	s := newServer(t, formatstest.Linking())
	image := s.image("main/app", `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}`, "a layer")
	layer := image.Layers[0].Digest.String()
	d := s.push("main/app", "1.0", image)
	s.push("other/copy", "1.0", s.image("other/copy", "its config", "a layer"))
	s.Group("all", "other", "main")
	push := s.token("*", access.Read, access.Publish)
	asks := func(want int) {
		t.Helper()
		for _, image := range []string{"main/app", "other/copy", "all/app", "all/copy"} {
			path := image + "/blobs/" + layer
			for name, res := range map[string]formatstest.Response{"GET": s.call(push, http.MethodGet, path, nil), "HEAD": s.call(push, http.MethodHead, path, nil),
				"a range": s.call(push, http.MethodGet, path, nil, "Range", "bytes=0-1")} {
				if res.Status != want && (want != http.StatusOK || res.Status >= http.StatusBadRequest) || want == http.StatusForbidden && res.Header.Get("Location") != "" {
					t.Errorf("%s of %s: %v, want %d", name, path, res, want)
				}
			}
		}
	}
	asks(http.StatusOK)
	if res := s.call(push, http.MethodGet, "main/app/blobs/"+layer, nil); res.Status != http.StatusTemporaryRedirect {
		t.Errorf("no link: %v", res)
	}
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: layer, Reason: "it mines coins"})
	asks(http.StatusForbidden)
	if res := s.call(push, http.MethodPost, "main/mine/blobs/uploads/?mount="+layer+"&from=main/app", nil); res.Status != http.StatusForbidden {
		t.Errorf("a mount: %v", res)
	}
	m := newMachine(t, s)
	m.login(string(push))
	m.fails("DENIED: blocked by a rule of this server: it mines coins", "crane", "blob", s.Addr+"/all/app@"+layer)
	m.fails("reading blob "+layer+": Error fetching blob: invalid status code from registry 403", "skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+s.Addr+"/main/app:1.0", "dir:"+filepath.Join(m.home, "copy"))...)
	s.DropRules()
	asks(http.StatusOK)
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: d.String(), Reason: "it mines coins"})
	for _, ref := range []string{"main/app:1.0", "all/app@" + d.String()} {
		m.fails("DENIED: blocked by a rule of this server: it mines coins", "crane", "manifest", s.Addr+"/"+ref)
	}
	s.MustFsck(t)
}
