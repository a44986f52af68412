package staging_test

import (
	"fmt"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/registrytest"
)

// TestK6Areas: a user has at most 5,000 publishes under way, with all tokens together; files of these are still taken, and another
// user stages all the same.
func TestK6Areas(t *testing.T) {
	e := registrytest.New(t)
	registrytest.Must(t, addToSet(e.Admin, e, "a", "1", "x", "text"))
	ctx := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		for i := 0; i < 4999 && err == nil; i++ {
			_, err = tx.Stagings().TouchStaging(metadata.Staging{ID: fmt.Sprint("x", i), RepositoryID: r.ID, Owner: "token:12", UserID: access.From(ctx).UserID})
		}
		return err
	}))
	if err := addToSet(ctx, e, "a", "1", "x", "text"); registry.KindOf(err) != registry.TooMany || registry.AsError(err).RetryAfter == 0 {
		t.Errorf("beyond the share: %v", err)
	}
	if err := addToSet(e.Admin, e, "a", "1", "y", "text"); err != nil {
		t.Errorf("a further file: %v", err)
	}
	grants := []access.Grant{{Repository: "main", Actions: []access.Action{access.Publish}}}
	_, err := e.Accounts.CreateUser(e.Admin, "other", accounts.UserChange{Service: true, Grants: grants})
	registrytest.Must(t, err)
	secret, _, err := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "other", User: "other", ExpiresIn: time.Hour, Grants: grants})
	registrytest.Must(t, err)
	if err := addToSet(e.Login(access.Credentials{Token: secret}), e, "a", "1", "x", "text"); err != nil {
		t.Errorf("another user: %v", err)
	}
	registrytest.Must(t, e.Staging.Drop(e.Admin, setKey))
	if err := addToSet(ctx, e, "a", "1", "x", "text"); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
