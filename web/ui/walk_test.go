package ui_test

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

// examples are addresses of pages of a shop, by the name of their route: TestWalk visits each, and a page without an example fails it.
var examples = map[string][]string{
	"web.page":             {"/", "/?repository=main"},
	"web.search":           {"/search", "/search?q=tool", "/search?q=nothing-like-it", "/search?q=name%3Atool+OR+raw"},
	"web.repository":       {"/r/main", "/r/main?format=raw&q=oo", "/r/main?sort=newest", "/r/other"},
	"web.package":          {"/r/main/raw/tool"},
	"web.package.versions": {"/r/main/raw/tool/-/versions"},
	"web.package.activity": {"/r/main/raw/tool/-/activity", "/r/main/oci/team/app/-/activity"},
	"web.package.tags":     {"/r/main/raw/tool/-/tags", "/r/main/raw/tool/-/tags?tag=production"},
	"web.version":          {"/r/main/raw/tool/v/1.1.0", "/r/main/npm/@acme/web/v/1.4.2", "/r/main/pypi/acme-tool/v/2.1.0", "/r/main/maven/com.acme:lib/v/3.2.1"},
	"web.login":            {"/login", "/login?next=/me"},
	"web.logout":           {"/logout"},
	"web.me":               {"/me"},
	"web.me.tokens":        {"/me/tokens"},
	"web.me.sessions":      {"/me/sessions"},
	"web.me.password":      {"/me/password"},
	"web.docs":             {"/docs/"},
	"web.compare":          {"/compare?repo=main&format=raw&package=tool", "/compare?repo=main&format=raw&package=tool&from=1.0.0&to=1.1.0", "/compare?env=prod&with=staging"},
	"web.inside":           {"/r/main/raw/tool/v/1.1.0/-/inside/tool.txt"},
	"web.setup":            {"/setup", "/setup?repository=other&client=pip"},

	"web.package.dependencies": {"/r/main/npm/@acme/web/-/dependencies", "/r/main/raw/tool/-/dependencies"},

	"web.environments":      {"/env"},
	"web.environment":       {"/env/prod", "/env/prod?days=1"},
	"web.deployments":       {"/deployments", "/deployments?environment=prod&status=succeeded&since=2020-01-01"},
	"web.deployment":        {"/deployments/1", "/deployments/2"},
	"web.log":               {"/log", "/log?types=tag.*&repository=main", "/log?actor=nobody-like-it"},
	"web.log.entry":         {"/log/1", "/log/5"},
	"web.subscriptions":     {"/subscriptions"},
	"web.subscriptions.new": {"/subscriptions/new"},
	"web.subscription":      {"/subscriptions/1", "/subscriptions/1?state=dead"},
	"web.delivery":          {"/subscriptions/1/deliveries/1"},
	"web.docs.page":         {"/docs/glossary.md"},

	"web.repository.upstreams": {"/r/all/-/upstreams", "/r/main/-/upstreams"},
	"web.repository.upstream":  {"/r/all/-/upstreams/main"},
	"web.repository.rules":     {"/r/main/-/rules", "/r/main/-/rules?suggest=true"},
	"web.repository.cache":     {"/r/main/-/cache", "/r/main/-/cache?q=x&state=here"},
	"web.repository.publishes": {"/r/main/-/publishes"},
	"web.repository.settings":  {"/r/main/-/settings"},
	"web.package.origin":       {"/r/main/raw/tool/-/origin", "/r/all/raw/tool/-/origin?version=1.0.0"},
	"web.package.settings":     {"/r/main/raw/tool/-/settings"},
	"web.version.downloads":    {"/r/main/raw/tool/v/1.1.0/-/downloads"},
	"web.version.manage":       {"/r/main/raw/tool/v/1.1.0/-/manage"},
	"web.whys":                 {"/why"},
	"web.admin.repositories":   {"/admin/repositories"},
	"web.admin.upstreams":      {"/admin/upstreams"},
	"web.admin.rules":          {"/admin/rules", "/admin/rules?suggest=true"},
	"web.admin.storage":        {"/admin/storage"},
	"web.why":                  {"/why/refused-request"},
	"web.admin":                {"/admin"},
	"web.admin.users":          {"/admin/users"},
	"web.admin.users.new":      {"/admin/new/user"},
	"web.admin.user":           {"/admin/users/ann", "/admin/users/admin?all=1"},
	"web.admin.users.token":    {"/admin/users/ci/tokens/new"},
	"web.admin.groups":         {"/admin/groups"},
	"web.admin.groups.new":     {"/admin/new/group"},
	"web.admin.group":          {"/admin/groups/ops"},
	"web.admin.roles":          {"/admin/roles"},
	"web.admin.jobs":           {"/admin/jobs"},
	"web.admin.configuration":  {"/admin/configuration", "/admin/configuration?source=flag"},
	"web.admin.access":         {"/admin/access", "/admin/access?repository=main&action=read"},
}

