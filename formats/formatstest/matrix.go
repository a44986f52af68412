package formatstest

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

// Identity is a kind of caller, with what it may do in the repository "main".
type Identity struct {
	Name string
	As   As
	// Status is the answer to whatever the caller asks: 401 to credentials that don't hold, 404 to a caller who must not know
	// the repository. 0: Actions decide, and what they don't allow is 403.
	Status  int
	Actions []access.Action
	// Instance says that the actions hold on "*", for the whole server.
	Instance bool
}

// Names of identities that own something.
const (
	OtherTenant = "the other tenant"                      // may do everything in OtherRepository
	NarrowAdmin = "a narrow token of the administrator's" // may read "main"
)

// May reports whether the caller may do one of the actions in "main", or with instance what concerns the whole server.
func (i Identity) May(instance bool, actions ...access.Action) bool {
	if i.Status != 0 || instance && !i.Instance {
		return false
	}
	return slices.ContainsFunc(actions, func(action access.Action) bool {
		auditor := i.Instance && action == access.Read && slices.Contains(i.Actions, access.Audit)
		return auditor || slices.Contains(i.Actions, action) || slices.Contains(i.Actions, access.Admin)
	})
}

// Identities makes callers of every kind: with credentials that don't hold, of the other tenant, and with each right by itself.
func (s *Server) Identities() []Identity {
	s.t.Helper()
	main := func(actions ...access.Action) []access.Grant {
		return []access.Grant{{Repository: registry.DefaultRepository, Actions: actions}}
	}
	nowhere := access.Grant{Repository: "nowhere", Actions: access.Actions}
	out := append(s.ended(main(access.Admin)...),
		Identity{Name: "a user without rights", As: s.holder("nothing", nowhere), Status: http.StatusNotFound},
		Identity{Name: OtherTenant, As: s.holder("tenant", access.Grant{Repository: OtherRepository, Actions: access.Actions}), Status: http.StatusNotFound},
		Identity{Name: "read and publish", As: s.holder("publisher", main(access.Read, access.Publish)...), Actions: []access.Action{access.Read, access.Publish}},
		Identity{Name: "audit of everything", As: s.holder("auditor", access.Grant{Repository: "*", Actions: []access.Action{access.Audit}}), Actions: []access.Action{access.Audit}, Instance: true},
		Identity{Name: "admin of everything", As: Admin, Actions: []access.Action{access.Admin}, Instance: true},
		// The administrator's own token, for a narrow use: it has no more of its owner's things than of others'.
		Identity{Name: NarrowAdmin, As: As(s.Token(registry.DefaultRepository, access.Read)), Actions: []access.Action{access.Read}},
	)
	for _, action := range access.Actions {
		out = append(out, Identity{Name: "only " + string(action), As: s.holder("only-"+string(action), main(action)...), Actions: []access.Action{action}})
	}
	// Callers who may do the least ask first, so that a route that deletes finds something to delete for as long as possible.
	slices.SortStableFunc(out, func(a, b Identity) int { return b.Status - a.Status })
	return out
}

// ended makes callers whose credentials don't hold, each otherwise with these rights.
func (s *Server) ended(grants ...access.Grant) []Identity {
	s.t.Helper()
	ann := s.user("minter", grants...)
	revoked, child := s.tokenFor(ann, grants...), As("")
	child = s.tokenFor(s.actor(revoked), grants...)
	narrowed := s.user("narrowed", grants...)
	expired := s.expiring(ann, time.Millisecond, grants...)
	orphan := s.user("orphan", grants...)
	disabled := s.tokenFor(orphan, grants...)
	grandchild := s.tokenFor(s.actor(s.tokenFor(s.actor(disabled), grants...)), grants...)
	lost := s.tokenFor(narrowed, grants...)
	_, err := s.Accounts.UpdateUser(s.Admin, "orphan", accounts.UserChange{Disabled: ptr(true)})
	s.must(err)
	_, err = s.Accounts.UpdateUser(s.Admin, "narrowed", accounts.UserChange{Grants: []access.Grant{}})
	s.must(err)
	s.must(s.Accounts.RevokeSecret(access.With(context.Background(), s.actor(revoked)), string(revoked)))
	time.Sleep(2 * time.Millisecond)
	refused := func(name string, as As) Identity {
		return Identity{Name: name, As: as, Status: http.StatusUnauthorized}
	}
	return []Identity{
		refused("no credentials", Anonymous), refused("an unknown token", "slp_wrong"), refused("a revoked token", revoked), refused("the child of a revoked token", child),
		refused("an expired token", expired), refused("a token of a disabled user", disabled), refused("the grandchild of a disabled user's token", grandchild),
		{Name: "a token whose user lost his rights", As: lost, Status: http.StatusNotFound},
	}
}

