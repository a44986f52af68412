package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// TestRefusals: what is wrong is said in the words of the command line, not in those of a library.
func TestRefusals(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	missing := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		args string
		env  map[string]string
		code int
		want string
	}{
		{"package ls", nil, 2, "slipway: package ls takes 1 argument, not 0: slipway package ls REPO [flags]\n"},
		{"tag ls main", nil, 2, "slipway: tag ls takes 3 arguments, not 1: "},
		{"serve extra", nil, 2, "slipway: serve takes no arguments: "},
		{"help bogus", nil, 2, `slipway: unknown command "bogus" for "slipway"`},
		{"help tag bogus", nil, 2, `slipway: unknown command "bogus" for "slipway tag"`},
		{"help tag set", nil, 0, ""},
		{"tag set main npm lib latest 1 --if-generation x", nil, 2, `slipway: --if-generation: "x" is not a number` + "\n"},
		{"token create ci --allow main:read --expires-in 30d", nil, 2, `slipway: --expires-in: "30d" is not a duration such as 90m or 720h` + "\n"},
		{"serve --anonymous-read=maybe", nil, 2, `slipway: --anonymous-read: "maybe" is neither true nor false` + "\n"},
		{"serve --trusted-proxies 10.0.0.0/99", nil, 2, `slipway: --trusted-proxies: "10.0.0.0/99" is neither a CIDR nor an address` + "\n"},
		{"serve", map[string]string{"SLIPWAY_ANONYMOUS_READ": "maybe"}, 2, `slipway: SLIPWAY_ANONYMOUS_READ: "maybe" is neither true nor false` + "\n"},
		{"serve", map[string]string{"SLIPWAY_GC_GRACE": "1d"}, 2, `slipway: SLIPWAY_GC_GRACE: "1d" is not a duration such as 90m or 720h` + "\n"},
		{"repo ls --server http://127.0.0.1:1", nil, 1, "slipway: no answer from http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused\n"},
		{"gc --data " + missing, nil, 2, "slipway: --data: there is no Slipway here: "},
		{"gc --data " + missing + " --metadata sqlite://" + missing, nil, 2, "slipway: --metadata: there is no Slipway here: "},
		{"bench fill --workers 0 --data " + missing, nil, 2, "slipway: --workers: at least 1\n"},
	} {
		code, _, stderr := command(t.Context(), "", c.env, strings.Fields(c.args)...)
		if code != c.code || !strings.HasPrefix(stderr, c.want) {
			t.Errorf("%s %v: exit code %d, want %d\n%swant %s", c.args, c.env, code, c.code, stderr, c.want)
		}
	}
}

// TestStaleLogin: who is refused with a stored token is told how to get a new one.
func TestStaleLogin(t *testing.T) {
	r := startServer(t)
	r.login()
	r.cli(0, "token", "rm", "1")
	if out := r.cli(1, "repo", "ls"); !strings.Contains(out, "; log in again with 'slipway login' (HTTP 401)") {
		t.Errorf("with the stored token: %s", out)
	}
	if out := r.cli(1, "repo", "ls", "--token", "slp_wrong"); strings.Contains(out, "slipway login") {
		t.Errorf("with a token of its own: %s", out)
	}
}

// TestRefusalOnMachine: a refusal of the core is shown as through the server.
func TestRefusalOnMachine(t *testing.T) {
	r := startServer(t)
	r.stop()
	want := "slipway: there is no user \"nobody\"\n"
	if out := r.cli(1, "user", "enable", "nobody", "--data", r.data); out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}

