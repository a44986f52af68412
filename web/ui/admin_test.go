package ui_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	webapi "slipway/web/api"
	"slipway/web/ui"
)

// adminExamples are the addresses of the pages for administrators of newOffice.
func adminExamples() (paths []string) {
	for name, list := range examples {
		if strings.HasPrefix(name, "web.admin") {
			paths = append(paths, list...)
		}
	}
	slices.Sort(paths)
	return paths
}

// newOffice is a site with ann, a person; ci, a service account; rob, who audits; the group ops; the role packer. The visitor is an administrator.
func newOffice(t *testing.T) (*site, *visitor) {
	t.Helper()
	s := newPeople(t, formatstest.Options{})
	s.AddUser(t, "rob", "password of rob", access.Grant{Repository: "*", Actions: []access.Action{access.Audit}})
	s.send(http.MethodPost, "/api/v1/users", `{"name":"ci","kind":"service","permissions":[{"repository":"main","role":"publisher"}]}`, http.StatusCreated)
	s.send(http.MethodPost, "/api/v1/groups", `{"name":"ops","description":"who ships","members":["ann"],"permissions":[{"environment":"prod","actions":["deploy"]}]}`, http.StatusCreated)
	s.send(http.MethodPut, "/api/v1/roles/packer", `{"actions":["read","publish"]}`, http.StatusCreated)
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	return s, v
}

