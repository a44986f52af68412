//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slipway/storage/s3/s3test"
)

// process is the real binary, run as the test says.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout io.ReadCloser
	stderr *lockedBuffer
	url    string
}

// lockedBuffer can be read while a process still writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serveProcess starts the binary and waits for the line that says where it serves.
func serveProcess(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, stderr: &lockedBuffer{}}
	p.cmd = exec.Command(bin, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.stderr
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // it may have ended meanwhile
			_ = p.cmd.Wait()         // killed: an error is expected
		}
	})
	line := make([]byte, 200)
	n, err := p.stdout.Read(line)
	m := regexp.MustCompile(`serves (http://\S+)`).FindStringSubmatch(string(line[:n]))
	if m == nil {
		t.Fatalf("the server says %q, %v; %s", line[:n], err, p.stderr)
	}
	p.url = m[1]
	return p
}

// end waits for the process and returns its exit code.
func (p *process) end() int {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// upload is a PUT whose body stays open.
type upload struct {
	body   *io.PipeWriter
	answer chan string
}

// startUpload begins a PUT and returns once the server has taken the first bytes of its body.
func (p *process) startUpload(path string) *upload {
	p.t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequest("PUT", p.url+path, r)
	if err != nil {
		p.t.Fatal(err)
	}
	req.SetBasicAuth("admin", testPassword)
	u := &upload{body: w, answer: make(chan string, 1)}
	go func() {
		res, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
		if err != nil {
			u.answer <- err.Error()
			return
		}
		_ = res.Body.Close()
		u.answer <- res.Status
	}()
	for range 4 { // more than the client buffers
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.inFlight()
	return u
}

// patience is for what takes no time on a machine that has nothing else to do.
const patience = 20 * time.Second

// inFlight waits until the server works on a request beside the one that asks.
func (p *process) inFlight() {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		res, err := http.Get(p.url + "/metrics")
		if err != nil {
			p.t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.Contains(string(body), "slipway_http_requests_in_flight 2") {
			return
		}
	}
	p.t.Fatal("the upload did not arrive")
}

// TestGracefulStop: after SIGTERM nothing is accepted, what runs is finished and answered, and the exit code is 0.
func TestGracefulStop(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := serveProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + testPassword}, "--data", t.TempDir()+"/data")
		u := p.startUpload("/raw/main/tool/1.0.0/tool")
		p.signal(s)
		refused := false
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				refused = true
				break
			}
			_ = c.Close()
		}
		if !refused {
			t.Errorf("%s: connections are still accepted", s)
		}
		if _, err := u.body.Write([]byte("the end")); err != nil {
			t.Errorf("%s: the upload broke: %v", s, err)
		}
		if err := u.body.Close(); err != nil {
			t.Error(err)
		}
		if got := <-u.answer; got != "201 Created" {
			t.Errorf("%s: the upload's answer: %s", s, got)
		}
		if code := p.end(); code != exitDone {
			t.Errorf("%s: exit code %d\n%s", s, code, p.stderr)
		}
	}
}

// TestSecondSignal ends the process although something runs.
func TestSecondSignal(t *testing.T) {
	data := t.TempDir() + "/data"
	p := serveProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + testPassword}, "--data", data)
	u := p.startUpload("/raw/main/tool/1.0.0/tool")
	p.signal(syscall.SIGTERM)
	for end := time.Now().Add(patience); !strings.Contains(p.stderr.String(), "a second signal ends at once"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the first signal was not taken: %s", p.stderr)
		}
	}
	start := time.Now()
	p.signal(syscall.SIGTERM)
	// Without it the server waits 30 seconds for what runs, and ends with another code.
	if code := p.end(); code != exitFailed || time.Since(start) > patience {
		t.Errorf("exit code %d after %s", code, time.Since(start))
	}
	_ = u.body.Close() // the connection is gone
	if code, stdout, stderr := command(t.Context(), "", nil, "fsck", "--data", data); code != exitDone {
		t.Errorf("fsck: %s%s", stdout, stderr)
	}
}

