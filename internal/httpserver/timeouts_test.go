package httpserver

import (
	"net/http"
	"testing"
	"time"
)

// TestS58Total: there is no limit on a whole request or a whole answer, which a test of a few seconds could not show; the
// limits on stalls are long enough for a slow network and short enough to free connections.
func TestS58Total(t *testing.T) {
	o := ServeOptions{}.defaults()
	srv := newHTTPServer(http.NotFoundHandler(), o)
	if srv.ReadTimeout != 0 || srv.WriteTimeout != 0 {
		t.Errorf("a request may take %v, an answer %v; want no limit", srv.ReadTimeout, srv.WriteTimeout)
	}
	idle := serverOf(t, Options{}).idle
	for name, d := range map[string]time.Duration{"header": srv.ReadHeaderTimeout, "read": idle, "write": o.IdleTimeout, "next request": srv.IdleTimeout} {
		if d < 5*time.Second || d > 5*time.Minute {
			t.Errorf("%s: standing still is allowed for %v", name, d)
		}
	}
}
