package ledger

import (
	"encoding/json"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// EventFilter selects events by what they say. Its zero value selects all. Texts are globs.
type EventFilter struct {
	Repository string    // name of the repository that the event is about
	Package    string    // name of the package
	Actor      string    // name of the user or of the token, the actor's text, or its id
	Since      time.Time // not before
	Until      time.Time // not after
}

// reads reports whether the filter has to look at what entries say.
func (f EventFilter) reads() bool { return f.Repository != "" || f.Package != "" || f.Actor != "" }

// selects reports whether an entry is among those that are asked for.
func (f EventFilter) selects(e metadata.Entry) bool {
	switch {
	case f == EventFilter{}:
		return true
	case !f.Since.IsZero() && e.Time.Before(f.Since), !f.Until.IsZero() && e.Time.After(f.Until):
		return false
	case !f.reads():
		return true
	}
	var said struct{ Repository, Package, Actor, Token string }
	if len(e.Data) > 0 && json.Unmarshal(e.Data, &said) != nil {
		return false // no version of this program wrote such an entry
	}
	return (f.Repository == "" || registry.MatchGlob(f.Repository, said.Repository)) &&
		(f.Package == "" || registry.MatchGlob(f.Package, said.Package)) &&
		(f.Actor == "" || actorIs(f.Actor, said.Actor, e.Actor))
}

// actorIs reports whether a glob names an actor, whose text is that of a user, or "token T of user U".
func actorIs(glob, text string, a metadata.Actor) bool {
	names := []string{text, a.ID}
	if token, user, ok := strings.Cut(text, " of user "); ok {
		names = append(names, user, strings.TrimPrefix(token, "token "))
	}
	for _, name := range names {
		if registry.MatchGlob(glob, name) {
			return true
		}
	}
	return false
}
