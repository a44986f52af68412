package httpserver_test

import (
	"net/http"
	"testing"

	"slipway/formats/formatstest"
)

// TestDrain: a server that is about to end is not ready, says so, still answers, and keeps no connection.
func TestDrain(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	check := func(path string, want int, closes bool) {
		t.Helper()
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want || res.Close != closes {
			t.Errorf("%s: %s, closes %v", path, res.Status, res.Close)
		}
	}
	check("/readyz", http.StatusOK, false)
	srv.Site.Drain()
	check("/readyz", http.StatusServiceUnavailable, true)
	check("/readyz?write=1", http.StatusServiceUnavailable, true)
	check("/livez", http.StatusOK, true)
	check("/t/echo", http.StatusOK, true)
	if ready, _ := srv.Site.Health(t.Context()); ready == nil {
		t.Error("ready")
	}
}
