package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
	"slipway/web/openapi"
)

// either is 403 or 404.
const either = -1

// refusals are the answers to callers without the rights that an operation needs, where they are not 403, or 404 to callers
// without any right in "main".
var refusals = map[string]int{
	// Things have owners, here the administrator: for others they don't exist.
	"api.tokens.get":       http.StatusNotFound,
	"api.tokens.revoke":    http.StatusNotFound,
	"api.sessions.end":     http.StatusNotFound,
	"api.consumers.get":    http.StatusNotFound,
	"api.consumers.delete": http.StatusNotFound,
	"api.jobs.get":         http.StatusNotFound,
	"api.jobs.items":       http.StatusNotFound,

	// Who administers the repositories of a subscription may have it.
	"api.subscriptions.get":    http.StatusNotFound,
	"api.subscriptions.change": http.StatusNotFound,
	"api.subscriptions.delete": http.StatusNotFound,
	"api.subscriptions.ping":   http.StatusNotFound,
	"api.subscriptions.replay": http.StatusNotFound,
	"api.deliveries.list":      http.StatusNotFound,
	"api.deliveries.get":       http.StatusNotFound,
	"api.deliveries.redeliver": http.StatusNotFound,

	"api.deployments.get":     http.StatusNotFound,
	"api.log.proof":           http.StatusNotFound,
	"api.claims.remove":       either, // it is gone once somebody may
	"api.rules.remove":        either,
	"api.environments.change": either,
	"api.environments.delete": either,
	"api.environments.stop":   either,
}

// TestMatrix asks every operation as every kind of caller: credentials that don't hold, the other tenant, each right by itself.
// Who is answered is whom the document of the API allows it.
func TestMatrix(t *testing.T) {
	p := prepare(t)
	d, callers := p.document(), p.Identities()
	p.routes(func(route httpserver.Route, method string, e example) {
		if route.Public {
			return
		}
		rights := d.rights(p.templateOf(route), method)
		t.Run(method+" "+route.Name, func(t *testing.T) {
			for _, caller := range callers {
				res, refused := p.ask(caller.As, method, e, "x"), refusal(route.Name, rights)
				seen := refused == http.StatusNotFound && caller.May(true, access.Audit) // an auditor knows of it
				if (seen || refused == either) && (res.Status == http.StatusForbidden || res.Status == http.StatusNotFound) {
					refused = res.Status
				}
				caller.Check(t, res, allows(t, rights, route.Name, caller), refused)
			}
		})
	})
}

// rights are what the document says that an operation needs.
func (d *document) rights(path, method string) (rights openapi.Rights) {
	d.t.Helper()
	if method == http.MethodHead {
		method = http.MethodGet
	}
	raw, err := json.Marshal(d.at("paths", path, strings.ToLower(method), openapi.RightsExtension))
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &rights); err != nil || len(rights) == 0 {
		d.t.Errorf("%s %s: the document does not say who may: %s, %v", method, path, raw, err)
	}
	return rights
}

// refusal is the status for callers without the rights; 0: 403, or 404 to callers without any right in "main".
func refusal(name string, rights openapi.Rights) int {
	if status, ok := refusals[name]; ok {
		return status
	}
	inRepository := func(alternative map[string][]string) bool { return alternative["repository"] != nil }
	if slices.ContainsFunc(rights, inRepository) {
		return 0
	}
	return http.StatusForbidden
}

// allows reports whether a caller has the rights of one alternative.
func allows(t *testing.T, rights openapi.Rights, name string, caller formatstest.Identity) bool {
	t.Helper()
	if caller.Status == http.StatusUnauthorized {
		return false
	}
	return slices.ContainsFunc(rights, func(alternative map[string][]string) bool {
		for scope, actions := range alternative {
			if !has(t, scope, actions, name, caller) {
				return false
			}
		}
		return true
	})
}

// has reports whether a caller has all these rights in a scope, where a request is about "main", whose things are the
// administrator's own.
func has(t *testing.T, scope string, actions []string, name string, caller formatstest.Identity) bool {
	t.Helper()
	all := func(may func(access.Action) bool) bool {
		return len(actions) > 0 && !slices.ContainsFunc(actions, func(action string) bool { return !may(access.Action(action)) })
	}
	switch scope {
	case "repository":
		return all(func(action access.Action) bool { return caller.May(false, action) })
	case "server":
		return all(func(action access.Action) bool { return caller.May(true, action) })
	case "environment": // of the administrator: TestEnvironmentOwners has other owners
		return caller.May(true, access.Admin)
	case "somewhere":
		return caller.Name == formatstest.OtherTenant || all(func(action access.Action) bool { return caller.May(false, action) })
	case "own": // a narrow token is no owner, but it is its user's
		return caller.As == formatstest.Admin || name == "api.users.get" && caller.Name == formatstest.NarrowAdmin
	case "requested": // by the example
		return caller.May(false, access.Publish)
	}
	t.Errorf("%s: there is no scope %q", name, scope)
	return false
}
