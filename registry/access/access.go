// Package access identifies callers and decides, in Decide alone, what they may do.
package access

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"slipway/internal/lazyregexp"
)

// Action is what a caller wants to do in a repository or an environment.
type Action string

// Actions, as named in tokens.
const (
	Read    Action = "read"
	Publish Action = "publish"
	Tag     Action = "tag"
	Delete  Action = "delete"
	Deploy  Action = "deploy"
	Audit   Action = "audit"
	Admin   Action = "admin"
)

// Actions lists all actions.
var Actions = []Action{Read, Publish, Tag, Delete, Deploy, Audit, Admin}

// EnvironmentActions are the actions that grants on environments may name: to see what runs there, to record deployments, and
// to change the environment itself.
var EnvironmentActions = []Action{Read, Deploy, Admin}

// Instance is the repository argument of Decide for what concerns the whole server.
const Instance = "*"

// Grant allows actions on the repositories that a glob matches, or on the environments; repository "*" also matches the
// instance itself. Admin contains every other action. Audit on the instance contains reading of everything.
type Grant struct {
	Repository  string // name or glob
	Environment string // name or glob, instead of Repository
	Actions     []Action
	// Role is the name of a role whose actions are granted too. Where rights are decided, Actions holds them: see Roles.Resolve.
	Role string
	// Group is the name of the group that has the grant, where it is not the actor's own.
	Group string
	// Ownership says that no permission is behind the grant: see Actor.InEnvironment.
	Ownership Ownership
}

// Types of actors.
const (
	TypeUser      = "user"
	TypeToken     = "token"
	TypeAnonymous = "anonymous"
	TypeSystem    = "system"
)

// Actor is the caller of a request, or Slipway itself.
type Actor struct {
	Type    string
	ID      string // stable, not personal: user:7, token:12, anonymous, system
	Name    string // shown: a user's name
	Token   string // the token's name, for TypeToken
	UserID  int64
	TokenID int64
	// Session: the token was made by a login, and acts for its user in all but what needs the password.
	Session bool
	// WebSession is the id of the browser's session that the user acts in; 0: in none.
	WebSession int64
	// Service: the user is a service account.
	Service bool
	// Ends is when the token ends, or the first of those that it descends from; zero: never.
	Ends time.Time
	// Line has the ids of the tokens that the token descends from, from its parent upwards.
	Line   []int64
	Grants []Grant
	// Owner has the grants of the user behind a token: the token never exceeds them.
	Owner []Grant
	// Bounds are the grants of the tokens that the token descends from, and of their users: it exceeds none of them.
	Bounds [][]Grant

	mark string // identifies the password that was verified; see Proof
	look look
}

// System is Slipway itself.
func System() Actor {
	return Actor{Type: TypeSystem, ID: "system", Name: "slipway", Grants: []Grant{{Repository: "*", Actions: []Action{Admin}}}}
}

// Anonymous is a caller without credentials; with read, it may read every repository.
func Anonymous(read bool) Actor {
	a := Actor{Type: TypeAnonymous, ID: "anonymous", Name: "anonymous"}
	if read {
		a.Grants = []Grant{{Repository: "*", Actions: []Action{Read}}}
	}
	return a
}

// Decision is the answer of Decide.
type Decision int

// Decisions. Challenge: an anonymous caller should send credentials. Hide: the repository must look absent.
const (
	Deny Decision = iota
	Allow
	Challenge
	Hide
)

// Decide says whether a may do action in repository. A caller with another right there is denied; to a caller with no right
// there the repository does not exist; a caller without credentials is asked for them.
func Decide(a Actor, action Action, repository string) Decision {
	switch {
	case a.may(action, repository):
		return Allow
	case a.Type == TypeAnonymous || a.Type == "":
		return Challenge
	case repository == Instance:
		return Deny
	}
	for _, other := range Actions {
		if a.may(other, repository) {
			return Deny
		}
	}
	return Hide
}

// DecideEnvironment says whether a may do action in an environment: by a grant on environments, or by one that administers the
// whole server or, for Read, audits it. Names of environments are known to every caller who can log in, so the answer is never
// Hide.
func DecideEnvironment(a Actor, action Action, environment string) Decision {
	switch {
	case a.every(func(grants []Grant) bool { return allowsEnvironment(grants, action, environment) }):
		return Allow
	case a.Type == TypeAnonymous || a.Type == "":
		return Challenge
	}
	return Deny
}

