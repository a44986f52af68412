package access

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"
)

// Bounds on guessing passwords. A person who mistypes never meets them; a program that guesses gets a guess a minute for a name
// from one place, two a minute for a name from all places together, and a guess a minute for all names from one place.
const (
	pairFree    = 10 // wrong passwords for one name from one place before the first wait
	nameFree    = 50 // different wrong passwords for one name, from anywhere
	addressFree = 50 // different wrong passwords from one place, for any name
	firstWait   = time.Second
	pairMost    = time.Minute
	nameMost    = 30 * time.Second
	addressMost = time.Minute

	forgetFailures = 15 * time.Minute    // after the last failure
	forgetPlace    = 30 * 24 * time.Hour // after the last good login of a name from a place
	provedTTL      = time.Hour           // how long a verified password needs no second bcrypt from the same place
	maxTracked     = 10_000              // entries of each kind; the one not used for longest is dropped

	// A refused guess is answered late, and after so many of them for one name from one place, passwords that were verified
	// there are forgotten: until then the right password is accepted between the wrong ones, so that a script that is
	// configured wrongly does not lock out its neighbours.
	refusalDelay = 250 * time.Millisecond
	maxDelayed   = 1_000 // refusals that wait at a time; the others are answered at once
	maxRefusals  = 10_000
)

type addressKey struct{}

// WithAddress returns a context of a request that came from a client's address.
func WithAddress(ctx context.Context, client netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, client)
}

// place returns the part of the client's address that stands for one place: all of IPv4, the first 64 bits of IPv6, which
// is what one customer of a provider has.
func place(ctx context.Context) string {
	const customerBits = 64
	a, _ := ctx.Value(addressKey{}).(netip.Addr)
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	p, _ := a.Prefix(customerBits) // fails for IPv4 only
	return p.String()
}

// RefusedLogin is the error of a password that was not accepted. Without a Wait it is ErrBadCredentials too.
type RefusedLogin struct {
	Name  string        // as the client sent it
	Known bool          // a user has the name
	Wait  time.Duration // the password was not looked at: there were too many wrong ones, so try again after this time
}

func (e *RefusedLogin) Error() string {
	if e.Wait > 0 {
		return "access: too many wrong passwords"
	}
	return ErrBadCredentials.Error()
}

// Is implements the interface of errors.Is.
func (e *RefusedLogin) Is(target error) bool { return e.Wait == 0 && target == ErrBadCredentials }

// secretKey is a keyed hash of something that may be a secret.
type secretKey = [32]byte

// attempt is a login by password: the name, where it comes from, and keys of what is remembered about it.
type attempt struct {
	name, place string
	byName      secretKey
	byPlace     secretKey
	pair        secretKey // of name and place
	login       secretKey // of name and password
	proof       secretKey // of name, password and place
}

// failures are the wrong passwords of a name, a place, or a name from a place.
type failures struct {
	count   int
	refused int // guesses that were not looked at
	last    time.Time
	login   secretKey // the last one
	known   bool      // the name is a user's
}

// wait is how long from now on no password is looked at; 0 where one is.
func (f failures) wait(now time.Time, free int, most time.Duration) time.Duration {
	if f.count < free || now.Sub(f.last) > forgetFailures {
		return 0
	}
	pause := firstWait << min(f.count-free, 10)
	return max(0, min(pause, most)-now.Sub(f.last))
}

// guesses remembers wrong passwords, the places that users log in from, and passwords that were verified there.
type guesses struct {
	mu       sync.Mutex
	names    recent[failures]
	places   recent[failures]
	pairs    recent[failures]
	familiar recent[time.Time] // pairs with a good login, and when it was
	proved   recent[proved]
}

// proved is a password hash that a password was verified against.
type proved struct {
	hash  string
	pair  secretKey
	until time.Time
}

