package oci_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/policy"
)

// TestRemoteLabels: where an image from elsewhere comes from is read from the labels of its config, as of one that is pushed. The config enters
// with the manifest, in one entry, and is asked for once. A registry that does not give it, or that gives another, costs the labels alone.
func TestRemoteLabels(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	labels := map[string]string{"org.opencontainers.image.revision": commit, "org.opencontainers.image.source": "https://git.example.com/team/app"}
	for name, c := range map[string]struct {
		spec   upstreamtest.ImageSpec
		faults []upstreamtest.Fault
		denied bool
		want   string
	}{
		"labels":   {spec: upstreamtest.ImageSpec{}, want: "source.commit=" + commit + " oci:label 1, source.repository=https://git.example.com/team/app oci:label 1"},
		"docker":   {spec: upstreamtest.ImageSpec{Docker: true}, want: "source.commit=" + commit + " oci:label 1, source.repository=https://git.example.com/team/app oci:label 1"},
		"silent":   {faults: []upstreamtest.Fault{upstreamtest.Status(http.StatusNotFound)}},
		"wrong":    {faults: []upstreamtest.Fault{upstreamtest.Flip(10)}},
		"denied":   {denied: true},
		"too long": {faults: []upstreamtest.Fault{upstreamtest.Edit(func(b []byte) []byte { return append(b, make([]byte, 2<<20)...) })}},
	} {
		t.Run(name, func(t *testing.T) {
			m := mirror(t, formatstest.Options{})
			c.spec.Labels = labels
			image := m.u.OCIImage("team/app", "1.0", c.spec)
			p := image.Platforms["linux/amd64"]
			if c.faults != nil {
				m.u.On(p.Config.Path, c.faults...)
			}
			if c.denied {
				m.AddRule(metadata.Rule{Action: policy.Deny, Match: p.Config.Digest()})
			}
			m.same(m.get("team/app/manifests/1.0"), image.Manifest)
			at := registry.Name{Repository: "mirror", Format: "oci", Package: "team/app"}
			d, err := m.Catalog.VersionDetail(m.Admin, at.At(image.Digest))
			must(t, err)
			var facts []string
			for _, f := range d.Facts {
				if strings.HasPrefix(f.Key, "source.") {
					facts = append(facts, fmt.Sprintf("%s=%s %s %d", f.Key, f.Value, f.Source, f.Rank))
				}
			}
			slices.Sort(facts)
			if got := strings.Join(facts, ", "); got != c.want {
				t.Errorf("the facts are %q, want %q", got, c.want)
			}
			if n := m.entries("cache.entered"); n != 1 {
				t.Errorf("%d entries", n)
			}
			switch res := m.get("team/app/blobs/" + p.Config.Digest()); {
			case c.want != "":
				m.same(res, p.Config)
				m.u.AskedOnce(t, http.MethodGet, p.Config.Path)
			case c.denied && res.Status != http.StatusForbidden:
				t.Errorf("denied bytes: %v", res)
			case res.Status == http.StatusOK:
				t.Errorf("a config that the registry does not give: %v", res)
			}
			if c.faults != nil {
				m.u.Mend()
				m.later(2 * time.Hour)
				m.same(m.get("team/app/blobs/"+p.Config.Digest()), p.Config)
			}
			m.MustFsck(t)
		})
	}
}