// TestEventsOfEnvironments: the table says which environment an event is about, and which service.
func TestEventsOfEnvironments(t *testing.T) {
	r := startServer(t)
	r.login()
	r.cli(0, "env", "create", "plain")
	r.cli(0, "env", "create", "prod", "--tag", "production")
	out := r.cli(0, "events", "tail", "--once", "--types", "environment.*")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], "  admin  plain") || !strings.HasSuffix(lines[1], "  admin  prod (tag production)") {
		t.Errorf("printed\n%s", out)
	}
	r.put("tool/1.0.0/tool", "one")
	r.cli(0, "deploy", "record", "--environment", "prod", "--service", "web", "--purl", "pkg:generic/tool@1.0.0")
	if out := r.cli(0, "events", "tail", "--once", "--types", "deployment.*"); !strings.HasSuffix(out, "  admin  web in prod: pkg:generic/tool@1.0.0\n") {
		t.Errorf("printed\n%s", out)
	}
}

// TestProgressWidth: a bar never takes more than the line, whose end it clears: otherwise each drawing would begin a new one.
func TestProgressWidth(t *testing.T) {
	for _, columns := range []int{20, 80, 200} {
		var out strings.Builder
		p := &progress{w: &out, what: "fill", columns: func() int { return columns }}
		for i := range 5 {
			p.drawn = time.Time{}
			p.show(float64(i)/4, strings.Repeat("long ", 5*(5-i)))
		}
		p.end()
		drawings := strings.Split(out.String(), "\r")
		if len(drawings) != 7 {
			t.Fatalf("%d columns: %q", columns, drawings)
		}
		for _, d := range drawings[1:6] {
			line, cleared := strings.CutSuffix(d, clearLine)
			if n := utf8.RuneCountInString(line); !cleared || n >= columns || strings.TrimSpace(line) == "" {
				t.Errorf("%d columns: drew %d: %q", columns, n, d)
			}
		}
		if drawings[6] != clearLine {
			t.Errorf("at the end: %q", drawings[6])
		}
	}
}

// stopped runs a command that is stopped as soon as it has begun.
func stopped(t *testing.T, begun func() bool, env map[string]string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		defer cancel()
		for ctx.Err() == nil && !begun() {
			time.Sleep(10 * time.Millisecond)
		}
	})
	code, stdout, stderr = command(ctx, "", env, args...)
	cancel()
	return code, stdout, stderr
}

// packages is the list of raw packages.
func (r *running) packages() string {
	cl := &client{server: r.url, token: r.token(), http: newHTTP()}
	raw, _, err := cl.send(r.t.Context(), request{method: "GET", path: "/api/v1/repositories/main/packages", query: queryOf("format", "raw")})
	if err != nil {
		r.t.Error(err)
	}
	return string(raw)
}

// TestBenchStopped: a run that is stopped reports what it has measured, a fill how to go on.
func TestBenchStopped(t *testing.T) {
	r := startServer(t)
	r.login()
	published := func() bool { return strings.Contains(r.packages(), "bench") }
	code, out, errs := stopped(t, published, map[string]string{"SLIPWAY_SERVER": r.url}, "bench", "run", "--mix", "raw.put", "--duration", "10m", "--clients", "1")
	if code != exitFailed || !strings.Contains(out, "raw.put") || !strings.Contains(errs, "slipway: stopped after ") {
		t.Errorf("run: exit code %d\n%s%s", code, out, errs)
	}
	data := filepath.Join(t.TempDir(), "data")
	filled := func() bool {
		packs, err := filepath.Glob(filepath.Join(data, "*", "*", "*.pack"))
		return err == nil && len(packs) > 0
	}
	code, _, errs = stopped(t, filled, nil, "bench", "fill", "--data", data)
	if code != exitFailed || !strings.Contains(errs, "of 50000 versions; the same command goes on") {
		t.Errorf("fill: exit code %d\n%s", code, errs)
	}
	few := []string{"bench", "fill", "--data", filepath.Join(t.TempDir(), "data"), "--packages", "50", "--versions", "200"}
	if code, _, errs = command(t.Context(), "", nil, few...); code != exitDone {
		t.Fatalf("fill: exit code %d\n%s", code, errs)
	}
	code, _, errs = command(t.Context(), "", nil, append(few, "--seed", "2")...)
	if code != exitFailed || !strings.Contains(errs, "was filled with other flags") {
		t.Errorf("another seed: exit code %d\n%s", code, errs)
	}
}
