package metadata

import "time"

// Rule says what becomes of versions or bytes that it matches.
type Rule struct {
	ID           int64
	RepositoryID int64  // 0: it holds in every repository
	Position     int    // of two rules of one repository the one with the lower number comes first
	Action       string // "allow", "deny", "hide", "hold" or "pin"
	Match        string // a glob over package URLs, or a digest
	MinAge       time.Duration
	Reason       string
	Mode         string    // "enforce" or "audit"
	ExpiresAt    time.Time // zero: never
	Expired      bool      // its end was noted in the log
	CreatedBy    string    // the actor, as shown
	CreatedAt    time.Time
}

// Refusal is what a rule, or the minimum age of an upstream, refused; one row for each rule, subject, caller and hour.
type Refusal struct {
	RequestID    string // of the first request
	At           time.Time
	RuleID       int64  // 0: the minimum age of an upstream
	RepositoryID int64  // that was asked
	Subject      string // a package URL or a digest
	Caller       string // as shown
	Outcome      string // "deny", "hold" or "hide"
	Mode         string // "audit": it was served all the same
	Reason       string
	Until        time.Time // zero: it does not end by itself
}

// Policies keeps rules, and what they refused. There are few rules, so the list is whole. Every write of a rule counts as a change of
// RepositoryRows.
type Policies interface {
	CreateRule(r Rule) (Rule, error) // fills ID and CreatedAt
	Rules() ([]Rule, error)          // by (repository id, position, id)
	UpdateRule(r Rule) error         // stores Expired
	DeleteRule(id int64) error

	// PutRefusal adds a refusal, and drops the oldest beyond MaxRefusals.
	PutRefusal(r Refusal) error
	Refusal(requestID string) (Refusal, error)
	// RefusedSince reports whether a rule refused a subject at a time or later.
	RefusedSince(ruleID int64, subject string, since time.Time) (bool, error)
}

// MaxRefusals is how many refusals are kept.
const MaxRefusals = 100_000
