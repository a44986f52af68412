//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestRequestIDs: in every protocol, a refused request has its id in the answer's header, in the body where the protocol
// has a place for it, and in every line of the log that it led to.
func TestRequestIDs(t *testing.T) {
	p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password}, "--data", t.TempDir()+"/data", "--log-level", "debug")
	inBody := map[string]bool{"/npm/main/absent": true, "/maven/main/com/acme/lib/1.0/lib-1.0.jar": true, "/raw/main/tool/1.0/absent": true,
		"/api/v1/repositories/absent": true, "/nothing": true}
	want := map[string]bool{}
	ask := func(path, id string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("admin", commandtest.Password)
		req.Header.Set("X-Request-Id", id)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		got := res.Header.Get("X-Request-Id")
		if res.StatusCode < 400 || got == "" || (got == id) != strings.HasPrefix(id, "trace-") {
			t.Errorf("%s: %d with the id %q for %q", path, res.StatusCode, got, id)
		}
		if inBody[path] && !strings.Contains(string(body), got) {
			t.Errorf("%s: the body has no id: %s", path, body)
		}
		want[got] = true
	}
	for path := range inBody {
		ask(path, "trace-"+strings.ReplaceAll(path[1:], "/", "-"))
	}
	for _, path := range []string{"/pypi/main/simple/absent/", "/v2/main/absent/manifests/latest"} {
		ask(path, "trace-"+strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"))
	}
	for _, id := range []string{"short", `quote"and{brace}`, "a space in it", strings.Repeat("x", 65), "../../etc/passwd"} {
		ask("/nothing", id)
	}
	// Lines are written after the answers; the last one comes last.
	for end := time.Now().Add(commandtest.Patience); time.Now().Before(end) && strings.Count(p.Stderr.String(), `"msg":"request"`) < len(want); {
		time.Sleep(20 * time.Millisecond)
	}
	requests, failures := map[string]bool{}, map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(p.Stderr.String())); lines.Scan(); {
		var line struct {
			Msg       string
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			continue // text printed for people at the first start
		}
		switch line.Msg {
		case "request":
			requests[line.RequestID] = true
		case "request failed":
			failures[line.RequestID] = true
		}
		if strings.Count(lines.Text(), `"request_id"`) > 1 {
			t.Errorf("the id is there twice: %s", lines.Text())
		}
	}
	for id := range want {
		if !requests[id] || !failures[id] {
			t.Errorf("%q: in the access log %v, with its error %v", id, requests[id], failures[id])
		}
	}
}
