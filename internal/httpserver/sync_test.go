package httpserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"

	"slipway/internal/httpserver"
	"slipway/metadata"
	"slipway/registry/access"
)

// routed is a Mounter with a public route and one of a caller.
type routed struct{}

func (routed) Mount(root *mux.Router, s *httpserver.Server) {
	for path, public := range map[string]bool{"/public": true, "/private": false} {
		root.Handle(path, s.Handle(httpserver.Route{Format: "test", Name: "test" + path, Public: public}, httpserver.Problem, func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}))
	}
}

// TestSync: a request waits for what other processes have acknowledged before its caller is looked up, and is refused while nobody can
// tell. What needs no database is answered all the same.
func TestSync(t *testing.T) {
	known, down := false, false
	server, err := httpserver.New(httpserver.Options{
		Sync: func(context.Context) error {
			if down {
				return metadata.ErrUnavailable
			}
			known = true
			return nil
		},
		Authenticate: func(context.Context, access.Credentials) (access.Actor, error) {
			if !known {
				t.Error("a caller is looked up before")
			}
			return access.Anonymous(true), nil
		},
		Ready: func(context.Context) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httpserver.NewHandler(server, routed{})
	status := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
		return w.Code
	}
	for path, want := range map[string]int{"/public": 204, "/private": 204, "/livez": 200, "/readyz": 200, "/nothing": 404} {
		down, known = false, false
		if got := status(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
		if looks := want == 204; known != looks {
			t.Errorf("%s: it waits: %t", path, known)
		}
		down = true
		if want == 204 {
			want = http.StatusServiceUnavailable
		}
		if got := status(path); got != want {
			t.Errorf("%s without the database: %d, want %d", path, got, want)
		}
	}
}
