package formatstest

import (
	"encoding/base64"
	"testing"

	"slipway/registry/access"
	"slipway/registry/accounts"
)

// AccentedPassword is a password that ISO-8859-1 and UTF-8 write differently.
const AccentedPassword = "pässwörd"

// Latin1 encodes a text in ISO-8859-1; it may hold no character beyond it.
func Latin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// WithBasic returns the request with Basic credentials, in the bytes as they are given.
func (q Request) WithBasic(user, password string) Request {
	return q.With("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// AddUser makes a user with these rights.
func (s *Server) AddUser(t testing.TB, name, password string, grants ...access.Grant) {
	t.Helper()
	if _, err := s.Accounts.CreateUser(s.Admin, name, accounts.UserChange{Password: &password, Grants: grants}); err != nil {
		t.Fatal(err)
	}
}
