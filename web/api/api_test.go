package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/web/api"
)

// env is the real API over a real core on a real listener.
type env struct {
	*formatstest.Server
	t *testing.T
}

func newAPI(t *testing.T, o ...formatstest.Options) *env {
	t.Helper()
	var options formatstest.Options
	if len(o) > 0 {
		options = o[0]
	}
	return &env{formatstest.NewServer(t, options, api.New(api.Options{Heartbeat: 50 * time.Millisecond})), t}
}

// call sends a request below /api/v1; body is JSON text, "" for none.
func (a *env) call(as formatstest.As, method, path, body string, header ...string) formatstest.Response {
	a.t.Helper()
	q := formatstest.Request{Method: method, Path: api.Prefix + path, Body: []byte(body)}
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return a.Do(as, q)
}

// want is call, as admin, for an answer with this status; it decodes the answer into v unless that is nil.
func (a *env) want(status int, method, path, body string, v any, header ...string) formatstest.Response {
	a.t.Helper()
	as := formatstest.Admin
	if len(header) > 0 && header[0] == "Authorization" {
		as = formatstest.Anonymous // Do adds no credentials of its own
	}
	res := a.call(as, method, path, body, header...)
	if res.Status != status {
		a.t.Fatalf("%s %s: %v, want %d", method, path, res, status)
	}
	if v != nil {
		if err := json.Unmarshal(res.Body, v); err != nil {
			a.t.Fatalf("%s %s: %v: %s", method, path, err, res.Body)
		}
	}
	return res
}

// byPassword asks as the user admin instead of with one of its tokens.
var byPassword = []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(accounts.AdminUser+":"+registrytest.AdminPassword))}

// publish makes versions of a package of the test format in main.
func (a *env) publish(pkg string, versions ...string) {
	a.t.Helper()
	for _, v := range versions {
		if err := a.Publish(pkg, v, "dir/file.txt", pkg+" "+v); err != nil {
			a.t.Fatal(err)
		}
	}
}

const packages = "/repositories/main/packages/" + registrytest.Format

func TestRepositories(t *testing.T) {
	a := newAPI(t, formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.Rules["raw"] = raw.New().Rules() })}})
	type repository struct {
		Name, Description string
		Upstreams         []string
		Settings          map[string]any
		CreatedAt         string `json:"created_at"`
	}
	var r repository
	res := a.want(201, "POST", "/repositories", `{"name":"team-a","description":"d","settings":{"raw_redeploy":true}}`, &r)
	if r.Name != "team-a" || r.Description != "d" || r.Settings["raw_redeploy"] != true || r.Settings["allow_reuse"] != false || r.Upstreams == nil {
		t.Errorf("created: %+v", r)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z", r.CreatedAt); err != nil {
		t.Errorf("created_at: %v", err)
	}
	if got := res.Header.Get("Location"); got != a.URL+api.Prefix+"/repositories/team-a" {
		t.Errorf("Location: %q", got)
	}
	a.want(409, "POST", "/repositories", `{"name":"team-a"}`, nil)
	a.want(400, "POST", "/repositories", `{"name":"Team A"}`, nil)
	a.want(200, "PATCH", "/repositories/team-a", `{"settings":{"allow_reuse":true}}`, &r)
	if r.Settings["raw_redeploy"] != true || r.Settings["allow_reuse"] != true || r.Description != "d" {
		t.Errorf("what PATCH does not name must stay: %+v", r)
	}
	a.want(400, "PATCH", "/repositories/team-a", `{"settings":{"allow_reuse":1}}`, nil)
	for range 20 { // at once
		a.want(200, "PATCH", "/repositories/team-a", `{"settings":{"raw_redeploy":false,"allow_reuse":false}}`, nil)
		var all sync.WaitGroup
		for _, name := range []string{"raw_redeploy", "allow_reuse"} {
			all.Go(func() {
				if res := a.call(formatstest.Admin, "PATCH", "/repositories/team-a", `{"settings":{"`+name+`":true}}`); res.Status != 200 {
					t.Errorf("%s: %v", name, res)
				}
			})
		}
		all.Wait()
		if a.want(200, "GET", "/repositories/team-a", "", &r); r.Settings["raw_redeploy"] != true || r.Settings["allow_reuse"] != true {
			t.Fatalf("one of two changes at once is lost: %+v", r)
		}
	}
	a.want(200, "PATCH", "/repositories/team-a", `{"settings":{"tag_rules":[{"pattern":"v*","rule":"immutable","format":"raw"}]}}`, &r)
	if got := fmt.Sprint(r.Settings["tag_rules"]); got != "[map[format:raw pattern:v* rule:immutable]]" {
		t.Errorf("tag rules: %s", got)
	}
	a.want(400, "PATCH", "/repositories/team-a", `{"settings":{"tag_rules":[{"pattern":"v*","rule":"frozen"}]}}`, nil)
	a.want(400, "PATCH", "/repositories/team-a", `{"name":"other-name"}`, nil)
	a.want(200, "GET", "/repositories/team-a", "", &r)
	a.want(404, "GET", "/repositories/absent", "", nil)

	var list struct {
		Items []repository
		Next  *string
	}
	a.want(200, "GET", "/repositories?limit=2", "", &list)
	if len(list.Items) != 2 || list.Items[0].Name != "main" || list.Next == nil || *list.Next != "other" {
		t.Fatalf("first page: %+v", list)
	}
	next := *list.Next
	list.Next = nil
	a.want(200, "GET", "/repositories?limit=2&after="+next, "", &list)
	if len(list.Items) != 1 || list.Items[0].Name != "team-a" || list.Next != nil {
		t.Errorf("last page: %+v", list)
	}
	a.want(204, "DELETE", "/repositories/team-a", "", nil)
	a.want(404, "DELETE", "/repositories/team-a", "", nil)
	a.publish("lib", "1.0.0")
	a.want(409, "DELETE", "/repositories/main", "", nil)
	a.MustFsck(t)
}

