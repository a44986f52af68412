package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestD3: what runs, or is about to, is not deleted, whoever asks and however; with another deployment in its place it can go.
func TestD3(t *testing.T) {
	e := newDeployer(t, "1", "2")
	e.report("1", "a", deploy.DeploymentSucceeded)
	e.report("2", "b", deploy.DeploymentQueued)
	refused := func(version string, reasons ...string) {
		t.Helper()
		for what, err := range map[string]error{
			"deletion": e.Publisher.Delete(e.Admin, e.Name("app").At(version), ""),
			"removal of a file": e.Publisher.Edit(e.Admin, e.Name("app"), publish.Rights{access.Admin}, func(ed *publish.Edit) error {
				return ed.RemoveFile(version, "file", "")
			}),
			"other bytes": registrytest.ErrOf(e.PublishRelease("app", publish.Release{Version: version, Mode: publish.Replace}, "file", "other")),
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
		e.MustCollect(t, maintain.CollectOptions{Force: true})
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

// lateTx is a transaction that takes place later than its store thinks.
type lateTx struct {
	metadata.Tx
	by time.Duration
}

func (l lateTx) Now() time.Time { return l.Tx.Now().Add(l.by) }

// TestN11: a deployment that is reported no more keeps its version for a week, not for ever.
func TestN11(t *testing.T) {
	e := newDeployer(t, "1")
	var late time.Duration
	hooked, store := e.Hook(t, nil)
	store.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		return store.Store.Update(ctx, func(tx metadata.Tx) error { return fn(lateTx{tx, late}) })
	}
	e.Instance = hooked
	e.report("1", "", deploy.DeploymentRunning)
	late = 6 * 24 * time.Hour
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("1"), ""); registry.KindOf(err) != registry.Conflict || err == nil {
		t.Errorf("a deployment under way: %v", err)
	}
	late = 8 * 24 * time.Hour
	if err := e.Publisher.Delete(e.Admin, e.Name("app").At("1"), ""); err != nil {
		t.Errorf("a forgotten deployment: %v", err)
	}
}
