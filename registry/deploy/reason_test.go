package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/registrytest"
)

// TestReasons: a report says why; its reason belongs to its status, and is in the deployment, in what is recorded at its time, and
// in the event.
func TestReasons(t *testing.T) {
	e := newDeployer(t, "1")
	r := reportOf("1", "a", deploy.DeploymentRunning)
	r.Reason = "a release"
	d, _, err := e.Deploy.ReportDeployment(e.Admin, r)
	if err != nil || d.Reason != "a release" {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, reason := range []string{"two\nlines", strings.Repeat("x", registry.MaxFactBytes+1)} {
		if _, err := e.Deploy.ChangeDeployment(e.Admin, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentFailed, Reason: reason}); err == nil || registry.KindOf(err) != registry.Invalid {
			t.Errorf("the reason %.20q: %v", reason, err)
		}
	}
	failed, err := e.Deploy.ChangeDeployment(e.Admin, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentFailed, Reason: "it does not answer"})
	if err != nil || failed.Reason != "it does not answer" {
		t.Errorf("%+v, %v", failed, err)
	}
	if data := string(e.events(e.end() - 1)[0].Data); !strings.Contains(data, `"reason":"it does not answer"`) {
		t.Errorf("the event: %s", data)
	}
	for when, want := range map[registry.AsOf]string{{}: "it does not answer", {Seq: &d.LastSeq}: "a release"} {
		state, err := e.Deploy.EnvironmentAt(e.Admin, "prod", when)
		if err != nil || len(state.Services) != 1 || state.Services[0].Recorded.Reason != want {
			t.Errorf("%v: %+v, %v; want the reason %q", when, state, err, want)
		}
	}
	if done := e.report("1", "b", deploy.DeploymentSucceeded); done.Reason != "" {
		t.Errorf("a report without a reason has %q", done.Reason)
	}
	e.MustFsck(t)
}

// TestReasonsOfRuns: what ran says who brought it and why, also where a rollback brought it back.
func TestReasonsOfRuns(t *testing.T) {
	e := newDeployer(t, "1", "2")
	var last registry.Deployment
	for _, c := range [][2]string{{"1", "the first"}, {"2", "a release"}} {
		r := reportOf(c[0], c[0], deploy.DeploymentSucceeded)
		r.Reason = c[1]
		var err error
		last, _, err = e.Deploy.ReportDeployment(e.Admin, r)
		registrytest.Must(t, err)
	}
	registrytest.Must(t, registrytest.ErrOf(e.Deploy.ChangeDeployment(e.Admin, last.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack, Reason: "it does not answer"})))
	list, err := e.Deploy.Runs(e.Admin, "prod", deploy.RunQuery{})
	registrytest.Must(t, err)
	var got []string
	for _, r := range list {
		got = append(got, r.Deployment.Version+" "+r.By+" "+r.Reason)
	}
	if want := []string{"1 admin it does not answer", "2 admin a release", "1 admin the first"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
