package formatstest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

// endings are what may become of a caller's rights while its request comes in.
var endings = map[string]struct {
	end    func(s *Server, user string, token int64) error
	status int
}{
	"revoked": {func(s *Server, _ string, token int64) error { return s.Accounts.RevokeToken(s.Admin, token) }, http.StatusUnauthorized},
	"disabled": {func(s *Server, user string, _ int64) error {
		off := true
		_, err := s.Accounts.UpdateUser(s.Admin, user, accounts.UserChange{Disabled: &off})
		return err
	}, http.StatusUnauthorized},
	"stripped": {func(s *Server, user string, _ int64) error {
		_, err := s.Accounts.UpdateUser(s.Admin, user, accounts.UserChange{Grants: []access.Grant{{Repository: "*", Actions: []access.Action{access.Read}}}})
		return err
	}, http.StatusForbidden},
}

// Ended sends a request whose caller loses its rights while the body comes in, once for each way to lose them, and checks that it
// is refused in the protocol's form and changes nothing. It returns false for a request whose body the server does not read.
func (s *Server) Ended(t *testing.T, q Request, refusal func(Response) error) bool {
	t.Helper()
	read := false
	for name, e := range endings {
		user := "slow-" + name
		if _, err := s.Accounts.User(s.Admin, user); err != nil {
			s.AddUser(t, user, "a good password")
		}
		grants, on := []access.Grant{{Repository: "*", Actions: []access.Action{access.Admin}}}, false
		_, err := s.Accounts.UpdateUser(s.Admin, user, accounts.UserChange{Disabled: &on, Grants: grants})
		s.must(err)
		secret, token, err := s.Accounts.CreateToken(s.Admin, accounts.TokenRequest{Name: "slow", User: user, ExpiresIn: time.Hour, Grants: grants})
		s.must(err)
		var before int64
		res, began := s.Slowly(As(secret), q, func() {
			s.must(e.end(s, user, token.ID))
			before = s.logSize()
		})
		if !began {
			continue
		}
		read = true
		if res.Status != e.status {
			t.Errorf("%s meanwhile: %v, want %d", name, res, e.status)
		} else if err := refusal(res); err != nil {
			t.Errorf("%s meanwhile: %v: %v", name, res, err)
		}
		if now := s.logSize(); now != before {
			t.Errorf("%s meanwhile: %d new entries in the log", name, now-before)
		}
	}
	return read
}

// ended asks every route that changes something as a caller who may no more when its body is there: a token that was revoked
// because it leaked must not publish with what it had begun.
func (s Suite) ended(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	asked := 0
	check := func(t *testing.T, q Request) {
		if len(q.Body) > 0 && srv.Ended(t, q, s.Refusal) {
			asked++
		}
	}
	s.walk(t, srv, registry.DefaultRepository, func(t *testing.T, route httpserver.Route, q Request) {
		if !route.Public && mutating(q.Method) && !slices.Contains(s.Unchanging, route.Name) && slices.ContainsFunc(s.Needs[q.Method+" "+route.Name], func(a access.Action) bool { return a != access.Read }) {
			check(t, q)
		}
	})
	if s.Publish != nil {
		check(t, s.Publish(registry.DefaultRepository, "example", "2.0.0", s.Content("example", "2.0.0", []byte("slow"))))
	}
	if asked == 0 {
		t.Error("no route has read a body")
	}
	srv.MustFsck(t)
}
