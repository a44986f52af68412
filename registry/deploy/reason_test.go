package deploy_test

import (
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/deploy"
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
