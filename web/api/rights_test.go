package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
	"slipway/web/api"
)

// example is a well-formed request of a route on what the rights test has published, and what callers get who are not
// allowed. 0 is the rule: anonymous 401; who reads main 200, and 403 for a change; who has rights elsewhere only 404.
type example struct {
	path      string
	body      string
	anonymous int
	reader    int
	elsewhere int
	admin     int // 0: any success
}

// examples has every route of the API: a route without one fails the build.
var examples = map[string]example{
	"api.repositories.list":    {path: "/repositories", elsewhere: 200},
	"api.repositories.create":  {path: "/repositories", body: `{"name":"made-by-%s"}`, elsewhere: 403},
	"api.repositories.get":     {path: "/repositories/main"},
	"api.repositories.change":  {path: "/repositories/main", body: `{"description":"by %s"}`},
	"api.repositories.delete":  {path: "/repositories/main", admin: 409},         // it holds versions
	"api.repositories.restore": {path: "/repositories/main/restore", admin: 409}, // it is there

	"api.upstreams.list":       {path: "/repositories/main/upstreams"},
	"api.upstreams.add":        {path: "/repositories/main/upstreams", body: `{"name":"by-%s","repository":"extra"}`},
	"api.upstreams.order":      {path: "/repositories/main/upstreams/order", body: `{"upstreams":["extra","old"]}`, admin: 400}, // others came and went
	"api.upstreams.get":        {path: "/repositories/main/upstreams/extra"},
	"api.upstreams.change":     {path: "/repositories/main/upstreams/extra", body: `{"deny":["by-%s"]}`},
	"api.upstreams.check":      {path: "/repositories/main/upstreams/extra/check", admin: 400}, // it is no remote
	"api.upstreams.remove":     {path: "/repositories/main/upstreams/old"},
	"api.export":               {path: "/repositories/main/export", reader: 200},
	"api.import":               {path: "/repositories/main/import?trust=none", admin: 400}, // it is no key
	"api.prefetch":             {path: "/repositories/main/prefetch?look=true", body: `{"purl":"pkg:generic/lib@1.0.0"}`, reader: 202},
	"api.jobs.list":            {path: "/jobs", elsewhere: 200},
	"api.jobs.get":             {path: "/jobs/none", reader: 404, elsewhere: 404, admin: 404}, // of its owner
	"api.jobs.items":           {path: "/jobs/none/items", reader: 404, elsewhere: 404, admin: 404},
	"api.repositories.refresh": {path: "/repositories/main/refresh"},
	"api.cache.list":           {path: "/repositories/main/cache?state=here", reader: 403},
	"api.cache.evict":          {path: "/repositories/main/cache/evict", body: `{"unused":"720h","dry_run":true}`},
	"api.cache.accept":         {path: "/repositories/main/cache/accept", body: `{"format":"test","package":"lib","version":"1.0.0","path":"file"}`, admin: 404}, // nothing has changed
	"api.cache.deny":           {path: "/repositories/main/cache/deny", body: `{"format":"test","package":"lib","version":"1.0.0"}`, admin: 404},
	"api.cache.restore":        {path: "/repositories/main/cache/restore", body: `{"format":"test","package":"lib","version":"1.0.0"}`, admin: 404}, // it was published
	"api.claims.list":          {path: "/claims", elsewhere: 200},
	"api.claims.suggest":       {path: "/claims/suggestions?repository=main", reader: 403},
	"api.claims.add":           {path: "/claims", body: `{"repository":"main","format":"test","pattern":"by-%s"}`},
	"api.claims.remove":        {path: "/claims/1", elsewhere: 404},
	"api.rules.list":           {path: "/rules", elsewhere: 200},
	"api.rules.add":            {path: "/rules", body: `{"repository":"main","action":"deny","match":"pkg:generic/by-%s","reason":"test"}`},
	"api.rules.simulate":       {path: "/rules/simulate", body: `{"rules":[{"repository":"main","action":"deny","match":"pkg:generic/x","reason":"test"}]}`},
	"api.rules.remove":         {path: "/rules/1", elsewhere: 404},
	"api.why":                  {path: "/why/refused-request", elsewhere: 404},

	"api.packages.resolution":   {path: packages + "/lib/resolution?version=1.0.0"},
	"api.packages.origin.set":   {path: packages + "/lib/origin", body: `{"origin":"both","reason":"by %s"}`},
	"api.packages.origin.clear": {path: packages + "/lib/origin"},

	"api.storage":              {path: "/storage", reader: 403, elsewhere: 403},
	"api.storage.repositories": {path: "/storage/repositories", reader: 403, elsewhere: 403},
	"api.storage.count":        {path: "/storage/count", elsewhere: 403},
	"api.blobs.get":            {path: "/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000", reader: 403, elsewhere: 403, admin: 404},
	"api.repositories.usage":   {path: "/repositories/main/usage"},

	"api.packages.list":         {path: "/repositories/main/packages"},
	"api.packages.dependents":   {path: packages + "/lib/dependents"},
	"api.packages.get":          {path: packages + "/lib"},
	"api.versions.search":       {path: "/versions?q=lib", elsewhere: 200}, // nothing of main: TestSearch of the core
	"api.versions.list":         {path: packages + "/lib/versions"},
	"api.versions.get":          {path: packages + "/lib/versions/1.0.0"},
	"api.versions.readme":       {path: packages + "/lib/versions/1.0.0/readme", reader: 404, admin: 404}, // it has none
	"api.versions.describe":     {path: packages + "/lib/versions/1.0.0/description"},
	"api.versions.deletion":     {path: packages + "/lib/versions/1.0.0/deletion", reader: 404, admin: 404}, // it is there
	"api.repositories.deletion": {path: "/repositories/main/deletion", reader: 404, admin: 404},             // it is there
	"api.versions.referrers":    {path: packages + "/lib/versions/1.0.0/referrers"},
	"api.versions.change":       {path: packages + "/lib/versions/1.0.0", body: `{"state":"deprecated","reason":"by %s"}`},
	"api.versions.delete":       {path: packages + "/lib/versions/0.9.0"},
	"api.versions.restore":      {path: packages + "/lib/versions/1.0.0/restore", admin: 409},                        // it is there
	"api.versions.promote":      {path: packages + "/lib/versions/1.0.0/promote", body: `{"to":"main"}`, admin: 400}, // it is there already
	"api.versions.file":         {path: packages + "/lib/versions/1.0.0/files/dir/file.txt"},
	"api.versions.annotate":     {path: packages + "/lib/versions/1.0.0/metadata", body: `{"source":{"commit":"by%s"}}`},
	"api.versions.pulls":        {path: "/repositories/main/packages/test/lib/versions/1.0.0/pulls", reader: 403},

	"api.tags.list":    {path: packages + "/lib/tags"},
	"api.tags.get":     {path: packages + "/lib/tags/production"},
	"api.tags.set":     {path: packages + "/lib/tags/staging", body: `{"version":"1.0.0"}`},
	"api.tags.remove":  {path: packages + "/lib/tags/beta"},
	"api.tags.history": {path: packages + "/lib/tags/production/history"},

	// Names of environments are known to everybody who can log in; what runs there is not: TestDeploymentsOfOthers.
	"api.environments.list":    {path: "/environments", elsewhere: 200},
	"api.environments.create":  {path: "/environments", body: `{"name":"made-by-%s"}`, elsewhere: 201, admin: 409}, // bob was first
	"api.environments.get":     {path: "/environments/prod", elsewhere: 200},
	"api.environments.change":  {path: "/environments/prod", body: `{"description":"by %s"}`, elsewhere: 403},
	"api.environments.delete":  {path: "/environments/old", elsewhere: 403},
	"api.environments.history": {path: "/environments/prod/history", elsewhere: 200},
	"api.environments.stop":    {path: "/environments/prod/services/web"},
	"api.deployments.list":     {path: "/deployments", elsewhere: 200},
	"api.deployments.report": {path: "/deployments", body: `{"environment":"prod","service":"web","repository":"main",` +
		`"purl":"pkg:generic/lib@1.0.0","status":"succeeded","external_id":"by %s"}`},
	"api.deployments.get":    {path: "/deployments/1"},
	"api.deployments.change": {path: "/deployments/1", body: `{"status":"rolled_back"}`},

	"api.publishes.list":   {path: "/publishes", elsewhere: 200}, // their own
	"api.publishes.get":    {path: "/publishes/none?repository=main", reader: 403, admin: 404},
	"api.publishes.drop":   {path: "/publishes/none?repository=main", admin: 404},
	"api.publishes.commit": {path: "/publishes/none/commit?repository=main", admin: 404},

	"api.tokens.list":     {path: "/tokens", elsewhere: 200},
	"api.tokens.create":   {path: "/tokens", body: `{"name":"by %s","permissions":[{"repository":"main","actions":["publish"]}]}`, elsewhere: 403},
	"api.tokens.get":      {path: "/tokens/%t", reader: 404},
	"api.tokens.revoke":   {path: "/tokens/%t", reader: 404},   // of another user: hidden
	"api.sessions.list":   {path: "/sessions", elsewhere: 200}, // none: they are narrow tokens
	"api.sessions.endall": {path: "/sessions?user=admin", elsewhere: 403},
	"api.sessions.end":    {path: "/sessions/%w", reader: 404}, // of another user: hidden
	"api.users.list":      {path: "/users", reader: 403, elsewhere: 403},
	"api.users.create":    {path: "/users", body: `{"name":"by-%s","password":"a good password"}`, elsewhere: 403},
	"api.users.get":       {path: "/users/admin", reader: 403, elsewhere: 403},
	"api.users.delete":    {path: "/users/old", elsewhere: 403},
	"api.users.change":    {path: "/users/admin", body: `{"disabled":false}`, elsewhere: 403},
	"api.groups.list":     {path: "/groups", reader: 403, elsewhere: 403},
	"api.groups.create":   {path: "/groups", body: `{"name":"by-%s","members":["ann"]}`, elsewhere: 403},
	"api.groups.get":      {path: "/groups/ops", reader: 403, elsewhere: 403},
	"api.groups.change":   {path: "/groups/ops", body: `{"description":"by %s"}`, elsewhere: 403},
	"api.groups.delete":   {path: "/groups/old", elsewhere: 403},
	"api.roles.list":      {path: "/roles", elsewhere: 200},
	"api.roles.put":       {path: "/roles/mine", body: `{"actions":["read"]}`, elsewhere: 403},
	"api.roles.delete":    {path: "/roles/old", elsewhere: 403},
	"api.access":          {path: "/access?repository=main", reader: 403},
	"api.access.tag":      {path: "/access/tag?repository=main&tag=production", reader: 403},
	"api.whoami":          {path: "/whoami", elsewhere: 200},

	"api.events": {path: "/events", elsewhere: 200},

	// A consumer is its user's own: for everybody else there is none.
	"api.consumers.list":   {path: "/consumers", elsewhere: 200},
	"api.consumers.get":    {path: "/consumers/deploys", reader: 404},
	"api.consumers.put":    {path: "/consumers/deploys", body: `{"acked":1}`, reader: 201, elsewhere: 201}, // one of their own
	"api.consumers.delete": {path: "/consumers/old", reader: 404},

	// Who administers all repositories of a subscription may see it: for everybody else there is none.
	"api.subscriptions.list":    {path: "/subscriptions", elsewhere: 200},
	"api.subscriptions.create":  {path: "/subscriptions", body: `{"name":"by %s","url":"https://ci.example.com/","repositories":["main"]}`},
	"api.subscriptions.preview": {path: "/subscriptions/preview", body: `{"repositories":["main"]}`},
	"api.subscriptions.get":     {path: "/subscriptions/1", reader: 404},
	"api.subscriptions.change":  {path: "/subscriptions/1", body: `{"name":"by %s"}`, reader: 404},
	"api.subscriptions.delete":  {path: "/subscriptions/2", reader: 404},
	"api.subscriptions.ping":    {path: "/subscriptions/1/ping", reader: 404},
	"api.subscriptions.replay":  {path: "/subscriptions/1/redeliver", body: `{"since":%d}`, reader: 404},
	"api.deliveries.list":       {path: "/subscriptions/1/deliveries", reader: 404},
	"api.deliveries.get":        {path: "/deliveries/1", reader: 404},
	"api.deliveries.redeliver":  {path: "/deliveries/1/redeliver", reader: 404},

	"api.log.checkpoint": {path: "/log/checkpoint", elsewhere: 200},
	"api.log.tile":       {path: "/log/tile/0/000.p/1", elsewhere: 200}, // hashes; entries: TestEntriesNeedAudit
	"api.log.proof":      {path: "/log/proof?seq=%d"},
	"api.log.key":        {path: "/log/key", anonymous: 200, elsewhere: 200}, // a public key
	"api.gc":             {path: "/gc", body: `{}`, elsewhere: 403},
	"api.fsck":           {path: "/fsck", body: `{}`, elsewhere: 403},

	"api.status":            {path: "/status", reader: 403, elsewhere: 403},
	"api.configuration":     {path: "/configuration", reader: 403, elsewhere: 403},
	"api.duties":            {path: "/duties", reader: 403, elsewhere: 403},
	"api.cluster":           {path: "/cluster", reader: 403, elsewhere: 403},
	"api.maintenance.list":  {path: "/maintenance", reader: 403, elsewhere: 403},
	"api.maintenance.start": {path: "/maintenance", body: `{"kind":"look"}`, elsewhere: 403},
	"api.openapi":           {path: "/openapi.json", anonymous: 200, elsewhere: 200}, // the same for everybody

	"api.unknown": {},
}

