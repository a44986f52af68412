package registry

import (
	"context"
	"fmt"

	"slipway/registry/access"
)

// Authorize checks that the caller may act, and returns the caller. All methods check rights through it.
func (s *Core) Authorize(ctx context.Context, action access.Action, repository string) (access.Actor, error) {
	a := access.From(ctx)
	switch access.Decide(a, action, repository) {
	case access.Allow:
		return a, nil
	case access.Challenge:
		return a, Errorf(Unauthenticated, AboutRequest, "log in to %s here", action)
	case access.Hide:
		return a, Errorf(NotFound, AboutRepository, "there is no repository %q", Clip(repository))
	default:
		if repository == access.Instance {
			return a, Errorf(Denied, AboutRequest, "this needs the right %q on the whole server", action)
		}
		return a, Errorf(Denied, AboutRepository, "%s may not %s in repository %q", Describe(a), action, Clip(repository))
	}
}

// AuthorizeAny refuses a caller who may do none of the actions in a repository. It is for front-ends that have to read a
// request before they know its action. The error, Unauthenticated, NotFound or Denied, is that of the first action.
func (s *Core) AuthorizeAny(ctx context.Context, repository string, actions ...access.Action) (err error) {
	for i := len(actions) - 1; i >= 0; i-- {
		if _, err = s.Authorize(ctx, actions[i], repository); err == nil {
			return nil
		}
	}
	return err
}

func Describe(a access.Actor) string {
	switch a.Type {
	case access.TypeToken:
		return fmt.Sprintf("token %q of user %q", a.Token, a.Name)
	case access.TypeUser:
		return fmt.Sprintf("user %q", a.Name)
	default:
		return a.Name
	}
}
