package formatstest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/internal/httpserver"
)

// otherPages asks every route as a browser does for a page of another site (fault J8): such a page reads what everybody may read,
// and nothing that needs credentials.
func (s Suite) otherPages(t *testing.T) {
	open, closed := s.serverWith(t, Options{AnonymousRead: true}), s.server(t)
	for _, srv := range []*Server{open, closed} {
		s.publish(t, srv, "example", "1.0.0", []byte("content"))
	}
	token := As(open.ReadToken("main"))
	s.walk(t, open, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if route.Public || mutating(q.Method) || slices.Contains(s.Private, route.Name) {
			return
		}
		q = q.With("Origin", "https://page.example")
		for _, c := range []struct {
			srv  *Server
			as   As
			want string
		}{{open, Anonymous, "*"}, {open, token, ""}, {open, "slp_wrong", ""}, {closed, Anonymous, ""}} {
			if res := c.srv.Do(c.as, q); res.Header.Get("Access-Control-Allow-Origin") != c.want {
				t.Errorf("credentials %v, anonymous reading %v: %v, Access-Control-Allow-Origin %q, want %q", c.as != Anonymous, c.srv == open,
					res, res.Header.Get("Access-Control-Allow-Origin"), c.want)
			}
		}
		q.Method = http.MethodOptions
		res := open.Do(Anonymous, q.With("Access-Control-Request-Method", http.MethodGet).With("Access-Control-Request-Headers", "range"))
		methods := res.Header.Get("Access-Control-Allow-Methods")
		if res.Status >= http.StatusMultipleChoices || res.Header.Get("Access-Control-Allow-Origin") != "*" || methods != "GET, HEAD" ||
			res.Header.Get("Access-Control-Allow-Headers") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("preflight: %v, %v", res, res.Header)
		}
		if allow := res.Header.Get("Allow"); !strings.Contains(allow, http.MethodGet) || !strings.Contains(allow, http.MethodOptions) {
			t.Errorf("OPTIONS: Allow %q", allow)
		}
	})
}

// foreignPublish sends a change of every route as a part of a publish (the header X-Slipway-Publish), which only uploads of raw and
// Maven files can be: the others are refused, instead of taking effect at once.
func (s Suite) foreignPublish(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		if !mutating(q.Method) || route.InPublish {
			return
		}
		before := srv.logSize()
		for _, id := range []string{"release-1", ""} {
			res := srv.Do(Admin, q.With("X-Slipway-Publish", id))
			if res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), "X-Slipway-Publish") || srv.logSize() != before {
				t.Errorf("publish %q: %v, %d new entries in the log; want 400", id, res, srv.logSize()-before)
			}
			if err := s.Refusal(res); err != nil {
				t.Errorf("publish %q: %v: %v", id, res, err)
			}
		}
	})
}