// TestSecondProcess: one data directory has one server.
func TestSecondProcess(t *testing.T) {
	data := t.TempDir() + "/data"
	first := serveProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + testPassword}, "--data", data)
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--data", data}, {"fsck", "--data", data}, {"gc", "--data", data}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out, err := exec.CommandContext(ctx, first.cmd.Path, args...).CombinedOutput()
		cancel()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(out), "another Slipway runs on this data directory") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s: %v: %s", args[0], err, out)
		}
	}
	if res, err := http.Get(first.url + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the first server suffered: %v, %v", res, err)
	}
}

// TestHealthCommand: what the container's health check runs.
func TestHealthCommand(t *testing.T) {
	p := serveProcess(t, nil, "--data", t.TempDir()+"/data")
	addr := strings.TrimPrefix(p.url, "http://")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []map[string]string{{"SLIPWAY_SERVER": p.url}, {"SLIPWAY_LISTEN": addr}, {"SLIPWAY_LISTEN": "0.0.0.0:" + port}, {"SLIPWAY_LISTEN": ":" + port}} {
		if code, _, stderr := command(t.Context(), "", env, "health"); code != exitDone {
			t.Errorf("%v: %d %s", env, code, stderr)
		}
	}
}

// Bounds of a server with nothing to do. That of time is far beyond the some 50 ms of a machine which has nothing else to do.
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
		p := serveProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + testPassword}, "--data", data)
		res, err := http.Get(p.url + "/readyz")
		took := time.Since(start)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", res, err)
		}
		_ = res.Body.Close()
		best = min(best, took)
		time.Sleep(200 * time.Millisecond)
		rss := residentKiB(t, p.cmd.Process.Pid)
		for end := time.Now().Add(patience); !raceEnabled && rss > maxIdleKiB && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			rss = residentKiB(t, p.cmd.Process.Pid) // not idle yet
		}
		t.Logf("start %d: ready after %s, idle at %.1f MiB", round, took.Round(time.Millisecond), float64(rss)/1024)
		if !raceEnabled && rss > maxIdleKiB {
			t.Errorf("idle memory is %d KiB, want at most %d", rss, maxIdleKiB)
		}
		p.signal(syscall.SIGTERM)
		if code := p.end(); code != exitDone {
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

// TestD18: readiness asks for the database and one probe key, and nothing else: no admin password, no right on the bucket.
// Liveness asks for nothing outside of the process.
func TestD18(t *testing.T) {
	status := func(p *process, path string) int {
		t.Helper()
		res, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	data := t.TempDir() + "/data"
	for range 2 {
		p := serveProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD="}, "--data", data)
		if got := status(p, "/readyz"); got != http.StatusOK {
			t.Errorf("ready without a password: %d", got)
		}
		p.signal(syscall.SIGTERM)
		if code := p.end(); code != exitDone {
			t.Errorf("exit code %d", code)
		}
	}

	_, env := s3test.New(t)
	proxy := s3test.NewProxy(t)
	p := serveProcess(t, append(env, "SLIPWAY_ADMIN_PASSWORD="), "--data", t.TempDir()+"/data", "--blobs", s3test.At(t, proxy.URL))
	proxy.Reset()
	if got := status(p, "/readyz"); got != http.StatusOK {
		t.Fatalf("ready over S3: %d", got)
	}
	if asked := proxy.Requests(); len(asked) != 1 || !strings.Contains(asked[0], "/ready") {
		t.Errorf("readiness asks for %q, want one probe key", asked)
	}
	proxy.Break(func(int, *http.Request) s3test.Fault { return s3test.NotSent })
	time.Sleep(1100 * time.Millisecond) // an answer counts for a second
	if ready, live := status(p, "/readyz"), status(p, "/livez"); ready != http.StatusServiceUnavailable || live != http.StatusOK {
		t.Errorf("without S3: ready %d, live %d", ready, live)
	}
	proxy.Break(nil)
	time.Sleep(1100 * time.Millisecond)
	if got := status(p, "/readyz"); got != http.StatusOK {
		t.Errorf("S3 is back: %d", got)
	}
}