// readAs asks the API as an administrator.
func readAs[T any](s *site, path string) (out T) {
	s.t.Helper()
	res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/api/v1" + path})
	if res.Status != http.StatusOK {
		s.t.Fatalf("%s: %v", path, res)
	}
	if err := json.Unmarshal(res.Body, &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// TestAdminUsers: users are made, given rights, disabled, enabled, given a password, and deleted once their name was typed.
func TestAdminUsers(t *testing.T) {
	s, v := newOffice(t)
	if page := v.want(200, "/admin", nil).body; !strings.Contains(page, "3 people, 1 service account") || !strings.Contains(page, "1 group<") || !strings.Contains(page, `aria-current="page">Administration<`) {
		t.Errorf("/admin: %s", page)
	}
	bad := v.send(400, "/admin/new/user", "name", "eve", "kind", "person", "password", "password of eve", "again", "another one", "on", "repository", "place", "main", "action", "tag")
	for _, kept := range []string{`role="alert"`, "differ", `value="eve"`, `value="tag" checked`, `name="place" value="main"`} {
		if !strings.Contains(bad.body, kept) {
			t.Errorf("a refused form has no %q", kept)
		}
	}
	if strings.Contains(bad.body, "password of eve") {
		t.Error("the page repeats a password")
	}
	made := v.send(303, "/admin/new/user", "name", "eve", "kind", "person", "password", "password of eve", "again", "password of eve", "on", "repository", "place", "main", "action", "tag", "action", "read")
	if to := made.Header.Get("Location"); to != s.URL+"/admin/users/eve" {
		t.Errorf("leads to %s", to)
	}
	if eve := readAs[api.User](s, "/users/eve"); eve.Kind != "person" || len(eve.Permissions) != 1 || eve.Permissions[0].Repository != "main" || len(eve.Permissions[0].Actions) != 2 {
		t.Errorf("%+v", eve)
	}
	v.send(409, "/admin/new/user", "name", "eve", "kind", "person", "password", "password of eve", "again", "password of eve")
	s.visitor().login("eve", "password of eve")

	const eve = "/admin/users/eve"
	v.send(303, eve, "do", "grant", "on", "environment", "place", "prod", "action", "deploy", "role", "reader")
	if got := readAs[api.User](s, "/users/eve").Permissions; len(got) != 2 || got[1].Environment != "prod" || got[1].Role != "reader" {
		t.Errorf("%+v", got)
	}
	for _, fields := range [][]string{{"place", "", "action", "read"}, {"place", "main"}, {"place", "main", "role", "nothing-like-it"}} {
		if a := v.send(400, eve, append([]string{"do", "grant", "on", "repository"}, fields...)...); !strings.Contains(a.body, `<details open><summary>Give a right`) {
			t.Errorf("%v: the form is not shown again", fields)
		}
	}
	page := v.want(200, eve, nil).body
	if !strings.Contains(page, "in the environment prod") {
		t.Errorf("%s: %s", eve, page)
	}
	right := unescape(regexp.MustCompile(`name="right" value="([^"]*)"`).FindStringSubmatch(page)[1])
	v.send(303, eve, "do", "ungrant", "right", right)
	if got := readAs[api.User](s, "/users/eve").Permissions; len(got) != 1 || got[0].Environment != "prod" {
		t.Errorf("%+v", got)
	}
	v.send(409, eve, "do", "ungrant", "right", right)

	browser := s.visitor()
	browser.login("eve", "password of eve")
	if login := readAs[api.User](s, "/users/eve").LastLoginAt; login == nil || !strings.Contains(v.want(200, eve, nil).body, (*login)[:10]) {
		t.Errorf("last login %v", login)
	}
	if login := readAs[api.User](s, "/users/rob").LastLoginAt; login != nil {
		t.Errorf("rob has logged in: %s", *login)
	}
	v.send(400, eve, "do", "password", "password", "another of eve", "again", "another of ev")
	v.send(400, eve, "do", "password", "password", "short", "again", "short")
	v.send(303, eve, "do", "password", "password", "another of eve", "again", "another of eve")
	if browser.loggedIn() {
		t.Error("sessions outlive a new password")
	}
	s.visitor().login("eve", "another of eve")
	v.send(303, eve, "do", "disable")
	if !readAs[api.User](s, "/users/eve").Disabled || !strings.Contains(v.want(200, eve, nil).body, ">disabled<") {
		t.Error("eve is not disabled")
	}
	v.send(303, eve, "do", "enable")
	if readAs[api.User](s, "/users/eve").Disabled {
		t.Error("eve is still disabled")
	}
	v.send(400, eve, "do", "something")
	if a := v.send(400, eve, "do", "delete", "confirm", "ann"); !strings.Contains(a.body, `<details class="confirm" open>`) {
		t.Errorf("deletion without its name: %s", a.body)
	}
	v.send(303, eve, "do", "delete", "confirm", "eve")
	v.want(404, eve, nil)
	v.send(404, eve, "do", "disable")
	if page := v.want(200, "/admin/users", nil).body; strings.Contains(page, ">eve<") || !strings.Contains(page, ">ci</a> <span class=\"chip\">service account") || !strings.Contains(page, "/admin/groups/ops\"") {
		t.Errorf("/admin/users: %s", page)
	}
	if a := v.do("/admin/users/admin", formOf("csrf", v.csrf(), "do", "delete", "confirm", "admin")); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, `role="alert"`) {
		t.Errorf("the last administrator: %s", a.Status)
	}
}

func unescape(text string) string {
	return strings.NewReplacer("&#34;", `"`, "&amp;", "&", "&#43;", "+").Replace(text)
}

// TestAdminTokens: an administrator makes a token for a service account, sees when it was used, and revokes it; sessions are ended.
func TestAdminTokens(t *testing.T) {
	s, v := newOffice(t)
	v.send(403, "/admin/users/ci/tokens/new", "name", "build", "repository", "other", "action", "delete", "days", "7")
	made := v.send(200, "/admin/users/ci/tokens/new", "name", "build", "repository", "main", "action", "read", "days", "7")
	m := regexp.MustCompile(`<code>(slp_[A-Za-z0-9_-]+)</code>`).FindStringSubmatch(made.body)
	if m == nil {
		t.Fatalf("no secret: %s", made.body)
	}
	if who := s.Do(formatstest.As(m[1]), formatstest.Request{Path: "/api/v1/whoami"}); who.Status != 200 || !strings.Contains(string(who.Body), `"name":"ci"`) {
		t.Errorf("the token: %v", who)
	}
	page := v.want(200, "/admin/users/ci", nil).body
	id := regexp.MustCompile(`name="token" value="(\d+)"`).FindStringSubmatch(page)
	if id == nil || !strings.Contains(page, "from 127.0.0.1") || !strings.Contains(page, "read in the repository main") || strings.Contains(page, m[1]) || strings.Contains(page, "Set a password") {
		t.Fatalf("the user: %s", page)
	}
	v.send(303, "/admin/users/ci", "do", "revoke", "token", id[1])
	if who := s.Do(formatstest.As(m[1]), formatstest.Request{Path: "/api/v1/whoami"}); who.Status != http.StatusUnauthorized {
		t.Errorf("a revoked token: %v", who)
	}
	if page := v.want(200, "/admin/users/ci", nil).body; strings.Contains(page, ">build<") {
		t.Error("a revoked token is among the valid ones")
	}
	if page := v.want(200, "/admin/users/ci?all=1", nil).body; !strings.Contains(page, ">revoked<") {
		t.Error("a revoked token is not among all")
	}

	var browsers []*visitor
	for range 3 {
		b := s.visitor()
		b.login("ann", passwordOfAnn)
		browsers = append(browsers, b)
	}
	ended := regexp.MustCompile(`name="session" value="(\d+)"`).FindStringSubmatch(v.want(200, "/admin/users/ann", nil).body)
	v.send(303, "/admin/users/ann", "do", "end", "session", ended[1])
	if browsers[0].loggedIn() || !browsers[1].loggedIn() {
		t.Error("it is another session that ended")
	}
	v.send(303, "/admin/users/ann", "do", "end-all")
	if browsers[1].loggedIn() || browsers[2].loggedIn() || !v.loggedIn() {
		t.Error("not all sessions of the user ended, or more")
	}
}

// TestAdminGroups: groups are made, given members and rights, and deleted; roles too.
func TestAdminGroups(t *testing.T) {
	s, v := newOffice(t)
	if a := v.send(404, "/admin/new/group", "name", "dev", "description", "who writes", "members", "ann, nobody-like-it"); !strings.Contains(a.body, `value="who writes"`) || !strings.Contains(a.body, ">ann, nobody-like-it<") {
		t.Errorf("a member who is not there: %s", a.body)
	}
	v.send(303, "/admin/new/group", "name", "dev", "description", "who writes", "members", "ann")
	const dev = "/admin/groups/dev"
	v.send(303, dev, "do", "add", "member", "rob")
	if a := v.send(404, dev, "do", "add", "member", "nobody-like-it"); !strings.Contains(a.body, `value="nobody-like-it"`) {
		t.Errorf("a member who is not there: %s", a.body)
	}
	v.send(303, dev, "do", "remove", "member", "ann")
	v.send(303, dev, "do", "describe", "description", "who reads")
	v.send(303, dev, "do", "grant", "on", "repository", "place", "team-*", "role", "packer")
	g := readAs[api.Group](s, "/groups/dev")
	if !slices.Equal(g.Members, []string{"rob"}) || g.Description != "who reads" || len(g.Permissions) != 1 || g.Permissions[0].Role != "packer" {
		t.Errorf("%+v", g)
	}
	if page := v.want(200, "/admin/users/rob", nil).body; !strings.Contains(page, "what the role packer allows in each repository whose name is like team-*") || !strings.Contains(page, `by the group <a href="`+s.URL+`/admin/groups/dev"`) {
		t.Errorf("the member's page: %s", page)
	}
	if a := v.send(409, "/admin/roles", "do", "delete", "name", "packer", "confirm", "packer"); !strings.Contains(a.body, `role="alert"`) {
		t.Errorf("a role in use: %s", a.body)
	}
	right := unescape(regexp.MustCompile(`name="right" value="([^"]*)"`).FindStringSubmatch(v.want(200, dev, nil).body)[1])
	v.send(303, dev, "do", "ungrant", "right", right)
	v.send(400, dev, "do", "delete", "confirm", "")
	v.send(303, dev, "do", "delete", "confirm", "dev")
	v.want(404, dev, nil)

	v.send(303, "/admin/roles", "do", "create", "name", "tagger", "action", "read", "action", "tag")
	v.send(409, "/admin/roles", "do", "create", "name", "tagger", "action", "delete")
	v.send(400, "/admin/roles", "do", "create", "name", "empty")
	v.send(303, "/admin/roles", "do", "change", "name", "tagger", "action", "tag")
	roles := readAs[api.List[api.Role]](s, "/roles").Items
	if i := slices.IndexFunc(roles, func(r api.Role) bool { return r.Name == "tagger" }); i < 0 || !slices.Equal(roles[i].Actions, []api.Action{"tag"}) {
		t.Errorf("%+v", roles)
	}
	v.send(409, "/admin/roles", "do", "change", "name", "reader", "action", "admin")
	v.send(400, "/admin/roles", "do", "delete", "name", "tagger", "confirm", "")
	v.send(303, "/admin/roles", "do", "delete", "name", "tagger", "confirm", "tagger")
	if page := v.want(200, "/admin/roles", nil).body; strings.Contains(page, "tagger") || !strings.Contains(page, "packer") {
		t.Errorf("/admin/roles: %s", page)
	}
}

// TestAdminAccess: the table says who may do what and why, by repository, environment, action, user and tag.
func TestAdminAccess(t *testing.T) {
	s, v := newOffice(t)
	s.send(http.MethodPost, "/api/v1/environments", `{"name":"prod","owner":"rob"}`, http.StatusCreated)
	for path, c := range map[string]struct{ has, lacks []string }{
		"/admin/access":                                 {[]string{"the server itself", ">admin</a>", ">rob</a>"}, []string{">ann</a>"}},
		"/admin/access?repository=main":                 {[]string{"read and publish in the repository main", "what the role publisher allows"}, nil},
		"/admin/access?repository=main&action=delete":   {[]string{">admin</a>"}, []string{">ann</a>", ">ci</a>"}},
		"/admin/access?environment=prod&action=deploy":  {[]string{"by the group", "/admin/groups/ops", "owner of the environment prod"}, []string{">ci</a>"}},
		"/admin/access?repository=main&user=ann":        {[]string{">ann</a>"}, []string{">admin</a>"}},
		"/admin/access?repository=main&tag=production":  {[]string{"No rule of the repository holds the tag."}, nil},
		"/admin/access?repository=main&user=rob&tag=v1": {[]string{"Nobody may."}, nil},
	} {
		page := mainOf(v.want(200, path, nil).body)
		for _, text := range c.has {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q", path, text)
			}
		}
		for _, text := range c.lacks {
			if strings.Contains(page, text) {
				t.Errorf("%s: %q", path, text)
			}
		}
	}
	if a := v.want(404, "/admin/access?repository=absent&tag=production", nil); !strings.Contains(a.body, `value="absent"`) {
		t.Errorf("a repository that is not there: %s", a.body)
	}
	v.want(400, "/admin/access?tag=production", nil)
}