func TestPackagesAndVersions(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0", "1.1.0", "2.0.0")
	a.publish("@acme/web", "0.1.0")
	a.publish("lib_x", "0.1.0")
	var list struct {
		Items []map[string]any
		Next  string
	}
	a.want(200, "GET", "/repositories/main/packages", "", &list)
	if len(list.Items) != 3 || list.Items[0]["name"] != "@acme/web" || list.Items[1]["name"] != "lib" || list.Items[1]["versions"] != 3.0 ||
		list.Items[1]["latest"] != "2.0.0" || list.Items[1]["format"] != registrytest.Format || list.Items[1]["updated_at"] == nil {
		t.Errorf("packages: %v", list.Items)
	}
	a.want(200, "GET", "/repositories/main/packages?q=b_", "", &list) // the underscore is literal (S-39)
	if len(list.Items) != 1 || list.Items[0]["name"] != "lib_x" {
		t.Errorf("q: %v", list.Items)
	}
	a.want(200, "GET", "/repositories/main/packages?q=absent&format="+registrytest.Format, "", &list)
	if len(list.Items) != 0 || list.Items == nil {
		t.Errorf("format: %v", list.Items)
	}
	if res := a.call(formatstest.Admin, "GET", "/repositories/main/packages?format=tst", ""); res.Status != 400 || !strings.Contains(string(res.Body), "did you mean") {
		t.Errorf("a format that there is not: %v", res)
	}
	a.want(200, "GET", packages+"/lib/versions?limit=2", "", &list)
	if len(list.Items) != 2 || list.Items[0]["version"] != "2.0.0" || list.Next == "" {
		t.Fatalf("first page: %v", list)
	}
	next := list.Next
	list.Next = ""
	a.want(200, "GET", packages+"/lib/versions?limit=2&after="+next, "", &list)
	if len(list.Items) != 1 || list.Items[0]["version"] != "1.0.0" || list.Next != "" {
		t.Errorf("last page: %v", list)
	}

	var v struct {
		PURL, Format, Name, Version, State, Digest string
		PublishedAt                                string `json:"published_at"`
		PublishedBy                                string `json:"published_by"`
		Size                                       int64
		Files                                      []map[string]any
		Tags                                       []string
		Release                                    map[string]any
		Facts                                      []map[string]any
	}
	a.want(200, "GET", packages+"/@acme%2Fweb/versions/0.1.0", "", &v)
	if v.Name != "@acme/web" || v.State != "published" || v.PublishedBy != "admin" || v.Size != 15 || len(v.Files) != 1 || v.Tags == nil || v.Facts == nil {
		t.Errorf("version: %+v", v)
	}
	if f := v.Files[0]; f["path"] != "dir/file.txt" || f["digest"] != "sha256:"+f["sha256"].(string) || len(f["sha256"].(string)) != 64 || f["size"] != 15.0 {
		t.Errorf("file: %v", f)
	}
	a.want(404, "GET", packages+"/@acme/web/versions/0.1.0", "", nil) // two segments are no name
	a.want(404, "GET", packages+"/@acme%252Fweb/versions/0.1.0", "", nil)
	a.want(404, "GET", packages+"/lib/versions/9", "", nil)
	a.want(404, "GET", "/repositories/main/packages/nosuch/lib/versions", "", nil)

	a.want(204, "DELETE", packages+"/lib/versions/2.0.0?reason=oops", "", nil)
	a.want(404, "DELETE", packages+"/lib/versions/2.0.0", "", nil)
	var tombstone struct{ State, Reason string }
	a.want(200, "GET", packages+"/lib/versions/2.0.0", "", &tombstone)
	if tombstone.State != "deleted" || tombstone.Reason != "oops" {
		t.Errorf("tombstone: %+v", tombstone)
	}
	a.want(200, "GET", packages+"/lib/versions", "", &list)
	if len(list.Items) != 2 {
		t.Errorf("versions after the deletion: %v", list.Items)
	}
	a.want(200, "GET", packages+"/lib/versions?deleted=true", "", &list)
	if len(list.Items) != 3 {
		t.Errorf("versions with tombstones: %v", list.Items)
	}
	a.MustFsck(t)
}

