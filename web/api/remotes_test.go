package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/npm"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// TestRemotes: a registry elsewhere is added, shown with its address to administrators alone, changed, and asked for news.
func TestRemotes(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusNotFound)
	}))
	defer elsewhere.Close()
	format := npm.New()
	a := newAPI(t, formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) {
		c.Rules["npm"] = format.Rules()
		c.Upstreams.Sources = map[string]upstreams.Source{"npm": format}
	})}})
	type remote struct {
		Name, Type, Format, URL, TTL string
		Offline                      bool
		Redirects                    []string
		State                        *struct{ Breaker string }
	}
	var u remote
	const list = "/repositories/main/upstreams"
	a.want(201, "POST", list, `{"url":"`+elsewhere.URL+`/","format":"npm","ttl":"10m","redirects":["127.0.0.1"]}`, &u)
	if u.Name != "npm" || u.Type != "remote" || u.TTL != "10m0s" || u.URL != elsewhere.URL+"/" {
		t.Errorf("added: %+v", u)
	}
	for body, says := range map[string]string{
		`{"url":"https://a:b@registry.example.com/","format":"npm"}`: "credentials", `{"url":"https://registry.example.com/","format":"npm","through":true}`: "are repositories",
		`{"url":"ftp://registry.example.com/","format":"npm"}`: "http", `{"url":"https://registry.example.com/"}`: "needs a format",
		`{"repository":"other","ttl":"5m"}`: "is a repository", `{"url":"http://10.1.2.3/","format":"npm"}`: "--upstream-allow", `{"url":"https://registry.example.com/","format":"npm","ttl":"soon"}`: "duration",
	} {
		if res := a.want(400, "POST", list, body, nil); !strings.Contains(string(res.Body), says) || strings.Contains(string(res.Body), "a:b@") {
			t.Errorf("%s: %v", body, res)
		}
	}
	a.want(404, "GET", "/repositories/main/packages/npm/left-pad", "", nil)
	a.want(404, "GET", "/repositories/main/packages/npm/left-pad", "", nil)
	if asked != 1 {
		t.Errorf("asked %d times for what is absent", asked)
	}
	var refreshed struct{ Documents, Files int }
	a.want(400, "POST", "/repositories/main/refresh?package=left-pad", "", nil)
	a.want(202, "POST", "/repositories/main/refresh?format=npm&package=other", "", &refreshed)
	if refreshed.Documents != 0 {
		t.Errorf("another package: %+v", refreshed)
	}
	a.want(202, "POST", "/repositories/main/refresh?format=npm&package=left-pad", "", &refreshed)
	a.want(404, "GET", "/repositories/main/packages/npm/left-pad", "", nil)
	if refreshed.Documents != 1 || asked != 2 {
		t.Errorf("refreshed %+v, asked %d times", refreshed, asked)
	}
	a.want(200, "PATCH", list+"/npm", `{"ttl":"","offline":true}`, &u)
	if u.TTL != "" && !u.Offline || len(u.Redirects) != 1 {
		t.Errorf("changed: %+v", u)
	}
	reader := a.UserToken("ann", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	for _, path := range []string{list, list + "/npm", "/repositories/main", "/repositories"} {
		res := a.call(reader, "GET", path, "")
		if res.Status != 200 || !strings.Contains(string(res.Body), `"remote"`) || strings.Contains(string(res.Body), "127.0.0.1") || strings.Contains(string(res.Body), `"state"`) {
			t.Errorf("%s for a reader: %v", path, res)
		}
	}
	admin := a.UserToken("bob", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Admin}})
	if res := a.call(admin, "GET", list+"/npm", ""); !strings.Contains(string(res.Body), elsewhere.URL) || !strings.Contains(string(res.Body), `"state"`) {
		t.Errorf("for an administrator: %v", res)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", list, `{"name":"more","url":"https://registry.example.com/","format":"npm"}`, 403},
		{"PATCH", list + "/npm", `{"redirects":["registry.example.com"]}`, 403},
		{"PATCH", list + "/npm", `{"offline":false}`, 200},
		{"PATCH", "/repositories/main", `{"upstreams":[{"name":"npm","url":"` + elsewhere.URL + `/","format":"npm","redirects":["127.0.0.1"]}]}`, 200},
		{"PATCH", "/repositories/main", `{"upstreams":[{"name":"npm","url":"https://registry.example.com/","format":"npm"}]}`, 403},
	} {
		if res := a.call(admin, c.method, c.path, c.body); res.Status != c.status {
			t.Errorf("%s %s as an administrator of the repository: %v, want %d", c.method, c.body, res, c.status)
		}
	}
}