func (a Actor) may(action Action, repository string) bool {
	return a.every(func(grants []Grant) bool { return allows(grants, action, repository) })
}

// every reports whether ok holds for each list of grants that bounds the actor.
func (a Actor) every(ok func(grants []Grant) bool) bool {
	if !ok(a.Grants) || a.Type == TypeToken && !ok(a.Owner) {
		return false
	}
	for _, grants := range a.Bounds {
		if !ok(grants) {
			return false
		}
	}
	return true
}

func allows(grants []Grant, action Action, repository string) bool {
	for _, g := range grants {
		if g.Repository != "" && matches(g.Repository, repository) && g.has(action) {
			return true
		}
	}
	return false
}

func allowsEnvironment(grants []Grant, action Action, environment string) bool {
	for _, g := range grants {
		if g.overEnvironments(action) || g.Environment != "" && matches(g.Environment, environment) && g.has(action) {
			return true
		}
	}
	return false
}

// has reports whether a grant allows an action where its glob matches.
func (g Grant) has(action Action) bool {
	return slices.Contains(g.Actions, action) || slices.Contains(g.Actions, Admin) || action == Read && g.Repository == Instance && slices.Contains(g.Actions, Audit)
}

// overEnvironments reports whether a grant on the whole server allows an action in every environment.
func (g Grant) overEnvironments(action Action) bool {
	return g.Repository == Instance && (slices.Contains(g.Actions, Admin) || action == Read && slices.Contains(g.Actions, Audit))
}

// matches reports whether a glob matches the name of a repository or an environment.
func matches(glob, name string) bool {
	if name == Instance {
		return glob == Instance
	}
	ok, err := path.Match(glob, name)
	return ok && err == nil
}

var (
	repositoryGlob  = lazyregexp.New(`^[a-z0-9*][a-z0-9*-]{0,62}$`)
	environmentGlob = lazyregexp.New(`^[A-Za-z0-9*][A-Za-z0-9*._-]{0,62}$`)
)

// ValidGrant reports whether g is well-formed: the name of a repository or of an environment, or a glob with '*', and known
// actions or a role. Whether there is such a role is not looked at.
func ValidGrant(g Grant) bool {
	glob, text, known := repositoryGlob, g.Repository, Actions
	if g.Environment != "" {
		glob, text, known = environmentGlob, g.Environment, EnvironmentActions
	}
	if g.Environment != "" && g.Repository != "" || !glob.MatchString(text) || len(g.Actions) == 0 && g.Role == "" {
		return false
	}
	for _, a := range g.Actions {
		if !slices.Contains(known, a) {
			return false
		}
	}
	return true
}

// Covers reports whether a may hand out all of want, in which roles are resolved: a minted token never exceeds its minter. What
// an environment's ownership gives counts if a has it: see Actor.InEnvironment.
func Covers(a Actor, want []Grant) bool {
	for _, w := range want {
		for _, action := range w.Actions {
			if !a.every(func(grants []Grant) bool { return coveredBy(grants, action, w) }) {
				return false
			}
		}
	}
	return true
}

func coveredBy(grants []Grant, action Action, want Grant) bool {
	for _, g := range grants {
		switch {
		case want.Environment != "" && g.overEnvironments(action):
			return true
		case !g.has(action), (g.Environment == "") != (want.Environment == ""):
		case g.Environment != "" && globCovers(g.Environment, want.Environment), g.Environment == "" && globCovers(g.Repository, want.Repository):
			return true
		}
	}
	return false
}

// globCovers reports whether every name that inner can match is matched by outer. It knows the usual cases (all, the same
// glob, a plain name, a prefix) and returns false for others.
func globCovers(outer, inner string) bool {
	if outer == "*" || outer == inner {
		return true
	}
	if !strings.Contains(inner, "*") {
		return matches(outer, inner)
	}
	prefix, isPrefix := strings.CutSuffix(outer, "*")
	return isPrefix && !strings.Contains(prefix, "*") && strings.HasPrefix(inner, prefix)
}

type actorKey struct{}

// With returns a context whose caller is a.
func With(ctx context.Context, a Actor) context.Context { return context.WithValue(ctx, actorKey{}, a) }

// From returns the caller of ctx, or an anonymous one without rights where ctx has none.
func From(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Anonymous(false)
}
