package access

import (
	"math/rand/v2"
	"testing"
)

// TestDecide: the decision for every kind of caller.
func TestDecide(t *testing.T) {
	reader := Actor{Type: TypeUser, Grants: []Grant{{"main", []Action{Read}}}}
	teams := Actor{Type: TypeUser, Grants: []Grant{{"team-*", []Action{Publish, Read}}}}
	token := Actor{Type: TypeToken, Grants: []Grant{{"*", []Action{Admin}}}, Owner: reader.Grants}
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
	} {
		if got := Decide(c.actor, c.action, c.repo); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
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
			minter.Type, minter.Owner = TypeToken, grants()
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
			}
		}
	}
	if covered < 100 {
		t.Errorf("only %d cases were covered", covered)
	}
}
