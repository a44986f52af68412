package deploy_test

import (
	"context"
	"fmt"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/deploy"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestEnvironmentState: wanted, recorded and running are three things, each as of any moment.
func TestEnvironmentState(t *testing.T) {
	e := newDeployer(t, "1", "2")
	tag := "production"
	if _, err := e.Deploy.CreateEnvironment(e.Admin, "prod", deploy.EnvironmentChange{Tag: &tag}); err != nil {
		t.Fatal(err)
	}
	set := func(v string) {
		if _, err := e.Publisher.SetTag(e.Admin, e.Name("app"), tag, publish.TagChange{Version: v}); err != nil {
			t.Fatal(err)
		}
	}
	state := func(when registry.AsOf) string {
		t.Helper()
		st, err := e.Deploy.EnvironmentAt(e.Admin, "prod", when)
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Services) == 0 {
			return "nothing"
		}
		s := st.Services[0]
		wanted, running := "-", "-"
		if s.Wanted != nil {
			wanted = s.Wanted.Tag.Version
		}
		if s.Running != nil {
			running = s.Running.Deployment.Version
		}
		return fmt.Sprintf("%s %s:%s %s %v", wanted, s.Recorded.Version, s.Recorded.Status, running, s.Drift())
	}
	var seqs []int64
	var want []string
	mark := func(w string) {
		t.Helper()
		if got := state(registry.AsOf{}); got != w {
			t.Errorf("now: %s, want %s", got, w)
		}
		seqs, want = append(seqs, e.end()), append(want, w)
	}
	set("1")
	mark("nothing")
	e.report("1", "a", deploy.DeploymentSucceeded)
	mark("1 1:succeeded 1 false")
	set("2")
	mark("2 1:succeeded 1 true")
	e.report("2", "b", deploy.DeploymentRunning)
	mark("2 2:running 1 true")
	e.report("2", "b", deploy.DeploymentFailed)
	mark("2 2:failed 1 true")
	none := ""
	if _, err := e.Deploy.UpdateEnvironment(e.Admin, "prod", deploy.EnvironmentChange{Tag: &none}); err != nil {
		t.Fatal(err)
	}
	mark("- 2:failed 1 false")
	for i, seq := range seqs {
		if got := state(registry.AsOf{Seq: &seq}); got != want[i] {
			t.Errorf("as of entry %d: %s, want %s", seq, got, want[i])
		}
	}

	e.report("2", "c", deploy.DeploymentQueued)
	last := e.end()
	if err := e.Deploy.DeleteEnvironment(e.Admin, "prod"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Deploy.EnvironmentAt(e.Admin, "prod", registry.AsOf{}); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("deleted: %v", err)
	}
	if got := state(registry.AsOf{Seq: &last}); got != "- 2:queued 1 false" {
		t.Errorf("before its deletion: %s", got)
	}
	before := int64(0)
	if _, err := e.Deploy.EnvironmentAt(e.Admin, "prod", registry.AsOf{Seq: &before}); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("before it was made: %v", err)
	}
	if list, err := e.Deploy.Environments(e.Admin, registry.Page{}, registry.AsOf{}); err != nil || len(list) != 0 {
		t.Errorf("environments %v, %v", list, err)
	}
	// A late repetition of a report brings nothing back; a new one does.
	e.report("1", "a", deploy.DeploymentSucceeded)
	if _, err := e.Deploy.EnvironmentAt(e.Admin, "prod", registry.AsOf{}); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("after a repetition: %v", err)
	}
	e.report("1", "d", deploy.DeploymentSucceeded)
	if got := e.runs(registry.AsOf{}); got != "1" {
		t.Errorf("%q runs", got)
	}
	e.MustFsck(t)
}

