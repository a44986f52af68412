package access_test

import (
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
)

// FuzzGrants: a token's grants are of known actions, and for what its minter may do.
func FuzzGrants(f *testing.F) {
	for _, s := range []string{"main", "*", "team-*", "*-a", "m*n", "**", "", "main/../x", "*a*b*"} {
		f.Add(s, "main")
	}
	f.Fuzz(func(t *testing.T, outer, repository string) {
		actor := access.Actor{Type: access.TypeUser, UserID: 1, Grants: []access.Grant{{Repository: outer, Actions: []access.Action{access.Read}}}}
		may := access.Decide(actor, access.Read, repository) == access.Allow
		want := outer == repository || strings.Contains(outer, "*") && registry.MatchGlob(outer, repository)
		if may && !want {
			t.Fatalf("a grant for %q reads %q", outer, repository)
		}
	})
}
