package formatstest

import (
	"net/http"
	"slices"
	"testing"

	"slipway/formats"
	"slipway/registry/access"
)

func mutating(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// rights asks every route as someone without credentials, with rights elsewhere, and with the right to read only.
func (s Suite) rights(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	elsewhere := As(srv.Token(OtherRepository, access.Read, access.Publish, access.Tag, access.Delete))
	reader := As(srv.ReadToken("main"))
	s.walk(t, srv, "main", func(t *testing.T, route formats.Route, q Request) {
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
