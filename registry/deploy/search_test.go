package deploy_test

import (
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// TestSearchRuns: a query finds what an environment runs, and what it ran.
func TestSearchRuns(t *testing.T) {
	e := newDeployer(t, "1", "2")
	e.report("1", "a", metadata.DeploymentSucceeded)
	then := e.end()
	e.report("2", "b", metadata.DeploymentSucceeded)
	for _, c := range []struct {
		query string
		asOf  registry.AsOf
		want  string
	}{
		{"env:prod", registry.AsOf{}, "2"}, {"env:pr*", registry.AsOf{Seq: &then}, "1"}, {"env:test", registry.AsOf{}, ""}, {"-env:prod", registry.AsOf{}, "1"},
	} {
		hits, err := e.History.Search(e.Admin, catalog.VersionSearch{Query: c.query, AsOf: c.asOf})
		got := ""
		for _, h := range hits {
			got += h.Version.Name
		}
		if err != nil || got != c.want {
			t.Errorf("%s finds %q, want %q; %v", c.query, got, c.want, err)
		}
	}
}
