package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"slipway/metadata"
)

// ErrBadCredentials: the name, password or token is unknown or no longer valid. The error does not say which.
var ErrBadCredentials = errors.New("access: wrong user name, password or token")

// TokenPrefix begins every token, so that secret scanners recognise one.
const TokenPrefix = "slp_"

// How long a verified credential is cached, unless people are changed. With a store that is not metadata.Versioned, changes by other
// processes take effect as late.
const (
	tokenTTL    = 5 * time.Second
	passwordTTL = 60 * time.Second
	maxCached   = 10_000
)

// Credentials are what a request carries: a Basic pair, or a token alone.
type Credentials struct {
	User     string
	Password string // or a token, with any user name
	Token    string // of a Bearer header
}

// Empty reports whether the request carries no credentials. The pair of two empty strings counts as none: skopeo sends it.
func (c Credentials) Empty() bool { return c == Credentials{} }

// Authenticator turns credentials into actors. Password hashes are slow by design, so verified credentials are cached for a
// short time under a keyed hash; the secrets themselves are not kept.
type Authenticator struct {
	store         metadata.Store
	versioned     metadata.Versioned // nil: the store can't tell when people were changed
	anonymousRead bool
	now           func() time.Time
	key           []byte
	turns         *turns // bounds how much CPU passwords can take
	guesses       guesses
	delay         time.Duration // of refusals
	delayed       chan struct{} // one for each refusal that waits
	decoy         func() string // a hash like a user's password hash
	check         func(hash, password string) bool
	uses          uses

	mu    sync.Mutex
	cache map[[32]byte]Actor
	epoch atomic.Uint64 // grows with Forget: a look-up that began before is not cached afterwards
}

// NewAuthenticator makes an Authenticator over the users and tokens in store. cost is that of the passwords' hashes.
func NewAuthenticator(store metadata.Store, anonymousRead bool, cost int, now func() time.Time) *Authenticator {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	versioned, _ := store.(metadata.Versioned)
	return &Authenticator{
		store: store, versioned: versioned, anonymousRead: anonymousRead, now: now, key: key,
		turns: newTurns(max(1, runtime.GOMAXPROCS(0)/2)), delay: refusalDelay, delayed: make(chan struct{}, maxDelayed), cache: map[[32]byte]Actor{},
		decoy: sync.OnceValue(func() string { return newDecoy(cost) }), check: CheckPassword,
	}
}

// Authenticate returns the actor of c. Without credentials it is the anonymous actor. ErrBadCredentials.
func (a *Authenticator) Authenticate(ctx context.Context, c Credentials) (Actor, error) {
	switch {
	case c.Empty():
		return Anonymous(a.anonymousRead), nil
	case c.Token != "":
		return a.token(ctx, c.Token)
	case strings.HasPrefix(c.Password, TokenPrefix):
		return a.token(ctx, c.Password)
	default:
		return a.password(ctx, c.User, c.Password)
	}
}

// Forget empties the cache, after a change to a user or token.
func (a *Authenticator) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.epoch.Add(1)
	clear(a.cache)
}

func (a *Authenticator) token(ctx context.Context, secret string) (Actor, error) {
	if !strings.HasPrefix(secret, TokenPrefix) {
		return Actor{}, ErrBadCredentials
	}
	return a.cached("token", secret, "", tokenTTL, func() (actor Actor, err error) {
		err = a.store.View(ctx, func(tx metadata.Tx) error {
			t, err := tx.Tokens().TokenByHash(HashToken(secret))
			if err != nil {
				return unknown(err)
			}
			actor, err = a.TokenActor(tx, t)
			return err
		})
		if err == nil {
			a.uses.note(Used{Token: actor.TokenID}, a.now(), Address(ctx))
		}
		return actor, err
	})
}

// password verifies a user's password. A *RefusedLogin for a wrong one, and for one that is not looked at because of the wrong
// ones before it.
func (a *Authenticator) password(ctx context.Context, name, password string) (Actor, error) {
	// The place is a part of the key: otherwise guesses from elsewhere could be tried on what is cached.
	actor, err := a.cached("user "+place(ctx), name, password, passwordTTL, func() (Actor, error) {
		try := a.attempt(ctx, name, password)
		verified := a.guesses.verified(try, a.now())
		if verified == "" {
			if err := a.throttle(try); err != nil {
				return Actor{}, err
			}
		}
		var u metadata.User
		var actor Actor
		err := a.store.View(ctx, func(tx metadata.Tx) (err error) {
			if u, err = tx.Users().User(name); err != nil {
				return unknown(err)
			}
			actor, err = userActor(tx, u)
			return err
		})
		if err != nil && !errors.Is(err, ErrBadCredentials) {
			return Actor{}, err
		}
		known := err == nil && u.PasswordHash != ""
		if known && verified == u.PasswordHash {
			return actor, nil
		}
		return actor, a.verify(ctx, try, password, u, known)
	})
	if refused := (*RefusedLogin)(nil); errors.As(err, &refused) && refused.Wait > 0 {
		a.pause(ctx)
	}
	return actor, err
}

