package api_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/registry/access"
	"slipway/web/api"
)

type deployment struct {
	ID, Environment, Service, Repository, Format, Package, Version, PURL, Digest, Status string
	ExternalID                                                                           string `json:"external_id"`
	EventID                                                                              string `json:"event_id"`
	URL                                                                                  string
	CreatedBy                                                                            string  `json:"created_by"`
	FinishedAt                                                                           *string `json:"finished_at"`
	Seq                                                                                  int64
	LastSeq                                                                              int64 `json:"last_seq"`
}

type environment struct {
	Name, Description, Tag string
	Seq                    int64
	Services               []struct {
		Service  string
		Drift    bool
		Wanted   *struct{ Tag, Version, PURL, Since string }
		Recorded *struct{ Deployment, Status, PURL, At, By string }
		Running  *struct {
			Deployment, Repository, Format, Package, Version, PURL, Digest, Since string
			Seq                                                                   int64
		}
	}
}

// shape is what an environment says of its first service.
func (e environment) shape() string {
	if len(e.Services) == 0 {
		return "nothing"
	}
	s := e.Services[0]
	wanted, recorded, running := "-", "-", "-"
	if s.Wanted != nil {
		wanted = s.Wanted.Version
	}
	if s.Recorded != nil {
		recorded = s.Recorded.Status
	}
	if s.Running != nil {
		running = s.Running.Version
	}
	return fmt.Sprintf("%s wanted %s, %s, runs %s, drift %v", s.Service, wanted, recorded, running, s.Drift)
}

const report = `{"environment":"prod","service":"web","repository":"main","purl":"pkg:generic/lib@%s","status":%q,"external_id":%q}`

func TestDeployments(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	a.want(201, "POST", "/environments", `{"name":"prod","tag":"production","description":"d"}`, nil)
	a.want(409, "POST", "/environments", `{"name":"prod"}`, nil)
	a.want(400, "POST", "/environments", `{"name":"a b"}`, nil)
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	var first, second deployment
	res := a.want(201, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "succeeded", "77"), &first)
	if res.Header.Get("Location") != a.URL+api.Prefix+"/deployments/"+first.ID || first.PURL != "pkg:generic/lib@1.0.0" || first.Digest == "" ||
		first.FinishedAt == nil || first.CreatedBy != "token test of user admin" || first.Format == "" || first.Package != "lib" || first.ExternalID != "77" {
		t.Errorf("reported: %+v, Location %q", first, res.Header.Get("Location"))
	}
	var again deployment
	a.want(200, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "succeeded", "77"), &again)
	if again.ID != first.ID || again.LastSeq != first.LastSeq {
		t.Errorf("the same again: %+v", again)
	}
	a.want(409, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "running", "77"), nil)
	a.want(409, "POST", "/deployments", fmt.Sprintf(report, "1.1.0", "succeeded", "77"), nil)
	a.want(404, "POST", "/deployments", fmt.Sprintf(report, "9", "succeeded", "78"), nil)
	a.want(400, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "done", "78"), nil)
	var bad struct{ ID, Reason string }
	a.want(201, "POST", "/deployments", strings.Replace(fmt.Sprintf(report, "1.0.0", "running", "79"), "{", `{"reason":"by hand",`, 1), &bad)
	a.want(200, "PATCH", "/deployments/"+bad.ID, `{"status":"failed","reason":"it does not answer"}`, &bad)
	if bad.Reason != "it does not answer" {
		t.Errorf("the reason is %q", bad.Reason)
	}
	a.want(400, "PATCH", "/deployments/"+bad.ID, `{"status":"failed","reason":"a\nb"}`, nil)
	a.want(400, "POST", "/deployments", `{"environment":"prod","service":"web","repository":"main","status":"succeeded"}`, nil)
	a.want(404, "POST", "/deployments", `{"environment":"prod","service":"web","repository":"absent","purl":"pkg:generic/lib@1","status":"succeeded"}`, nil)

	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.1.0"}`, nil)
	a.want(201, "POST", "/deployments", fmt.Sprintf(`{"environment":"prod","service":"web","repository":"main","digest":%q,"status":"queued","url":"https://ci.example.com/1"}`, first.Digest), &second)
	a.want(200, "PATCH", "/deployments/"+second.ID, `{"status":"cancelled"}`, &second)
	if second.Status != "cancelled" || second.URL != "https://ci.example.com/1" || second.Version != "1.0.0" {
		t.Errorf("cancelled: %+v", second)
	}
	a.want(409, "PATCH", "/deployments/"+second.ID, `{"status":"running"}`, nil)
	a.want(404, "PATCH", "/deployments/99", `{"status":"running"}`, nil)
	a.want(404, "GET", "/deployments/x", "", nil)
	a.want(200, "GET", "/deployments/"+first.ID, "", &again)
	if again.ID != first.ID {
		t.Errorf("%+v", again)
	}

	var env environment
	a.want(200, "GET", "/environments/prod", "", &env)
	if env.shape() != "web wanted 1.1.0, cancelled, runs 1.0.0, drift true" || env.Tag != "production" || env.Services[0].Running.Seq != first.LastSeq {
		t.Errorf("prod: %s, %+v", env.shape(), env)
	}
	env = environment{}
	a.want(200, "GET", fmt.Sprintf("/environments/prod?as_of=seq:%d", first.LastSeq), "", &env)
	if env.shape() != "web wanted 1.0.0, succeeded, runs 1.0.0, drift false" || env.Seq != first.LastSeq {
		t.Errorf("then: %s, %+v", env.shape(), env)
	}
	a.want(404, "GET", "/environments/prod?as_of=2001-01-01T00:00:00Z", "", nil)
	a.want(404, "GET", "/environments/absent", "", nil)
	a.want(400, "PATCH", "/environments/prod", `{"name":"dev"}`, nil)
	a.want(200, "PATCH", "/environments/prod", `{"tag":""}`, &env)
	if env.Tag != "" || env.Description != "d" {
		t.Errorf("changed: %+v", env)
	}
	a.MustFsck(t)
}

