package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/integration/upstream/upstreamtest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

type upstream struct {
	Name, Type, Repository, Mode string
	Formats, Deny                []string
	Through                      bool
}

type repositoryWith struct{ Upstreams []upstream }

func (r repositoryWith) names() (out []string) {
	for _, u := range r.Upstreams {
		out = append(out, u.Name)
	}
	return out
}

// TestUpstreams: the list of a repository's upstreams is made with it, changed one by one and as a whole, and ordered.
func TestUpstreams(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	a.want(201, "POST", "/repositories", `{"name":"b"}`, nil)
	a.want(404, "POST", "/repositories", `{"name":"all","upstreams":["main","absent"]}`, nil)
	a.want(404, "GET", "/repositories/all", "", nil) // neither is made without the other
	var r repositoryWith
	a.want(201, "POST", "/repositories", `{"name":"all","upstreams":["main",{"name":"second","repository":"b","deny":["secret-*"]}]}`, &r)
	if !slices.Equal(r.names(), []string{"main", "second"}) || r.Upstreams[1].Deny[0] != "secret-*" {
		t.Errorf("created: %+v", r)
	}
	const all = "/repositories/all/upstreams"
	var u upstream
	a.want(200, "PATCH", all+"/second", `{"name":"second","mode":"merge"}`, &u)
	if u.Mode != upstreams.Merge || u.Deny[0] != "secret-*" || u.Repository != "b" {
		t.Errorf("what PATCH does not name must stay: %+v", u)
	}
	for body, says := range map[string]string{
		`{"name":"x"}`: "can't be renamed", `{"mode":"some"}`: "mode is", `{"colour":1}`: "colour", `{"deny":null}`: "can't be null", `{"formats":["none"]}`: "no format",
	} {
		if res := a.want(400, "PATCH", all+"/second", body, nil); !strings.Contains(string(res.Body), says) {
			t.Errorf("%s: %v", body, res)
		}
	}
	a.want(200, "PUT", all+"/order", `{"upstreams":["second","main"]}`, nil)
	a.want(400, "PUT", all+"/order", `{"upstreams":["second"]}`, nil)
	a.want(200, "GET", "/repositories/all", "", &r)
	if !slices.Equal(r.names(), []string{"second", "main"}) {
		t.Errorf("ordered: %v", r.names())
	}
	a.want(400, "PATCH", "/repositories/b", `{"upstreams":["all"]}`, nil) // a circle
	a.want(200, "PATCH", "/repositories/all", `{"upstreams":["main"]}`, &r)
	if !slices.Equal(r.names(), []string{"main"}) {
		t.Errorf("replaced: %v", r.names())
	}
	before := a.events("repository.changed")
	a.want(200, "PATCH", "/repositories/all", `{"upstreams":["main"]}`, nil)
	if after := a.events("repository.changed"); after != before {
		t.Errorf("a change to what is there already was noted: %d, then %d", before, after)
	}
	a.want(201, "POST", all, `{"repository":"b"}`, nil)
	a.want(409, "POST", all, `{"repository":"b"}`, nil)
	a.want(204, "DELETE", all+"/b", "", nil)
	a.want(404, "GET", all+"/b", "", nil)
}

func (a *env) events(types string) int {
	var list []any
	a.want(200, "GET", "/events?limit=1000&types="+types, "", &list)
	return len(list)
}

// TestReadThroughUpstreams: the API shows packages, versions, tags and files of other places, to callers who may read them.
func TestReadThroughUpstreams(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0")
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	a.want(201, "POST", "/repositories", `{"name":"all","upstreams":["main"]}`, nil)
	const below = "/repositories/all/packages/" + registrytest.Format
	paths := []string{below + "/lib", below + "/lib/versions", below + "/lib/versions/1.0.0", below + "/lib/versions/1.0.0/files/dir/file.txt", below + "/lib/tags",
		below + "/lib/tags/production", "/repositories/all/packages", "/repositories/all/packages?q=li"}
	for _, path := range paths {
		got, want := a.want(200, "GET", path, "", nil), a.want(200, "GET", strings.Replace(path, "/all/", "/main/", 1), "", nil)
		if string(got.Body) != string(want.Body) {
			t.Errorf("%s:\n%s, in main\n%s", path, got.Body, want.Body)
		}
	}
	only := a.UserToken("ann", 0, access.Grant{Repository: "all", Actions: []access.Action{access.Read}})
	read := func() (out []string) {
		for _, path := range paths {
			if res := a.call(only, "GET", path, ""); res.Status == http.StatusOK && strings.Contains(string(res.Body), "lib") {
				out = append(out, path)
			}
		}
		return out
	}
	if got := read(); got != nil {
		t.Errorf("who may not read main reads %v", got)
	}
	a.want(200, "PATCH", "/repositories/all/upstreams/main", `{"through":true}`, nil)
	if got := read(); len(got) != len(paths)-2 { // tags name no package
		t.Errorf("through: %v", got)
	}
}

