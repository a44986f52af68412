package httpserver

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"slipway/registry/access"
)

// TestK6Bodies: one user can't take all places of bodies that come in, with whatever tokens; a place is free again when the
// request has ended; small bodies and reads need none.
func TestK6Bodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := map[string]int64{"ann": 1, "bob": 2, "eve": 3}
		s := serverOf(t, Options{Authenticate: func(_ context.Context, c access.Credentials) (access.Actor, error) {
			return access.Actor{Type: access.TypeUser, UserID: users[c.User], Name: c.User}, nil
		}})
		s.bodies = newBudget(3, 2)
		h := s.edge(s.Handle(Route{}, Problem, func(_ http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		}))
		send := func(user, method string, body io.Reader, length int64) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, "/", body)
			r.ContentLength = length
			r.SetBasicAuth(user, "password")
			h.ServeHTTP(w, r)
			return w
		}
		var ends []func()
		begin := func(user string) {
			in, out := io.Pipe()
			ends = append(ends, func() { _ = out.Close() })
			go send(user, http.MethodPut, in, -1)
			synctest.Wait()
		}
		refused := func(user string, want int) {
			t.Helper()
			if w := send(user, http.MethodPut, strings.NewReader("x"), -1); w.Code != want || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d, %v", user, w.Code, w.Header())
			}
		}
		begin("ann")
		begin("ann")
		refused("ann", http.StatusTooManyRequests)
		for _, w := range []*httptest.ResponseRecorder{
			send("ann", http.MethodPut, strings.NewReader("x"), 1), send("ann", http.MethodGet, http.NoBody, 0), send("bob", http.MethodPut, strings.NewReader("x"), -1),
		} {
			if w.Code != http.StatusOK {
				t.Error(w.Code, w.Body)
			}
		}
		begin("bob")
		refused("eve", http.StatusServiceUnavailable)
		ends[0]()
		synctest.Wait()
		if w := send("eve", http.MethodPut, strings.NewReader("x"), -1); w.Code != http.StatusOK {
			t.Error(w.Code, w.Body)
		}
		ends[1]()
		ends[2]()
		synctest.Wait()
		if !s.bodies.all.TryAcquire(3) || len(s.bodies.clients) != 0 {
			t.Errorf("places are left: %v", s.bodies.clients)
		}
	})
}