// TestAdminRights: an auditor of the server sees these pages without buttons; other users, and callers without credentials, see nothing of
// them, and no form of theirs is taken.
func TestAdminRights(t *testing.T) {
	s, _ := newOffice(t)
	posts := map[string]url.Values{
		"/admin/new/user": formOf("name", "eve", "kind", "service"), "/admin/users/ann": formOf("do", "disable"), "/admin/users/ci/tokens/new": formOf("name", "x", "repository", "main", "action", "read", "days", "7"),
		"/admin/new/group": formOf("name", "eves"), "/admin/groups/ops": formOf("do", "delete", "confirm", "ops"), "/admin/roles": formOf("do", "create", "name", "eves", "action", "read"), "/admin/jobs": formOf("do", "start", "kind", "collect"),
	}
	paths := adminExamples()
	if len(paths) < 10 {
		t.Fatal(paths)
	}
	for who, password := range map[string]string{"ann": passwordOfAnn, "rob": "password of rob"} {
		v := s.visitor()
		v.login(who, password)
		csrf := v.csrf()
		if shown := strings.Contains(v.want(200, "/me", nil).body, ">Administration<"); shown != (who == "rob") {
			t.Errorf("%s: the header leads to the administration: %v", who, shown)
		}
		for _, path := range paths {
			a := v.do(path, nil)
			form := strings.Contains(path, "/new") // there is nothing but the form
			switch {
			case who == "rob" && !form:
				if a.StatusCode != http.StatusOK || strings.Contains(mainOf(a.body), `method="post"`) {
					t.Errorf("%s: %s, %d forms", path, a.Status, strings.Count(mainOf(a.body), `method="post"`))
				}
			case a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "this needs the right &#34;") || strings.Contains(a.body, "ops"):
				t.Errorf("%s of %s: %s", path, who, a.Status)
			}
		}
		for path, form := range posts {
			form.Set("csrf", csrf)
			if a := v.do(path, form); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s of %s: %s", path, who, a.Status)
			}
		}
	}
	for _, path := range paths {
		if a := s.visitor().do(path, nil); a.StatusCode != http.StatusSeeOther || !strings.Contains(a.Header.Get("Location"), "/login") {
			t.Errorf("%s without credentials: %s", path, a.Status)
		}
	}
	if readAs[api.User](s, "/users/ann").Disabled || len(readAs[api.List[api.Group]](s, "/groups").Items) != 1 {
		t.Error("something was changed")
	}
}