// refuse returns how long no password of a's is looked at; 0: it is looked at. A name from a place that it logged in from
// before waits for its own failures there only: others can't lock a user out. flooded: verified passwords were forgotten.
func (g *guesses) refuse(a attempt, now time.Time) (wait time.Duration, known, flooded bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name, _ := g.names.get(a.byName)
	pair, _ := g.pairs.get(a.pair)
	wait = pair.wait(now, pairFree, pairMost)
	if !g.isFamiliar(a, now) {
		from, _ := g.places.get(a.byPlace)
		wait = max(wait, name.wait(now, nameFree, nameMost), from.wait(now, addressFree, addressMost))
	}
	known = name.known || pair.known
	if wait == 0 {
		return 0, known, false
	}
	if pair.count == 0 {
		return wait, known, false // noted, invented names would drive out the failures of others
	}
	pair.refused++
	if flooded = pair.refused >= maxRefusals; flooded {
		pair.refused = 0
		g.forget(a.pair)
	}
	g.pairs.put(a.pair, pair)
	return wait, known, flooded
}

// forget drops the verified passwords of a pair.
func (g *guesses) forget(pair secretKey) {
	for key, el := range g.proved.byKey {
		if el.Value.(recentEntry[proved]).value.pair == pair { //nolint:forcetypeassert // put adds nothing else
			g.proved.drop(key)
		}
	}
}

func (g *guesses) isFamiliar(a attempt, now time.Time) bool {
	at, ok := g.familiar.get(a.pair)
	return ok && now.Sub(at) < forgetPlace
}

// fail notes a wrong password. The same one again, which a forgotten script sends, counts for its name and place only: it
// guesses nothing, and must not make others behind the same address wait.
func (g *guesses) fail(a attempt, known bool, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pair, _ := g.pairs.get(a.pair)
	again := pair.count > 0 && pair.login == a.login
	more := func(r *recent[failures], key secretKey) {
		f, _ := r.get(key)
		if now.Sub(f.last) > forgetFailures {
			f = failures{}
		}
		f.count, f.last, f.login, f.known = f.count+1, now, a.login, known || f.known
		r.put(key, f)
	}
	more(&g.pairs, a.pair)
	if !again {
		more(&g.names, a.byName)
		more(&g.places, a.byPlace)
	}
}

// succeed notes a right password, verified against hash.
func (g *guesses) succeed(a attempt, hash string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pairs.drop(a.pair)
	g.familiar.put(a.pair, now)
	g.proved.put(a.proof, proved{hash, a.pair, now.Add(provedTTL)})
}

// knows reports whether the attempt's pair is familiar.
func (g *guesses) knows(a attempt, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.isFamiliar(a, now)
}

// verified returns the hash that the attempt's password was verified against lately, from the same place; "" for none.
func (g *guesses) verified(a attempt, now time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, ok := g.proved.get(a.proof); ok && now.Before(p.until) {
		return p.hash
	}
	return ""
}

// recent is a map of at most maxTracked entries, which drops the entry that was not used for longest.
type recent[V any] struct {
	order *list.List // of entry, the last used first
	byKey map[secretKey]*list.Element
}

type recentEntry[V any] struct {
	key   secretKey
	value V
}

func (r *recent[V]) get(key secretKey) (v V, ok bool) {
	el, ok := r.byKey[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(el)
	return el.Value.(recentEntry[V]).value, true //nolint:forcetypeassert // put adds nothing else
}

func (r *recent[V]) put(key secretKey, v V) {
	if r.byKey == nil {
		r.byKey, r.order = map[secretKey]*list.Element{}, list.New()
	}
	if el, ok := r.byKey[key]; ok {
		el.Value = recentEntry[V]{key, v}
		r.order.MoveToFront(el)
		return
	}
	r.byKey[key] = r.order.PushFront(recentEntry[V]{key, v})
	if len(r.byKey) > maxTracked {
		r.drop(r.order.Back().Value.(recentEntry[V]).key) //nolint:forcetypeassert // put adds nothing else
	}
}

func (r *recent[V]) drop(key secretKey) {
	if el, ok := r.byKey[key]; ok {
		r.order.Remove(el)
		delete(r.byKey, key)
	}
}
