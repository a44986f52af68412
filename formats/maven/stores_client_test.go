package maven

import (
	"testing"

	"slipway/formats/formatstest"
)

// TestMavenStores deploys a build, uses it elsewhere and refuses what a changed deploy sends, over every kind of store.
func TestMavenStores(t *testing.T) {
	formatstest.Downloads(t, func(t *testing.T, o formatstest.Options) {
		e := newEnvOn(t, Options{}, o)
		dir := project(t, "project", "1.0")
		ci := newMachine(t, e.repo(), string(e.publisher()), "")
		ci.run(dir, "-q", "deploy", "-Dslipway.url="+e.repo())
		if got := says(t, e.repo(), e.ReadToken("main"), "1.0"); got != "hello, world" {
			t.Errorf("the consumer says %q", got)
		}
		before := e.released()
		e.put(e.publisher(), "com/acme/api/1.0/api-1.0.jar", "goodbye", 409, "com.acme:api:1.0 is already released with other content")
		if e.released() != before {
			t.Error("the refused file changed the release")
		}
		status := "200"
		if o.Site.RedirectBytes > 0 {
			status = "307"
		}
		if e.logged("GET", status) == 0 {
			t.Errorf("no file was answered with %s", status)
		}
		e.MustFsck(t)
	})
}
