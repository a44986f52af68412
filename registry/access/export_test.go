package access

import "context"

// AnswerAtOnce does not hold up refusals.
func (a *Authenticator) AnswerAtOnce() { a.delay = 0 }

// Compared has f told of every hash that a password is compared with.
func (a *Authenticator) Compared(f func(hash string)) {
	a.check = func(hash, password string) bool {
		f(hash)
		return CheckPassword(hash, password)
	}
}

// Turns is the queue of logins with slots.
type Turns struct{ t *turns }

// NewTurns makes a queue.
func NewTurns(slots int) Turns { return Turns{newTurns(slots)} }

// Take waits for the turn of a name from a place.
func (t Turns) Take(ctx context.Context, name, place string, familiar bool) (func(), error) {
	a := attempt{name: name, place: place}
	copy(a.pair[:], place+"/"+name)
	return t.t.take(ctx, a, familiar)
}

// Waiting is how many wait.
func (t Turns) Waiting() int {
	t.t.mu.Lock()
	defer t.t.mu.Unlock()
	return len(t.t.waiting)
}
