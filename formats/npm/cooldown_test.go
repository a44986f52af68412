package npm

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/policy"
	"slipway/registry/upstreams"
)

// TestCooldown: a version that is younger than the minimum age of its upstream is neither listed nor served, and is named to npm; latest is
// the newest that is old enough. An exemption lets it through until it ends, also what has entered meanwhile.
func TestCooldown(t *testing.T) {
	s, u := mirror(t)
	u.NPM("pad", "1.0.0", upstreamtest.NPMVersion{Published: time.Now().Add(-1000 * time.Hour)})
	u.NPM("pad", "1.1.0", upstreamtest.NPMVersion{Published: time.Now().Add(-time.Hour), Tags: []string{"latest"}})
	week := upstreams.Duration(7 * 24 * time.Hour)
	if _, err := s.Upstreams.Change(s.Admin, "mirror", "up", func(v upstreams.Settings) (upstreams.Settings, error) {
		v.Cooldown = &week
		return v, nil
	}); err != nil {
		t.Fatal(err)
	}
	code, body := fetch(t, s, "/npm/mirror/pad")
	if code != http.StatusOK || !strings.Contains(body, `"latest":"1.0.0"`) || !strings.Contains(body, `"policyRestrictions":{"versions":{"1.1.0"`) {
		t.Errorf("%d %s", code, body)
	}
	young, old := "/npm/mirror/pad/-/pad-1.1.0.tgz", "/npm/mirror/pad/-/pad-1.0.0.tgz"
	if code, body := fetch(t, s, young); code != http.StatusForbidden || !strings.Contains(body, "held until") {
		t.Errorf("the young one: %d %s", code, body)
	}
	u.NeverAsked(t, "**1.1.0.tgz")
	if code, _ := fetch(t, s, old); code != http.StatusOK {
		t.Errorf("the old one: %d", code)
	}
	rule := s.AddRule(metadata.Rule{Action: policy.Allow, Match: "pkg:npm/pad@1.1.0"})
	if code, _ := fetch(t, s, young); code != http.StatusOK {
		t.Errorf("with an exemption: %d", code)
	}
	if code, body := fetch(t, s, "/npm/mirror/pad"); code != http.StatusOK || !strings.Contains(body, `"latest":"1.1.0"`) {
		t.Errorf("with an exemption: %d %s", code, body)
	}
	if err := s.Policies.Remove(s.Admin, rule.ID); err != nil {
		t.Fatal(err)
	}
	if code, body := fetch(t, s, young); code != http.StatusForbidden {
		t.Errorf("without it: %d %s", code, body)
	}
	s.MustFsck(t)
}
