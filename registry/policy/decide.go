package policy

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// Outcome is what becomes of a version or of bytes.
type Outcome string

// Outcomes. A stricter one is greater, as far as severity tells.
const (
	Allowed Outcome = "allow" // shown and served
	Hidden  Outcome = "hide"  // served by its exact name, not shown
	Held    Outcome = "hold"  // neither, until a time
	Denied  Outcome = "deny"  // neither
)

func (o Outcome) severity() int {
	switch o {
	case Hidden:
		return 1
	case Held:
		return 2
	case Denied:
		return 3
	default:
		return 0
	}
}

// Shown reports whether documents list it.
func (o Outcome) Shown() bool { return o.severity() == 0 }

// Served reports whether it is served by its exact name.
func (o Outcome) Served() bool { return o.severity() <= 1 }

// Subject is what a decision is about: a version, a file of one, or bytes alone.
type Subject struct {
	Version string
	SortKey []byte        // of the version, in the format's order; empty: not known
	Digest  digest.Digest // sha256 of the bytes, or of an image's manifest; "": not known
	Age     Age
}

// Age is what is known of how old something is.
type Age struct {
	PublishedAt time.Time     // as its publisher says; zero: not known
	FirstSeenAt time.Time     // when a remote first listed it; zero: it was there before, or it comes from no remote
	Minimum     time.Duration // of the upstream that it comes from
	Unknown     bool          // with Minimum: what has no known age is held, too
	None        bool          // a version or path alone is known, and no time: what depends on the age is not decided
}

// since is when it began to be old; zero: not known.
func (a Age) since() time.Time {
	if a.FirstSeenAt.After(a.PublishedAt) {
		return a.FirstSeenAt
	}
	return a.PublishedAt
}

// Decision is what the rules say of a subject at a time.
type Decision struct {
	Outcome Outcome
	RuleID  int64 // 0: no rule, or the minimum age of an upstream
	Reason  string
	Until   time.Time // of Held; zero: it does not end by itself
	// Changes is the next time at which the decision may be another; zero: it stays until a rule changes.
	Changes time.Time
	// Audit is what rules that only audit would have said; nil: nothing.
	Audit *Decision
}

// decide is what the rules of a scope say of a subject. It is a function of its arguments alone.
func (s scope) decide(subject Subject, now time.Time) Decision {
	out := Decision{Outcome: Allowed}
	for i, list := range s.lists {
		age := subject.Age
		if i < len(s.lists)-1 {
			age.Minimum, age.Unknown = 0, false // those of an upstream are of the repository whose upstream it is, the last one
		}
		d := decideBy(list, subject, age, now)
		changes, audit := earlier(out.Changes, d.Changes), out.Audit
		if audit == nil {
			audit = d.Audit
		}
		if i == 0 || d.Outcome.severity() > out.Outcome.severity() {
			out = d
		}
		out.Changes, out.Audit = changes, audit
	}
	return out
}

// decideBy is the decision of one list: the first rule that matches and says anything decides, then the upstream's minimum age.
func decideBy(list []*rule, subject Subject, age Age, now time.Time) Decision {
	out := Decision{Outcome: Allowed}
	minimum := age.Minimum
	for _, r := range list {
		if !r.holdsAt(now) || r.Action == Pin || !r.matches(subject) {
			continue
		}
		out.Changes = earlier(out.Changes, r.ExpiresAt)
		d := Decision{Outcome: Outcome(r.Action), RuleID: r.ID, Reason: r.Reason}
		if r.Action == Hold {
			if age.None {
				continue
			}
			minimum = 0 // the rule says it in place of the upstream
			d.Until = until(age, r.MinAge)
			out.Changes = earlier(out.Changes, after(d.Until, now))
			if !d.Until.After(now) {
				continue
			}
		}
		if r.Mode == Audit {
			if out.Audit == nil {
				out.Audit = &d
			}
			continue
		}
		d.Changes, d.Audit = out.Changes, out.Audit
		return d
	}
	if minimum == 0 || age.None {
		return out
	}
	from := age.since()
	switch end := from.Add(minimum); {
	case from.IsZero() && age.Unknown:
		out.Outcome, out.Reason = Held, "its age is not known"
	case !from.IsZero() && end.After(now):
		out.Outcome, out.Reason, out.Until = Held, "it is newer than the minimum age of its upstream", end
		out.Changes = earlier(out.Changes, end)
	}
	return out
}

// until is when something is old enough; zero where its age is not known: a rule does not hold what may be ten years old.
func until(age Age, minimum time.Duration) time.Time {
	from := age.since()
	if from.IsZero() {
		return time.Time{}
	}
	return from.Add(minimum)
}

// earlier is the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// after is t where it is in the future, else zero.
func after(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return time.Time{}
}
