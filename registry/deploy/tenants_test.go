package deploy_test

import (
	"context"
	"strings"
	"testing"

	"slipway/integration"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/deploy"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestK9: a service that moves from one repository to another, and back, shows the readers of neither what is the other's: not in
// the feed, nor by webhooks, nor in refusals.
func TestK9(t *testing.T) {
	e := newDeployer(t)
	repositories := []string{"tenant-a", "tenant-b"}
	for _, name := range repositories {
		registrytest.Must(t, registrytest.ErrOf(e.Core.CreateRepository(e.Admin, name, registry.RepositoryChange{})))
		at := registry.Name{Repository: name, Format: registrytest.Format, Package: "of-" + name, Display: "of-" + name}
		p, err := e.Publisher.Begin(e.Admin, at)
		registrytest.Must(t, err)
		_, err = p.Stage(e.Admin, content.StageFile{Path: "file"}, strings.NewReader(name))
		registrytest.Must(t, err)
		registrytest.Must(t, registrytest.ErrOf(p.Commit(e.Admin, publish.Release{Version: "1", PURL: "pkg:generic/of-" + name + "@1"})))
	}
	hook := func(repository string) integration.Subscription {
		name, url := "hook", "https://ci.example.com/hook"
		sub, _, err := e.Subscriptions.CreateSubscription(e.Admin, integration.SubscriptionChange{Name: &name, URL: &url, Repositories: &[]string{repository}})
		registrytest.Must(t, err)
		return sub
	}
	hooks := []integration.Subscription{hook("tenant-a"), hook("tenant-b"), hook("*")}
	move := func(repository, id string, status registry.DeploymentStatus) {
		_, _, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: repository,
			PURL: "pkg:generic/of-" + repository + "@1", Status: status, ExternalID: id})
		registrytest.Must(t, err)
	}
	move("tenant-a", "1", deploy.DeploymentSucceeded)
	move("tenant-b", "2", deploy.DeploymentSucceeded)  // previous is of a
	move("tenant-b", "2", deploy.DeploymentRolledBack) // restored is of a
	move("tenant-b", "3", deploy.DeploymentSucceeded)
	move("tenant-a", "4", deploy.DeploymentSucceeded) // previous is of b

	var outbox strings.Builder
	box := e.Subscriptions.Outbox()
	for more := true; more; {
		var err error
		more, err = box.FanOut(context.Background())
		registrytest.Must(t, err)
	}
	sent := func(sub integration.Subscription) string {
		outbox.Reset()
		list, err := e.Subscriptions.Deliveries(e.Admin, integration.DeliveryQuery{SubscriptionID: sub.ID})
		registrytest.Must(t, err)
		for _, d := range list {
			full, err := e.Subscriptions.Delivery(e.Admin, d.ID)
			registrytest.Must(t, err)
			outbox.Write(full.Body)
		}
		return outbox.String()
	}
	feed := func(ctx context.Context) string {
		events, _, err := e.Ledger.Events(ctx, ledger.EventQuery{After: -1, Types: []string{"deployment.*"}})
		registrytest.Must(t, err)
		var all strings.Builder
		for _, ev := range events {
			all.Write(ev.Data)
		}
		return all.String()
	}
	for i, own := range repositories {
		other := repositories[1-i]
		reader := e.Login(access.Credentials{Token: e.Token(own, access.Read)})
		for what, text := range map[string]string{"the feed": feed(reader), "the webhook": sent(hooks[i])} {
			if !strings.Contains(text, "of-"+own) || strings.Contains(text, other) {
				t.Errorf("%s of a reader of %s: %s", what, own, text)
			}
		}
		both := e.Login(access.Credentials{Token: e.Token("tenant-*", access.Read)})
		for what, text := range map[string]string{"the feed of a reader of both": feed(both), "the feed of an auditor": feed(e.Admin), "the webhook of both": sent(hooks[2])} {
			if !strings.Contains(text, `"restored":{`) || strings.Count(text, `"previous":{`) < 3 || !strings.Contains(text, other) {
				t.Errorf("%s: %s", what, text)
			}
		}
	}
	blind := e.Login(access.Credentials{Token: e.Token("tenant-a", access.Delete)})
	err := e.Publisher.Delete(blind, registry.Name{Repository: "tenant-a", Format: registrytest.Format, Package: "of-tenant-a"}.At("1"), "")
	if registry.KindOf(err) != registry.Conflict || strings.Contains(registry.AsError(err).Detail, "prod") {
		t.Errorf("a caller who may not read is told where it runs: %v", err)
	}
}

// TestN6: the right to audit a repository shows its records, and not its content.
func TestN6(t *testing.T) {
	e := newDeployer(t, "1")
	d := e.report("1", "a", deploy.DeploymentSucceeded)
	registrytest.Must(t, registrytest.ErrOf(e.Publisher.SetTag(e.Admin, e.Name("app"), "production", publish.TagChange{Version: "1"})))
	auditor := e.Login(access.Credentials{Token: e.Token("main", access.Audit)})
	if events, _, err := e.Ledger.Events(auditor, ledger.EventQuery{After: -1, Types: []string{"tag.set", "deployment.*"}}); err != nil || len(events) != 2 {
		t.Errorf("events: %d, %v", len(events), err)
	}
	if tags, err := e.Catalog.TagHistory(auditor, e.Name("app"), "production", registry.Page{}); err != nil || len(tags) != 1 {
		t.Errorf("tags: %v, %v", tags, err)
	}
	if list, err := e.Deploy.Deployments(auditor, deploy.DeploymentQuery{Repository: "main"}); err != nil || len(list) != 1 || list[0].ID != d.ID {
		t.Errorf("deployments: %v, %v", list, err)
	}
	if st, err := e.Deploy.EnvironmentAt(auditor, "prod", registry.AsOf{}); err != nil || len(st.Services) != 1 {
		t.Errorf("environment: %v, %v", st, err)
	}
	if _, err := e.Catalog.Package(auditor, e.Name("app")); registry.KindOf(err) != registry.Denied {
		t.Errorf("content: %v", err)
	}
}
