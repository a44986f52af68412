package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// published returns the arguments of a tail that writes the versions it has seen to the file seen of a directory.
func published(dir string, extra ...string) []string {
	return append([]string{"events", "tail", "--consumer", "prod", "--types", "artifact.published", "--exec", with(dir, `echo "$SLIPWAY_EVENT_VERSION" >> "$OUT/seen"`)}, extra...)
}

// with is a script of a command that writes to the directory $OUT.
func with(dir, script string) string { return "OUT='" + dir + "'; " + script }

// consuming is a server with two versions, and the directory that commands write to.
func consuming(t *testing.T) (*commandtest.Running, string) {
	t.Helper()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Put("tool/1.1.0/tool", "two")
	return r, t.TempDir()
}

// seen are the lines of a file that commands write, joined by spaces; none when there is no file.
func seen(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(raw)), " ")
}

// waitSeen waits until a file has the wanted content.
func waitSeen(t *testing.T, path, want string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		if seen(t, path) == want {
			return
		}
	}
	t.Fatalf("%s says %q, want %q", filepath.Base(path), seen(t, path), want)
}

// acked is the position of a consumer.
func acked(t *testing.T, r *commandtest.Running, name string) int64 {
	t.Helper()
	var state struct{ Acked int64 }
	if err := json.Unmarshal([]byte(r.Ask(http.MethodGet, "/api/v1/consumers/"+name, "")), &state); err != nil {
		t.Fatal(err)
	}
	return state.Acked
}

// TestConsume: the server keeps the position. A new consumer starts where tail does, an existing consumer continues.
func TestConsume(t *testing.T) {
	t.Parallel()
	r, dir := consuming(t)
	file := filepath.Join(dir, "seen")
	r.CLI(0, published(dir, "--once")...)
	waitSeen(t, file, "1.0.0 1.1.0")
	r.CLI(0, published(dir, "--once")...)
	r.CLI(0, published(dir, "--once", "--after", "start")...) // the consumer is not new any more
	waitSeen(t, file, "1.0.0 1.1.0")
	r.Put("tool/1.2.0/tool", "three")
	r.CLI(0, published(dir, "--once")...)
	waitSeen(t, file, "1.0.0 1.1.0 1.2.0")
	all := strings.Count(r.CLI(0, "events", "tail", "--once"), "\n")
	if got := acked(t, r, "prod"); got != int64(all-1) {
		t.Errorf("the place is %d of %d events: it stays before those that were not asked for", got, all)
	}
	if msg := r.CLI(2, "events", "tail", "--consumer", ""); !strings.Contains(msg, "--consumer") {
		t.Errorf("no name: %s", msg)
	}
	if msg := r.CLI(1, "events", "tail", "--once", "--consumer", "Prod"); !strings.Contains(msg, "can't name a consumer") {
		t.Errorf("a bad name: %s", msg)
	}
	if msg := r.CLI(2, "events", "tail", "--once", "--consumer", "new", "--after", "x"); !strings.Contains(msg, "--after") {
		t.Errorf("a bad start: %s", msg)
	}
	if out := r.CLI(0, "events", "tail", "--once", "--consumer", "shown", "--types", "artifact.*"); strings.Count(out, "\n") != 3 {
		t.Errorf("without a command: %s", out)
	}
	if out := r.CLI(0, "events", "tail", "--once", "--consumer", "shown"); out != "" {
		t.Errorf("shown twice: %s", out)
	}
}

// TestConsumeFails: a command that fails runs again, and later events wait until it has succeeded.
func TestConsumeFails(t *testing.T) {
	t.Parallel()
	r, dir := consuming(t)
	once := []string{"events", "tail", "--once", "--consumer", "prod", "--types", "artifact.published", "--exec", `test "$SLIPWAY_EVENT_VERSION" = 1.0.0`}
	for range 2 { // with --once tail ends at the failure, and the next run begins there
		msg := r.CLI(1, once...)
		var seq int64
		if _, err := fmt.Sscanf(msg, "slipway: event %d: exit status 1", &seq); err != nil || acked(t, r, "prod") >= seq {
			t.Errorf("%q, acked %d: %v", msg, acked(t, r, "prod"), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &commandtest.LockedBuffer{}
	done := make(chan int, 1)
	go func() {
		// Each version fails once; the attempts are written down.
		script := with(dir, `echo "$SLIPWAY_EVENT_VERSION" >> "$OUT/seen"; test -e "$OUT/$SLIPWAY_EVENT_VERSION" || { touch "$OUT/$SLIPWAY_EVENT_VERSION"; exit 7; }`)
		done <- commandtest.Run(ctx, "", stderr, stderr, map[string]string{"XDG_CONFIG_HOME": r.ConfigDir}, "events", "tail", "--server", r.URL, "--consumer", "other", "--after", "start", "--types", "artifact.published", "--exec", script)
	}()
	waitSeen(t, filepath.Join(dir, "seen"), "1.0.0 1.0.0 1.1.0 1.1.0")
	cancel()
	if code := <-done; code != command.Done {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if text := stderr.String(); strings.Count(text, "exit status 7; trying again in 1s") != 2 {
		t.Errorf("%s", text)
	}
}

// tailing is the real binary that follows as a consumer, through a proxy that can hold acknowledgements back.
type tailing struct {
	*exec.Cmd
	logs *commandtest.LockedBuffer
}

func startTail(t *testing.T, server, token string, args ...string) *tailing {
	t.Helper()
	bin, err := commandtest.Binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &tailing{Cmd: exec.Command(bin, args...), logs: &commandtest.LockedBuffer{}}
	p.Env = append(os.Environ(), "SLIPWAY_SERVER="+server, "SLIPWAY_TOKEN="+token)
	p.Stdout, p.Stderr = p.logs, p.logs
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			p.end(t, syscall.SIGKILL)
		}
	})
	return p
}

// end sends a signal, and returns the exit code.
func (p *tailing) end(t *testing.T, s syscall.Signal) int {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Error(err)
	}
	_ = p.Wait() // the exit code is checked instead
	return p.ProcessState.ExitCode()
}

