//go:build linux

package serve_test

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// TestDebugListener: profiles are answered on a listener of their own, and only where one was asked for.
func TestDebugListener(t *testing.T) {
	get := func(url string) (int, string) {
		t.Helper()
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	p := commandtest.ServeProcess(t, []string{"SLIPWAY_DEBUG_LISTEN=127.0.0.1:0"}, "--data", t.TempDir()+"/data")
	m := regexp.MustCompile(`"level":"INFO","msg":"profiles","listen":"(127\.0\.0\.1:\d+)"`).FindStringSubmatch(p.Stderr.String())
	if m == nil {
		t.Fatalf("the log does not say where: %s", p.Stderr)
	}
	debug := "http://" + m[1]
	for path, want := range map[string]int{
		"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/symbol": 200,
		"/debug/pprof/profile?seconds=1": 200, "/debug/pprof/trace?seconds=0.1": 200,
		"/debug/pprof/cmdline": 404, "/debug/pprof/nothing": 404, "/": 404, "/api/v1/whoami": 404, "/metrics": 404,
	} {
		if status, body := get(debug + path); status != want {
			t.Errorf("%s: %d %.100q, want %d", path, status, body, want)
		}
	}
	if _, body := get(debug + "/debug/pprof/goroutine?debug=1"); !strings.Contains(body, "slipway/") {
		t.Errorf("the profile is of another program: %.300q", body)
	}
	if status, _ := get(p.URL + "/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("the listener for clients answers profiles with %d", status)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.End(); code != command.Done {
		t.Errorf("exit code %d: %s", code, p.Stderr)
	}
	if conn, err := net.Dial("tcp", m[1]); err == nil {
		_ = conn.Close()
		t.Error("the listener is still there")
	}
	if without := commandtest.ServeProcess(t, nil, "--data", t.TempDir()+"/data"); strings.Contains(without.Stderr.String(), "profiles") {
		t.Errorf("there are profiles without the setting: %s", without.Stderr)
	}
	if open := commandtest.ServeProcess(t, nil, "--data", t.TempDir()+"/data", "--debug-listen", "0.0.0.0:0"); !strings.Contains(open.Stderr.String(), `"level":"WARN","msg":"profiles, without credentials`) {
		t.Errorf("an address that others can reach is not warned of: %s", open.Stderr)
	}
}

// TestDebugListenInUse: an address that is in use is reported with its setting, and nothing is created.
func TestDebugListenInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for address, want := range map[string]int{ln.Addr().String(): command.Failed, "nonsense": command.Usage} {
		code, _, stderr := commandtest.Command(t.Context(), "", nil, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()+"/data", "--debug-listen", address)
		if code != want || !strings.Contains(stderr, "--debug-listen: ") {
			t.Errorf("%s: exit code %d, want %d: %s", address, code, want, stderr)
		}
	}
}
