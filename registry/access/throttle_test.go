package access_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"slipway/metadata"
	"slipway/registry/access"
)

func from(address string) context.Context {
	return access.WithAddress(context.Background(), netip.MustParseAddr(address))
}

// try logs in as ann and returns "ok", "wrong" or "wait".
func (p *people) try(t *testing.T, ctx context.Context, user, password string) string {
	t.Helper()
	_, err := p.auth.Authenticate(ctx, access.Credentials{User: user, Password: password})
	var refused *access.RefusedLogin
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &refused):
		t.Fatal(err)
	case refused.Wait > 0:
		if errors.Is(err, access.ErrBadCredentials) || refused.Wait > time.Minute {
			t.Errorf("%+v", refused)
		}
		return "wait"
	}
	return "wrong"
}

func (p *people) expect(t *testing.T, what string, ctx context.Context, user, password, want string) {
	t.Helper()
	if got := p.try(t, ctx, user, password); got != want {
		t.Errorf("%s: %s, not %s", what, got, want)
	}
}

// TestK8Guesses: after ten wrong passwords for a name from one place, no further one is looked at for a time that grows; the
// right one is not either, unless it was used there before.
func TestK8Guesses(t *testing.T) {
	p := newPeople(t)
	p.auth.AnswerAtOnce()
	home, attacker := from("192.0.2.1"), from("198.51.100.7")
	p.expect(t, "the user at home", home, "ann", "secret", "ok")
	for i := range 10 {
		p.expect(t, "a guess", attacker, "ann", fmt.Sprint("guess", i), "wrong")
	}
	p.expect(t, "one more", attacker, "ann", "guess", "wait")
	p.expect(t, "the right one, by chance", attacker, "ann", "secret", "wait")
	p.expect(t, "the user at home", home, "ann", "secret", "ok")
	p.now = p.now.Add(time.Second)
	p.expect(t, "a second later", attacker, "ann", "guess", "wrong")
	p.now = p.now.Add(time.Second)
	p.expect(t, "the wait has grown", attacker, "ann", "guess", "wait")
	p.now = p.now.Add(time.Hour)
	p.expect(t, "an hour later", attacker, "ann", "secret", "ok")
	for i := range 30 { // at home, others guess as well
		p.try(t, home, "ann", fmt.Sprint("guess", i))
	}
	p.expect(t, "beside guesses at home", attacker, "ann", "secret", "ok")
}

// TestK8Places: an address of IPv6 stands for its network; guesses at many names from one place, and at one name from many
// places, are held up too, and neither locks a user out of a place where the user has logged in before.
func TestK8Places(t *testing.T) {
	p := newPeople(t)
	p.auth.AnswerAtOnce()
	home := from("2001:db8:1:1::1")
	p.expect(t, "at home", home, "ann", "secret", "ok")
	for i := range 50 {
		p.expect(t, "a name each", from(fmt.Sprintf("2001:db8:1:1::%d", 100+i)), fmt.Sprint("user", i), "guess", "wrong")
	}
	p.expect(t, "another name from the network", from("2001:db8:1:1::9999"), "bob", "guess", "wait")
	p.expect(t, "another network", from("2001:db8:1:2::1"), "bob", "guess", "wrong")
	p.auth.Forget()
	p.expect(t, "at home", home, "ann", "secret", "ok")

	p = newPeople(t)
	p.auth.AnswerAtOnce()
	p.expect(t, "at home", home, "ann", "secret", "ok")
	for i := range 50 {
		p.expect(t, "a place each", from(fmt.Sprintf("198.51.100.%d", i)), "ann", fmt.Sprint("guess", i), "wrong")
	}
	p.expect(t, "one more place", from("203.0.113.1"), "ann", "guess", "wait")
	p.now = p.now.Add(2 * time.Hour)
	for i := range 60 {
		p.try(t, from(fmt.Sprintf("198.51.100.%d", i)), "ann", fmt.Sprint("guess again", i))
	}
	p.expect(t, "at home, two hours later", home, "ann", "secret", "ok")
}

// TestK8Script: a script that sends the same wrong password for ever is held up itself, and nobody else at its address is.
func TestK8Script(t *testing.T) {
	p := newPeople(t)
	p.auth.AnswerAtOnce()
	office := from("192.0.2.1")
	for range 200 {
		p.try(t, office, "ci", "an old password")
		p.now = p.now.Add(time.Second)
	}
	p.expect(t, "the script", office, "ci", "an old password", "wait")
	p.expect(t, "a colleague", office, "ann", "secret", "ok")
}

// TestK8Verified: a password that was verified is not hashed again for an hour, from where it was verified, unless it changes.
func TestK8Verified(t *testing.T) {
	p := newPeople(t)
	p.auth.AnswerAtOnce()
	home, attacker := from("192.0.2.1"), from("198.51.100.7")
	p.expect(t, "at first", home, "ann", "secret", "ok")
	for i := range 20 {
		p.try(t, home, "ann", fmt.Sprint("guess", i))
		p.try(t, attacker, "ann", fmt.Sprint("guess", i))
	}
	p.now = p.now.Add(2 * time.Minute) // the actor is forgotten, and wrong passwords go on
	for i := range 20 {
		p.try(t, home, "ann", fmt.Sprint("guess", i))
		p.try(t, attacker, "ann", fmt.Sprint("guess", i))
	}
	p.expect(t, "between guesses", home, "ann", "secret", "ok")
	p.expect(t, "the guesser, whose guess is right", attacker, "ann", "secret", "wait")
	p.user.PasswordHash, _ = access.HashPassword("another", bcrypt.MinCost)
	p.update(t, func(tx metadata.Tx) error { return tx.Users().UpdateUser(p.user) })
	p.auth.Forget()
	if got := p.try(t, home, "ann", "secret"); got == "ok" {
		t.Error("the old password works")
	}
	p.auth.Met(home, "ann", "another", p.user.PasswordHash)
	p.expect(t, "the new one", home, "ann", "another", "ok")
	for i := range 10_100 { // a flood from the user's own place
		p.try(t, home, "ann", fmt.Sprint("flood", i))
	}
	p.expect(t, "beside a flood", home, "ann", "another", "wait")
}

// TestK8Invented: invented names, which are refused, don't make the failures of a name from its own place forgotten.
func TestK8Invented(t *testing.T) {
	p := newPeople(t)
	p.auth.AnswerAtOnce()
	home := from("192.0.2.1")
	p.expect(t, "at home", home, "ann", "secret", "ok")
	for i := range 60 {
		p.try(t, home, fmt.Sprint("name", i), "guess")
	}
	for i := range 10 {
		p.expect(t, "a guess", home, "ann", fmt.Sprint("guess", i), "wrong")
	}
	for i := range 10_100 {
		p.try(t, home, fmt.Sprint("invented", i), "guess")
	}
	p.expect(t, "one more guess", home, "ann", "guess", "wait")
}