// TestDeploymentsOfOthers: who may not read a repository sees nothing of what it deploys, and who may not deploy it can
// neither change nor replace what runs.
func TestDeploymentsOfOthers(t *testing.T) {
	e := newDeployer(t, "1", "2")
	if _, err := e.Core.CreateRepository(e.Admin, "other", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	p, err := e.Publisher.Begin(e.Admin, registry.Name{Repository: "other", Format: registrytest.Format, Package: "app", Display: "app"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(e.Admin, publish.Release{Version: "1", PURL: "pkg:generic/app@1"}); err != nil {
		t.Fatal(err)
	}
	d := e.report("1", "a", deploy.DeploymentSucceeded)
	login := func(repository string, actions ...access.Action) context.Context {
		return e.Login(access.Credentials{Token: e.Token(repository, actions...)})
	}
	reader, deploys, stranger := login("main", access.Read), login("main", access.Deploy), login("other", access.Read, access.Deploy)

	theirs := deploy.Report{Environment: "prod", Service: "web", Repository: "other", PURL: "pkg:generic/app@1", Status: deploy.DeploymentSucceeded}
	for what, c := range map[string]struct {
		err  error
		kind registry.Kind
	}{
		"reader reports":     {second(e.Deploy.ReportDeployment(reader, reportOf("2", "b", deploy.DeploymentQueued))), registry.Denied},
		"stranger reports":   {second(e.Deploy.ReportDeployment(stranger, reportOf("2", "b", deploy.DeploymentQueued))), registry.NotFound},
		"stranger replaces":  {second(e.Deploy.ReportDeployment(stranger, theirs)), registry.Denied},
		"reader changes":     {registrytest.ErrOf(e.Deploy.ChangeDeployment(reader, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack})), registry.Denied},
		"stranger changes":   {registrytest.ErrOf(e.Deploy.ChangeDeployment(stranger, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack})), registry.NotFound},
		"reader stops":       {e.Deploy.StopService(reader, "prod", "web"), registry.Denied},
		"stranger stops":     {e.Deploy.StopService(stranger, "prod", "web"), registry.NotFound},
		"stranger looks":     {looks(e.Instance.Deploy.Deployment(stranger, d.ID)), registry.NotFound},
		"deployer deletes":   {e.Deploy.DeleteEnvironment(deploys, "prod"), registry.Denied},
		"reader makes":       {registrytest.ErrOf(e.Deploy.CreateEnvironment(reader, "dev", deploy.EnvironmentChange{})), registry.Denied},
		"nobody reports":     {second(e.Deploy.ReportDeployment(context.Background(), theirs)), registry.Unauthenticated},
		"nobody looks":       {registrytest.ErrOf(e.Deploy.EnvironmentAt(context.Background(), "prod", registry.AsOf{})), registry.Unauthenticated},
		"nobody changes":     {registrytest.ErrOf(e.Deploy.ChangeDeployment(context.Background(), 99, deploy.DeploymentChange{Status: deploy.DeploymentFailed})), registry.Unauthenticated},
		"stranger's listing": {registrytest.ErrOf(e.Deploy.Deployments(stranger, deploy.DeploymentQuery{Repository: "main"})), registry.NotFound},
	} {
		if c.err == nil || registry.KindOf(c.err) != c.kind {
			t.Errorf("%s: %v, want kind %d", what, c.err, c.kind)
		}
	}
	// Who may neither read nor deploy anything does not learn which environments there are.
	nothing := login("absent", access.Read, access.Deploy)
	there, absent := e.Deploy.StopService(nothing, "prod", "web"), e.Deploy.StopService(nothing, "nowhere", "web")
	if registry.KindOf(there) != registry.Denied || absent == nil || there.Error() != absent.Error() {
		t.Errorf("environments are told apart: %v, %v", there, absent)
	}
	if st, err := e.Deploy.EnvironmentAt(stranger, "prod", registry.AsOf{}); err != nil || len(st.Services) != 0 {
		t.Errorf("a stranger sees %+v, %v", st, err)
	}
	if runs, err := e.Deploy.Runs(stranger, "prod", deploy.RunQuery{}); err != nil || len(runs) != 0 {
		t.Errorf("a stranger sees %+v, %v", runs, err)
	}
	if list, err := e.Deploy.Deployments(stranger, deploy.DeploymentQuery{}); err != nil || len(list) != 0 {
		t.Errorf("a stranger sees %+v, %v", list, err)
	}
	if st, err := e.Deploy.EnvironmentAt(reader, "prod", registry.AsOf{}); err != nil || len(st.Services) != 1 {
		t.Errorf("a reader sees %+v, %v", st, err)
	}
	if _, err := e.Deploy.ChangeDeployment(deploys, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack}); err != nil {
		t.Errorf("the right to deploy is enough: %v", err)
	}
	e.MustFsck(t)
}

func second[A, B any](_ A, _ B, err error) error { return err }

// looks is the error of a look at a deployment.
func looks(_ registry.Deployment, _ []metadata.Report, err error) error { return err }
