package origin

import (
	"errors"
	"time"
)

// Class says what a fault means for the caller: whether a copy may be served, what a client is told, whether absence is proven.
type Class int

const (
	// Absent: the upstream proves that it does not have the thing (404, 410; 403 if Settings.ForbiddenIsMissing). The only class
	// that may be remembered as absence.
	Absent Class = iota + 1
	// Refused: the upstream, or a proxy, does not accept the credentials or the lack of them (401, 403, 407).
	Refused
	// Busy: the upstream asks to wait (408, 425, 429, 503 with Retry-After).
	Busy
	// Down: no answer, a cut one, or a 5xx.
	Down
	// Legal: 451.
	Legal
	// Bad: an answer that is no answer to the request: malformed, too large, a redirect that is not allowed, an odd status.
	Bad
	// Open: nothing was asked: the breaker is open, the upstream is offline or asked to wait before, or the time for waiting is spent.
	Open
)

// Offline is the text of a Fault for an upstream that is not to be asked.
const Offline = "offline"

var classNames = [...]string{Absent: "absent", Refused: "refused", Busy: "busy", Down: "down", Legal: "legal", Bad: "bad", Open: "open"}

// String is the name in metrics.
func (c Class) String() string {
	if c < Absent || c > Open {
		return "unknown"
	}
	return classNames[c]
}

// Fault is the error of a request. Its text names the upstream and the class of fault in words, and nothing of URLs, hosts,
// addresses or credentials; it wraps no error, so nothing of them can come out later.
type Fault struct {
	Class    Class
	Upstream string // Settings.Name
	Text     string // what happened, in words: "answered 502", "connection refused"
	Status   int    // of the answer; 0 for none
	// RetryAfter is how long to wait before asking again makes sense; 0 if unknown. At most 15 minutes.
	RetryAfter time.Duration
	// Challenges are the WWW-Authenticate fields of a 401 of the upstream's own origin.
	Challenges []string

	again bool // a retry may help
}

func (f *Fault) Error() string { return "upstream " + f.Upstream + ": " + f.Text }

// ClassOf is the class of a Fault in err's chain; 0 for other errors, such as those of the caller's context.
func ClassOf(err error) Class {
	var f *Fault
	if errors.As(err, &f) {
		return f.Class
	}
	return 0
}

// Is reports whether err is a Fault of the class.
func Is(err error, c Class) bool { return ClassOf(err) == c }