// verify compares the password of an attempt with that of u, in its turn. A *RefusedLogin.
func (a *Authenticator) verify(ctx context.Context, try attempt, password string, u metadata.User, known bool) error {
	done, err := a.turns.take(ctx, try, a.guesses.knows(try, a.now()))
	if err != nil {
		return err
	}
	defer done()
	if err := a.throttle(try); err != nil { // while it waited, others failed
		return err
	}
	hash := u.PasswordHash
	if !known {
		hash = a.decoy() // the same work, so that the time taken does not reveal which names exist
	}
	if !a.check(hash, password) || !known {
		a.guesses.fail(try, u.ID != 0, a.now())
		return &RefusedLogin{Name: try.name, Known: u.ID != 0}
	}
	a.guesses.succeed(try, hash, a.now())
	return nil
}

// throttle refuses an attempt after too many wrong passwords.
func (a *Authenticator) throttle(try attempt) error {
	wait, known, flooded := a.guesses.refuse(try, a.now())
	if wait == 0 {
		return nil
	}
	if flooded {
		a.Forget()
	}
	return &RefusedLogin{Name: try.name, Known: known, Wait: wait}
}

// pause holds up the answer to a guess that was not looked at.
func (a *Authenticator) pause(ctx context.Context) {
	select {
	case a.delayed <- struct{}{}:
		defer func() { <-a.delayed }()
	default:
		return
	}
	select {
	case <-time.After(a.delay):
	case <-ctx.Done():
	}
}

func (a *Authenticator) attempt(ctx context.Context, name, password string) attempt {
	from := place(ctx)
	return attempt{
		name: name, place: from, byName: a.keyOf("name", name, ""), byPlace: a.keyOf("place", from, ""), pair: a.keyOf("pair", name, from),
		login: a.keyOf("login", name, password), proof: a.keyOf("proof "+from, name, password),
	}
}

// Met notes that a password was set by a request from the client of ctx, so that a login with it from there is not held up by
// wrong passwords of others.
func (a *Authenticator) Met(ctx context.Context, name, password, hash string) {
	a.guesses.succeed(a.attempt(ctx, name, password), hash, a.now())
}

// Alias returns a stand-in for a name that no user has. It is a keyed hash, because people type their passwords there.
func (a *Authenticator) Alias(name string) string {
	key := a.keyOf("alias", name, "")
	return "unknown-" + hex.EncodeToString(key[:8])
}

// cached returns the cached actor, or else calls look and caches its result, until the actor ends, unless that is an error.
func (a *Authenticator) cached(kind, x, y string, ttl time.Duration, look func() (Actor, error)) (Actor, error) {
	key := a.keyOf(kind, x, y)
	now := a.now()
	a.mu.Lock()
	hit, ok := a.cache[key]
	epoch := a.current()
	a.mu.Unlock()
	if ok && hit.look.epoch == epoch && now.Before(hit.look.until) {
		return hit, nil
	}
	actor, err := look()
	if err != nil {
		return Actor{}, err
	}
	actor = actor.lookedUp(epoch, now.Add(ttl))
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current() == epoch {
		if len(a.cache) >= maxCached {
			clear(a.cache)
		}
		a.cache[key] = actor
	}
	return actor, nil
}

func (a *Authenticator) keyOf(kind, x, y string) [32]byte {
	m := hmac.New(sha256.New, a.key)
	fmt.Fprintf(m, "%s\x00%d\x00%s\x00%s", kind, len(x), x, y)
	return [32]byte(m.Sum(nil))
}

// PasswordCost of bcrypt is some 50 ms on a small server: slow for a guesser, and paid once a minute by a user.
const PasswordCost = 10

// HashPassword returns what is stored of a password, by bcrypt of the given cost. The password is hashed first because bcrypt
// uses the first 72 bytes only.
func HashPassword(password string, cost int) (string, error) {
	h, err := bcrypt.GenerateFromPassword(shorten(password), cost)
	return string(h), err
}

// CheckPassword reports whether hash is of password.
func CheckPassword(hash, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(hash), shorten(password)) == nil
}

func shorten(password string) []byte {
	sum := sha256.Sum256([]byte(password))
	return []byte(base64.StdEncoding.EncodeToString(sum[:]))
}

// newDecoy returns a hash of random bytes that are not kept.
func newDecoy(cost int) string {
	h, err := HashPassword(NewSecret(32), cost)
	if err != nil {
		panic(err) // only a cost out of range fails
	}
	return h
}

// NewToken makes a secret of 256 random bits, and the hash that is stored.
func NewToken() (secret string, hash []byte) {
	secret = NewSecret(32)
	secret = TokenPrefix + secret
	return secret, HashToken(secret)
}

// NewSecret returns n random bytes as URL-safe text.
func NewSecret(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// HashToken returns what is stored of a token: it has 256 random bits, so a plain hash is enough.
func HashToken(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