// TestDeploymentLists turns pages, and asks by every filter.
func TestDeploymentLists(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	var d deployment
	for i, v := range []string{"1.0.0", "1.1.0", "1.0.0"} {
		a.want(201, "POST", "/deployments", fmt.Sprintf(report, v, "succeeded", fmt.Sprint(i)), &d)
	}
	a.want(201, "POST", "/deployments", `{"environment":"dev","service":"team/api","repository":"main","purl":"pkg:generic/lib@1.1.0","status":"failed"}`, nil)
	ids := func(path string) string {
		t.Helper()
		var list struct {
			Items []struct {
				ID, Deployment string
				Until          *string
			}
			Next string
		}
		a.want(200, "GET", path, "", &list)
		out := ""
		for _, x := range list.Items {
			out += x.ID + x.Deployment + " "
		}
		return out + list.Next
	}
	for path, want := range map[string]string{
		"/deployments": "4 3 2 1 ", "/deployments?limit=2": "4 3 3", "/deployments?limit=2&after=3": "2 1 ", "/deployments?environment=dev": "4 ",
		"/deployments?service=team%2Fapi": "4 ", "/deployments?status=succeeded&environment=prod": "3 2 1 ",
		"/deployments?purl=pkg:generic%2Flib@1.1.0": "4 2 ", "/deployments?digest=" + d.Digest: "3 1 ", "/deployments?repository=main": "4 3 2 1 ",
		"/deployments?repository=other": "", "/environments/prod/history": "3 2 1 ", "/environments/prod/history?service=web&limit=1": "3 " + fmt.Sprint(d.Seq),
		"/environments/prod/history?service=other": "",
	} {
		if got := ids(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]int{
		"/deployments?after=x": 400, "/deployments?status=x": 400, "/deployments?digest=x": 400, "/deployments?environment=absent": 404,
		"/deployments?repository=absent": 404, "/environments/absent/history": 404, "/environments/prod/history?after=x": 400,
	} {
		a.want(want, "GET", path, "", nil)
	}
	var list struct{ Items []environment }
	a.want(200, "GET", "/environments", "", &list)
	if len(list.Items) != 2 || list.Items[0].Name != "dev" {
		t.Errorf("environments: %+v", list)
	}
}

// TestDeploymentsOfOthers: what runs is shown to who may read it.
func TestDeploymentsOfOthers(t *testing.T) {
	p := prepare(t)
	inMain := access.Grant{Repository: "main", Actions: []access.Action{access.Deploy}}
	noConsent := p.UserToken("other-dep", 0, inMain)
	if res := p.call(noConsent, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "succeeded", "9")); res.Status != 403 || !strings.Contains(string(res.Body), `belongs to user \"admin\"`) {
		t.Errorf("another user's environment: %v", res)
	}
	deploys := p.UserToken("dep", 0, inMain, access.Grant{Environment: "prod", Actions: []access.Action{access.Deploy}})
	if res := p.call(deploys, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "succeeded", "9")); res.Status != 201 {
		t.Errorf("the right to deploy is enough to report: %v", res)
	}
	for _, path := range []string{"/environments/prod", "/environments/prod/history", "/deployments"} {
		if res := p.call(p.reader, "GET", path, ""); res.Status != 200 || !strings.Contains(string(res.Body), "pkg:generic/lib@1.0.0") {
			t.Errorf("a reader of main: %s: %v", path, res)
		}
		if res := p.call(p.elsewhere, "GET", path, ""); res.Status != 200 || strings.Contains(string(res.Body), "web") {
			t.Errorf("a stranger: %s: %v", path, res)
		}
	}
}

