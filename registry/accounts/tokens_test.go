package accounts_test

import (
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// TestTokens: rights of a token never exceed its maker's; a token is its maker's alone; revoking takes effect at once.
func TestTokens(t *testing.T) {
	e := registrytest.New(t)
	password := "long enough"
	if _, err := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &password,
		Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read, access.Publish}}}}); err != nil {
		t.Fatal(err)
	}
	ann := e.Login(access.Credentials{User: "ann", Password: password})
	request := func(repo string, actions ...access.Action) accounts.TokenRequest {
		return accounts.TokenRequest{Name: "ci", ExpiresIn: time.Hour, Grants: []access.Grant{{Repository: repo, Actions: actions}}}
	}
	for what, c := range map[string]struct {
		req  accounts.TokenRequest
		kind registry.Kind
	}{
		"an action she lacks":     {request("main", access.Delete), registry.Denied},
		"a repository she lacks":  {request("*", access.Read), registry.Denied},
		"an unknown action":       {request("main", "fly"), registry.Invalid},
		"an odd repository":       {request("../x", access.Read), registry.Invalid},
		"no permission":           {accounts.TokenRequest{Name: "x"}, registry.Invalid},
		"no name":                 {accounts.TokenRequest{Grants: request("main", access.Read).Grants}, registry.Invalid},
		"an end before its start": {accounts.TokenRequest{Name: "x", ExpiresIn: -1, Grants: request("main", access.Read).Grants}, registry.Invalid},
	} {
		if _, _, err := e.Accounts.CreateToken(ann, c.req); registry.KindOf(err) != c.kind {
			t.Errorf("%s: %v", what, err)
		}
	}
	secret, tok, err := e.Accounts.CreateToken(ann, request("main", access.Read))
	if err != nil {
		t.Fatal(err)
	}
	narrow := e.Login(access.Credentials{Token: secret})
	if _, _, err := e.Accounts.CreateToken(narrow, request("main", access.Publish)); registry.KindOf(err) != registry.Denied {
		t.Errorf("a token minted a wider one: %v", err)
	}
	mine, err := e.Accounts.Tokens(ann, accounts.TokenQuery{})
	if err != nil || len(mine) != 1 || mine[0].ID != tok.ID {
		t.Errorf("ann's tokens: %+v, %v", mine, err)
	}
	e.Token("main", access.Read)
	if all, err := e.Accounts.Tokens(e.Admin, accounts.TokenQuery{}); err != nil || len(all) != 2 {
		t.Errorf("all tokens: %d, %v", len(all), err)
	}
	other, _, err := e.Accounts.CreateToken(e.Admin, request("main", access.Read))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Accounts.RevokeSecret(ann, other); registry.KindOf(err) != registry.NotFound {
		t.Errorf("revoking the token of another: %v", err)
	}
	if err := e.Accounts.RevokeToken(ann, tok.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Accounts.Authenticate(t.Context(), access.Credentials{Token: secret}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("a revoked token: %v", err)
	}
	e.MustFsck(t)
}

// TestUsers: only an administrator makes users; everybody may change the own password, by password.
func TestUsers(t *testing.T) {
	e := registrytest.New(t)
	first, second, short := "first password", "second password", "short"
	if _, err := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &short}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("a short password: %v", err)
	}
	if _, err := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &first}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &first}); registry.KindOf(err) != registry.AlreadyExists {
		t.Errorf("the same name: %v", err)
	}
	ann := e.Login(access.Credentials{User: "ann", Password: first})
	if _, err := e.Accounts.CreateUser(ann, "bob", accounts.UserChange{Password: &first}); registry.KindOf(err) != registry.Denied {
		t.Errorf("ann makes a user: %v", err)
	}
	if _, err := e.Accounts.UpdateUser(ann, "admin", accounts.UserChange{Password: &first}); registry.KindOf(err) != registry.Denied {
		t.Errorf("ann changes admin's password: %v", err)
	}
	grant := []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}}
	if _, err := e.Accounts.UpdateUser(ann, "ann", accounts.UserChange{Grants: grant}); registry.KindOf(err) != registry.Denied {
		t.Errorf("ann makes herself an administrator: %v", err)
	}
	if _, err := e.Accounts.UpdateUser(ann, "ann", accounts.UserChange{Password: &second}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Accounts.Authenticate(t.Context(), access.Credentials{User: "ann", Password: first}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("the former password: %v", err)
	}
	e.Login(access.Credentials{User: "ann", Password: second})
	yes := true
	if _, err := e.Accounts.UpdateUser(e.Admin, "ann", accounts.UserChange{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Accounts.Authenticate(t.Context(), access.Credentials{User: "ann", Password: second}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("a disabled user: %v", err)
	}
}

// TestLastAdministrator: somebody can always administer the server: the last one is neither disabled nor loses the right.
func TestLastAdministrator(t *testing.T) {
	e := registrytest.New(t)
	yes, no, password := true, false, "long enough"
	admin := []access.Grant{{Repository: access.Instance, Actions: []access.Action{access.Admin}}}
	reader := []access.Grant{{Repository: "*", Actions: []access.Action{access.Read}}}
	conflict := func(name string, c accounts.UserChange) {
		t.Helper()
		if _, err := e.Accounts.UpdateUser(e.Admin, name, c); err == nil || registry.KindOf(err) != registry.Conflict {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	change := func(name string, c accounts.UserChange) {
		t.Helper()
		if _, err := e.Accounts.UpdateUser(e.Admin, name, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	conflict("admin", accounts.UserChange{Disabled: &yes})
	conflict("admin", accounts.UserChange{Grants: reader})
	change("admin", accounts.UserChange{Password: &password})
	e.Admin = e.Login(access.Credentials{User: "admin", Password: password})
	if _, err := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &password, Grants: admin, Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	conflict("admin", accounts.UserChange{Disabled: &yes}) // ann can't log in
	change("ann", accounts.UserChange{Disabled: &no})
	change("admin", accounts.UserChange{Disabled: &yes})
	e.Admin = e.Login(access.Credentials{User: "ann", Password: password})
	conflict("ann", accounts.UserChange{Disabled: &yes})
}

// TestBoundsOfGrants: neither a token nor a user has permissions without end, or a name that is no text.
func TestBoundsOfGrants(t *testing.T) {
	e := registrytest.New(t)
	many := make([]access.Grant, 101)
	for i := range many {
		many[i] = access.Grant{Repository: "main", Actions: []access.Action{access.Read}}
	}
	password := "long enough"
	_, user := e.Accounts.CreateUser(e.Admin, "ann", accounts.UserChange{Password: &password, Grants: many})
	_, _, token := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "ci", Grants: many})
	_, _, name := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "c\x00i", Grants: many[:1]})
	for what, err := range map[string]error{"a user": user, "a token": token, "a name": name} {
		if err == nil || registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "ci", Grants: many[:100]}); err != nil {
		t.Error(err)
	}
}
