package oci_test

import (
	"net/http"
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

	s.later(7 * 24 * time.Hour)
	login()
	if got := m.ok("crane", "digest", app+":1"); got != next.Digest {
		t.Errorf("after the minimum age the tag names %s, want %s", got, next.Digest)
	}
	m.ok("crane", "validate", "--remote", app+":1")
	s.MustFsck(t)
}

// TestDeniedName is acceptance 47 for images: the tools print why none is served.
func TestDeniedName(t *testing.T) {
	t.Parallel()
	s := mirror(t, formatstest.Options{})
	s.u.OCIImage("team/evil", "1", upstreamtest.ImageSpec{})
	s.AddRule(metadata.Rule{Action: policy.Deny, Match: "pkg:oci/team/evil", Reason: "it steals keys"})
	m := newMachine(t, s.server)
	m.login(string(s.token("*", access.Read)))
	m.fails("DENIED: blocked by a rule of this server: it steals keys", "crane", "manifest", s.Addr+"/mirror/team/evil:1")
	s.u.NeverAsked(t, strings.TrimSuffix(upstreamtest.OCIPath("team/evil", "1"), "1")+"**")
}