func TestMetadata(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	path := packages + "/lib/versions/1.0.0"
	a.want(204, "PUT", path+"/metadata", `{"source":{"repository":"git@git.example.com:acme/lib.git","commit":"ABC","dirty":false},
		"build":{"system":"ci","started_at":"2026-01-02T03:04:05Z"},"custom":{"team.ticket":"ABC-1"}}`, nil)
	a.want(204, "PUT", path+"/metadata", `{"source":{"commit":"def"}}`, nil)
	var v struct {
		Release struct {
			Source    struct{ Repository, Commit string }
			Build     map[string]string
			Custom    map[string]string
			Conflicts []string
		}
		Facts []struct {
			Key, Value, Source, At string
			Rank                   int
		}
	}
	a.want(200, "GET", path, "", &v)
	if v.Release.Source.Commit != "def" || v.Release.Source.Repository != "https://git.example.com/acme/lib" || v.Release.Custom["team.ticket"] != "ABC-1" ||
		v.Release.Build["started_at"] != "2026-01-02T03:04:05.000000Z" || len(v.Release.Conflicts) != 1 {
		t.Errorf("release: %+v", v.Release)
	}
	commits := 0
	for _, f := range v.Facts {
		if f.Key == "source.commit" {
			commits++
		}
		if f.Rank != registry.RankDeclared || f.Source != "api" || f.At == "" {
			t.Errorf("fact: %+v", f)
		}
	}
	if commits != 2 {
		t.Errorf("both commits must stay, there are %d", commits)
	}
	for body, detail := range map[string]string{
		`{"sorce":{"commit":"x"}}`:             `unknown field \"sorce\"`,
		`{"source":{"comit":"x"}}`:             `unknown field \"comit\"`,
		`{"source":{"commit":1}}`:              "source.commit",
		`{"build":{"started_at":"yesterday"}}`: "started_at",
		`{}`:                                   "nothing to store",
		`[]`:                                   "JSON object",
		`{"custom":{"a":"b"}} {}`:              "JSON",
		``:                                     "JSON",
		`{"custom":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`: "deeper",
	} {
		res := a.want(400, "PUT", path+"/metadata", body, nil)
		if !strings.Contains(string(res.Body), detail) || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v", body, res)
		}
	}
	a.want(413, "PUT", path+"/metadata", `{"custom":{"a":"`+strings.Repeat("x", 300<<10)+`"}}`, nil)
	a.MustFsck(t)
}

