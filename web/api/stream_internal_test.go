package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
)

// TestReadNow: an event of after the end of a token is not shown to it, also when both come while the events are being read.
func TestReadNow(t *testing.T) {
	s := formatstest.NewServer(t, formatstest.Options{})
	secret := s.ReadToken(registry.DefaultRepository)
	token := access.From(s.Login(access.Credentials{Token: secret})).TokenID
	look := func(h *handlers) ([]registry.Event, error) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, Prefix+"/events", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		events, _, err := h.readNow(r, ledger.EventQuery{After: -1, Types: []string{"artifact.*"}})
		return events, err
	}
	h := &handlers{server: s.Site.Server, svc: s.Instance, authenticate: s.Site.Authenticate}
	if err := s.Publish("lib", "1", "f", "before"); err != nil {
		t.Fatal(err)
	}
	if events, err := look(h); err != nil || len(events) != 1 {
		t.Errorf("%v, %v", events, err)
	}
	h.authenticate = func(r *http.Request) (*http.Request, error) {
		r, err := s.Site.Authenticate(r)
		h.authenticate = s.Site.Authenticate
		if err := s.Accounts.RevokeToken(s.Admin, token); err != nil {
			t.Error(err)
		}
		if err := s.Publish("lib", "2", "f", "after"); err != nil {
			t.Error(err)
		}
		return r, err
	}
	if events, err := look(h); registry.KindOf(err) != registry.Unauthenticated || len(events) != 0 {
		t.Errorf("after the end of the token: %v, %v", events, err)
	}
}