func ptr[T any](v T) *T { return &v }

// user makes a user and returns him as a caller who is logged in.
func (s *Server) user(name string, grants ...access.Grant) access.Actor {
	s.t.Helper()
	password := "password of " + name
	u, err := s.Accounts.CreateUser(s.Admin, name, accounts.UserChange{Password: &password, Grants: append([]access.Grant{}, grants...)})
	s.must(err)
	actor, err := s.Accounts.Authenticate(context.Background(), access.Credentials{User: u.Name, Password: password})
	s.must(err)
	return actor
}

// holder makes a user and returns a token with all of his rights.
func (s *Server) holder(name string, grants ...access.Grant) As {
	s.t.Helper()
	return s.tokenFor(s.user(name, grants...), grants...)
}

// actor is the caller who has a token.
func (s *Server) actor(as As) access.Actor {
	s.t.Helper()
	actor, err := s.Accounts.Authenticate(context.Background(), access.Credentials{Token: string(as)})
	s.must(err)
	return actor
}

func (s *Server) tokenFor(minter access.Actor, grants ...access.Grant) As {
	s.t.Helper()
	return s.expiring(minter, 0, grants...)
}

func (s *Server) expiring(minter access.Actor, life time.Duration, grants ...access.Grant) As {
	s.t.Helper()
	secret, _, err := s.Accounts.CreateToken(access.With(context.Background(), minter), accounts.TokenRequest{Name: "of " + minter.Name, Grants: grants, ExpiresIn: life})
	s.must(err)
	return As(secret)
}

// matrix asks every route, by every method, as every kind of caller.
func (s Suite) matrix(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	callers := srv.Identities()
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if route.Public {
			return
		}
		needs, ok := s.Needs[q.Method+" "+route.Name]
		if !ok && !mutating(q.Method) {
			needs, ok = []access.Action{access.Read}, true
		}
		if !ok {
			t.Fatal("the suite doesn't say which right it needs")
		}
		for _, caller := range callers {
			before := srv.logSize()
			res := srv.Do(caller.As, q)
			caller.Check(t, res, caller.May(false, needs...), 0)
			if !caller.May(false, needs...) && srv.logSize() != before {
				t.Errorf("%s: %d new entries in the log", caller.Name, srv.logSize()-before)
			}
		}
	})
	srv.MustFsck(t)
}

// refusal is in every message about a right that is missing. Some protocols answer 403 to what is wrong for other reasons too.
const refusal = " may not "

// Check compares an answer with what the caller may do: what is allowed is not refused for the caller's sake, whatever else may be
// wrong with it. refused is the status for a caller who may know of the thing but not do this; 0 is 403.
func (i Identity) Check(t testing.TB, res Response, allowed bool, refused int) {
	t.Helper()
	want := i.Status
	switch {
	case want == 0 && refused == 0:
		want = http.StatusForbidden
	case want != http.StatusUnauthorized && refused != 0:
		want = refused
	}
	switch {
	case !allowed && res.Status != want:
		t.Errorf("%s: %v, want %d", i.Name, res, want)
	case allowed && (res.Status == http.StatusUnauthorized || res.Status >= http.StatusInternalServerError ||
		res.Status == http.StatusForbidden && (len(res.Body) == 0 || bytes.Contains(res.Body, []byte(refusal)))):
		t.Errorf("%s: %v, want it allowed", i.Name, res)
	}
}
