package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// running is a server in this process.
type running struct {
	t    *testing.T
	url  string
	data string
	stop func()
}

// startServer runs a whole server in this process until the test ends, and gives the client commands of the test a
// configuration directory of their own.
func startServer(t *testing.T, change ...func(*config)) *running {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	cfg := &config{data: filepath.Join(t.TempDir(), "data"), logLevel: "error", gcGrace: time.Hour, adminPassword: testPassword}
	for _, c := range change {
		c(cfg)
	}
	s, err := assemble(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, ln) }()
	r := &running{t: t, url: "http://" + ln.Addr().String(), data: cfg.data}
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := s.close(); err != nil {
			t.Errorf("close: %v", err)
		}
		r.stop = func() {}
	}
	t.Cleanup(func() { r.stop() })
	return r
}

// command runs a command line in this process with an environment of its own.
func command(ctx context.Context, stdin string, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, strings.NewReader(stdin), &out, &errs, func(key string) string { return env[key] })
	return code, out.String(), errs.String()
}

// cli runs a client command against the server and fails the test when the exit code is another one.
func (r *running) cli(code int, args ...string) string {
	r.t.Helper()
	return r.with("", nil, code, args...)
}

func (r *running) with(stdin string, env map[string]string, code int, args ...string) string {
	r.t.Helper()
	all := map[string]string{"SLIPWAY_SERVER": r.url}
	for k, v := range env {
		all[k] = v
	}
	got, stdout, stderr := command(r.t.Context(), stdin, all, args...)
	if got != code {
		r.t.Fatalf("slipway %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	if code != 0 {
		return stderr
	}
	return stdout
}

// login logs the admin in.
func (r *running) login() {
	r.t.Helper()
	r.with(testPassword+"\n", nil, 0, "login", "--password-stdin")
}

// put stores a raw file with the stored login.
func (r *running) put(path, content string) {
	r.t.Helper()
	stored, err := loadLogins()
	if err != nil {
		r.t.Fatal(err)
	}
	cl := &client{server: r.url, token: stored.Servers[r.url].Token, http: newHTTP()}
	req := request{method: "PUT", path: "/raw/main/" + path, body: rawBody(content)}
	if _, _, err := cl.send(r.t.Context(), req); err != nil {
		r.t.Fatal(err)
	}
}

// rawBody is JSON already, which is as good a content as any.
type rawBody string

func (b rawBody) MarshalJSON() ([]byte, error) { return []byte(`"` + string(b) + `"`), nil }