// withRemotes lets the format "raw" have remotes.
func withRemotes() formatstest.Options {
	return formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) {
		c.Upstreams.Sources = formats.Sources([]formats.Format{raw.New()})
	})}}
}

// TestUpstreamAuth: credentials go in and do not come out, in whatever way a remote is made and shown.
func TestUpstreamAuth(t *testing.T) {
	a := newAPI(t, withRemotes())
	const all = "/repositories/mirror/upstreams"
	const auth = `"auth":{"type":"basic","user":"ci","secret":%s}`
	a.want(201, "POST", "/repositories", `{"name":"mirror","upstreams":[{"format":"raw","url":"https://registry.example.com/","name":"one",`+fmt.Sprintf(auth, `"canary"`)+`}]}`, nil)
	a.want(201, "POST", all, `{"format":"raw","url":"https://registry.example.com/","name":"two","auth":{"type":"bearer","secret":"canary"}}`, nil)
	for _, path := range []string{all, all + "/one", "/repositories/mirror", "/repositories", "/events?limit=1000"} {
		if res := a.want(200, "GET", path, "", nil); strings.Contains(string(res.Body), "canary") || path == all+"/one" && !strings.Contains(string(res.Body), fmt.Sprintf(auth, "true")) {
			t.Errorf("%s: %v", path, res)
		}
	}
	a.want(200, "PATCH", all+"/one", `{`+fmt.Sprintf(auth, "true")+`}`, nil) // as it was shown
	for body, says := range map[string]string{
		`{"auth":{"type":"basic","user":"ci"}}`: "secret is missing", `{"auth":{"type":"basic","secret":"x"}}`: "has a user", `{"auth":{"type":"some","secret":"canary"}}`: "none, basic, bearer or header",
		`{"auth":{"type":"header","header":"Cookie","secret":"canary"}}`: "can't be the header", `{"auth":{"type":"bearer","secret":""}}`: "secret is missing",
		`{"auth":{"type":"bearer","secret":"canary","file":"x"}}`: "either", `{"auth":{"type":"bearer","file":"x"}}`: "--upstream-secrets",
		`{"auth":{"type":"bearer","password":"canary"}}`: "password", `{"auth":{"secret":"canary"}}`: "need the type", `{"auth":"canary"}`: "can't be", `{"url":1}`: "must be a text",
		`{"url":"https://other.example.com/"}`: "another host", `{"url":"https://me:canary@registry.example.com/"}`: "url",
	} {
		if res := a.want(400, "PATCH", all+"/one", body, nil); !strings.Contains(string(res.Body), says) || strings.Contains(string(res.Body), "canary") {
			t.Errorf("%s: %v", body, res)
		}
	}
	const settings = `"ttl":"1m0s","negative_ttl":"2m0s","stale_while_revalidate":"3m0s","stale_if_error":"4m0s","timeouts":{"connect":"1s","document":"2s","file":"3s","idle":"4s","stale_after":"5s"},` +
		`"concurrency":5,"rate":6.5,"max_document":7,"max_file":8,"user_agent":"nine","tls":{"ca":%s},"proxy":"http://proxy.example.com:3128","proxy_auth":{"user":"me","secret":%s}`
	ca, err := json.Marshal(string(upstreamtest.CA()))
	registrytest.Must(t, err)
	a.want(200, "PATCH", all+"/one", fmt.Sprintf("{"+settings+"}", ca, `"canary"`), nil)
	if res := a.want(200, "GET", all+"/one", "", nil); !holdsFields(t, res.Body, fmt.Sprintf("{"+settings+"}", ca, "true")) {
		t.Errorf("settings of a remote: %v", res)
	}
	a.want(200, "PATCH", all+"/one", `{"ttl":"","negative_ttl":"","stale_while_revalidate":"","stale_if_error":"","timeouts":{"connect":"0s","document":"0s","file":"0s","idle":"0s","stale_after":"0s"},`+
		`"concurrency":0,"rate":0,"max_document":0,"max_file":0,"user_agent":"","tls":{"ca":""},"proxy":"","proxy_auth":{}}`, nil)
	for name := range map[string]int{"ttl": 0, "negative_ttl": 0, "timeouts": 0, "rate": 0, "tls": 0, "proxy": 0, "user_agent": 0, "max_file": 0, "stale_if_error": 0} {
		if res := a.want(200, "GET", all+"/one", "", nil); strings.Contains(string(res.Body), `"`+name+`"`) {
			t.Errorf("%s stays: %v", name, res)
		}
	}
	a.want(200, "PATCH", all+"/one", `{"offline":true}`, nil)
	if res := a.want(200, "POST", all+"/one/check", "", nil); !strings.Contains(string(res.Body), `{"ok":false,"steps":[{"step":"ask","ok":false,`) {
		t.Errorf("a check: %v", res)
	}
	a.want(404, "POST", all+"/none/check", "", nil)
	a.want(200, "PATCH", all+"/one", `{"url":"https://other.example.com/","auth":{"type":"none"}}`, nil)
	if res := a.want(200, "GET", all, "", nil); !strings.Contains(string(res.Body), "other.example.com") || strings.Index(string(res.Body), `"one"`) > strings.Index(string(res.Body), `"two"`) {
		t.Errorf("moved: %v", res)
	}
}

