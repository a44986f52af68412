package httpserver

import (
	"net/http"
	"testing"
	"time"
)

// TestS58Total: no limit on a whole request or a whole answer, however long, which no test of seconds would notice; limits on
// standing still that are long enough for a slow network and short enough to give connections back.
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
