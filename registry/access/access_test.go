package access

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDecide: the decision for every kind of caller.
func TestDecide(t *testing.T) {
	reader := Actor{Type: TypeUser, Grants: []Grant{{Repository: "main", Actions: []Action{Read}}}}
	teamsAndMain := []Grant{{Repository: "team-*", Actions: Actions}, {Repository: "main", Actions: Actions}}
	teams := Actor{Type: TypeUser, Grants: []Grant{{Repository: "team-*", Actions: []Action{Publish, Read}}}}
	token := Actor{Type: TypeToken, Grants: []Grant{{Repository: "*", Actions: []Action{Admin}}}, Owner: reader.Grants}
	auditor := Actor{Type: TypeUser, Grants: []Grant{{Repository: "*", Actions: []Action{Audit}}}}
	child := Actor{Type: TypeToken, Grants: teamsAndMain, Owner: teamsAndMain, Bounds: [][]Grant{reader.Grants}}
	for _, c := range []struct {
		name   string
		actor  Actor
		action Action
		repo   string
		want   Decision
	}{
		{"own right", reader, Read, "main", Allow},
		{"another right in a repository it knows", reader, Publish, "main", Deny},
		{"a repository it must not know", reader, Read, "other", Hide},
		{"the instance", reader, Admin, Instance, Deny},
		{"a glob", teams, Publish, "team-a", Allow},
		{"outside the glob", teams, Publish, "team", Hide},
		{"a token is no wider than its owner", token, Publish, "main", Deny},
		{"a token within its owner's rights", token, Read, "main", Allow},
		{"anonymous", Anonymous(false), Read, "main", Challenge},
		{"anonymous reading", Anonymous(true), Read, "main", Allow},
		{"anonymous writing", Anonymous(true), Publish, "main", Challenge},
		{"the zero actor", Actor{}, Read, "main", Challenge},
		{"system", System(), Admin, Instance, Allow},
		{"an auditor reads what it audits", auditor, Read, "main", Allow},
		{"an auditor changes nothing", auditor, Publish, "main", Deny},
		{"an auditor of one repository reads nothing by that", Actor{Type: TypeUser, Grants: []Grant{{Repository: "main", Actions: []Action{Audit}}}}, Read, "main", Deny},
		{"a child within its parent's bounds", child, Read, "main", Allow},
		{"a child beyond its parent's bounds", child, Publish, "main", Deny},
		{"a right on an environment of the same name", Actor{Type: TypeUser, Grants: []Grant{{Environment: "main", Actions: []Action{Read}}}}, Read, "main", Hide},
	} {
		if got := Decide(c.actor, c.action, c.repo); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestDecideEnvironment: rights on environments are rights of their own; only those over the whole server contain them.
func TestDecideEnvironment(t *testing.T) {
	by := func(g ...Grant) Actor { return Actor{Type: TypeUser, Grants: g} }
	prod := Grant{Environment: "prod-*", Actions: []Action{Deploy}}
	for _, c := range []struct {
		name   string
		actor  Actor
		action Action
		env    string
		want   Decision
	}{
		{"a glob", by(prod), Deploy, "prod-eu", Allow},
		{"outside the glob", by(prod), Deploy, "staging", Deny},
		{"another action", by(prod), Admin, "prod-eu", Deny},
		{"admin contains the others", by(Grant{Environment: "prod", Actions: []Action{Admin}}), Deploy, "prod", Allow},
		{"capitals and dots", by(Grant{Environment: "Prod.EU_*", Actions: []Action{Read}}), Read, "Prod.EU_1", Allow},
		{"deploy on all repositories", by(Grant{Repository: "*", Actions: []Action{Deploy}}), Deploy, "prod", Deny},
		{"admin of the server", by(Grant{Repository: "*", Actions: []Action{Admin}}), Deploy, "prod", Allow},
		{"audit of the server reads", by(Grant{Repository: "*", Actions: []Action{Audit}}), Read, "prod", Allow},
		{"audit of the server changes nothing", by(Grant{Repository: "*", Actions: []Action{Audit}}), Deploy, "prod", Deny},
		{"admin of a repository", by(Grant{Repository: "prod", Actions: []Action{Admin}}), Deploy, "prod", Deny},
		{"a token within its owner's rights", Actor{Type: TypeToken, Grants: []Grant{prod}, Owner: []Grant{{Environment: "*", Actions: []Action{Deploy}}}}, Deploy, "prod-eu", Allow},
		{"a token beyond its owner's rights", Actor{Type: TypeToken, Grants: []Grant{prod}}, Deploy, "prod-eu", Deny},
		{"anonymous", Anonymous(true), Deploy, "prod", Challenge},
	} {
		if got := DecideEnvironment(c.actor, c.action, c.env); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestValidGrant: a permission is on a repository or on an environment, and names what can be done there.
func TestValidGrant(t *testing.T) {
	for _, g := range []Grant{
		{Repository: "team-*", Actions: []Action{Tag}}, {Environment: "prod-*", Actions: EnvironmentActions}, {Environment: "Prod.1", Role: "deployer"}, {Repository: "*", Role: "x"},
	} {
		if !ValidGrant(g) {
			t.Errorf("%+v is refused", g)
		}
	}
	for _, g := range []Grant{
		{}, {Repository: "main"}, {Environment: "prod"}, {Repository: "main", Environment: "prod", Actions: []Action{Read}}, {Actions: []Action{Read}},
		{Environment: "prod", Actions: []Action{Publish}}, {Environment: "pr/od", Actions: []Action{Read}}, {Repository: "main", Actions: []Action{"fly"}, Role: "reader"},
	} {
		if ValidGrant(g) {
			t.Errorf("%+v is accepted", g)
		}
	}
}

// TestEffective: the list that an actor is shown allows what Decide allows.
func TestEffective(t *testing.T) {
	globs := []string{"*", "main", "team-*", "team-a", "team-a*", "other"}
	r := rand.New(rand.NewPCG(3, 4))
	grants := func() []Grant {
		var out []Grant
		for range 1 + r.IntN(4) {
			g := Grant{Repository: globs[r.IntN(len(globs))]}
			known := Actions
			if r.IntN(3) == 0 {
				g = Grant{Environment: g.Repository}
				known = EnvironmentActions
			}
			for range 1 + r.IntN(3) {
				g.Actions = append(g.Actions, known[r.IntN(len(known))])
			}
			out = append(out, g)
		}
		return out
	}
	for range 5_000 {
		a := Actor{Type: TypeToken, Grants: grants(), Owner: grants()}
		for range r.IntN(3) {
			a.Bounds = append(a.Bounds, grants())
		}
		shown := Actor{Type: TypeUser, Grants: a.Effective()}
		for _, name := range []string{Instance, "main", "team-", "team-a", "team-ab", "other", "x"} {
			for _, action := range Actions {
				if a.may(action, name) != shown.may(action, name) {
					t.Fatalf("%+v is shown as %+v, which differs for %s in repository %s", a, shown.Grants, action, name)
				}
				if slices.Contains(EnvironmentActions, action) && name != Instance && DecideEnvironment(a, action, name) != DecideEnvironment(shown, action, name) {
					t.Fatalf("%+v is shown as %+v, which differs for %s in environment %s", a, shown.Grants, action, name)
				}
			}
		}
	}
}

// TestS42: whatever Covers lets a caller hand out allows nothing that the caller may not do.
func TestS42(t *testing.T) {
	globs := []string{"*", "main", "team-*", "team-a", "team-a*", "t*m", "*a", "other"}
	repos := []string{Instance, "main", "team-", "team-a", "team-ab", "team-b", "other", "tm", "team", "a"}
	r := rand.New(rand.NewPCG(1, 2))
	grants := func() []Grant {
		var out []Grant
		for range 1 + r.IntN(3) {
			g := Grant{Repository: globs[r.IntN(len(globs))]}
			if r.IntN(4) == 0 {
				g = Grant{Environment: g.Repository}
			}
			for range 1 + r.IntN(3) {
				g.Actions = append(g.Actions, Actions[r.IntN(len(Actions))])
			}
			out = append(out, g)
		}
		return out
	}
	covered := 0
	for range 20_000 {
		minter := Actor{Type: TypeUser, Grants: grants()}
		if r.IntN(2) == 0 {
			minter.Type, minter.Owner, minter.Bounds = TypeToken, grants(), [][]Grant{grants()}
		}
		minted := Actor{Type: TypeUser, Grants: grants()}
		if !Covers(minter, minted.Grants) {
			continue
		}
		covered++
		for _, repo := range repos {
			for _, action := range Actions {
				if minted.may(action, repo) && !minter.may(action, repo) {
					t.Fatalf("%+v may mint %+v, which may %s in %s", minter, minted.Grants, action, repo)
				}
				if repo != Instance && DecideEnvironment(minted, action, repo) == Allow && DecideEnvironment(minter, action, repo) != Allow {
					t.Fatalf("%+v may mint %+v, which may %s in environment %s", minter, minted.Grants, action, repo)
				}
			}
		}
	}
	if covered < 100 {
		t.Errorf("only %d cases were covered", covered)
	}
}
