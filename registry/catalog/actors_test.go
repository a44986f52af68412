package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
	"slipway/registry/deploy"
	"slipway/registry/ledger"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestN1: whatever a token does is shown as "token test of user admin", and by: and token: find it.
func TestN1(t *testing.T) {
	e := registrytest.New(t)
	registrytest.Must(t, e.Publish("web", "1"))
	byPassword := e.Admin
	e.Admin = e.Login(access.Credentials{Token: e.Token("*", access.Admin)})
	registrytest.Must(t, e.Publish("web", "2"))
	tag, err := e.Publisher.SetTag(e.Admin, e.Name("web"), "prod", publish.TagChange{Version: "2"})
	registrytest.Must(t, err)
	d, _, err := e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: "web", Repository: "main", PURL: "pkg:generic/web@2", Status: deploy.DeploymentRunning})
	registrytest.Must(t, err)
	state, err := e.Deploy.EnvironmentAt(e.Admin, "prod", registry.AsOf{})
	registrytest.Must(t, err)
	v, err := e.Catalog.VersionDetail(e.Admin, e.Name("web").At("2"))
	registrytest.Must(t, err)
	events, _, err := e.Ledger.Events(e.Admin, ledger.EventQuery{After: -1, Types: []string{"tag.set"}})
	registrytest.Must(t, err)
	const want = "token test of user admin"
	for what, got := range map[string]string{"the version": v.Version.PublishedBy, "the tag": tag.SetBy, "the deployment": d.CreatedBy, "its report": state.Services[0].Recorded.UpdatedBy} {
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	if data := string(events[0].Data); !strings.Contains(data, `"actor":"token test of user admin","token":"test"`) {
		t.Errorf("the event: %s", data)
	}
	for query, want := range map[string]string{
		"by:admin": "[1 2]", "by:adm*": "[1 2]", "by:test": "[2]", "token:test": "[2]", "token:te*": "[2]", "token:admin": "[]", "by:min": "[]",
		"by:admin -token:*": "[1]", `by:"token test of user admin"`: "[2]",
	} {
		hits, err := e.History.Search(byPassword, catalog.VersionSearch{Query: query})
		registrytest.Must(t, err)
		found := []string{}
		for _, h := range hits {
			found = append(found, h.Version.Name)
		}
		slices.Sort(found)
		if fmt.Sprint(found) != want {
			t.Errorf("%s finds %v, want %s", query, found, want)
		}
	}
	e.MustFsck(t)
}
