package api_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/registrytest"
	"slipway/web/api"
)

// TestS1: no spelling of "..", slash, backslash or NUL in any path of the API leads out of the store, or breaks the server.
func TestS1(t *testing.T) {
	c := formatstest.NewCanary(t)
	p := prepare(t, formatstest.Options{Core: []registrytest.Option{registrytest.WithBlobs(c.Store)}})
	p.routes(func(route httpserver.Route, method string, e example) {
		path, _, _ := strings.Cut(strings.TrimPrefix(api.Prefix+e.path, "/"), "?")
		c.Climb(t, p.Server, method, strings.Split(path, "/"))
	})
	c.Check(t)
}

// TestS8: nothing of the server's own is found behind "//" or "/./", at the root, or in any path of the API: 404.
func TestS8(t *testing.T) {
	p := prepare(t)
	admin := formatstest.As(p.Token("*", "admin"))
	asked := map[string]bool{}
	p.routes(func(route httpserver.Route, method string, e example) {
		if method != http.MethodGet && method != http.MethodHead {
			return
		}
		path, _, _ := strings.Cut(strings.TrimPrefix(api.Prefix+e.path, "/"), "?")
		segments := strings.Split(path, "/")
		for i := range len(segments) + 1 {
			for _, reserved := range []string{"tokens", "users", "repositories/main", "blobs/sha256", "uploads", "tmp", "packs", ".slipway", "slipway.db", "metrics", "readyz"} {
				for _, between := range []string{"//", "/./", "/.//", "/%2e/", "/x/../"} {
					at := strings.TrimSuffix("/"+strings.Join(segments[:i], "/"), "/") + between + reserved
					if asked[method+at] {
						continue
					}
					asked[method+at] = true
					if !formatstest.Sampled(len(asked)) {
						continue
					}
					want := http.StatusNotFound
					if i > 0 && (between == "/./" || between == "/%2e/") { // the same path without it
						want, _ = p.Raw(t, method, strings.Replace(at, between, "/", 1), admin)
					}
					if status, body := p.Raw(t, method, at, admin); status != want {
						t.Errorf("%s %s: %d %q, want %d", method, at, status, body, want)
					}
				}
			}
		}
	})
}

var inMain = regexp.MustCompile(`/main\b`)

// TestS10: a repository whose name is percent-encoded is the same one to the rights and to the handler, on every route.
func TestS10(t *testing.T) {
	p := prepare(t)
	callers := map[string]formatstest.As{"anonymous": formatstest.Anonymous, "reader": p.reader, "elsewhere": p.elsewhere}
	p.routes(func(route httpserver.Route, method string, e example) {
		encoded := e
		encoded.path = inMain.ReplaceAllString(e.path, "/%6Da%69n")
		if encoded.path == e.path {
			return
		}
		for who, as := range callers {
			plain, res := p.ask(as, method, e, who), p.ask(as, method, encoded, who)
			if res.Status != plain.Status {
				t.Errorf("%s %s %s: %v, but %s is %v", who, method, e.path, plain, encoded.path, res)
			}
		}
	})
}

// TestS25: who asks, and where the server is, is never read from a header that any client can send.
func TestS25(t *testing.T) {
	p := prepare(t)
	forged := map[string]string{
		"X-Remote-User": "admin", "Remote-User": "admin", "REMOTE_USER": "admin", "X-Forwarded-User": "admin", "X-Auth-Request-User": "admin",
		"X-Forwarded-For": "192.0.2.66", "X-Real-Ip": "192.0.2.66", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher",
		"X-Forwarded-Prefix": "/evil.example", "Forwarded": "for=192.0.2.66;host=evil.example", "X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/api/v1/users",
	}
	p.routes(func(route httpserver.Route, method string, e example) {
		q := formatstest.Request{Method: method, Path: api.Prefix + e.path, Body: []byte(strings.ReplaceAll(e.body, "%s", "forged"))}
		for name, value := range forged {
			q = q.With(name, value)
		}
		if want := rule(e.anonymous, http.StatusUnauthorized); p.Do(formatstest.Anonymous, q).Status != want {
			t.Errorf("%s %s by forged headers: %v, want %d", method, route.Name, p.Do(formatstest.Anonymous, q), want)
		}
		res := p.Do(formatstest.Admin, q)
		if said := string(res.Body) + fmt.Sprint(res.Header); strings.Contains(said, "evil.example") || strings.Contains(said, "gopher:") {
			t.Errorf("%s %s: forged headers lead into %v %v", method, route.Name, res, res.Header)
		}
	})
	if strings.Contains(p.Log(), "192.0.2.66") {
		t.Error("a forged address is in the log")
	}
	p.MustFsck(t)
}

