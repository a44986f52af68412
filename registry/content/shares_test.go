package content_test

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

// TestK6Uploads: a user has at most 1,000 uploads under way, with all tokens together; another user begins uploads all the same, and
// so does the first one when an upload has ended.
func TestK6Uploads(t *testing.T) {
	e := registrytest.New(t)
	at := e.Name("img")
	ctx := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	last, err := e.Content.StartUpload(e.Admin, at)
	registrytest.Must(t, err)
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		for i := 0; i < 999 && err == nil; i++ {
			err = tx.Uploads().CreateUpload(metadata.UploadSession{ID: fmt.Sprint("x", i), RepositoryID: r.ID, Owner: "token:12", UserID: access.From(ctx).UserID, HashState: []byte{0}})
		}
		return err
	}))
	if _, err := e.Content.StartUpload(ctx, at); registry.KindOf(err) != registry.TooMany || registry.AsError(err).RetryAfter == 0 {
		t.Errorf("beyond the share: %v", err)
	}
	grants := []access.Grant{{Repository: "main", Actions: []access.Action{access.Publish}}}
	_, err = e.Accounts.CreateUser(e.Admin, "other", accounts.UserChange{Service: true, Grants: grants})
	registrytest.Must(t, err)
	secret, _, err := e.Accounts.CreateToken(e.Admin, accounts.TokenRequest{Name: "other", User: "other", ExpiresIn: time.Hour, Grants: grants})
	registrytest.Must(t, err)
	if _, err := e.Content.StartUpload(e.Login(access.Credentials{Token: secret}), at); err != nil {
		t.Errorf("another user: %v", err)
	}
	registrytest.Must(t, e.Content.CancelUpload(e.Admin, at, last.ID))
	if _, err := e.Content.StartUpload(ctx, at); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
