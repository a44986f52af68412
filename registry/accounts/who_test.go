package accounts_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/deploy"
	"slipway/registry/registrytest"
)

// town is an instance with users who may deploy to prod in every way there is, and an auditor of the server.
type town struct {
	*registrytest.Env
	t       *testing.T
	auditor context.Context
}

func (w town) user(name string, grants ...access.Grant) context.Context {
	w.t.Helper()
	registrytest.Must(w.t, registrytest.ErrOf(w.Accounts.CreateUser(w.Admin, name, accounts.UserChange{Password: ptr(password), Grants: grants})))
	return w.Login(access.Credentials{User: name, Password: password})
}

func (w town) token(by context.Context, name string, grants ...access.Grant) (string, error) {
	secret, _, err := w.Accounts.CreateToken(by, accounts.TokenRequest{Name: name, Grants: grants})
	return secret, err
}

// who is the auditor's answer: a line for each user and token, with the reasons.
func (w town) who(q accounts.WhoQuery) []string {
	w.t.Helper()
	list, err := w.Accounts.Who(w.auditor, q)
	registrytest.Must(w.t, err)
	reasons := func(grants []access.Grant) string {
		var out []string
		for _, g := range grants {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s%s %s %s %s", g.Repository, g.Environment, g.Role, g.Group, g.Ownership)))
		}
		return strings.Join(out, ", ")
	}
	var out []string
	for _, h := range list {
		out = append(out, h.User.Name+": "+reasons(h.Because))
		for _, t := range h.Tokens {
			out = append(out, h.User.Name+"/"+t.Name+": "+reasons(t.Because))
		}
	}
	return out
}

var (
	deploysMain = access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Deploy}}
	onProd      = access.Grant{Environment: "prod", Actions: []access.Action{access.Deploy}}
)

func newTown(t *testing.T) (w town, owner context.Context) {
	w = town{registrytest.New(t), t, nil}
	w.auditor = w.user("aud", access.Grant{Repository: "*", Actions: []access.Action{access.Audit}})
	owner = w.user("owner", deploysMain)
	registrytest.Must(t, registrytest.ErrOf(w.Deploy.CreateEnvironment(owner, "prod", deploy.EnvironmentChange{})))
	return w, owner
}

// TestWhoDeploys: an auditor of the server is told every way in which a user or token may deploy to an environment.
func TestWhoDeploys(t *testing.T) {
	w, owner := newTown(t)
	w.user("granted", deploysMain, onProd)
	w.user("grouped", deploysMain)
	w.user("globbed", access.Grant{Repository: "*", Role: "deployer"}, access.Grant{Environment: "pro*", Role: "deployer"})
	w.user("halfway", onProd) // deploys in no repository
	w.user("plain", deploysMain)
	w.user("reader", access.Grant{Repository: "*", Actions: []access.Action{access.Read}})
	registrytest.Must(t, registrytest.ErrOf(w.Accounts.CreateGroup(w.Admin, "ops", accounts.GroupChange{Members: []string{"grouped"}, Grants: []access.Grant{onProd}})))
	registrytest.Must(t, registrytest.ErrOf(w.Accounts.CreateUser(w.Admin, "bot", accounts.UserChange{Service: true, Grants: []access.Grant{deploysMain, onProd}})))
	_, _, err := w.Accounts.CreateToken(w.Admin, accounts.TokenRequest{Name: "ci", User: "bot", Grants: []access.Grant{deploysMain, onProd}})
	registrytest.Must(t, err)
	for name, grants := range map[string][]access.Grant{
		"1-all": {deploysMain}, "2-prod": {deploysMain, onProd}, "3-read": {{Repository: "main", Actions: []access.Action{access.Read}}},
	} {
		registrytest.Must(t, registrytest.ErrOf(w.token(owner, name, grants...)))
	}
	elsewhere := access.Grant{Environment: "dev", Actions: []access.Action{access.Deploy}}
	registrytest.Must(t, registrytest.ErrOf(w.Deploy.CreateEnvironment(owner, "dev", deploy.EnvironmentChange{})))
	registrytest.Must(t, registrytest.ErrOf(w.token(owner, "4-dev", deploysMain, elsewhere)))

	q := accounts.WhoQuery{Resource: access.Resource{Repository: "main", Environment: "prod"}, Action: access.Deploy}
	equal := func(what string, got, want []string) {
		t.Helper()
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	equal("versions of main", w.who(q), []string{
		"admin: *", "bot: main, prod", "bot/ci: main, prod", "globbed: * deployer, pro* deployer", "granted: main, prod", "grouped: main, prod  ops",
		"owner: main, prod   owner", "owner/1-all: main, prod   owner", "owner/2-prod: main, prod"})
	q.Repository, q.User = "", "owner"
	equal("the owner", w.who(q), []string{"owner: prod   owner", "owner/1-all: prod   owner", "owner/2-prod: prod", "owner/3-read: prod   owner"})
	q.Action = access.Admin
	equal("changes it", w.who(q), []string{"owner: prod   owner"})
	q = accounts.WhoQuery{Resource: access.Resource{Environment: "prod"}, Action: access.Deploy}
	if list := w.who(q); !slices.Contains(list, "halfway: prod") || slices.Contains(list, "plain: prod   no_owner") {
		t.Errorf("the environment alone: %q", list)
	}

	none := ""
	registrytest.Must(t, registrytest.ErrOf(w.Deploy.UpdateEnvironment(w.Admin, "prod", deploy.EnvironmentChange{Owner: &none})))
	q.User = "plain"
	equal("without an owner", w.who(q), []string{"plain: prod   no_owner"})
	if list := w.who(accounts.WhoQuery{Resource: q.Resource}); slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, "reader") || strings.Contains(s, "4-dev") }) {
		t.Errorf("without an owner, who deploys nowhere: %q", list)
	}
}

