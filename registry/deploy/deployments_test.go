package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
	"slipway/registry/ledger"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// deployer reports deployments of "web" in "prod", as an administrator.
type deployer struct {
	*registrytest.Env
	t *testing.T
}

func newDeployer(t *testing.T, versions ...string) *deployer {
	t.Helper()
	e := &deployer{registrytest.New(t), t}
	for _, v := range versions {
		if err := e.Publish("app", v); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func reportOf(version, id string, status registry.DeploymentStatus) deploy.Report {
	return deploy.Report{Environment: "prod", Service: "web", Repository: "main", PURL: "pkg:generic/app@" + version, Status: status, ExternalID: id}
}

func (e *deployer) report(version, id string, status registry.DeploymentStatus) registry.Deployment {
	e.t.Helper()
	d, _, err := e.Deploy.ReportDeployment(e.Admin, reportOf(version, id, status))
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// runs is the version that web runs in prod, "" for none.
func (e *deployer) runs(when registry.AsOf) string {
	e.t.Helper()
	st, err := e.Deploy.EnvironmentAt(e.Admin, "prod", when)
	if err != nil {
		e.t.Fatal(err)
	}
	if len(st.Services) == 0 || st.Services[0].Running == nil {
		return ""
	}
	return st.Services[0].Running.Deployment.Version
}

func (e *deployer) events(after int64) []registry.Event {
	e.t.Helper()
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: after})
	if err != nil {
		e.t.Fatal(err)
	}
	return events
}

func (e *deployer) end() int64 {
	events := e.events(-1)
	return events[len(events)-1].Seq
}

// TestDeployment walks one deployment through its statuses: each is one event, the same report again is none, and no report
// leads back.
func TestDeployment(t *testing.T) {
	e := newDeployer(t, "1", "2")
	start := e.end()
	first := e.report("1", "a", deploy.DeploymentSucceeded)
	queued, created, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main",
		PURL: "pkg:generic/app@2", Status: deploy.DeploymentQueued, ExternalID: "b", EventID: "evt_1", URL: "https://ci.example.com/1"})
	if err != nil || !created || queued.Status != deploy.DeploymentQueued || !queued.FinishedAt.IsZero() {
		t.Fatalf("%+v, %v, %v", queued, created, err)
	}
	for range 2 {
		again, created, err := e.Deploy.ReportDeployment(e.Admin, reportOf("2", "b", deploy.DeploymentQueued))
		if err != nil || created || again != queued {
			t.Errorf("the same report again: %+v, %v, %v; want %+v", again, created, err, queued)
		}
	}
	e.report("2", "b", deploy.DeploymentRunning)
	if got := e.runs(registry.AsOf{}); got != "1" {
		t.Errorf("while it is deployed, %q runs", got)
	}
	done := e.report("2", "b", deploy.DeploymentSucceeded)
	if done.ID != queued.ID || done.EventID != "evt_1" || done.FinishedAt.IsZero() || done.Seq != queued.Seq || done.LastSeq <= done.Seq {
		t.Errorf("done: %+v", done)
	}
	for _, status := range []registry.DeploymentStatus{deploy.DeploymentQueued, deploy.DeploymentRunning, deploy.DeploymentFailed, deploy.DeploymentCancelled} {
		if _, _, err := e.Deploy.ReportDeployment(e.Admin, reportOf("2", "b", status)); registry.KindOf(err) != registry.Conflict || err == nil {
			t.Errorf("succeeded, then %s: %v", status, err)
		}
	}
	if _, _, err := e.Deploy.ReportDeployment(e.Admin, reportOf("1", "b", deploy.DeploymentRolledBack)); registry.KindOf(err) != registry.Conflict || err == nil {
		t.Errorf("another version under a known id: %v", err)
	}

	var got []string
	for _, ev := range e.events(start) {
		typ := strings.TrimSuffix(strings.TrimPrefix(ev.Type, registry.EventTypePrefix), registry.EventTypeSuffix)
		got = append(got, typ+" "+ev.Subject+" "+ev.PartitionKey)
	}
	const key = " service:prod/web"
	want := []string{"environment.created  ", "deployment.succeeded pkg:generic/app@1" + key, "deployment.queued pkg:generic/app@2" + key,
		"deployment.started pkg:generic/app@2" + key, "deployment.succeeded pkg:generic/app@2" + key}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	last := e.events(e.end() - 1)[0]
	for _, part := range []string{`"environment":"prod"`, `"service":"web"`, `"status":"succeeded"`, `"external_id":"b"`, `"cause":"evt_1"`,
		`"url":"https://ci.example.com/1"`, fmt.Sprintf(`"previous":{"version":"1","digest":%q,"purl":"pkg:generic/app@1","repository":"main","deployment":"%d"}`, first.Digest, first.ID)} {
		if !strings.Contains(string(last.Data), part) {
			t.Errorf("the event lacks %s: %s", part, last.Data)
		}
	}
	e.MustFsck(t)
}

