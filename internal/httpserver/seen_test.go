package httpserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"

	"slipway/internal/httpserver"
)

// answering mounts two routes that answer with nothing.
type answering struct{}

func (answering) Mount(root *mux.Router, s *httpserver.Server) {
	nothing := func(http.ResponseWriter, *http.Request) error { return nil }
	root.Handle("/web", s.Handle(httpserver.Route{Format: "web", Name: "web.x", Public: true}, httpserver.Problem, nothing))
	root.Handle("/npm/{n}", s.Handle(httpserver.Route{Format: "npm", Name: "npm.x", Public: true}, httpserver.Problem, nothing))
}

// TestSeen: requests are remembered from the first look on, as many as there is room for, without pages and secrets.
func TestSeen(t *testing.T) {
	s, err := httpserver.New(httpserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := httpserver.NewHandler(s, answering{})
	ask := func(path string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("User-Agent", "npm/10.9.2 node/v22")
		r.Header.Set("Authorization", "Bearer secret")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	ask("/npm/before")
	if got := s.Seen(); len(got) != 0 {
		t.Errorf("before the first look: %+v", got)
	}
	ask("/web")
	ask("/npm/a?token=secret")
	ask("/nothing")
	got := s.Seen()
	if len(got) != 2 || got[0].Status != http.StatusNotFound || got[0].Path != "/nothing" || got[1].Path != "/npm/a" || got[1].Route.Name != "npm.x" ||
		got[1].Agent != "npm/10.9.2 node/v22" || !got[1].Credentials || got[1].Status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	for i := range 300 {
		ask(fmt.Sprintf("/npm/%d", i))
	}
	if got := s.Seen(); len(got) != 256 || got[0].Path != "/npm/299" || got[255].Path != "/npm/44" {
		t.Errorf("%d, from %+v to %+v", len(got), got[0], got[len(got)-1])
	}
}
