package access

import "testing"

func TestKeeps(t *testing.T) {
	on := func(glob string, actions ...Action) []Grant { return []Grant{{Repository: glob, Actions: actions}} }
	token := func(grants, owner []Grant, bounds ...[]Grant) Actor {
		return Actor{Type: TypeToken, Grants: grants, Owner: owner, Bounds: bounds}
	}
	user := func(grants []Grant) Actor { return Actor{Type: TypeUser, Grants: grants} }
	for name, c := range map[string]struct {
		was, now Actor
		keeps    bool
	}{
		"the same":                      {user(on("main", Publish)), user(on("main", Publish)), true},
		"more":                          {user(on("main", Publish)), user(on("*", Admin)), true},
		"another action":                {user(on("main", Publish)), user(on("main", Read)), false},
		"no right":                      {user(on("main", Publish)), user(nil), false},
		"the owner's, of no use to it":  {token(on("main", Publish), on("*", Admin)), token(on("main", Publish), on("main", Publish)), true},
		"the owner's":                   {token(on("main", Publish), on("*", Admin)), token(on("main", Publish), on("other", Publish)), false},
		"a bound":                       {token(on("main", Publish), on("*", Admin), on("*", Admin)), token(on("main", Publish), on("*", Admin), on("*", Read)), false},
		"overlapping globs":             {token(on("team-*", Publish), on("*-a", Publish)), token(on("team-*", Publish), on("*-a", Publish)), true},
		"overlapping globs, less of it": {token(on("team-*", Publish), on("*-a", Publish)), token(on("team-*", Publish), on("*-b", Publish)), false},
		"another line":                  {token(on("team-*", Publish), on("*-a", Publish), on("*", Admin)), token(on("team-*", Publish), on("*-a", Publish)), false},
	} {
		if got := keeps(c.now, c.was); got != c.keeps {
			t.Errorf("%s: %v", name, got)
		}
	}
}