// holdsFields reports whether a JSON object has all fields of another one.
func holdsFields(t *testing.T, object []byte, fields string) bool {
	t.Helper()
	var has, want map[string]any
	registrytest.Must(t, json.Unmarshal(object, &has))
	registrytest.Must(t, json.Unmarshal([]byte(fields), &want))
	for name, v := range want {
		if !reflect.DeepEqual(has[name], v) {
			t.Errorf("%s is %v, not %v", name, has[name], v)
			return false
		}
	}
	return true
}

type resolution struct {
	Name   string
	Places []struct {
		Repository, Latest, Why string
		Path                    []string
		Answers                 bool
	}
	Claims []struct{ Pattern string }
	Origin *struct{ Origin, Reason string }
}

func (r resolution) text() string {
	out := ""
	for _, p := range r.Places {
		out += fmt.Sprintf("%s%v=%v%s ", p.Repository, p.Path, p.Answers, p.Why)
	}
	return strings.TrimSpace(out)
}

// TestResolution: which places answer, why others do not, and what administrators have said of a name.
func TestResolution(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	a.want(201, "POST", "/repositories", `{"name":"b","upstreams":["main"]}`, nil)
	a.want(201, "POST", "/repositories", `{"name":"all","upstreams":["b",{"name":"no","repository":"other","deny":["lib"]}]}`, nil)
	const lib = "/repositories/all/packages/" + registrytest.Format + "/lib"
	var claim struct{ ID string }
	a.want(201, "POST", "/claims", `{"repository":"main","format":"test","pattern":"li*"}`, &claim)
	a.want(409, "POST", "/claims", `{"repository":"main","format":"test","pattern":"li*"}`, nil)
	a.want(204, "PUT", lib+"/origin", `{"origin":"both","reason":"we patch it","expires_at":"2999-01-01T00:00:00Z"}`, nil)
	a.want(400, "PUT", lib+"/origin", `{"origin":"both","reason":"we patch it","expires_at":"tomorrow"}`, nil)
	var r resolution
	a.want(200, "GET", lib+"/resolution", "", &r)
	if want := "all[]=falseabsent b[b]=falseabsent main[b main]=true other[no]=falsenarrowed"; r.text() != want {
		t.Errorf("%s, want %s", r.text(), want)
	}
	if len(r.Claims) != 1 || r.Origin == nil || r.Origin.Origin != upstreams.OriginBoth {
		t.Errorf("the rules: %+v", r)
	}
	a.want(200, "GET", lib+"/resolution?version=2.0.0", "", &r)
	if !strings.Contains(r.text(), "main[b main]=falseabsent") {
		t.Errorf("an absent version: %s", r.text())
	}
	only := a.UserToken("ann", 0, access.Grant{Repository: "all", Actions: []access.Action{access.Read}})
	if res := a.call(only, "GET", lib+"/resolution", ""); res.Status != 200 || strings.Contains(string(res.Body), "main") || strings.Contains(string(res.Body), "li*") {
		t.Errorf("who may read only all: %v", res)
	}
	if res := a.call(only, "GET", "/claims", ""); strings.Contains(string(res.Body), "li*") {
		t.Errorf("a claim of a hidden repository: %v", res)
	}
	a.want(204, "DELETE", lib+"/origin", "", nil)
	a.want(404, "DELETE", lib+"/origin", "", nil)
	a.want(204, "DELETE", "/claims/"+claim.ID, "", nil)
	a.want(404, "DELETE", "/claims/"+claim.ID, "", nil)
}

