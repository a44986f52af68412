package access_test

import (
	"errors"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
)

// TestStillMay: within the time that a look-up counts, and as long as nobody was changed, a caller is not looked up again; afterwards
// its login and rights at that time count.
func TestStillMay(t *testing.T) {
	p := newPeople(t)
	secret, id := p.token(t, time.Time{})
	actor := p.accepted(t, "token", access.Credentials{Token: secret})
	if err := p.auth.StillMay(nil, actor); err != nil { // without a transaction, it can't read
		t.Error(err)
	}
	still := func(want error) {
		t.Helper()
		p.update(t, func(tx metadata.Tx) error {
			if err := p.auth.StillMay(tx, actor); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			return nil
		})
	}
	p.auth.Forget()
	still(nil)
	p.user.Grants = nil
	p.update(t, func(tx metadata.Tx) error { return tx.Users().UpdateUser(p.user) })
	still(access.ErrRightsShrank)
	actor = p.accepted(t, "token", access.Credentials{Token: secret})
	if err := p.auth.StillMay(nil, actor); err != nil {
		t.Error(err)
	}
	p.update(t, func(tx metadata.Tx) error { return tx.Tokens().RevokeToken(id) })
	still(access.ErrBadCredentials)
	if err := p.auth.StillMay(nil, access.Anonymous(true)); err != nil {
		t.Error(err)
	}
}