// TestConsumeKilled: tail dies by kill -9 between the end of a command and its acknowledgement. The event comes again, and
// then the next event.
func TestConsumeKilled(t *testing.T) {
	t.Parallel()
	r, dir := consuming(t)
	target, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	var holding atomic.Bool
	holding.Store(true)
	held := make(chan struct{}, 10)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorLog = log.New(io.Discard, "", 0) // errors of requests that a kill has cut off
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPut && holding.Load() {
			_, _ = io.Copy(io.Discard, q.Body) // otherwise the server does not notice that tail is gone
			held <- struct{}{}
			<-q.Context().Done() // the acknowledgement never arrives
			return
		}
		forward.ServeHTTP(w, q)
	}))
	defer proxy.Close()
	r.CLI(0, "events", "tail", "--once", "--consumer", "prod", "--after", "start", "--types", "environment.*")
	reset(r, "prod")

	file := filepath.Join(dir, "seen")
	first := startTail(t, proxy.URL, r.Token(), published(dir)...)
	<-held
	waitSeen(t, file, "1.0.0")
	first.end(t, syscall.SIGKILL)
	if got := acked(t, r, "prod"); got != -1 {
		t.Errorf("acked %d", got)
	}
	holding.Store(false)
	second := startTail(t, proxy.URL, r.Token(), published(dir)...)
	waitSeen(t, file, "1.0.0 1.0.0 1.1.0")
	r.Put("tool/1.2.0/tool", "three")
	waitSeen(t, file, "1.0.0 1.0.0 1.1.0 1.2.0")
	if code := second.end(t, syscall.SIGTERM); code != command.Done {
		t.Errorf("exit code %d: %s", code, second.logs)
	}
	third := startTail(t, proxy.URL, r.Token(), published(dir)...)
	r.Put("tool/1.3.0/tool", "four")
	waitSeen(t, file, "1.0.0 1.0.0 1.1.0 1.2.0 1.3.0")
	third.end(t, syscall.SIGKILL)
}

// reset moves a consumer to the start.
func reset(r *commandtest.Running, name string) {
	r.Ask(http.MethodPut, "/api/v1/consumers/"+name, `{"acked":-1,"reset":true}`)
}

// TestConsumeSignal: after SIGTERM the running command ends and its event is acknowledged; the next command does not begin.
func TestConsumeSignal(t *testing.T) {
	t.Parallel()
	r, dir := consuming(t)
	script := with(dir, `echo begin >> "$OUT/seen"; while ! test -e "$OUT/go"; do sleep 0.05; done; echo "$SLIPWAY_EVENT_VERSION" >> "$OUT/seen"`)
	args := []string{"events", "tail", "--consumer", "prod", "--after", "start", "--types", "artifact.published", "--exec", script}
	p := startTail(t, r.URL, r.Token(), args...)
	file := filepath.Join(dir, "seen")
	waitSeen(t, file, "begin")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // the signal is not what ends the command
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.logs)
	}
	waitSeen(t, file, "begin 1.0.0")
	r.CLI(0, append(args, "--once")...)
	waitSeen(t, file, "begin 1.0.0 begin 1.1.0")
}

// TestConsumeServerKilled: the server dies by kill -9 again and again while tail follows. Every version is seen, in order,
// and only versions whose acknowledgement the server had no time to store are seen twice.
func TestConsumeServerKilled(t *testing.T) {
	t.Parallel()
	s := commandtest.NewServer(t)
	s.Start()
	dir := t.TempDir()
	args := append(published(dir, "--after", "start"), "--server", s.URL)
	token := s.Token("main", "read,publish")
	p := startTail(t, s.URL, token, args...)
	const rounds = 4
	var want []string
	for i := range rounds {
		version := fmt.Sprintf("1.%d.0", i)
		want = append(want, version)
		if code, answer := s.Put(token, "/raw/main/tool/"+version+"/tool", []byte(version)); code != http.StatusCreated {
			t.Fatalf("publish %s: %d %s", version, code, answer)
		}
		if i%2 == 1 {
			s.Kill()
			s.Start()
		}
	}
	deadline := time.Now().Add(time.Minute)
	var once []string
	for len(once) < rounds && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
		once = once[:0]
		for _, v := range strings.Fields(seen(t, filepath.Join(dir, "seen"))) {
			if len(once) == 0 || once[len(once)-1] != v {
				once = append(once, v)
			}
		}
	}
	if strings.Join(once, " ") != strings.Join(want, " ") {
		t.Errorf("seen %q, want %q: %s", once, want, p.logs)
	}
	if code := p.end(t, syscall.SIGTERM); code != command.Done {
		t.Errorf("exit code %d: %s", code, p.logs)
	}
}
