package formatstest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"slipway/internal/httpserver"
	"slipway/registry/access"
)

func mutating(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// rights is S-24: it asks every route as someone without credentials, with rights elsewhere, and with the right to read only.
func (s Suite) rights(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	elsewhere := As(srv.Token(OtherRepository, access.Read, access.Publish, access.Tag, access.Delete))
	reader := As(srv.ReadToken("main"))
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if route.Public != slices.Contains(s.Public, route.Name) {
			t.Errorf("public is %v: the suite's list says otherwise", route.Public)
		}
		if route.Public {
			return
		}
		res := srv.Do(Anonymous, q)
		if res.Status != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("anonymous: %v, challenge %q; want 401 with a challenge", res, res.Header.Get("WWW-Authenticate"))
		}
		if res := srv.Do("slp_wrong", q); res.Status != http.StatusUnauthorized {
			t.Errorf("wrong token: %v, want 401", res)
		}
		if res := srv.Do(elsewhere, q); res.Status != http.StatusNotFound {
			t.Errorf("token of another repository: %v, want 404", res)
		}
		res = srv.Do(reader, q)
		closed := mutating(q.Method) || slices.Contains(s.Private, route.Name)
		switch {
		case closed && res.Status != http.StatusForbidden:
			t.Errorf("token that may read: %v, want 403", res)
		case !closed && res.Status >= http.StatusBadRequest:
			t.Errorf("token that may read: %v, want success", res)
		}
	})
	srv.MustFsck(t)
}

// encodedCredentials asks every route with a password in each encoding that clients have for one (RFC 7617).
func (s Suite) encodedCredentials(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	users, user := 0, "" // nine routes share one, since the eleventh wrong password of one is throttled
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if route.Public {
			return
		}
		if users%9 == 0 {
			user = fmt.Sprint("ann", users)
			srv.AddUser(t, user, AccentedPassword, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
		}
		users++
		utf8 := srv.Do(Anonymous, q.WithBasic(user, AccentedPassword))
		if utf8.Status == http.StatusUnauthorized || utf8.Status >= http.StatusInternalServerError {
			t.Errorf("in UTF-8: %v", utf8)
		}
		if res := srv.Do(Anonymous, q.WithBasic(user, Latin1(AccentedPassword))); res.Status != utf8.Status {
			t.Errorf("in ISO-8859-1: %v, want %d", res, utf8.Status)
		}
		if res := srv.Do(Anonymous, q.WithBasic(user, Latin1("wröng"))); res.Status != http.StatusUnauthorized {
			t.Errorf("wrong: %v, want 401", res)
		}
	})
}

// crossSite asks every route that changes something as a browser does for a page of another site, with the credentials that
// it remembers.
func (s Suite) crossSite(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		s.walk(t, srv, "main", func(t *testing.T, _ httpserver.Route, q Request) {
			if !mutating(q.Method) {
				return
			}
			before := srv.logSize()
			res := srv.Do(Admin, q.With(name, value))
			if res.Status != http.StatusForbidden || srv.logSize() != before {
				t.Errorf("%s: %v, %d new entries in the log; want 403", name, res, srv.logSize()-before)
			}
			if err := s.Refusal(res); err != nil {
				t.Errorf("%s: %v: %v", name, res, err)
			}
		})
	}
	q := s.Publish("main", "example", "2.0.0", s.Content("example", "2.0.0", []byte("content")))
	if res := srv.Do(Admin, q.With("Origin", srv.URL).With("Sec-Fetch-Site", "same-origin")); res.Status != s.Created {
		t.Errorf("of the same site: %v, want %d", res, s.Created)
	}
}

// unread asks every route that changes something as someone without credentials, with a body that is sent only when the
// server wants it: nobody makes the server read, and keep, what it then refuses.
func (s Suite) unread(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if route.Public || !mutating(q.Method) {
			return
		}
		if status := srv.Expecting(Anonymous, q); status != http.StatusUnauthorized {
			t.Errorf("anonymous: %d, want 401 before the body", status)
		}
	})
}