// TestOwnerAsks: the owner of an environment in person sees who may deploy there; its tokens and other users do not.
func TestOwnerAsks(t *testing.T) {
	w, owner := newTown(t)
	other := w.user("other", deploysMain, onProd)
	secret, err := w.token(owner, "ci", deploysMain)
	registrytest.Must(t, err)
	q := accounts.WhoQuery{Resource: access.Resource{Environment: "prod"}, Action: access.Deploy}
	if list, err := w.Accounts.Who(owner, q); err != nil || len(list) != 3 {
		t.Errorf("the owner: %+v, %v", list, err)
	}
	q.Repository = "main"
	_, both := w.Accounts.Who(owner, q) // main is not the owner's to audit
	q.Repository = ""
	_, byOther := w.Accounts.Who(other, q)
	_, byToken := w.Accounts.Who(w.Login(access.Credentials{Token: secret}), q)
	for what, err := range map[string]error{"with a repository": both, "another": byOther, "a token": byToken} {
		if err == nil || registry.KindOf(err) != registry.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestOwnersTokens: the owner of an environment limits a token to it without a permission there, a non-owner can't, and the token ends
// to act there with the ownership.
func TestOwnersTokens(t *testing.T) {
	w, owner := newTown(t)
	other := w.user("other", deploysMain)
	administers := access.Grant{Environment: "prod", Actions: []access.Action{access.Admin}}
	denied := func(what string, err error) {
		t.Helper()
		if err == nil || registry.KindOf(err) != registry.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
	secret, err := w.token(owner, "ci", deploysMain, onProd)
	registrytest.Must(t, err)
	ci := w.Login(access.Credentials{Token: secret})
	denied("another user", registrytest.ErrOf(w.token(other, "x", deploysMain, onProd)))
	denied("a glob", registrytest.ErrOf(w.token(owner, "x", deploysMain, access.Grant{Environment: "prod*", Actions: []access.Action{access.Deploy}})))
	denied("an environment that is not there", registrytest.ErrOf(w.token(owner, "x", deploysMain, access.Grant{Environment: "new", Actions: []access.Action{access.Deploy}})))
	registrytest.Must(t, registrytest.ErrOf(w.token(owner, "x", administers)))
	registrytest.Must(t, registrytest.ErrOf(w.token(ci, "child", onProd)))
	denied("a token that deploys makes one that governs", registrytest.ErrOf(w.token(ci, "x", administers)))
	_, _, err = w.Accounts.CreateToken(w.Admin, accounts.TokenRequest{Name: "x", User: "other", Grants: []access.Grant{onProd}})
	denied("made for another user", err)
	_, _, err = w.Accounts.CreateToken(w.Admin, accounts.TokenRequest{Name: "x", User: "owner", Grants: []access.Grant{onProd}})
	registrytest.Must(t, err)
	if rights, err := w.Accounts.Effective(ci); err != nil || !slices.ContainsFunc(rights, func(g access.Grant) bool { return g.Environment == "prod" && slices.Equal(g.Actions, onProd.Actions) }) {
		t.Errorf("what the token may do: %+v, %v", rights, err)
	}

	elsewhere := "other"
	registrytest.Must(t, registrytest.ErrOf(w.Deploy.UpdateEnvironment(w.Admin, "prod", deploy.EnvironmentChange{Owner: &elsewhere})))
	if rights, err := w.Accounts.Effective(ci); err != nil || slices.ContainsFunc(rights, func(g access.Grant) bool { return g.Environment != "" }) {
		t.Errorf("after the owner has changed: %+v, %v", rights, err)
	}
	denied("the former owner", registrytest.ErrOf(w.token(owner, "x", deploysMain, onProd)))
}
