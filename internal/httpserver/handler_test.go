package httpserver_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
)

func TestUnknownPaths(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	for _, c := range []struct {
		method, path string
		status       int
		allow, body  string
	}{
		{"GET", "/nothing", 404, "", `"type":"urn:slipway:problem:not-found"`},
		{"GET", "/", 404, "", `"status":404`},
		{"GET", "/t/nothing", 404, "", "t: there is nothing"},
		{"POST", "/livez", 405, "GET, HEAD", `"title":"Method Not Allowed"`},
		{"DELETE", "/t/sink", 405, "PUT", "t: DELETE is not possible"},
		{"BREW", "/t/sink", 405, "PUT", "t: BREW is not possible"},
	} {
		res := srv.Do(formatstest.Anonymous, formatstest.Request{Method: c.method, Path: c.path})
		if res.Status != c.status || res.Header.Get("Allow") != c.allow || !strings.Contains(string(res.Body), c.body) {
			t.Errorf("%s %s: %v, Allow %q; want %d, %q", c.method, c.path, res, res.Header.Get("Allow"), c.status, c.allow)
		}
	}
	res := srv.Do(formatstest.Anonymous, get("/nothing"))
	if res.Header.Get("Content-Type") != "application/problem+json" || !contains(string(res.Body), `"request_id":"`+res.Header.Get("X-Request-Id")) {
		t.Errorf("problem: %v %v", res.Header, res)
	}
}

func TestPanic(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	res := srv.Do(formatstest.Anonymous, get("/t/panic"))
	id := res.Header.Get("X-Request-Id")
	if res.Status != http.StatusInternalServerError || string(res.Body) != "t: internal error ("+id+")" {
		t.Errorf("%v", res)
	}
	if log := srv.Log(); !contains(log, "something broke", id, "site_test.go", "level=ERROR") {
		t.Errorf("the panic is not in the log:\n%s", log)
	}
	if res, err := srv.Try(formatstest.Anonymous, get("/t/panic-late")); err == nil {
		t.Errorf("a panic amid the body looks like a whole answer: %v", res)
	}
	if !strings.Contains(srv.Log(), "something broke late") {
		t.Error("the late panic is not in the log")
	}
}

func TestRequestID(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	for sent, kept := range map[string]bool{
		"ci-run-4711.2": true, "": false, "short": false, `x"y=z{}abcdef`: false, strings.Repeat("a", 65): false, "-begins-wrong": false,
	} {
		res := srv.Do(formatstest.Anonymous, get("/t/echo").With("X-Request-Id", sent))
		id := res.Header.Get("X-Request-Id")
		if len(id) < 8 || (id == sent) != kept || strings.TrimSpace(string(res.Body)) != `"`+id+`"` {
			t.Errorf("%q: id %q, body %s", sent, id, res.Body)
		}
		if !strings.Contains(srv.Log(), "request_id="+id) {
			t.Errorf("%q is not in the log", id)
		}
	}
}

// TestLoop: a request that has passed this server before, by way of upstreams, is refused; one that passed another is not.
func TestLoop(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	for via, status := range map[string]int{"": 200, "another": 200, "another, " + srv.Core.Identity().ID: 508, strings.Repeat("x,", 20): 508} {
		if res := srv.Do(formatstest.Anonymous, get("/t/echo").With("Slipway-Via", via)); res.Status != status {
			t.Errorf("%q: %v, want %d", via, res, status)
		}
	}
}

// TestS26: a header whose name has an underscore reaches no handler.
func TestS26(t *testing.T) {
	m := newSite()
	srv := formatstest.NewServer(t, formatstest.Options{Site: httpserver.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}, m)
	srv.Do(formatstest.Anonymous, get("/t/echo").With("Remote_User", "admin").With("X_FORWARDED_FOR", "1.2.3.4").With("X-Plain", "1"))
	for name := range <-m.saw {
		if strings.Contains(name, "_") {
			t.Errorf("%s reached the handler", name)
		}
	}
	if strings.Contains(srv.Log(), "1.2.3.4") {
		t.Error("the address of a header with underscores was believed")
	}
}

func TestMetricsAndLog(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{Local: true, Site: httpserver.Options{Version: "1.2.3", Commit: "abc"}}, newSite())
	if err := srv.Publish("lib", "1"); err != nil {
		t.Fatal(err)
	}
	srv.Do(formatstest.Admin, get("/t/file/lib?secret=hidden"))
	srv.Do(formatstest.Anonymous, formatstest.Request{Method: "PUT", Path: "/t/sink", Body: make([]byte, 5000)})
	srv.Do(formatstest.Anonymous, get("/t/file/absent"))
	metrics := string(srv.Do(formatstest.Anonymous, get("/metrics")).Body)
	for _, line := range []string{
		`slipway_http_request_duration_seconds_count{code="200",format="t",route="t.file"} 1`,
		`slipway_http_request_duration_seconds_count{code="401",format="t",route="t.file"} 1`,
		`slipway_http_request_size_bytes_sum{format="t",route="t.sink"} 5000`,
		`slipway_http_response_size_bytes_sum{format="t",route="t.sink"} 5`,
		`slipway_http_requests_in_flight 1`, `slipway_blob_sent_bytes_total{format="t"} 5`, `slipway_build_info{commit="abc",go="go`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
	log := srv.Log()
	if !contains(log, "method=GET path=/t/file/lib status=200 bytes=5", "actor=token:", "format=t route=t.file client=127.0.0.1") || strings.Contains(log, "hidden") {
		t.Errorf("access log:\n%s", log)
	}
}

func TestHealth(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{Site: httpserver.Options{ReadyGrace: time.Millisecond}})
	for _, path := range []string{"/livez", "/readyz"} {
		if res := srv.Do(formatstest.Anonymous, get(path)); res.Status != http.StatusOK {
			t.Errorf("%s: %v", path, res)
		}
	}
	if err := srv.Metadata.Close(); err != nil {
		t.Fatal(err)
	}
	var res formatstest.Response
	for end := time.Now().Add(time.Minute); res.Status != http.StatusServiceUnavailable && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		res = srv.Do(formatstest.Anonymous, get("/readyz"))
	}
	if res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("/readyz without a database: %v", res)
	}
	if res := srv.Do(formatstest.Anonymous, get("/livez")); res.Status != http.StatusOK {
		t.Errorf("/livez without a database: %v", res)
	}
}

// TestS55Header checks the limit on the size of a request's header.
func TestS55Header(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	if res := srv.Do(formatstest.Anonymous, get("/livez").With("X-Long", strings.Repeat("x", 60<<10))); res.Status != http.StatusOK {
		t.Errorf("60 KiB of header: %v", res)
	}
	if res := srv.Do(formatstest.Anonymous, get("/livez").With("X-Long", strings.Repeat("x", 80<<10))); res.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("80 KiB of header: %v", res)
	}
}
