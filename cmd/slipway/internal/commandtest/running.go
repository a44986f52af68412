// Package commandtest runs Slipway for tests of its commands: the whole program in the process of the test, or the real
// binary, to be stopped and killed.
package commandtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/installation"
	"slipway/cmd/slipway/internal/program"
	"slipway/cmd/slipway/internal/serve"
)

// Password is the password of the user admin on all servers here.
const Password = "a password for tests"

// Running is a server in this process.
type Running struct {
	URL  string
	Data string // its data directory
	// ConfigDir is that of the user of the client commands.
	ConfigDir string

	t    *testing.T
	stop func()
}

// Start runs a whole server in this process until the test ends, and gives the client commands a configuration directory of their
// own. Its passwords cost little: under the race detector one of the usual cost takes half a second.
func Start(t *testing.T, change ...func(*installation.Config)) *Running {
	t.Helper()
	cfg := &installation.Config{Data: filepath.Join(t.TempDir(), "data"), LogLevel: "error", GCGrace: time.Hour, PullsKept: 24 * time.Hour, AdminPassword: Password,
		PasswordCost: bcrypt.MinCost}
	for _, c := range change {
		c(cfg)
	}
	s, err := serve.Assemble(context.Background(), &command.Program{}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	r := &Running{t: t, ConfigDir: t.TempDir(), URL: "http://" + ln.Addr().String(), Data: cfg.Data}
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		r.stop = func() {}
	}
	t.Cleanup(r.Stop)
	return r
}

// Stop ends the server; stopping it twice is no error.
func (r *Running) Stop() { r.stop() }

// Command runs a command line in this process with an environment of its own, of which XDG_CONFIG_HOME says where the user's
// configuration is; without it, there is no place for one.
func Command(ctx context.Context, stdin string, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(ctx, stdin, &out, &errs, env, args...)
	return code, out.String(), errs.String()
}

// Run is Command with the streams of the caller.
func Run(ctx context.Context, stdin string, stdout, stderr io.Writer, env map[string]string, args ...string) int {
	return program.Run(ctx, programOf(stdin, stdout, stderr, env), args)
}

func programOf(stdin string, stdout, stderr io.Writer, env map[string]string) *command.Program {
	p := &command.Program{Stdin: strings.NewReader(stdin), Stdout: stdout, Stderr: stderr, Env: func(key string) string { return env[key] }}
	p.ConfigDir = func() (string, error) {
		if dir := env["XDG_CONFIG_HOME"]; dir != "" {
			return dir, nil
		}
		return "", errors.New("XDG_CONFIG_HOME is not set")
	}
	return p
}

// Env is the environment of the client commands.
func (r *Running) Env() map[string]string {
	return map[string]string{"SLIPWAY_SERVER": r.URL, "XDG_CONFIG_HOME": r.ConfigDir}
}

// OnTerminal is Command for a user at a terminal of so many columns.
func OnTerminal(ctx context.Context, columns int, stdin string, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := programOf(stdin, &out, &errs, env)
	p.Terminal = func(any) (int, bool) { return columns, true }
	code = program.Run(ctx, p, args)
	return code, out.String(), errs.String()
}

// CLI runs a client command against the server and fails the test when the exit code differs from want. It returns standard
// output, or standard error of a command that fails.
func (r *Running) CLI(code int, args ...string) string {
	r.t.Helper()
	return r.With("", nil, code, args...)
}

// With is CLI with standard input and additional environment variables.
func (r *Running) With(stdin string, env map[string]string, code int, args ...string) string {
	r.t.Helper()
	all := r.Env()
	for k, v := range env {
		all[k] = v
	}
	got, stdout, stderr := Command(r.t.Context(), stdin, all, args...)
	if got != code {
		r.t.Fatalf("slipway %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	if code != 0 {
		return stderr
	}
	return stdout
}

// Login logs the admin in.
func (r *Running) Login() {
	r.t.Helper()
	r.With(Password+"\n", nil, 0, "login", "--password-stdin")
}

// Token is the token of the login.
func (r *Running) Token() string {
	r.t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.ConfigDir, "slipway", "config.json"))
	if err != nil {
		r.t.Fatal(err)
	}
	var stored struct {
		Servers map[string]struct{ Token string }
	}
	if err := json.Unmarshal(raw, &stored); err != nil {
		r.t.Fatal(err)
	}
	return stored.Servers[r.URL].Token
}

// Put stores a raw file, whose content is put between quotes.
func (r *Running) Put(path, content string) {
	r.t.Helper()
	r.Ask(http.MethodPut, "/raw/main/"+path, `"`+content+`"`)
}

// Ask makes a request as the login and returns the answer, which must be a success.
func (r *Running) Ask(method, path, body string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 {
		r.t.Fatalf("%s %s: %s %s, %v", method, path, res.Status, raw, err)
	}
	return string(raw)
}

// Settle waits until everything so far is signed.
func (r *Running) Settle() {
	r.t.Helper()
	want := strings.Count(r.CLI(0, "events", "tail", "--once"), "\n")
	for range 600 { // 30 seconds at least
		lines := strings.SplitN(r.Ask(http.MethodGet, "/api/v1/log/checkpoint", ""), "\n", 3)
		if size, err := strconv.Atoi(lines[min(1, len(lines)-1)]); err == nil && size >= want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatal("the log is not signed")
}
