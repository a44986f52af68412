package publish_test

import (
	"sync/atomic"
	"testing"

	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestReadsFirst: what every day's changes need to know, they read before their first log entry.
func TestReadsFirst(t *testing.T) {
	var reads atomic.Int64
	e := registrytest.New(t, registrytest.LateReads(&reads))
	release := func(version string, mode publish.Mode, tags ...string) publish.Release {
		return publish.Release{Version: version, Mode: mode, SortKey: []byte(version), Tags: tags}
	}
	publishes := func(rel publish.Release, files ...string) func() error {
		return func() error {
			_, err := e.PublishRelease("web", rel, files...)
			return err
		}
	}
	sets := func(tag, version string) func() error {
		return func() error {
			_, err := e.Publisher.SetTag(e.Admin, e.Name("web"), tag, publish.TagChange{Version: version})
			return err
		}
	}
	if _, err := e.Deploy.CreateEnvironment(e.Admin, "prod", deploy.EnvironmentChange{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func() error
		late int64
	}{
		{"the first version", publishes(release("1", publish.Create, "latest", "next")), 0},
		{"another one", publishes(release("2", publish.Create, "latest")), 0},
		{"a lower one without a tag", publishes(release("0", publish.Create)), 0},
		{"a file", publishes(release("2", publish.Append), "more", "x"), 0},
		{"other bytes and a file", publishes(release("2", publish.Replace, "tagged"), "more", "y", "new", "z"), 0},
		{"a tag", sets("prod", "1"), 0},
		{"a tag that moves", sets("prod", "2"), 0},
		{"the tag of the newest", sets("latest", "1"), 0},
		{"facts", func() error {
			return e.Publisher.Declare(e.Admin, e.Name("web").At("1"), registry.Declared{Custom: map[string]string{"seen": "yes"}})
		}, 0},
		{"a deployment", func() error {
			_, _, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main",
				PURL: "pkg:generic/web@1", Status: deploy.DeploymentSucceeded})
			return err
		}, 1}, // the row as it is then, with the names that belong to it
	} {
		reads.Store(0)
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if n := reads.Load(); n != c.late {
			t.Errorf("%s: %d queries after the first log entry, want %d", c.name, n, c.late)
		}
	}
}