// mainOf is the part of a page between its header and its footer.
func mainOf(page string) string {
	_, page, _ = strings.Cut(page, "<main")
	page, _, _ = strings.Cut(page, "</main>")
	return page
}

// TestAdminJobs: a collection, its dry run and a check begin by a button, and the page tells what came of them, of the duties, and of what was
// sent and waits.
func TestAdminJobs(t *testing.T) {
	s, v := newOffice(t)
	before := v.want(200, "/admin/jobs", nil).body
	if strings.Count(before, ">never yet<") != 4 || !strings.Contains(before, "signs the log as it grows") || !strings.Contains(before, "Nothing waits.") {
		t.Errorf("/admin/jobs: %s", before)
	}
	for _, kind := range []string{"look", "collect", "check"} {
		v.send(303, "/admin/jobs", "do", "start", "kind", kind)
		for range 3000 {
			if page := v.want(200, "/admin/jobs", nil).body; !strings.Contains(page, ">running<") {
				break
			}
		}
	}
	page := v.want(200, "/admin/jobs", nil).body
	for _, text := range []string{"Would be freed", "Stays, as something uses it", "Freed 0 B in 0 blobs", ">nothing is wrong<", "by admin"} {
		if !strings.Contains(page, text) {
			t.Errorf("no %q", text)
		}
	}
	for _, run := range readAs[api.List[api.MaintenanceRun]](s, "/maintenance").Items {
		if run.State != "finished" || run.By != "admin" {
			t.Errorf("%+v", run)
		}
	}
	if a := v.send(400, "/admin/jobs", "do", "start", "kind", "nothing-like-it"); a.body == "" {
		t.Error("no page")
	}
	v.send(400, "/admin/jobs", "do", "nothing-like-it")
}

