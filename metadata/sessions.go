package metadata

import "time"

// Session is a browser that is logged in to the pages. The secret in its cookie is kept as a hash only. The tokens that programs log
// in with are Tokens of the kind SessionToken.
type Session struct {
	ID        int64
	UserID    int64
	User      string // name; filled on reading
	Hash      []byte // sha256 of the secret; never read back
	Agent     string // the browser
	CreatedAt time.Time
	ExpiresAt time.Time // its end, however often it is used
	Use
}

// Use is when and from where a session or a token was used last.
type Use struct {
	UsedAt   time.Time // zero: never, as far as is known
	UsedFrom string    // address of the client; "": unknown
}

// Sessions keeps the sessions of browsers. One that has ended is deleted.
type Sessions interface {
	CreateSession(s Session) (Session, error) // fills ID and CreatedAt; ErrExists: the hash is taken
	Session(id int64) (Session, error)
	SessionByHash(hash []byte) (Session, error)
	Sessions(userID, afterID int64, limit int) ([]Session, error) // userID 0: of all users; ascending by ID
	// NoteUse notes a use that is later than the one noted before; others, and one of a session that has ended, are ignored.
	NoteUse(id int64, u Use) error
	DeleteSession(id int64) error
	// DeleteUnused deletes sessions that were used last before a time, at most limit, and returns their number.
	DeleteUnused(before time.Time, limit int) (int64, error)
}
