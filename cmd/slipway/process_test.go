//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
	"slipway/storage/s3/s3test"
)

// TestGracefulStop: after SIGTERM no connection is accepted, running requests are finished and answered, and the exit code
// is 0.
func TestGracefulStop(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password}, "--data", t.TempDir()+"/data")
		u := p.StartUpload("/raw/main/tool/1.0.0/tool")
		p.Signal(s)
		refused := false
		for end := time.Now().Add(commandtest.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
			if err != nil {
				refused = true
				break
			}
			_ = c.Close()
		}
		if !refused {
			t.Errorf("%s: connections are still accepted", s)
		}
		if _, err := u.Body.Write([]byte("the end")); err != nil {
			t.Errorf("%s: the upload broke: %v", s, err)
		}
		if err := u.Body.Close(); err != nil {
			t.Error(err)
		}
		if got := <-u.Answer; got != "201 Created" {
			t.Errorf("%s: the upload's answer: %s", s, got)
		}
		if code := p.End(); code != command.Done {
			t.Errorf("%s: exit code %d\n%s", s, code, p.Stderr)
		}
	}
}

// TestSecondSignal: a second signal ends the process although a request runs.
func TestSecondSignal(t *testing.T) {
	data := t.TempDir() + "/data"
	p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password}, "--data", data)
	u := p.StartUpload("/raw/main/tool/1.0.0/tool")
	p.Signal(syscall.SIGTERM)
	for end := time.Now().Add(commandtest.Patience); !strings.Contains(p.Stderr.String(), "a second signal ends at once"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the first signal was not taken: %s", p.Stderr)
		}
	}
	start := time.Now()
	p.Signal(syscall.SIGTERM)
	// Without the second signal the server waits 30 seconds for the running request, and ends with another code.
	if code := p.End(); code != command.Failed || time.Since(start) > commandtest.Patience {
		t.Errorf("exit code %d after %s", code, time.Since(start))
	}
	_ = u.Body.Close() // the connection is gone
	if code, stdout, stderr := commandtest.Command(t.Context(), "", nil, "fsck", "--data", data); code != command.Done {
		t.Errorf("fsck: %s%s", stdout, stderr)
	}
}

// TestSecondProcess: one data directory has one server.
func TestSecondProcess(t *testing.T) {
	data := t.TempDir() + "/data"
	first := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password}, "--data", data)
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--data", data}, {"fsck", "--data", data}, {"gc", "--data", data}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, first.Cmd.Path, args...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SLIPWAY_") }) // the server notes those of tests
		out, err := cmd.CombinedOutput()
		cancel()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != command.Failed || !strings.Contains(string(out), "another Slipway runs on this data directory") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s: %v: %s", args[0], err, out)
		}
	}
	if res, err := http.Get(first.URL + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the first server suffered: %v, %v", res, err)
	}
}

// TestHealthCommand: what the container's health check runs.
func TestHealthCommand(t *testing.T) {
	p := commandtest.ServeProcess(t, nil, "--data", t.TempDir()+"/data")
	addr := strings.TrimPrefix(p.URL, "http://")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []map[string]string{{"SLIPWAY_SERVER": p.URL}, {"SLIPWAY_LISTEN": addr}, {"SLIPWAY_LISTEN": "0.0.0.0:" + port}, {"SLIPWAY_LISTEN": ":" + port}} {
		if code, _, stderr := commandtest.Command(t.Context(), "", env, "health"); code != command.Done {
			t.Errorf("%v: %d %s", env, code, stderr)
		}
	}
}

// Bounds of a server with nothing to do. The bound on time is far above the 50 ms or so of an idle machine. A second after its start the
// server hands back the pages of the program's file, which the start alone used.
const (
	maxStart    = 10 * time.Second
	maxIdleKiB  = 40 << 10
	startRounds = 5
)

// TestStartAndIdle prints how long a server takes from its start until it is ready, on a new and on a known data
// directory, and how much memory it then holds.
func TestStartAndIdle(t *testing.T) {
	data := t.TempDir() + "/data"
	best := time.Hour
	for round := range startRounds {
		start := time.Now()
		p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password}, "--data", data)
		res, err := http.Get(p.URL + "/readyz")
		took := time.Since(start)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", res, err)
		}
		_ = res.Body.Close()
		best = min(best, took)
		time.Sleep(200 * time.Millisecond)
		rss := residentKiB(t, p.Cmd.Process.Pid)
		for end := time.Now().Add(commandtest.Patience); !raceEnabled && rss > maxIdleKiB && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			rss = residentKiB(t, p.Cmd.Process.Pid) // not idle yet
		}
		t.Logf("start %d: ready after %s, idle at %.1f MiB", round, took.Round(time.Millisecond), float64(rss)/1024)
		if !raceEnabled && rss > maxIdleKiB {
			t.Errorf("idle memory is %d KiB, want at most %d", rss, maxIdleKiB)
		}
		p.Signal(syscall.SIGTERM)
		if code := p.End(); code != command.Done {
			t.Errorf("exit code %d", code)
		}
	}
	t.Logf("ready after %s at best", best.Round(time.Millisecond))
	if best > maxStart {
		t.Errorf("ready after %s at best, want at most %s", best, maxStart)
	}
}

func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

// TestD18: readiness depends on the database and one probe key only: on no admin password, and on no right on the bucket.
// Liveness depends on nothing outside of the process.
func TestD18(t *testing.T) {
	status := func(p *commandtest.Process, path string) int {
		t.Helper()
		res, err := http.Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	data := t.TempDir() + "/data"
	for range 2 {
		p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD="}, "--data", data)
		if got := status(p, "/readyz"); got != http.StatusOK {
			t.Errorf("ready without a password: %d", got)
		}
		p.Signal(syscall.SIGTERM)
		if code := p.End(); code != command.Done {
			t.Errorf("exit code %d", code)
		}
	}

	_, env := s3test.New(t)
	proxy := s3test.NewProxy(t)
	p := commandtest.ServeProcess(t, append(env, "SLIPWAY_ADMIN_PASSWORD="), "--data", t.TempDir()+"/data", "--blobs", s3test.At(t, proxy.URL))
	proxy.Reset()
	if got := status(p, "/readyz"); got != http.StatusOK {
		t.Fatalf("ready over S3: %d", got)
	}
	if asked := proxy.Requests(); len(asked) != 1 || !strings.Contains(asked[0], "/ready") {
		t.Errorf("readiness asks for %q, want one probe key", asked)
	}
	proxy.Break(func(int, *http.Request) s3test.Fault { return s3test.NotSent })
	broken := time.Now()
	time.Sleep(1100 * time.Millisecond) // an answer is reused for a second
	if got := status(p, "/readyz"); got != http.StatusOK {
		t.Errorf("without S3 for a second: ready %d", got)
	}
	for status(p, "/readyz") != http.StatusServiceUnavailable && time.Since(broken) < commandtest.Patience {
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(broken); took < 8*time.Second || took > 12*time.Second {
		t.Errorf("without S3: not ready after %s, want 10 s after the last answer", took)
	}
	if ready, live := status(p, "/readyz"), status(p, "/livez"); ready != http.StatusServiceUnavailable || live != http.StatusOK {
		t.Errorf("without S3: ready %d, live %d", ready, live)
	}
	proxy.Break(nil)
	time.Sleep(1100 * time.Millisecond)
	if got := status(p, "/readyz"); got != http.StatusOK {
		t.Errorf("S3 is back: %d", got)
	}
}
