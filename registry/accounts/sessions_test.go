package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

// logins makes very many logins of ann, and returns the secrets of the last two.
func (f *family) logins(n int) (secrets []string) {
	f.t.Helper()
	f.must(nil, f.Metadata.Update(f.t.Context(), func(tx metadata.Tx) error {
		u, err := tx.Users().User(f.user)
		for i := range n {
			if err == nil {
				_, err = tx.Tokens().CreateToken(metadata.Token{UserID: u.ID, Kind: metadata.SessionToken, Name: "login", Hash: []byte(fmt.Sprintf("%032d", i))})
			}
		}
		return err
	}))
	for range 2 {
		secret, _, err := f.Accounts.CreateToken(f.ann(), accounts.TokenRequest{Name: "login", Session: true})
		f.must(nil, err)
		secrets = append(secrets, secret)
	}
	return secrets
}

// live returns how many logins of ann have no row that says that they are revoked, and whether a secret still opens anything.
func (f *family) live() (n int) {
	f.t.Helper()
	f.must(nil, f.Metadata.View(f.t.Context(), func(tx metadata.Tx) error {
		u, err := tx.Users().User(f.user)
		f.must(nil, err)
		list, err := tx.Tokens().Ended(u.ID, 0)
		n = len(list)
		return err
	}))
	return n
}

func (f *family) opens(secret string) bool {
	_, err := f.Accounts.Authenticate(context.Background(), access.Credentials{Token: secret})
	return err == nil
}

// TestManySessions is K7 of logins: a new password ends all of them at once, and revokes them in bounded transactions.
func TestManySessions(t *testing.T) {
	const many = 700
	for _, cut := range []bool{false, true} {
		f := newFamily(t, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
		secrets := f.logins(many)
		keeps, err := f.Accounts.Authenticate(context.Background(), access.Credentials{Token: secrets[1]})
		f.must(nil, err)
		s, hook := f.Hook(t, nil)
		most, updates := 0, 0
		hook.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
			before := f.live()
			if updates++; cut && updates > 1 {
				return errors.New("cut off")
			}
			err := f.Metadata.Update(ctx, fn)
			most = max(most, before-f.live())
			return err
		}
		_, err = s.Accounts.UpdateUser(access.With(t.Context(), keeps), f.user,
			accounts.UserChange{Password: ptr("another long one"), CurrentPassword: ptr(password)})
		f.must(nil, err)
		if f.opens(secrets[0]) || !f.opens(secrets[1]) {
			t.Errorf("cut off %v: another login opens %v, the caller's %v", cut, f.opens(secrets[0]), f.opens(secrets[1]))
		}
		if left := f.live(); cut != (left > 0) || most > 250 || !cut && updates < 3 {
			t.Errorf("cut off %v: %d are left; a transaction revoked %d, of %d", cut, left, most, updates)
		}
		hook.OnUpdate = nil
		f.must(nil, s.Duties()[0].First(t.Context())) // the next start
		if left := f.live(); left != 0 {
			t.Errorf("cut off %v: the next start left %d", cut, left)
		}
		revoked := 0
		f.must(nil, f.Metadata.View(t.Context(), func(tx metadata.Tx) error {
			entries, err := tx.Log().Entries(metadata.EntryQuery{After: -1, Types: []string{"token.revoked"}})
			revoked = len(entries)
			return err
		}))
		if revoked != many+1 {
			t.Errorf("cut off %v: the log tells of %d revocations", cut, revoked)
		}
		f.MustFsck(t)
	}
}
