//go:build linux

package commandtest

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a running process of the real binary.
type Process struct {
	Cmd    *exec.Cmd
	Stderr *LockedBuffer
	URL    string
	t      *testing.T
	stdout io.ReadCloser
}

// environment is that of a server that a test starts: the tests' own, without the pace that "make test" gives to their collectors.
func environment() []string { return append(os.Environ(), "GOGC=") }

// ServeProcess starts the binary and waits for the line with its address.
func ServeProcess(t *testing.T, env []string, args ...string) *Process {
	t.Helper()
	bin, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, Stderr: &LockedBuffer{}}
	p.Cmd = exec.Command(bin, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.Cmd.Env = append(environment(), env...)
	p.Cmd.Stderr = p.Stderr
	if p.stdout, err = p.Cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.Cmd.ProcessState == nil {
			_ = p.Cmd.Process.Kill() // it may have ended meanwhile
			_ = p.Cmd.Wait()         // killed: an error is expected
		}
	})
	line := make([]byte, 200)
	n, err := p.stdout.Read(line)
	m := regexp.MustCompile(`serves (http://\S+)`).FindStringSubmatch(string(line[:n]))
	if m == nil {
		t.Fatalf("the server says %q, %v; %s", line[:n], err, p.Stderr)
	}
	p.URL = m[1]
	return p
}

// End waits for the process and returns its exit code.
func (p *Process) End() int {
	p.t.Helper()
	err := p.Cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Upload is a PUT whose body stays open.
type Upload struct {
	Body   *io.PipeWriter
	Answer chan string
}

// StartUpload begins a PUT and returns once the server has taken the first bytes of its body.
func (p *Process) StartUpload(path string) *Upload {
	p.t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequest("PUT", p.URL+path, r)
	if err != nil {
		p.t.Fatal(err)
	}
	req.SetBasicAuth("admin", Password)
	u := &Upload{Body: w, Answer: make(chan string, 1)}
	go func() {
		res, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
		if err != nil {
			u.Answer <- err.Error()
			return
		}
		_ = res.Body.Close()
		u.Answer <- res.Status
	}()
	for range 4 { // more than the client's buffer
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.inFlight()
	return u
}

// Patience bounds steps that take no time on an idle machine.
const Patience = 20 * time.Second

// inFlight waits until the server works on a request other than this function's own.
func (p *Process) inFlight() {
	p.t.Helper()
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		res, err := http.Get(p.URL + "/metrics")
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