// TestAdminPublishes: what the visitor and tokens have staged is committed and dropped on the pages, by who may.
func TestAdminPublishes(t *testing.T) {
	s := newPeople(t, formatstest.Options{}, all.All()...)
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	stage := func(as formatstest.As, id string, header ...string) {
		t.Helper()
		q := formatstest.Request{Method: http.MethodPut, Path: "/raw/main/tool/1.0.0/" + id, Body: []byte("x")}.With("X-Slipway-Publish", id)
		for i := 0; i < len(header); i += 2 {
			q = q.With(header[i], header[i+1])
		}
		if res := s.Do(as, q); res.Status >= http.StatusMultipleChoices {
			t.Fatal(res)
		}
	}
	own := []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+registrytest.AdminPassword))}
	stage(formatstest.Anonymous, "kept", own...)
	stage(formatstest.Anonymous, "dropped", own...)
	stage(formatstest.Admin, "of-a-token")
	page := v.want(200, "/admin/jobs", nil).body
	if strings.Count(page, `value="commit"`) != 3 || !strings.Contains(page, `value="of-a-token"`) {
		t.Errorf("what waits: %s", mainOf(page))
	}
	v.send(303, "/admin/jobs", "do", "commit", "repository", "main", "publish", "kept")
	v.send(400, "/admin/jobs", "do", "drop", "repository", "main", "publish", "dropped", "confirm", "another")
	v.send(303, "/admin/jobs", "do", "drop", "repository", "main", "publish", "dropped", "confirm", "dropped")
	const in = "/r/main/-/publishes"
	owner := regexp.MustCompile(`name="owner" value="(token:\d+)"`).FindStringSubmatch(v.want(200, in, nil).body)
	if owner == nil {
		t.Fatal("the page of the repository does not say whose publish it is")
	}
	v.send(404, in, "do", "commit", "publish", "of-a-token")
	v.send(400, in, "do", "drop", "publish", "of-a-token", "owner", owner[1], "confirm", "")
	v.send(303, in, "do", "commit", "publish", "of-a-token", "owner", owner[1])
	if reader := s.UserToken("rea", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Read}}); s.get(reader, in).Status != http.StatusForbidden {
		t.Error("a reader sees the page")
	}
	for file, status := range map[string]int{"kept": http.StatusOK, "dropped": http.StatusNotFound, "of-a-token": http.StatusOK} {
		if res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/raw/main/tool/1.0.0/" + file}); res.Status != status {
			t.Errorf("%s: %v, want %d", file, res, status)
		}
	}
	if page := v.want(200, "/admin/jobs", nil).body; strings.Contains(page, `value="commit"`) || strings.Contains(page, "of-a-token") {
		t.Errorf("what waits then: %s", mainOf(page))
	}
}

// TestAdminConfiguration: the settings are listed with their sources, and can be narrowed to one.
func TestAdminConfiguration(t *testing.T) {
	a := webapi.New(webapi.Options{Configuration: []api.ConfigurationSetting{{Name: "listen", Value: "127.0.0.1:9", Source: "flag", About: "address"},
		{Name: "upstream-proxy", Value: "http://u:…@proxy.example.com", Source: "environment", From: "SLIPWAY_UPSTREAM_PROXY", Masked: true}, {Name: "offline", Value: "false", Source: "default"}}})
	s := &site{formatstest.NewServer(t, formatstest.Options{}, a, ui.New("1", a.Direct())), t}
	page := s.page(formatstest.Admin, "/admin/configuration")
	for _, text := range []string{"<code>127.0.0.1:9</code>", ">flag<", "SLIPWAY_UPSTREAM_PROXY", ">secret left out<", ">default<"} {
		if !strings.Contains(page, text) {
			t.Errorf("no %q: %s", text, mainOf(page))
		}
	}
	if page := mainOf(s.page(formatstest.Admin, "/admin/configuration?source=flag")); strings.Contains(page, "offline") || !strings.Contains(page, "listen") {
		t.Errorf("those of flags: %s", page)
	}
}
