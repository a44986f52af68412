package access

import (
	"time"

	"slipway/metadata"
)

// ActsForUser reports whether a caller is logged in as a user, and so has all that is the user's.
func (a Actor) ActsForUser() bool { return a.Type == TypeUser || a.Session }

// Descends reports whether the token id is the one of the caller, or descends from it.
func (a Actor) Descends(tokens metadata.Tokens, id int64) (bool, error) {
	for id != 0 && a.TokenID != 0 {
		if id == a.TokenID {
			return true, nil
		}
		t, err := tokens.Token(id)
		if err != nil {
			return false, err
		}
		id = t.ParentID
	}
	return false, nil
}

// LineEnded reports whether a token, or one that it descends from, was revoked or has expired.
func LineEnded(tokens metadata.Tokens, id int64, now time.Time) (bool, error) {
	for id != 0 {
		t, err := tokens.Token(id)
		if err != nil || Ended(t, now) {
			return true, err
		}
		id = t.ParentID
	}
	return false, nil
}