// TestD3: a deployed version is not deleted, and the answer says for machines, too, where it runs.
func TestD3(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	var d deployment
	a.want(201, "POST", "/deployments", fmt.Sprintf(report, "1.0.0", "succeeded", "1"), &d)
	var problem struct {
		Type, Detail string
		Status       int
		Uses         []struct{ Environment, Service, Deployment, Status, Since string }
	}
	a.want(409, "DELETE", packages+"/lib/versions/1.0.0", "", &problem)
	if len(problem.Uses) != 1 || problem.Uses[0].Environment != "prod" || problem.Uses[0].Service != "web" || problem.Uses[0].Deployment != d.ID ||
		problem.Uses[0].Since == "" || problem.Type != "urn:slipway:problem:in-use" || problem.Status != 409 || !strings.Contains(problem.Detail, `"prod"`) {
		t.Errorf("%+v", problem)
	}
	a.want(409, "DELETE", "/repositories/main", "", nil)
	a.want(204, "DELETE", "/environments/prod/services/web", "", nil)
	a.want(404, "DELETE", "/environments/prod/services/web", "", nil)
	a.want(204, "DELETE", packages+"/lib/versions/1.0.0", "", nil)
	a.want(201, "POST", "/deployments", fmt.Sprintf(report, "1.1.0", "queued", "2"), nil)
	a.want(409, "DELETE", packages+"/lib/versions/1.1.0", "", nil)
	a.want(204, "DELETE", "/environments/prod", "", nil)
	a.want(204, "DELETE", packages+"/lib/versions/1.1.0", "", nil)
	a.MustFsck(t)
}

// TestVersionState: a version is yanked, deprecated and restored, each with its event.
func TestVersionState(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	path := packages + "/lib/versions/1.0.0"
	for _, state := range []string{"yanked", "deprecated", "published"} {
		var v struct{ State, Reason, PURL string }
		a.want(200, "PATCH", path, fmt.Sprintf(`{"state":%q,"reason":"because"}`, state), &v)
		if v.State != state || v.Reason != "because" || v.PURL != "pkg:generic/lib@1.0.0" {
			t.Errorf("%s: %+v", state, v)
		}
	}
	for body, want := range map[string]int{`{"state":"deleted"}`: 400, `{"state":""}`: 400, `{"state":"yanked","x":1}`: 400} {
		a.want(want, "PATCH", path, body, nil)
	}
	a.want(404, "PATCH", packages+"/lib/versions/9", `{"state":"yanked"}`, nil)
	a.MustFsck(t)
}

// TestN11: an empty id, address or name of a version is refused, and no deployment is made of it.
func TestN11(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	report := `{"environment":"prod","service":"web","repository":"main","purl":"pkg:generic/lib@1.0.0","status":"running"%s}`
	for _, field := range []string{"external_id", "event_id", "url", "digest"} {
		res := a.want(400, "POST", "/deployments", fmt.Sprintf(report, `,"`+field+`":""`), nil)
		if !strings.Contains(string(res.Body), field+`\" is empty`) {
			t.Errorf("%s: %v", field, res)
		}
	}
	var list struct{ Items []struct{ ID string } }
	if a.want(200, "GET", "/deployments", "", &list); len(list.Items) != 0 {
		t.Errorf("made: %+v", list)
	}
	a.want(201, "POST", "/deployments", fmt.Sprintf(report, ""), nil)
	a.want(400, "PATCH", "/deployments/1", `{"status":"cancelled","event_id":""}`, nil)
	a.want(200, "PATCH", "/deployments/1", `{"status":"cancelled"}`, nil)
	a.want(400, "GET", "/events?consumer=", "", nil)
	a.want(400, "POST", "/tokens", `{"name":"x","user":"","permissions":[{"repository":"main","actions":["read"]}]}`, nil)
}
