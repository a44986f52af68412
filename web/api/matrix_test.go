package api_test

import (
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/access"
)

// need says who may call an operation, and what others are answered.
type need struct {
	any       []access.Action // callers with one of these actions in "main"; or
	instance  []access.Action // with one of these for the whole server; or
	anyone    bool            // every caller with credentials, who sees or makes what is his own
	somewhere access.Action   // every caller who may do this in any repository
	own       bool            // every token of the administrator
	refused   int             // 0: 403, or 404 to callers without any right in "main"
}

// either is 403 or 404.
const either = -1

func in(actions ...access.Action) need { return need{any: actions} }
func everywhere(actions ...access.Action) need {
	return need{instance: actions, refused: http.StatusForbidden}
}

var (
	anyone = need{anyone: true}
	// Things have owners, here the administrator: for others they don't exist.
	owned = need{instance: []access.Action{access.Admin}, refused: http.StatusNotFound}
	// Who administers the repositories of a subscription may have it.
	subscribed     = need{any: []access.Action{access.Admin}, refused: http.StatusNotFound}
	subscribedSeen = need{any: []access.Action{access.Admin}, instance: []access.Action{access.Audit}, refused: http.StatusNotFound}
	ownedSeen      = need{instance: []access.Action{access.Admin, access.Audit}, refused: http.StatusNotFound}
)

// needs has every operation of the API but the public ones: a route without an entry fails the test.
var needs = map[string]need{
	"api.repositories.list":   anyone,
	"api.repositories.create": everywhere(access.Admin),
	"api.repositories.get":    in(access.Read),
	"api.repositories.change": in(access.Admin),
	"api.repositories.delete": in(access.Admin),

	"api.repositories.restore": in(access.Admin),
	"api.versions.restore":     in(access.Admin), // delete and publish: of these callers, an administrator has both

	"api.packages.list":     in(access.Read),
	"api.packages.get":      in(access.Read),
	"api.versions.search":   anyone,
	"api.versions.list":     in(access.Read),
	"api.versions.get":      in(access.Read),
	"api.versions.change":   in(access.Publish),
	"api.versions.delete":   in(access.Delete),
	"api.versions.file":     in(access.Read),
	"api.versions.annotate": in(access.Publish),

	"api.tags.list":    in(access.Read),
	"api.tags.get":     in(access.Read),
	"api.tags.set":     in(access.Tag),
	"api.tags.remove":  in(access.Tag, access.Delete),
	"api.tags.history": in(access.Read, access.Audit),

	"api.environments.list":    anyone,
	"api.environments.get":     anyone,
	"api.environments.history": anyone,
	"api.environments.create":  {somewhere: access.Deploy, refused: http.StatusForbidden},
	"api.environments.change":  {instance: []access.Action{access.Admin}, refused: either}, // its owner in person may too: TestEnvironmentOwners
	"api.environments.delete":  {instance: []access.Action{access.Admin}, refused: either},
	"api.environments.stop":    {any: []access.Action{access.Deploy}, refused: either},
	"api.deployments.list":     anyone,
	"api.deployments.report":   in(access.Deploy),
	"api.deployments.get":      {any: []access.Action{access.Read, access.Audit}, refused: http.StatusNotFound},
	"api.deployments.change":   in(access.Deploy),

	"api.publishes.get":    in(access.Publish),
	"api.publishes.drop":   in(access.Publish),
	"api.publishes.commit": in(access.Publish),

	"api.tokens.list":    anyone,
	"api.tokens.create":  {any: []access.Action{access.Publish}, refused: http.StatusForbidden}, // the example asks for it
	"api.tokens.get":     ownedSeen,
	"api.tokens.revoke":  owned,
	"api.publishes.list": anyone,
	"api.users.list":     everywhere(access.Audit, access.Admin),
	"api.users.get":      {instance: []access.Action{access.Audit, access.Admin}, own: true, refused: http.StatusForbidden},
	"api.users.create":   everywhere(access.Admin),
	"api.users.change":   everywhere(access.Admin),
	"api.users.delete":   everywhere(access.Admin),
	"api.groups.list":    everywhere(access.Audit, access.Admin),
	"api.groups.get":     everywhere(access.Audit, access.Admin),
	"api.groups.create":  everywhere(access.Admin),
	"api.groups.change":  everywhere(access.Admin),
	"api.groups.delete":  everywhere(access.Admin),
	"api.roles.list":     anyone,
	"api.roles.put":      everywhere(access.Admin),
	"api.roles.delete":   everywhere(access.Admin),
	"api.access":         {any: []access.Action{access.Audit, access.Admin}, instance: []access.Action{access.Audit}},
	"api.whoami":         anyone,

	"api.events":           anyone,
	"api.consumers.list":   anyone,
	"api.consumers.get":    ownedSeen,
	"api.consumers.put":    anyone,
	"api.consumers.delete": owned,

	"api.subscriptions.list":   anyone,
	"api.subscriptions.create": in(access.Admin),
	"api.subscriptions.get":    subscribedSeen,
	"api.subscriptions.change": subscribed,
	"api.subscriptions.delete": subscribed,
	"api.subscriptions.ping":   subscribed,
	"api.subscriptions.replay": subscribed,
	"api.deliveries.list":      subscribedSeen,
	"api.deliveries.get":       subscribedSeen,
	"api.deliveries.redeliver": subscribed,

	"api.log.checkpoint": anyone,
	"api.log.tile":       anyone,
	"api.log.proof":      {any: []access.Action{access.Read, access.Audit}, refused: http.StatusNotFound},
	"api.gc":             everywhere(access.Admin),
	"api.fsck":           everywhere(access.Admin),
}

// TestMatrix asks every operation as every kind of caller: credentials that don't hold, the other tenant, each right by itself.
func TestMatrix(t *testing.T) {
	p := prepare(t)
	callers := p.Identities()
	p.routes(func(route httpserver.Route, method string, e example) {
		if route.Public {
			return
		}
		n, ok := needs[route.Name]
		if !ok {
			t.Errorf("%s: the table does not say who may call it", route.Name)
			return
		}
		t.Run(method+" "+route.Name, func(t *testing.T) {
			for _, caller := range callers {
				res, refused := p.ask(caller.As, method, e, "x"), n.refused
				seen := refused == http.StatusNotFound && caller.May(true, access.Audit) // an auditor knows of it
				if (seen || refused == either) && (res.Status == http.StatusForbidden || res.Status == http.StatusNotFound) {
					refused = res.Status
				}
				caller.Check(t, res, n.allows(caller), refused)
			}
		})
	})
}

func (n need) allows(caller formatstest.Identity) bool {
	switch {
	case caller.Status == http.StatusUnauthorized:
		return false
	case n.anyone, n.own && caller.Name == formatstest.NarrowAdmin, n.somewhere != "" && caller.Name == formatstest.OtherTenant:
		return true
	case n.somewhere != "":
		return caller.May(false, n.somewhere)
	}
	return caller.May(false, n.any...) || caller.May(true, n.instance...)
}
