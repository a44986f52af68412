package registry_test

import (
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
)

// TestTokens: rights of a token never exceed its maker's; a token is its maker's alone; revoking takes effect at once.
func TestTokens(t *testing.T) {
	e := registrytest.New(t)
	password := "long enough"
	if _, err := e.CreateUser(e.Admin, "ann", registry.UserChange{Password: &password,
		Grants: []access.Grant{{Repository: "main", Actions: []access.Action{access.Read, access.Publish}}}}); err != nil {
		t.Fatal(err)
	}
	ann := e.Login(access.Credentials{User: "ann", Password: password})
	request := func(repo string, actions ...access.Action) registry.TokenRequest {
		return registry.TokenRequest{Name: "ci", ExpiresIn: time.Hour, Grants: []access.Grant{{Repository: repo, Actions: actions}}}
	}
	for what, c := range map[string]struct {
		req  registry.TokenRequest
		kind registry.Kind
	}{
		"an action she lacks":     {request("main", access.Delete), registry.Denied},
		"a repository she lacks":  {request("*", access.Read), registry.Denied},
		"an unknown action":       {request("main", "fly"), registry.Invalid},
		"an odd repository":       {request("../x", access.Read), registry.Invalid},
		"no permission":           {registry.TokenRequest{Name: "x"}, registry.Invalid},
		"no name":                 {registry.TokenRequest{Grants: request("main", access.Read).Grants}, registry.Invalid},
		"an end before its start": {registry.TokenRequest{Name: "x", ExpiresIn: -1, Grants: request("main", access.Read).Grants}, registry.Invalid},
	} {
		if _, _, err := e.CreateToken(ann, c.req); registry.KindOf(err) != c.kind {
			t.Errorf("%s: %v", what, err)
		}
	}
	secret, tok, err := e.CreateToken(ann, request("main", access.Read))
	if err != nil {
		t.Fatal(err)
	}
	narrow := e.Login(access.Credentials{Token: secret})
	if _, _, err := e.CreateToken(narrow, request("main", access.Publish)); registry.KindOf(err) != registry.Denied {
		t.Errorf("a token minted a wider one: %v", err)
	}
	mine, err := e.Tokens(ann, 0, 0)
	if err != nil || len(mine) != 1 || mine[0].ID != tok.ID {
		t.Errorf("ann's tokens: %+v, %v", mine, err)
	}
	e.Token("main", access.Read)
	if all, err := e.Tokens(e.Admin, 0, 0); err != nil || len(all) != 2 {
		t.Errorf("all tokens: %d, %v", len(all), err)
	}
	other, _, err := e.CreateToken(e.Admin, request("main", access.Read))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RevokeSecret(ann, other); registry.KindOf(err) != registry.NotFound {
		t.Errorf("revoking the token of another: %v", err)
	}
	if err := e.RevokeToken(ann, tok.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Authenticate(t.Context(), access.Credentials{Token: secret}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("a revoked token: %v", err)
	}
	e.MustFsck(t)
}

// TestUsers: only an administrator makes users; everybody may change the own password, by password.
func TestUsers(t *testing.T) {
	e := registrytest.New(t)
	first, second, short := "first password", "second password", "short"
	if _, err := e.CreateUser(e.Admin, "ann", registry.UserChange{Password: &short}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("a short password: %v", err)
	}
	if _, err := e.CreateUser(e.Admin, "ann", registry.UserChange{Password: &first}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.CreateUser(e.Admin, "ann", registry.UserChange{Password: &first}); registry.KindOf(err) != registry.AlreadyExists {
		t.Errorf("the same name: %v", err)
	}
	ann := e.Login(access.Credentials{User: "ann", Password: first})
	if _, err := e.CreateUser(ann, "bob", registry.UserChange{Password: &first}); registry.KindOf(err) != registry.Denied {
		t.Errorf("ann makes a user: %v", err)
	}
	if _, err := e.UpdateUser(ann, "admin", registry.UserChange{Password: &first}); registry.KindOf(err) != registry.Denied {
		t.Errorf("ann changes admin's password: %v", err)
	}
	grant := []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}}
	if _, err := e.UpdateUser(ann, "ann", registry.UserChange{Grants: grant}); registry.KindOf(err) != registry.Denied {
		t.Errorf("ann makes herself an administrator: %v", err)
	}
	if _, err := e.UpdateUser(ann, "ann", registry.UserChange{Password: &second}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Authenticate(t.Context(), access.Credentials{User: "ann", Password: first}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("the former password: %v", err)
	}
	e.Login(access.Credentials{User: "ann", Password: second})
	yes := true
	if _, err := e.UpdateUser(e.Admin, "ann", registry.UserChange{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Authenticate(t.Context(), access.Credentials{User: "ann", Password: second}); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("a disabled user: %v", err)
	}
}
