package ui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/formatstest"
)

// TestCompareReleases: what runs in an environment is compared with what another one runs, and with what it ran at another moment: services that came,
// went or changed, with the way to what changed in them.
func TestCompareReleases(t *testing.T) {
	s := shop(t)
	deploy := func(environment, service, version string) {
		t.Helper()
		s.send(http.MethodPost, "/api/v1/deployments", fmt.Sprintf(`{"environment":%q,"service":%q,"repository":"main","purl":"pkg:generic/tool@%s","status":"succeeded"}`, environment, service, version), http.StatusCreated)
	}
	then := read[api.EnvironmentState](s, "/environments/prod").Seq
	s.send(http.MethodPut, "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0/metadata", `{"source":{"repository":"https://git.example.com/acme/tool","commit":"9e1b0c2d"}}`, http.StatusNoContent)
	deploy("prod", "web", "1.1.0")
	deploy("prod", "mail", "1.0.0")
	deploy("prod", "jobs", "1.0.0")
	deploy("staging", "jobs", "1.0.0")
	deploy("staging", "chat", "1.0.0")
	changes := func(query string) (out []string, page string) {
		t.Helper()
		page = string(s.get(formatstest.Admin, "/compare?"+query).Body)
		for _, r := range tableOf(parsed(t, []byte(page)), "Services that differ") {
			out = append(out, r.text("Service")+" "+r.text("Change"))
		}
		return out, page
	}
	if got, page := changes("env=prod&with=staging"); !slices.Equal(got, []string{"chat added", "mail removed"}) || !strings.Contains(page, "2 services run the same in both.") {
		t.Errorf("environments: %q", got)
	}
	got, page := changes(fmt.Sprintf("env=prod&at=seq:%d", then))
	if !slices.Equal(got, []string{"jobs added", "mail added", "web changed"}) {
		t.Errorf("moments: %q", got)
	}
	for _, want := range []string{"/compare?format=raw&amp;from=1.0.0&amp;package=tool&amp;repo=main&amp;to=1.1.0", "https://git.example.com/acme/tool/compare/4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d...9e1b0c2d"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if got, page := changes("env=prod&with=prod"); len(got) != 0 || !strings.Contains(page, "The same versions run in both.") {
		t.Errorf("the same: %q", got)
	}
	for query, status := range map[string]int{"env=absent": 404, "env=prod&at=soon": 400, "env=prod&at=2026-01-31T10:00": 404} {
		if res := s.get(formatstest.Admin, "/compare?"+query); res.Status != status || !strings.Contains(string(res.Body), `role="alert"`) || !strings.Contains(string(res.Body), `name="with"`) {
			t.Errorf("%s: %v", query, res)
		}
	}
	s.has(formatstest.Admin, "/env/prod", "/compare?env=prod")
	s.publishNPM("needs", "1.0.0", map[string]any{"dependencies": map[string]string{"left-pad": "^1.3.0", "react": "18"}})
	s.publishNPM("needs", "1.1.0", map[string]any{"dependencies": map[string]string{"left-pad": "^1.4.0", "vue": "3"}})
	q := url.Values{"repo": {"main"}, "format": {"npm"}, "package": {"needs"}, "from": {"1.0.0"}, "to": {"1.1.0"}}
	var needs []string
	for _, r := range tableOf(parsed(t, s.get(formatstest.Admin, "/compare?"+q.Encode()).Body), "Dependencies that differ") {
		needs = append(needs, r.text("Package")+" "+r.text("Change")+" "+r.text("1.0.0")+" → "+r.text("1.1.0"))
	}
	if !slices.Equal(needs, []string{"left-pad changed ^1.3.0 → ^1.4.0", "react removed 18 → ", "vue added  → 3"}) {
		t.Errorf("dependencies: %q", needs)
	}
}
