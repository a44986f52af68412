// Package access identifies callers and decides, in Decide alone, what they may do.
package access

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Action is what a caller wants to do in a repository.
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

// Instance is the repository argument of Decide for what concerns the whole server.
const Instance = "*"

// Grant allows actions on the repositories that a glob matches; "*" also matches the instance itself. Admin contains every
// other action.
type Grant struct {
	Repository string
	Actions    []Action
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
	Grants  []Grant
	// Owner has the grants of the user behind a token: the token never exceeds them.
	Owner []Grant

	mark string // identifies the password that was verified; see Proof
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

func (a Actor) may(action Action, repository string) bool {
	return allows(a.Grants, action, repository) && (a.Type != TypeToken || allows(a.Owner, action, repository))
}

func allows(grants []Grant, action Action, repository string) bool {
	for _, g := range grants {
		if matches(g.Repository, repository) && (slices.Contains(g.Actions, action) || slices.Contains(g.Actions, Admin)) {
			return true
		}
	}
	return false
}

func matches(glob, repository string) bool {
	if repository == Instance {
		return glob == Instance
	}
	ok, err := path.Match(glob, repository)
	return ok && err == nil
}

var globGrammar = regexp.MustCompile(`^[a-z0-9*][a-z0-9*-]{0,62}$`)

// ValidGrant reports whether g is well-formed: a repository name or a glob with '*', and known actions.
func ValidGrant(g Grant) bool {
	if !globGrammar.MatchString(g.Repository) || len(g.Actions) == 0 {
		return false
	}
	for _, a := range g.Actions {
		if !slices.Contains(Actions, a) {
			return false
		}
	}
	return true
}

// Covers reports whether a may hand out all of want: a minted token never exceeds its minter.
func Covers(a Actor, want []Grant) bool {
	for _, w := range want {
		for _, action := range w.Actions {
			if !coveredBy(a.Grants, action, w.Repository) || (a.Type == TypeToken && !coveredBy(a.Owner, action, w.Repository)) {
				return false
			}
		}
	}
	return true
}

func coveredBy(grants []Grant, action Action, glob string) bool {
	for _, g := range grants {
		if !slices.Contains(g.Actions, action) && !slices.Contains(g.Actions, Admin) {
			continue
		}
		if globCovers(g.Repository, glob) {
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
