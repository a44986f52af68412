package registry

import "time"

// Refused is the cause of an error of the kind Blocked.
type Refused struct {
	Text   string // what happened, in a short sentence; the Detail of the error adds how to learn more
	Reason string // of the rule
	ID     string // of the request under which the refusal is kept
	Until  time.Time
	Held   bool // it ends when the version is old enough
}

func (r *Refused) Error() string { return r.Text }
