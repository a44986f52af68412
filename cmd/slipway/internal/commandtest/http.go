package commandtest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// ServeHTTP starts a server that answers every request with the status, body and Location that fn returns. It returns the
// server's URL.
func ServeHTTP(t *testing.T, fn func(path, auth string) (status int, body, location string)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body, location := fn(r.URL.Path, r.Header.Get("Authorization"))
		if location != "" {
			w.Header().Set("Location", location)
		}
		w.WriteHeader(status)
		if _, err := w.Write([]byte(body)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