func TestQueryParameters(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	for _, path := range []string{
		"/repositories?limit=0", "/repositories?limit=-1", "/repositories?limit=ten", "/repositories?after=%ff", "/repositories?after=a%zz",
		"/events?after=x", "/events?wait=5", "/events?wait=-1s", "/events?types=a%20b", "/events?limit=x",
		"/tokens?after=x", packages + "/lib/tags/t?as_of=yesterday", packages + "/lib/tags/t?as_of=seq:-1", packages + "/lib/tags/t/history?after=x",
		packages + "/lib/versions?deleted=perhaps", "/log/proof", "/log/proof?seq=-1", "/log/proof?seq=x",
	} {
		if res := a.call(formatstest.Admin, "GET", path, ""); res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), `"urn:slipway:problem:invalid"`) {
			t.Errorf("%s: %v, want 400", path, res)
		}
	}
	for _, path := range []string{"/repositories?unknown=1", "/repositories?limit=5000", "/events?limit=1&colour=red"} {
		a.want(200, "GET", path, "", nil)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	a := newAPI(t)
	for _, path := range []string{"/", "", "/nothing", "/repositories/", "//repositories", "/repositories/main/packages/" + registrytest.Format} {
		res := a.want(404, "GET", path, "", nil)
		if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: %q", path, got)
		}
	}
	res := a.want(405, "PUT", "/repositories", "{}", nil)
	if got := res.Header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
	if res := a.want(200, "HEAD", "/repositories", "", nil); len(res.Body) != 0 || res.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %v", res)
	}
}

// TestCrossOrigin: a browser sends the password that it remembers with whatever another site's page asks for.
func TestCrossOrigin(t *testing.T) {
	a := newAPI(t)
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if res := a.call(formatstest.Admin, "POST", "/repositories", `{"name":"evil"}`, header...); res.Status != http.StatusForbidden {
			t.Errorf("%v: %v, want 403", header, res)
		}
	}
	a.want(201, "POST", "/repositories", `{"name":"good"}`, nil, "Origin", a.URL)
}

func TestUsersAndWhoami(t *testing.T) {
	a := newAPI(t)
	var u struct {
		Name        string
		Disabled    bool
		Permissions []struct {
			Repository string
			Actions    []string
		}
	}
	a.want(201, "POST", "/users", `{"name":"ann","password":"a good password","permissions":[{"repository":"main","actions":["read"]}]}`, &u)
	if u.Name != "ann" || u.Disabled || len(u.Permissions) != 1 || u.Permissions[0].Actions[0] != "read" {
		t.Errorf("user: %+v", u)
	}
	a.want(400, "POST", "/users", `{"name":"bob","password":"short"}`, nil)
	a.want(200, "PATCH", "/users/ann", `{"permissions":[]}`, &u)
	if len(u.Permissions) != 0 {
		t.Errorf("permissions taken: %+v", u)
	}
	a.want(200, "PATCH", "/users/ann", `{"disabled":true}`, &u)
	if !u.Disabled {
		t.Error("not disabled")
	}
	var list struct{ Items []struct{ Name string } }
	a.want(200, "GET", "/users", "", &list)
	if fmt.Sprint(list.Items) != "[{admin} {ann}]" {
		t.Errorf("users: %v", list.Items)
	}
	var who map[string]any
	a.want(200, "GET", "/whoami", "", &who, byPassword...)
	if who["type"] != "user" || who["name"] != "admin" {
		t.Errorf("whoami: %v", who)
	}
	res := a.call(formatstest.As(a.Token("main", access.Read)), "GET", "/whoami", "")
	if !strings.Contains(string(res.Body), `"type":"token"`) || !strings.Contains(string(res.Body), `"actions":["read"]`) {
		t.Errorf("whoami of a token: %v", res)
	}
}

func TestCollect(t *testing.T) {
	a := newAPI(t)
	a.publish("lib", "1.0.0")
	a.want(204, "DELETE", packages+"/lib/versions/1.0.0", "", nil)
	var report struct {
		Blobs  int64
		DryRun bool `json:"dry_run"`
	}
	for _, query := range []string{"dry_run=true", "grace=240h", "%zz"} { // they belong into the body: nothing is removed
		a.want(400, "POST", "/gc?"+query, "", nil)
		a.want(400, "POST", "/gc?"+query, `{"grace":"0s"}`, nil)
	}
	a.want(200, "POST", "/gc", `{"grace":"0s","dry_run":true}`, &report)
	if report.Blobs != 1 || !report.DryRun {
		t.Errorf("dry run: %+v", report)
	}
	a.want(200, "POST", "/gc", "", &report)
	if report.Blobs != 0 {
		t.Errorf("within the grace period: %+v", report)
	}
	a.want(200, "POST", "/gc", `{"grace":"0s"}`, &report)
	if report.Blobs != 1 || report.DryRun {
		t.Errorf("collection: %+v", report)
	}
	a.want(400, "POST", "/gc", `{"grace":"-1s"}`, nil)
	a.MustFsck(t)
}
