package oci_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/metadata"
	"slipway/registry/access"
)

// TestK6: a user who has as many uploads under way as one may have is told so in the protocol's form, and others push.
func TestK6(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	publish := access.Grant{Repository: "main", Actions: []access.Action{access.Publish}}
	greedy, other := s.UserToken("greedy", 0, publish), s.UserToken("other", 0, publish)
	u, err := s.Accounts.User(s.Admin, "greedy")
	if err == nil {
		err = s.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
			r, err := tx.Repositories().Repository("main")
			for i := 0; i < 1000 && err == nil; i++ {
				err = tx.Uploads().CreateUpload(metadata.UploadSession{ID: fmt.Sprint("x", i), RepositoryID: r.ID, Owner: "token:12", UserID: u.ID, HashState: []byte{0}})
			}
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	res := s.want(http.StatusTooManyRequests, greedy, http.MethodPost, "main/app/blobs/uploads/", nil)
	if res.Header.Get("Retry-After") == "" || !strings.Contains(string(res.Body), `"TOOMANYREQUESTS"`) || !strings.Contains(string(res.Body), "finish or cancel some") {
		t.Errorf("%v %v", res, res.Header)
	}
	s.start(other, "main/app")
}