// TestHostile sends every operation what no well-meant client sends.
func TestHostile(t *testing.T) {
	p := prepare(t)
	h := formatstest.Hostile{Server: p.Server, Refusal: formatstest.ProblemRefusal, Fixed: 2}
	p.routes(func(route httpserver.Route, method string, e example) {
		q := formatstest.Request{Method: method, Path: api.Prefix + e.path, Body: []byte(strings.ReplaceAll(e.body, "%s", "hostile"))}
		h.Targets = append(h.Targets, formatstest.Target{Route: route.Name, Request: q})
	})
	h.Run(t)
}

// absent names what is not there, for what is somebody else's in the examples.
var absent = strings.NewReplacer(
	"/repositories/main", "/repositories/gone", `"repository":"main"`, `"repository":"gone"`, `["main"]`, `["gone"]`, "?repository=main", "?repository=gone",
	"/deployments/1", "/deployments/901", "/subscriptions/1", "/subscriptions/901", "/subscriptions/2", "/subscriptions/901", "/deliveries/1", "/deliveries/901",
	"/consumers/deploys", "/consumers/gone", "/consumers/old", "/consumers/gone", "/services/web", "/services/gone", "/users/admin", "/users/gone", "/users/old", "/users/gone", "/groups/ops", "/groups/gone", "/groups/old", "/groups/gone", "/roles/old", "/roles/gone",
	"/tokens/", "/tokens/90", "/why/refused-request", "/why/unknown-request",
)

// ownedByNobody are the operations on nothing that is one tenant's: lists of what the caller may see, what is the caller's
// own, and what the whole instance shares.
var ownedByNobody = map[string]bool{
	"api.repositories.list": true, "api.repositories.create": true, "api.versions.search": true, "api.environments.list": true, "api.environments.create": true,
	"api.environments.get": true, "api.environments.change": true, "api.environments.delete": true, "api.environments.history": true,
	"api.deployments.list": true, "api.tokens.list": true, "api.users.list": true, "api.users.create": true, "api.whoami": true,
	"api.groups.list": true, "api.groups.create": true, "api.roles.list": true, "api.roles.put": true,
	"api.events": true, "api.claims.list": true, "api.rules.list": true, "api.publishes.list": true, "api.consumers.list": true, "api.consumers.put": true, "api.subscriptions.list": true, "api.log.checkpoint": true, "api.log.tile": true,
	"api.log.key": true, "api.sessions.list": true, "api.sessions.end": true, "api.sessions.endall": true, "api.gc": true, "api.fsck": true, "api.openapi": true,
	"api.jobs.list": true, "api.storage": true, "api.storage.repositories": true, "api.storage.count": true, "api.blobs.get": true, "api.status": true, "api.configuration": true, "api.cluster": true, "api.duties": true,
	"api.maintenance.list": true, "api.maintenance.start": true,
}

