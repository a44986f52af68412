package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/publish"
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
		`"url":"https://ci.example.com/1"`, fmt.Sprintf(`"previous":{"version":"1","digest":%q,"purl":"pkg:generic/app@1","deployment":"%d"}`, first.Digest, first.ID)} {
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
	if list, err := e.Deploy.Environments(e.Admin, registry.Page{}); err != nil || len(list) != 0 {
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
		"reader changes":     {last(e.Deploy.ChangeDeployment(reader, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack})), registry.Denied},
		"stranger changes":   {last(e.Deploy.ChangeDeployment(stranger, d.ID, deploy.DeploymentChange{Status: deploy.DeploymentRolledBack})), registry.NotFound},
		"reader stops":       {e.Deploy.StopService(reader, "prod", "web"), registry.Denied},
		"stranger stops":     {e.Deploy.StopService(stranger, "prod", "web"), registry.NotFound},
		"stranger looks":     {last(e.Instance.Deploy.Deployment(stranger, d.ID)), registry.NotFound},
		"deployer deletes":   {e.Deploy.DeleteEnvironment(deploys, "prod"), registry.Denied},
		"reader makes":       {last(e.Deploy.CreateEnvironment(reader, "dev", deploy.EnvironmentChange{})), registry.Denied},
		"nobody reports":     {second(e.Deploy.ReportDeployment(context.Background(), theirs)), registry.Unauthenticated},
		"nobody looks":       {last(e.Deploy.EnvironmentAt(context.Background(), "prod", registry.AsOf{})), registry.Unauthenticated},
		"nobody changes":     {last(e.Deploy.ChangeDeployment(context.Background(), 99, deploy.DeploymentChange{Status: deploy.DeploymentFailed})), registry.Unauthenticated},
		"stranger's listing": {last(e.Deploy.Deployments(stranger, deploy.DeploymentQuery{Repository: "main"})), registry.NotFound},
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

func last[T any](_ T, err error) error { return err }

func second[A, B any](_ A, _ B, err error) error { return err }

// TestD3: what runs, or is about to, is not deleted, whoever asks and however; with another deployment in its place it can go.
func TestD3(t *testing.T) {
	e := newDeployer(t, "1", "2")
	e.report("1", "a", deploy.DeploymentSucceeded)
	e.report("2", "b", deploy.DeploymentQueued)
	refused := func(version string, reasons ...string) {
		t.Helper()
		for what, err := range map[string]error{
			"deletion": e.Publisher.Delete(e.Admin, e.Name("app").At(version), ""),
			"removal of a file": e.Publisher.Edit(e.Admin, e.Name("app"), func(ed *publish.Edit) error {
				return ed.RemoveFile(version, "file", "")
			}),
			"other bytes": last(e.PublishRelease("app", publish.Release{Version: version, Mode: publish.Replace}, "file", "other")),
		} {
			var used *registry.InUse
			if registry.KindOf(err) != registry.Conflict || !errors.As(err, &used) || len(used.Uses) != len(reasons) {
				t.Fatalf("%s of %s: %v", what, version, err)
			}
			for _, r := range reasons {
				if !strings.Contains(err.Error(), r) {
					t.Errorf("%s of %s: %v lacks %q", what, version, err, r)
				}
			}
		}
		collect(t, e.Env, maintain.CollectOptions{Force: true})
		if !e.Has("app", version) {
			t.Errorf("%s is gone", version)
		}
	}
	if _, err := e.Publisher.SetTag(e.Admin, e.Name("app"), "production", publish.TagChange{Version: "2"}); err != nil {
		t.Fatal(err)
	}
	refused("1", `"web" runs it in environment "prod" since 20`)
	refused("2", `of "web" in environment "prod" is queued since 20`)
	e.report("2", "b", deploy.DeploymentRunning)
	refused("2", "is running")
	e.report("2", "b", deploy.DeploymentSucceeded)
	refused("2", "runs it")
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("1"), ""); err != nil {
		t.Errorf("what ran before: %v", err)
	}
	if err := e.Deploy.StopService(e.Admin, "prod", "web"); err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("2"), ""); err != nil {
		t.Errorf("what was stopped: %v", err)
	}
	e.MustFsck(t)
}

// TestD3Rollback: a rollback brings back the record even of a version that was deleted meanwhile: it is what runs.
func TestD3Rollback(t *testing.T) {
	e := newDeployer(t, "1", "2")
	e.report("1", "a", deploy.DeploymentSucceeded)
	e.report("2", "b", deploy.DeploymentSucceeded)
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	e.report("2", "b", deploy.DeploymentRolledBack)
	if got := e.runs(registry.AsOf{}); got != "1" {
		t.Errorf("%q runs", got)
	}
	e.MustFsck(t)
}

// TestD3Index: a part of an index goes no sooner than the index, at any depth.
func TestD3Index(t *testing.T) {
	e := newDeployer(t, "part")
	part, err := e.Catalog.Resolve(e.Admin, e.Name("app"), catalog.Ref{Version: "part"})
	if err != nil {
		t.Fatal(err)
	}
	below := part.Digest
	for _, v := range []string{"index", "outer"} {
		res, err := e.PublishRelease("app", publish.Release{Version: v, References: []publish.Reference{{Kind: registry.RefChild, Digest: below, Required: true}}})
		if err != nil {
			t.Fatal(err)
		}
		below = res.Version.Digest
	}
	e.report("outer", "a", deploy.DeploymentSucceeded)
	for _, v := range []string{"part", "index", "outer"} {
		if err := e.Publisher.Delete(e.Admin, e.Name("app").At(v), ""); registry.KindOf(err) != registry.Conflict || err == nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	e.report("outer", "a", deploy.DeploymentRolledBack)
	for _, v := range []string{"outer", "part"} {
		if err := e.Publisher.Delete(e.Admin, e.Name("app").At(v), ""); err != nil {
			t.Errorf("%s: %v", v, err)
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

// TestFsckDeployments: records that differ from the log are found.
func TestFsckDeployments(t *testing.T) {
	e := newDeployer(t, "1")
	d := e.report("1", "a", deploy.DeploymentSucceeded)
	d.Status, d.LastSeq = deploy.DeploymentFailed, d.LastSeq+1
	err := e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
		if _, err := tx.Deployments().UpdateDeployment(d); err != nil {
			return err
		}
		return tx.Runs().EndRun(d.EnvironmentID, "web", d.LastSeq)
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if _, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { found = append(found, f.Subject+" "+f.Detail) }); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(found, "\n"); len(found) != 2 || !strings.Contains(all, "deployment 1 is failed") || !strings.Contains(all, `runs as "web"`) {
		t.Errorf("found %q", found)
	}
}
