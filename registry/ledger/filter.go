package ledger

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
)

// EventFilter selects events by what they say. Its zero value selects all. Texts are globs.
type EventFilter struct {
	Repository string    // name of the repository that the event is about
	Format     string    // of the package
	Package    string    // name of the package; with Repository and Format, none of them a glob, the package that has this name now
	Actor      string    // name of the user or of the token, the actor's text, or its id
	Since      time.Time // not before
	Until      time.Time // not after
}

// reads reports whether the filter has to look at what entries say.
func (f EventFilter) reads() bool {
	return f.Repository != "" || f.Format != "" || f.Package != "" || f.Actor != ""
}

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
	if len(e.Data) > 0 && !(holds(e.Data, f.Repository) && holds(e.Data, f.Format) && holds(e.Data, f.Package) && (holds(e.Data, f.Actor) || registry.MatchGlob(f.Actor, e.Actor.ID))) {
		return false
	}
	var said struct{ Repository, Format, Package, Actor, Token string }
	if len(e.Data) > 0 && json.Unmarshal(e.Data, &said) != nil {
		return false // no version of this program wrote such an entry
	}
	return (f.Repository == "" || registry.MatchGlob(f.Repository, said.Repository)) &&
		(f.Format == "" || registry.MatchGlob(f.Format, said.Format)) &&
		(f.Package == "" || registry.MatchGlob(f.Package, said.Package)) &&
		(f.Actor == "" || actorIs(f.Actor, said.Actor, e.Actor))
}

// holds reports whether what an entry says may have a text that a glob matches: the longest part of the glob is in it, which is found much sooner
// than the text itself. A part that JSON writes otherwise is taken to be there.
func holds(data []byte, glob string) bool {
	longest := ""
	for part := range strings.SplitSeq(glob, "*") {
		if len(part) > len(longest) {
			longest = part
		}
	}
	for _, c := range []byte(longest) {
		if c < ' ' || c > '~' || strings.IndexByte(`"\\<>&`, c) >= 0 {
			return true
		}
	}
	return bytes.Contains(data, []byte(longest))
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