// notPages are routes of the pages' front-end that answer with other things.
var notPages = []string{"web.log.stream", "web.log.proof", "web.static", "web.icon", "web.robots", "web.search.csv", "web.search.ndjson"}

// TestWalk visits every page, now and in the past: it is there, closed and with landmarks, runs and loads nothing but what its policy allows,
// and its links stay in the moment that it shows.
func TestWalk(t *testing.T) {
	s := shop(t)
	s.stock()
	examples := s.examples()
	names := map[string]bool{}
	err := s.Router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if rt, ok := httpserver.RouteOf(route.GetHandler()); ok && rt.Format == "web" {
			names[rt.Name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range notPages {
		delete(names, name)
	}
	for name := range names {
		if len(examples[name]) == 0 {
			t.Errorf("the page %s has no example", name)
		}
		for _, path := range examples[name] {
			s.visit(t, path)
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			if now := s.visit(t, path+join+"as_of=seq:1000"); now != "" {
				t.Errorf("%s: %s", path, now)
			}
		}
	}
	for _, path := range []string{"/r/absent", "/nothing", "/r/main/raw/tool/v/9"} { // pages of errors
		if res := s.get(formatstest.Admin, path); res.Status != http.StatusNotFound {
			t.Errorf("%s: %v", path, res)
		} else {
			s.inspect(t, path, res)
		}
	}
}

// examples are the variable of that name, with those whose addresses depend on what was published.
func (s *site) examples() map[string][]string {
	out := maps.Clone(examples)
	out["web.version"] = append(slices.Clone(out["web.version"]), "/r/main/oci/team/app/v/"+s.indexOf("team/app", "1.0"))
	return out
}

// visit asks for a page and inspects it. It returns a link that leaves the moment of the page, "" for none.
func (s *site) visit(t *testing.T, path string) string {
	t.Helper()
	res := s.get(formatstest.Admin, path)
	if res.Status != http.StatusOK {
		t.Errorf("%s: %v", path, res)
		return ""
	}
	return s.inspect(t, path, res)
}

// landmarks are elements of which a page has as many.
var landmarks = map[string]int{"html": 1, "header": 1, "main": 1, "footer": 1, "h1": 1, "title": 1}

func (s *site) inspect(t *testing.T, path string, res formatstest.Response) (leaves string) {
	t.Helper()
	if got := res.Header.Get("Content-Security-Policy"); got != wantPolicy || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s: %v", path, res.Header)
	}
	if found := inlined.Find(res.Body); found != nil {
		t.Errorf("%s has %q", path, found)
	}
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(string(res.Body), "<!doctype html>")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	count, ids, wanted := map[string]int{}, map[string]int{}, map[string]bool{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "title" || count["body"] == 0 { // drawings have titles too
			count[start.Name.Local]++
		}
		for _, a := range start.Attr {
			switch name := a.Name.Local; {
			case name == "id":
				ids[a.Value]++
			case name == "aria-labelledby" || name == "for":
				wanted[a.Value] = true
			case name == "src" || name == "action" || name == "href" && start.Name.Local == "link":
				if picture := start.Name.Local == "img" && strings.HasPrefix(a.Value, "https://"); !picture && !strings.HasPrefix(a.Value, s.URL+"/") {
					t.Errorf("%s: <%s %s=%q> leads to another host", path, start.Name.Local, name, a.Value)
				}
			case name == "href" && start.Name.Local == "a":
				if to, ours := strings.CutPrefix(a.Value, s.URL); ours && strings.HasPrefix(to, "/r/") && !strings.Contains(to, "as_of=") && strings.TrimSuffix(path, "&as_of=seq:1000") != to &&
					strings.TrimSuffix(path, "?as_of=seq:1000") != to {
					leaves = "its link to " + to + " leaves the moment"
				} else if !ours && strings.HasPrefix(a.Value, "http") && !strings.Contains(attribute(start, "rel"), "noopener") && !strings.Contains(path, "/docs/") {
					t.Errorf("%s: a link to %s without rel", path, a.Value)
				}
			}
		}
	}
	if to, _, _ := strings.Cut(path, "?"); to != "/" && to != "/logout" && !strings.HasPrefix(to, "/login") && !strings.HasPrefix(to, "/docs") && res.Status < 400 && !strings.Contains(string(res.Body), `<nav class="crumbs"`) {
		t.Errorf("%s: no way back to the front page above it", path)
	}
	for element, n := range landmarks {
		if count[element] != n {
			t.Errorf("%s: %d elements %s, want %d", path, count[element], element, n)
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s: %d elements have the id %q", path, n, id)
		}
	}
	for id := range wanted {
		if ids[id] == 0 {
			t.Errorf("%s: nothing has the id %q", path, id)
		}
	}
	return leaves
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