// TestRollback: what ran before runs again, past what was rolled back itself, but not past a moment when nothing ran.
func TestRollback(t *testing.T) {
	e := newDeployer(t, "1", "2", "3")
	check := func(want string) {
		t.Helper()
		if got := e.runs(registry.AsOf{}); got != want {
			t.Errorf("%q runs, want %q", got, want)
		}
	}
	e.report("1", "a", deploy.DeploymentSucceeded)
	one := e.end()
	e.report("2", "b", deploy.DeploymentSucceeded)
	two := e.end()
	e.report("3", "c", deploy.DeploymentSucceeded)
	e.report("3", "c", deploy.DeploymentRolledBack)
	check("2")
	if last := e.events(e.end() - 1)[0]; !strings.Contains(string(last.Data), `"restored":{"version":"2"`) {
		t.Errorf("the event does not say what runs again: %s", last.Data)
	}
	e.report("2", "b", deploy.DeploymentRolledBack)
	check("1")
	e.report("2", "d", deploy.DeploymentFailed)
	check("1")
	e.report("1", "a", deploy.DeploymentRolledBack)
	check("")
	e.report("1", "e", deploy.DeploymentSucceeded)
	if err := e.Deploy.StopService(e.Admin, "prod", "web"); err != nil {
		t.Fatal(err)
	}
	check("")
	if err := e.Deploy.StopService(e.Admin, "prod", "web"); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("stopped twice: %v", err)
	}
	e.report("2", "f", deploy.DeploymentSucceeded)
	e.report("2", "f", deploy.DeploymentRolledBack)
	check("")

	for seq, want := range map[int64]string{one: "1", two: "2", two + 1: "3", two + 2: "2", two + 3: "1"} {
		if got := e.runs(registry.AsOf{Seq: &seq}); got != want {
			t.Errorf("at entry %d %q ran, want %q", seq, got, want)
		}
	}
	history, err := e.Deploy.Runs(e.Admin, "prod", deploy.RunQuery{Service: "web"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range history {
		got = append(got, r.Deployment.Version)
		if r.Until.IsZero() {
			t.Errorf("%s still runs", r.Deployment.Version)
		}
	}
	if fmt.Sprint(got) != "[2 1 1 2 3 2 1]" {
		t.Errorf("history %v", got)
	}
	e.MustFsck(t)
}

// TestDeployable: a version is named by its purl, by a digest of its own or of a file, or by both where one is not enough.
func TestDeployable(t *testing.T) {
	e := newDeployer(t)
	for pkg, content := range map[string]string{"app": "one", "tool": "same", "util": "same"} {
		if err := e.Publish(pkg, "1", "f", content); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := e.Catalog.Resolve(e.Admin, e.Name("app"), catalog.Ref{Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Publish("app", "gone"); err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("gone"), ""); err != nil {
		t.Fatal(err)
	}
	same := digest.FromString("same")
	for _, c := range []struct {
		purl   string
		digest digest.Digest
		kind   registry.Kind
		want   string // the purl, or part of the refusal
	}{
		{"pkg:generic/app@1", "", 0, "pkg:generic/app@1"},
		{"", whole.Digest, 0, "pkg:generic/app@1"},
		{"", digest.FromString("one"), 0, "pkg:generic/app@1"},
		{"pkg:generic/app@1", digest.FromString("one"), 0, "pkg:generic/app@1"},
		{"pkg:generic/tool", same, 0, "pkg:generic/tool@1"},
		{"", same, registry.Conflict, "pkg:generic/tool@1"},
		{"pkg:generic/app@1", same, registry.NotFound, "no version"},
		{"pkg:generic/app@2", "", registry.NotFound, "no version"},
		{"pkg:generic/app@gone", "", registry.NotFound, "was deleted"},
		{"pkg:generic/none@1", "", registry.NotFound, "no version"},
		{"", digest.FromString("none"), registry.NotFound, "no version"},
		{"pkg:generic/app", "", registry.Invalid, "no version"},
		{"pkg:cargo/app@1", "", registry.Invalid, `"cargo"`},
		{"app@1", "", registry.Invalid, "package URL"},
		{"", "sha256:x", registry.Invalid, "not a digest"},
		{"", "", registry.Invalid, "purl"},
	} {
		d, _, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main",
			PURL: c.purl, Digest: c.digest, Status: deploy.DeploymentSucceeded})
		switch {
		case c.kind == 0 && (err != nil || d.PURL != c.want || c.digest != "" && d.Digest != c.digest):
			t.Errorf("%q %q: %+v, %v", c.purl, c.digest, d, err)
		case c.kind != 0 && (err == nil || registry.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q %q: %v, want %q", c.purl, c.digest, err, c.want)
		}
	}
	good := reportOf("1", "x", deploy.DeploymentSucceeded)
	for what, spoil := range map[string]func(r *deploy.Report){
		"environment": func(r *deploy.Report) { r.Environment = "a/b" }, "no environment": func(r *deploy.Report) { r.Environment = "" },
		"service": func(r *deploy.Report) { r.Service = "a//b" }, "status": func(r *deploy.Report) { r.Status = "done" },
		"url": func(r *deploy.Report) { r.URL = "https://ann:secret@ci.example.com" }, "scheme": func(r *deploy.Report) { r.URL = "javascript:x" },
		"id": func(r *deploy.Report) { r.ExternalID = "a\x00" }, "event": func(r *deploy.Report) { r.EventID = strings.Repeat("x", 256) },
	} {
		r := good
		spoil(&r)
		if _, _, err := e.Deploy.ReportDeployment(e.Admin, r); registry.KindOf(err) != registry.Invalid || err == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	e.MustFsck(t)
}

// TestDeploymentFaults breaks every backend call of a report in turn: record, what runs, and log agree.
func TestDeploymentFaults(t *testing.T) {
	for n := 1; ; n++ {
		e := registrytest.New(t, registrytest.FailCall(n, storagetest.Before))
		e.WithoutFaults(func() {
			for _, v := range []string{"1", "2"} {
				if err := e.Publish("app", v); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := e.Deploy.ReportDeployment(e.Admin, reportOf("1", "a", deploy.DeploymentSucceeded)); err != nil {
				t.Fatal(err)
			}
		})
		_, _, err := e.Deploy.ReportDeployment(e.Admin, reportOf("2", "b", deploy.DeploymentSucceeded))
		if err == nil {
			_, _, err = e.Deploy.ReportDeployment(e.Admin, reportOf("2", "b", deploy.DeploymentRolledBack))
		}
		tripped := e.Tripped()
		e.MustFsck(t)
		if !tripped {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if err == nil {
			t.Fatalf("call %d failed, and nobody was told", n)
		}
	}
}