// prepared is an API with something to protect, and callers.
type prepared struct {
	*env
	reader    formatstest.As
	elsewhere formatstest.As
	seq       int64  // log entry of main
	token     string // id of a token of admin
	session   string // id of a browser's session of admin
}

// refused keeps a refusal in the repository main.
func (p *prepared) refused() {
	p.t.Helper()
	err := p.Metadata.Update(p.t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		return errors.Join(err, tx.Policies().PutRefusal(metadata.Refusal{RequestID: "refused-request", At: tx.Now(), RepositoryID: r.ID, Subject: "pkg:generic/x@1",
			Caller: "user ann", Outcome: "deny", Mode: "enforce", Reason: "test"}))
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func prepare(t *testing.T, o ...formatstest.Options) *prepared {
	t.Helper()
	a := newAPI(t, o...)
	p := &prepared{env: a}
	var token newToken
	a.want(201, "POST", "/tokens", `{"name":"ci","permissions":[{"repository":"*","actions":["admin"]}]}`, &token, byPassword...)
	p.token = token.ID
	_, session, err := a.Accounts.StartSession(t.Context(), accounts.SessionRequest{User: accounts.AdminUser, Password: registrytest.AdminPassword})
	if err != nil {
		t.Fatal(err)
	}
	p.session = fmt.Sprint(session.ID)
	p.reader = a.UserToken("ann", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	p.elsewhere = a.UserToken("bob", 0, access.Grant{Repository: formatstest.OtherRepository, Actions: access.Actions})
	a.AddUser(t, "old", "password of old")
	a.want(201, "POST", "/groups", `{"name":"ops","permissions":[{"repository":"main","role":"releaser"}],"members":["admin"]}`, nil)
	a.want(201, "POST", "/groups", `{"name":"old"}`, nil)
	a.want(201, "PUT", "/roles/old", `{"actions":["read"]}`, nil)
	a.publish("lib", "0.9.0", "1.0.0")
	a.want(200, "PUT", packages+"/lib/tags/production", `{"version":"1.0.0"}`, nil)
	a.want(200, "PUT", packages+"/lib/tags/beta", `{"version":"1.0.0"}`, nil)
	a.want(201, "POST", "/environments", `{"name":"old"}`, nil)
	a.want(201, "POST", "/repositories", `{"name":"extra"}`, nil)
	for _, name := range []string{"extra", "old"} {
		a.want(201, "POST", "/repositories/main/upstreams", `{"name":"`+name+`","repository":"extra","through":true}`, nil)
	}
	a.want(201, "POST", "/claims", `{"repository":"main","format":"test","pattern":"acme-*"}`, nil)
	a.want(201, "POST", "/rules", `{"repository":"main","action":"pin","match":"pkg:generic/acme-*","reason":"test"}`, nil)
	p.refused()
	a.want(201, "POST", "/deployments", `{"environment":"prod","service":"web","repository":"main","purl":"pkg:generic/lib@1.0.0","status":"succeeded"}`, nil)
	for range 2 {
		a.want(201, "POST", "/subscriptions", `{"name":"deploys","url":"https://ci.example.com/","repositories":["main"]}`, nil)
	}
	a.want(202, "POST", "/subscriptions/1/ping", "", nil)
	for _, name := range []string{"deploys", "old"} {
		a.want(201, "PUT", "/consumers/"+name, `{}`, nil)
	}
	var v struct{ Seq int64 }
	a.want(200, "GET", packages+"/lib/versions/1.0.0", "", &v)
	p.seq = v.Seq
	a.signed(v.Seq + 1)
	return p
}

// routes calls fn for every route and method that the router has.
func (p *prepared) routes(fn func(route httpserver.Route, method string, e example)) {
	p.t.Helper()
	seen := map[string]bool{}
	err := p.Router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		route, ok := httpserver.RouteOf(r.GetHandler())
		if !ok || route.Format != "api" {
			return nil
		}
		e, ok := examples[route.Name]
		if !ok {
			return fmt.Errorf("the route %s has no example", route.Name)
		}
		seen[route.Name] = true
		methods, err := r.GetMethods()
		if err != nil {
			return fmt.Errorf("the route %s has no methods: %w", route.Name, err)
		}
		for _, method := range methods {
			e.path = strings.NewReplacer("%d", fmt.Sprint(p.seq), "%t", p.token, "%w", p.session).Replace(e.path)
			e.body = strings.ReplaceAll(e.body, "%d", fmt.Sprint(p.seq))
			fn(route, method, e)
		}
		return nil
	})
	if err != nil {
		p.t.Error(err)
	}
	for name := range examples {
		if !seen[name] && name != "api.unknown" {
			p.t.Errorf("the example %s belongs to no route", name)
		}
	}
}

func (p *prepared) ask(as formatstest.As, method string, e example, who string) formatstest.Response {
	p.t.Helper()
	if strings.Contains(e.body, "%s") {
		e.body = fmt.Sprintf(e.body, who)
	}
	return p.call(as, method, e.path, e.body)
}

func rule(said, otherwise int) int {
	if said != 0 {
		return said
	}
	return otherwise
}

// TestS24: every route that the router has, as each kind of caller who is not allowed.
func TestS24(t *testing.T) {
	p := prepare(t)
	changes := map[string]bool{"POST": true, "PUT": true, "PATCH": true, "DELETE": true}
	p.routes(func(route httpserver.Route, method string, e example) {
		t.Run(method+" "+route.Name, func(t *testing.T) {
			res := p.ask(formatstest.Anonymous, method, e, "anonymous")
			if want := rule(e.anonymous, http.StatusUnauthorized); res.Status != want {
				t.Errorf("anonymous: %v, want %d", res, want)
			}
			if res.Status == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
			allowed := http.StatusOK
			if changes[method] {
				allowed = http.StatusForbidden
			}
			if res, want := p.ask(p.reader, method, e, "ann"), rule(e.reader, allowed); res.Status != want {
				t.Errorf("read token: %v, want %d", res, want)
			}
			if res, want := p.ask(p.elsewhere, method, e, "bob"), rule(e.elsewhere, http.StatusNotFound); res.Status != want {
				t.Errorf("token of another repository: %v, want %d", res, want)
			} else if !route.Public && strings.Contains(string(res.Body), "lib") {
				t.Errorf("token of another repository learns of main: %v", res)
			}
			if !route.Public {
				if res := p.ask("slp_"+formatstest.As(strings.Repeat("A", 43)), method, e, "x"); res.Status != http.StatusUnauthorized {
					t.Errorf("unknown token: %v, want 401", res)
				}
			}
		})
	})
	p.MustFsck(t)
}

// TestEncodedCredentials is Y1: every route takes a password in UTF-8 and in ISO-8859-1.
func TestEncodedCredentials(t *testing.T) {
	p := prepare(t)
	users, user := 0, "" // nine routes share one, since the eleventh wrong password of one is throttled
	ask := func(method string, e example, password string) int {
		if strings.Contains(e.body, "%s") {
			e.body = fmt.Sprintf(e.body, "ann")
		}
		q := formatstest.Request{Method: method, Path: api.Prefix + e.path, Body: []byte(e.body)}
		return p.Do(formatstest.Anonymous, q.WithBasic(user, password)).Status
	}
	p.routes(func(route httpserver.Route, method string, e example) {
		if route.Public {
			return
		}
		if users%9 == 0 {
			user = fmt.Sprint("umlaut", users)
			p.AddUser(t, user, formatstest.AccentedPassword, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
		}
		users++
		for encoding, password := range map[string]string{"UTF-8": formatstest.AccentedPassword, "ISO-8859-1": formatstest.Latin1(formatstest.AccentedPassword)} {
			if got := ask(method, e, password); got == http.StatusUnauthorized || got >= http.StatusInternalServerError {
				t.Errorf("%s %s in %s: %d", method, route.Name, encoding, got)
			}
		}
		if got := ask(method, e, formatstest.Latin1("wröng")); got != http.StatusUnauthorized {
			t.Errorf("%s %s: a wrong password: %d", method, route.Name, got)
		}
	})
}

// secrets are what no answer may show: tokens, password hashes, and the hash of a token.
var secrets = regexp.MustCompile(`slp_[A-Za-z0-9_-]{12}|whsec_[A-Za-z0-9+/]{12}|\$2[aby]\$|password_hash|PRIVATE|correct horse|a good password|password of `)

// TestS39, and S-60: whatever is asked, a secret is in no answer but that of its creation.
func TestS39(t *testing.T) {
	p := prepare(t)
	p.routes(func(route httpserver.Route, method string, e example) {
		for _, as := range []formatstest.As{formatstest.Anonymous, p.reader, p.elsewhere, formatstest.Admin} {
			res := p.ask(as, method, e, "secretive")
			if as == formatstest.Admin && res.Status != rule(e.admin, res.Status) || as == formatstest.Admin && e.admin == 0 && res.Status >= 400 {
				t.Errorf("%s %s as admin: %v", method, route.Name, res)
			}
			if made := route.Name == "api.tokens.create" || route.Name == "api.subscriptions.create"; made && res.Status == http.StatusCreated {
				if n := len(secrets.FindAllString(string(res.Body), -1)); n != 1 {
					t.Errorf("the answer to %s has %d secrets, want 1: %s", route.Name, n, res.Body)
				}
				continue
			}
			if found := secrets.FindString(string(res.Body)); found != "" {
				t.Errorf("%s %s shows %q: %s", method, route.Name, found, res.Body)
			}
		}
	})
	for _, path := range []string{"/tokens?limit=1000", "/users", "/events?limit=1000", "/whoami"} {
		res := p.want(200, "GET", path, "", nil)
		if found := secrets.FindString(string(res.Body)); found != "" {
			t.Errorf("%s shows %q", path, found)
		}
	}
	if found := secrets.FindString(p.Log()); found != "" {
		t.Errorf("the log shows %q", found)
	}
	for _, secret := range []string{registrytest.AdminPassword, string(p.reader), string(p.elsewhere)} {
		if strings.Contains(p.Log(), secret) {
			t.Error("a credential is in the log")
		}
	}
}

// TestAnonymousRead: with anonymous reading, reads need no credentials and everything else still does.
func TestAnonymousRead(t *testing.T) {
	p := prepare(t, formatstest.Options{AnonymousRead: true})
	for path, want := range map[string]int{
		"/repositories/main": 200, packages + "/lib/versions/1.0.0": 200, "/events": 200, "/log/checkpoint": 200, "/whoami": 200,
		"/tokens": 401, "/users": 401, "/log/tile/entries/000.p/1": 401,
	} {
		if res := p.call(formatstest.Anonymous, "GET", path, ""); res.Status != want {
			t.Errorf("%s: %v, want %d", path, res, want)
		}
	}
	if res := p.call(formatstest.Anonymous, "PUT", packages+"/lib/tags/x", `{"version":"1.0.0"}`); res.Status != 401 {
		t.Errorf("anonymous sets a tag: %v", res)
	}
	if res := p.call(formatstest.Anonymous, "GET", "/events", ""); strings.Contains(string(res.Body), "token.created") {
		t.Error("anonymous sees events of the instance")
	}
}
