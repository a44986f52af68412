package access_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry/access"
)

type people struct {
	store metadata.Store
	now   time.Time
	auth  *access.Authenticator
	user  metadata.User
}

func newPeople(t *testing.T) *people {
	t.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	p := &people{store: store, now: time.Now()}
	p.auth = access.NewAuthenticator(store, true, bcrypt.MinCost, func() time.Time { return p.now })
	hash, err := access.HashPassword("secret", bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p.update(t, func(tx metadata.Tx) (err error) {
		p.user, err = tx.Users().CreateUser(metadata.User{Name: "ann", PasswordHash: hash, Grants: []metadata.Grant{{Repository: "main", Actions: []string{"read"}}}})
		return err
	})
	return p
}

func (p *people) update(t *testing.T, fn func(tx metadata.Tx) error) {
	t.Helper()
	if err := p.store.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func (p *people) token(t *testing.T, expires time.Time) (string, int64) {
	t.Helper()
	secret, hash := access.NewToken()
	var id int64
	p.update(t, func(tx metadata.Tx) error {
		tok, err := tx.Tokens().CreateToken(metadata.Token{UserID: p.user.ID, Name: "ci", Hash: hash, ExpiresAt: expires, CreatedAt: tx.Now(),
			Grants: []metadata.Grant{{Repository: "main", Actions: []string{"read"}}}})
		id = tok.ID
		return err
	})
	return secret, id
}

func (p *people) refused(t *testing.T, what string, c access.Credentials) {
	t.Helper()
	if a, err := p.auth.Authenticate(context.Background(), c); !errors.Is(err, access.ErrBadCredentials) {
		t.Errorf("%s: %+v, %v", what, a, err)
	}
}

func (p *people) accepted(t *testing.T, what string, c access.Credentials) access.Actor {
	t.Helper()
	a, err := p.auth.Authenticate(context.Background(), c)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return a
}

func TestAuthenticate(t *testing.T) {
	p := newPeople(t)
	secret, _ := p.token(t, time.Time{})
	if a := p.accepted(t, "none", access.Credentials{}); a.Type != access.TypeAnonymous {
		t.Errorf("without credentials: %+v", a)
	}
	if a := p.accepted(t, "password", access.Credentials{User: "ann", Password: "secret"}); a.Type != access.TypeUser || a.Name != "ann" {
		t.Errorf("by password: %+v", a)
	}
	for _, c := range []access.Credentials{{Token: secret}, {User: "anything", Password: secret}, {Password: secret}} {
		if a := p.accepted(t, "token", c); a.Type != access.TypeToken || a.Name != "ann" || a.Token != "ci" {
			t.Errorf("by token: %+v", a)
		}
	}
	p.refused(t, "wrong password", access.Credentials{User: "ann", Password: "Secret"})
	p.refused(t, "unknown user", access.Credentials{User: "bob", Password: "secret"})
	p.refused(t, "a password as Bearer", access.Credentials{Token: "secret"})
	p.refused(t, "no password", access.Credentials{User: "ann"})
	for i := range secret { // S-28: no byte of a token may differ
		bent := []byte(secret)
		bent[i] ^= 1
		p.refused(t, "bent token", access.Credentials{Token: string(bent)})
	}
}

// TestSameWork: whatever is wrong with a name and a password, the password is compared once with a hash of the same cost, so that the time which
// the answer takes does not tell which users there are. The form of the pages logs in by the same call.
func TestSameWork(t *testing.T) {
	p := newPeople(t)
	p.update(t, func(tx metadata.Tx) error {
		_, err := tx.Users().CreateUser(metadata.User{Name: "robot"}) // it has no password
		if err != nil {
			return err
		}
		_, err = tx.Users().CreateUser(metadata.User{Name: "gone", PasswordHash: p.user.PasswordHash, Disabled: true})
		return err
	})
	var costs []int
	p.auth.Compared(func(hash string) {
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			t.Errorf("%q: %v", hash, err)
		}
		costs = append(costs, cost)
	})
	for _, c := range [][2]string{{"ann", "wrong"}, {"bob", "wrong"}, {"robot", "wrong"}, {"gone", "wrong"}, {"gone", "secret"}, {"ann\x00", "secret"}} {
		costs = nil
		p.refused(t, c[0], access.Credentials{User: c[0], Password: c[1]})
		if len(costs) != 1 || costs[0] != bcrypt.MinCost {
			t.Errorf("%q with %q: compared with hashes of cost %v, want one of %d", c[0], c[1], costs, bcrypt.MinCost)
		}
	}
}

// TestS29: what was revoked, expired or disabled is refused at once in this process.
func TestS29(t *testing.T) {
	p := newPeople(t)
	revoked, id := p.token(t, time.Time{})
	expiring, _ := p.token(t, p.now.Add(2*time.Second))
	other, _ := p.token(t, time.Time{})
	for _, s := range []string{revoked, expiring, other} {
		p.accepted(t, "at first", access.Credentials{Token: s})
	}
	p.now = p.now.Add(2 * time.Second)
	p.refused(t, "expired", access.Credentials{Token: expiring})

	p.update(t, func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(id) })
	p.auth.Forget()
	p.refused(t, "revoked", access.Credentials{Token: revoked})
	p.accepted(t, "the other", access.Credentials{Token: other})

	// Another replica disables the user: the bound is the time that a token is remembered.
	u := p.user
	u.Disabled = true
	p.update(t, func(tx metadata.Tx) error { return tx.Users().UpdateUser(u) })
	p.now = p.now.Add(5 * time.Second)
	p.refused(t, "a token of a disabled user", access.Credentials{Token: other})
	p.refused(t, "a disabled user", access.Credentials{User: "ann", Password: "secret"})
}

func BenchmarkAuthenticatePassword(b *testing.B) {
	store, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	hash, _ := access.HashPassword("secret", bcrypt.MinCost)
	if err := store.Update(context.Background(), func(tx metadata.Tx) error {
		_, err := tx.Users().CreateUser(metadata.User{Name: "ann", PasswordHash: hash})
		return err
	}); err != nil {
		b.Fatal(err)
	}
	auth := access.NewAuthenticator(store, false, access.PasswordCost, time.Now)
	for b.Loop() {
		if _, err := auth.Authenticate(context.Background(), access.Credentials{User: "ann", Password: "secret"}); err != nil {
			b.Fatal(err)
		}
	}
}
