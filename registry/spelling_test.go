package registry_test

import (
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestCanonicalVersion: a version is found in every spelling that its format takes for the same, also as a tombstone.
func TestCanonicalVersion(t *testing.T) {
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		r := c.Rules[registrytest.Format]
		r.Spelling = func(v string) (string, []byte) {
			if v == "none" {
				return "", nil
			}
			v = strings.ToLower(v)
			return v, []byte(strings.TrimSuffix(v, ".0"))
		}
		r.States = nil
		c.Rules[registrytest.Format] = r
	}))
	for _, v := range []string{"A", "b.0", "c"} {
		if _, err := e.PublishRelease("app", publish.Release{Version: v, SortKey: []byte(strings.TrimSuffix(strings.ToLower(v), ".0"))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("c"), ""); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"A": "A", "a": "A", "a.0": "A", "b": "b.0", "B.0": "b.0", "C": "c", "d": "d", "none": "none",
	} {
		if got, err := e.Catalog.CanonicalVersion(e.Admin, e.Name("app").At(given)); err != nil || got.Version != want {
			t.Errorf("%s: %q, %v; want %q", given, got.Version, err, want)
		}
	}
	if got, err := e.Catalog.CanonicalVersion(e.Admin, e.Name("absent").At("a.0")); err != nil || got.Version != "a.0" {
		t.Errorf("of an absent package: %q, %v", got.Version, err)
	}
	d, _, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main", PURL: "pkg:generic/app@a.0",
		Status: deploy.DeploymentSucceeded})
	if err != nil || d.Version != "A" {
		t.Errorf("deployed: %+v, %v", d, err)
	}
	// A format decides which states its versions have.
	if _, _, err := e.Publisher.SetState(e.Admin, e.Name("app").At("A"), registry.Yanked, ""); registry.KindOf(err) != registry.Invalid || err == nil {
		t.Errorf("a state that the format does not have: %v", err)
	}
}