// TestS38: what another tenant holds is answered like what does not exist, on every route and by every kind of id, and is
// not changed. The caller may do everything in a repository of his own.
func TestS38(t *testing.T) {
	p := prepare(t)
	p.want(200, "PATCH", "/environments/prod", `{"owner":""}`, nil) // so that the repositories alone decide
	var job struct{ ID string }
	p.want(202, "POST", "/repositories/main/prefetch?look=true", `{"purl":"pkg:generic/lib@1.0.0"}`, &job)
	var owners []event
	p.want(200, "GET", "/events?types=environment.changed", "", &owners)
	p.signed(owners[len(owners)-1].seq(t) + 1) // the end of the log: a later checkpoint would change the proofs
	state := func() map[string]string {
		out := map[string]string{}
		p.routes(func(route httpserver.Route, method string, e example) {
			// Asking for it changes who has downloaded what.
			if method == http.MethodGet && route.Name != "api.consumers.get" && route.Name != "api.log.checkpoint" && route.Name != "api.versions.pulls" {
				out[e.path] = lastUse.ReplaceAllString(withoutID(p.call(formatstest.Admin, method, e.path, "").Body), "")
			}
		})
		return out
	}
	before := state()
	p.routes(func(route httpserver.Route, method string, e example) {
		if ownedByNobody[route.Name] {
			return
		}
		none := e
		none.path, none.body = absent.Replace(e.path), absent.Replace(e.body)
		switch route.Name {
		case "api.jobs.get", "api.jobs.items":
			e.path = strings.Replace(e.path, "none", job.ID, 1)
		case "api.claims.remove":
			none.path = "/claims/1000000"
		case "api.rules.remove":
			none.path = "/rules/1000000"
		}
		if route.Name == "api.log.proof" {
			none.path = "/log/proof?seq=1000000"
		}
		if none.path == e.path && none.body == e.body {
			t.Errorf("%s has no id of a tenant, and is not among the operations that have none", route.Name)
			return
		}
		t.Run(method+" "+route.Name, func(t *testing.T) {
			got, want := p.ask(p.elsewhere, method, e, "bob"), p.ask(p.elsewhere, method, none, "bob")
			if got.Status != want.Status || got.Status < http.StatusBadRequest {
				t.Errorf("%v, but for what does not exist %v", got, want)
			}
			if said, nothing := asked.ReplaceAllString(withoutID(got.Body), "x"), asked.ReplaceAllString(withoutID(want.Body), "x"); said != nothing {
				t.Errorf("%s tells more than %s", said, nothing)
			}
		})
	})
	// By what its own repository does not hold, named by digest, purl or version.
	sum := digest.FromString("lib 1.0.0").String()
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/deployments", `{"environment":"prod","service":"x","repository":"other","digest":"` + sum + `","status":"succeeded"}`, 404},
		{"POST", "/deployments", `{"environment":"prod","service":"x","repository":"other","purl":"pkg:generic/lib@1.0.0","status":"succeeded"}`, 404},
		{"POST", "/deployments", `{"environment":"prod","service":"web","repository":"other","digest":"` + sum + `","status":"rolled_back"}`, 404},
		{"PUT", "/repositories/other/packages/test/lib/tags/x", `{"version":"1.0.0"}`, 404},
		{"POST", "/subscriptions", `{"name":"x","url":"https://ci.example.com/","repositories":["main","other"]}`, 404},
		{"POST", "/tokens", `{"name":"x","permissions":[{"repository":"*","actions":["read"]}]}`, 403},
		{"GET", "/events?consumer=deploys", "", 404},
	} {
		if res := p.call(p.elsewhere, c.method, c.path, c.body); res.Status != c.status {
			t.Errorf("%s %s %s: %v, want %d", c.method, c.path, c.body, res, c.status)
		}
	}
	for _, path := range []string{"/versions?q=lib", "/versions?q=digest:" + sum, "/deployments?digest=" + sum, "/subscriptions", "/consumers"} {
		if res := p.call(p.elsewhere, "GET", path, ""); strings.TrimSpace(string(res.Body)) != `{"items":[]}` {
			t.Errorf("%s: %v, want nothing", path, res)
		}
	}
	after := state()
	for path, was := range before {
		if now := after[path]; now != was {
			t.Errorf("%s was\n%s, is\n%s", path, was, now)
		}
	}
	p.MustFsck(t)
}

var requestID = regexp.MustCompile(`,?"request_id":"[^"]*"`)

// lastUse is what a token tells of its last use, which the test itself is.
var lastUse = regexp.MustCompile(`"last_used_at":(null|"[^"]*")(,"last_used_from":"[^"]*")?`)

// asked is what a problem repeats of the request.
var asked = regexp.MustCompile(`\\"[^"\\]*\\"|\b[0-9]+\b`)

func withoutID(body []byte) string { return requestID.ReplaceAllString(string(body), "") }
