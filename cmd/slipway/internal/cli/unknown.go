package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// noteUnknown says which repositories of permissions are not there, as far as the caller can see: a misspelt one gives no
// right, and nobody would notice. It is no error, since a repository may be made later.
func (c commands) noteUnknown(ctx context.Context, cl *client.Client, permissions []api.Permission) {
	var names []string
	for _, p := range permissions {
		if p.Repository == "" || strings.ContainsAny(p.Repository, "*?[") {
			continue
		}
		if names == nil {
			names = []string{}
			for r, err := range cl.Repositories(withoutRaw(ctx)) {
				if err != nil {
					return // nothing is known
				}
				names = append(names, r.Name)
			}
		}
		if !slices.Contains(names, p.Repository) {
			fmt.Fprintf(c.Stderr, "slipway: note: there is no repository %q that you can see%s\n", command.Clean(p.Repository), command.DidYouMean(p.Repository, names))
		}
	}
}