// TestSuggestClaims: names that are published together suggest a claim, until there is one.
func TestSuggestClaims(t *testing.T) {
	a := newAPI(t, formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) {
		rules := c.Rules[registrytest.Format]
		rules.FamilySize, rules.Family = 2, func(name string) string {
			prefix, _, _ := strings.Cut(name, "-")
			return prefix + "-*"
		}
		c.Rules[registrytest.Format] = rules
	})}})
	for _, name := range []string{"acme-web", "acme-api", "other-lib"} {
		a.publish(name, "1.0.0")
	}
	type list struct{ Items []api.SuggestedClaim }
	for _, path := range []string{"/claims/suggestions", "/claims/suggestions?repository=main"} {
		var got list
		a.want(200, "GET", path, "", &got)
		if want := []api.SuggestedClaim{{Format: registrytest.Format, Pattern: "acme-*", Packages: 2, Example: "acme-api"}}; !slices.Equal(got.Items, want) {
			t.Errorf("%s: %v", path, got)
		}
	}
	a.want(404, "GET", "/claims/suggestions?repository=absent", "", nil)
	a.want(201, "POST", "/claims", `{"repository":"main","format":"test","pattern":"acme-*"}`, nil)
	var got list
	if a.want(200, "GET", "/claims/suggestions", "", &got); len(got.Items) != 0 {
		t.Errorf("once it is claimed: %v", got)
	}
}

// TestRemoteFileHead: a HEAD of a file that a registry elsewhere has tells its length, and no transfer begins.
func TestRemoteFileHead(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	o := withRemotes()
	o.Core = append(o.Core, registrytest.With(func(c *instance.Config) { c.Rules["raw"] = raw.New().Rules() }))
	a := newAPI(t, o)
	a.Remote("mirror", "raw", u.RawURL())
	f := u.RawGenerated("tool/1.0/tool.bin", 2<<20)
	const path = "/repositories/mirror/packages/raw/tool/versions/1.0/files/tool.bin"
	if res := a.want(200, "HEAD", path, "", nil); res.Header.Get("Content-Length") != "2097152" {
		t.Errorf("%v", res.Header)
	}
	u.Asked(t, 0, "GET", f.Path)
	if res := a.want(200, "GET", path, "", nil); len(res.Body) != 2<<20 {
		t.Errorf("%d bytes", len(res.Body))
	}
}

// TestTenantsOfGroup: through a repository that answers from one which the caller may not read, every operation tells as much of what that
// has as of what does not exist.
func TestTenantsOfGroup(t *testing.T) {
	p := prepare(t)
	p.want(201, "POST", "/repositories", `{"name":"all","upstreams":["main"]}`, nil)
	tenant := p.UserToken("carl", 0, access.Grant{Repository: "all", Actions: []access.Action{access.Read}})
	asked := 0
	p.routes(func(route httpserver.Route, method string, e example) {
		if method != http.MethodGet || !strings.HasPrefix(e.path, packages+"/lib") {
			return
		}
		asked++
		path := strings.Replace(e.path, "/repositories/main/", "/repositories/all/", 1)
		hidden, absent := p.call(tenant, method, path, ""), p.call(tenant, method, strings.Replace(path, "/lib", "/nowhere", 1), "")
		if hidden.Status != absent.Status || strings.Contains(string(hidden.Body), "main") {
			t.Errorf("%s: %v, of what is nowhere: %v", route.Name, hidden, absent)
		}
	})
	if asked < 5 {
		t.Errorf("only %d operations are about packages", asked)
	}
	for _, path := range []string{"/repositories", "/repositories/all", "/repositories/all/upstreams", "/repositories/all/packages", "/events", "/claims", "/rules"} {
		if res := p.call(tenant, http.MethodGet, path, ""); res.Status != http.StatusOK || strings.Contains(string(res.Body), "lib") || strings.Contains(string(res.Body), `"main"`) {
			t.Errorf("%s: %v", path, res)
		}
	}
}
