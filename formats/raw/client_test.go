package raw_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/registry/access"
)

// Tests with the real curl, wget and sha256sum; curl is a tool that CI has.

// curl is a user's shell: a directory, and a token in a .netrc.
type curl struct {
	t   *testing.T
	srv *formatstest.Server
	dir string
	url string // of the repository, with slash
}

func newCurl(t *testing.T) *curl {
	t.Helper()
	srv := formatstest.NewServer(t, formatstest.Options{Local: true}, raw.New())
	c := &curl{t: t, srv: srv, dir: t.TempDir(), url: srv.URL + "/raw/main/"}
	token := srv.Token("main", access.Read, access.Publish, access.Delete)
	c.write(".netrc", "machine 127.0.0.1 login ci password "+token+"\n")
	return c
}

func (c *curl) write(name, content string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *curl) command(stdin io.Reader, name string, args ...string) *exec.Cmd {
	if name == "curl" {
		args = append([]string{"--netrc-file", ".netrc", "-sS"}, args...)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdin = c.dir, stdin
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "http_proxy=", "no_proxy=*")
	return cmd
}

// run returns output and exit code.
func (c *curl) run(stdin io.Reader, name string, args ...string) (string, int) {
	c.t.Helper()
	cmd := c.command(stdin, name, args...)
	out, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		c.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// status runs curl and returns the HTTP status; the body goes to the file "out".
func (c *curl) status(stdin io.Reader, args ...string) string {
	c.t.Helper()
	out, _ := c.run(stdin, "curl", append(args, "-o", "out", "-w", "%{http_code}")...)
	return out
}

func (c *curl) want(status string, args ...string) {
	c.t.Helper()
	if got := c.status(nil, args...); got != status {
		body, _ := os.ReadFile(filepath.Join(c.dir, "out"))
		c.t.Errorf("curl %v: %s %s, want %s", args, got, body, status)
	}
}

// TestCurlPublish is acceptance 1.
func TestCurlPublish(t *testing.T) {
	c := newCurl(t)
	c.write("f", "first\n")
	c.write("g", "second, longer\n")
	c.want("201", "-T", "f", c.url+"a/b/f")
	c.want("200", "-T", "f", c.url+"a/b/f")
	if out, code := c.run(nil, "curl", "--fail-with-body", "-T", "g", c.url+"a/b/f"); code != 22 || !strings.Contains(out, "exists already") || !strings.Contains(out, "409") {
		t.Errorf("other bytes: exit %d, %s", code, out)
	}
	c.want("201", "-T", "g", c.url+"a/b/") // curl appends the name of the file
	c.want("201", "-T", "f", "-H", "Expect: 100-continue", c.url+"a/b/h")
	get, _ := c.run(nil, "curl", "-D", "-", "-o", "out", c.url+"a/b/f")
	head, _ := c.run(nil, "curl", "-I", c.url+"a/b/f")
	if strip(get) != strip(head) || !strings.Contains(get, "200 OK") {
		t.Errorf("headers of GET:\n%s\nof HEAD:\n%s", get, head)
	}
	for _, name := range []string{"f", "g", "f.sha256", "f.sha512", "f.md5", "SHA256SUMS"} {
		c.want("200", c.url+"a/b/"+name, "-o", name)
	}
	c.write("h", "first\n")
	for tool, sums := range map[string]string{"sha256sum": "f.sha256", "sha512sum": "f.sha512", "md5sum": "f.md5"} {
		if out, code := c.run(nil, tool, "-c", sums); code != 0 {
			t.Errorf("%s: %s", tool, out)
		}
	}
	if out, code := c.run(nil, "sha256sum", "-c", "SHA256SUMS"); code != 0 || strings.Count(out, "OK") != 3 {
		t.Errorf("SHA256SUMS: %s", out)
	}
}

// strip leaves out the lines that differ from request to request.
func strip(headers string) string {
	var kept []string
	for line := range strings.Lines(headers) {
		if !strings.HasPrefix(line, "Date:") && !strings.HasPrefix(line, "X-Request-Id:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// TestCurlEndless is acceptance 2: a long upload of unknown length takes little memory and arrives exactly.
func TestCurlEndless(t *testing.T) {
	const size, mostMemory = 300 << 20, 32 << 20
	formatstest.UsualHeap(t)
	c := newCurl(t)
	sums := map[string]io.Writer{"Sha256": sha256.New(), "Sha512": sha512.New(), "Sha1": sha1.New(), "Md5": md5.New()}
	var all []io.Writer
	for _, h := range sums {
		all = append(all, h)
	}
	source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), io.MultiWriter(all...))
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
			}
		}
	}()
	if got := c.status(source, "-T", "-", c.url+"big/1/f"); got != "201" {
		t.Errorf("status %s", got)
	}
	close(stop)
	if most := <-peak; most > mostMemory {
		t.Errorf("the test's process, server and source, took %d MiB", most>>20)
	} else {
		t.Logf("peak of heap and stacks %d MiB", most>>20)
	}
	out, _ := c.run(nil, "curl", "-I", c.url+"big/1/f")
	if !strings.Contains(out, "Content-Length: "+strconv.Itoa(size)+"\r\n") {
		t.Errorf("%s", out)
	}
	for name, h := range sums {
		want := fmt.Sprintf("%x", h.(interface{ Sum([]byte) []byte }).Sum(nil))
		if got, _ := c.run(nil, "curl", c.url+"big/1/f."+strings.ToLower(name)); got != want+"  f\n" {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
}

// TestCurlChecksums is the first part of acceptance 3; TestConditionalPut has the rest.
func TestCurlChecksums(t *testing.T) {
	c := newCurl(t)
	c.write("f", "content")
	c.want("400", "-T", "f", "-H", "X-Checksum-Sha256: "+strings.Repeat("0", 64), c.url+"a/1/f")
	c.want("404", c.url+"a/1/f")
	c.want("201", "-T", "f", "-H", "If-None-Match: *", c.url+"a/1/f")
	c.want("412", "-T", "f", "-H", "If-None-Match: *", c.url+"a/1/f")
	c.write("big", strings.Repeat("x", 3<<20))
	if out, _ := c.run(nil, "curl", "-v", "-T", "big", c.url+"a/1/f"); strings.Contains(out, "100 Continue") || !strings.Contains(out, "409") {
		t.Errorf("a conflict that the length tells took the body:\n%s", out)
	}
	if out, _ := c.run(nil, "curl", "-v", "-T", "big", c.url+"a/1/big"); !strings.Contains(out, "100 Continue") || !strings.Contains(out, "201") {
		t.Errorf("Expect: 100-continue was not honoured:\n%s", out)
	}
}

// TestCurlRanges is acceptance 5 as far as curl and wget go.
func TestCurlRanges(t *testing.T) {
	c := newCurl(t)
	content := make([]byte, 5<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(content) // never fails
	c.write("f", string(content))
	c.want("201", "-T", "f", c.url+"a/1/f")
	c.want("206", "-r", "0-99", c.url+"a/1/f")
	c.wantFile("out", content[:100])
	c.want("206", "-r", "-100", c.url+"a/1/f")
	c.wantFile("out", content[len(content)-100:])
	c.want("206", "-r", "0-0,-1", c.url+"a/1/f")
	if out, _ := os.ReadFile(filepath.Join(c.dir, "out")); !bytes.Contains(out, []byte("Content-Range: bytes 0-0/5242880")) ||
		!bytes.Contains(out, []byte("Content-Range: bytes 5242879-5242879/5242880")) {
		t.Errorf("two ranges: %q", out)
	}
	c.want("416", "-r", "999999999999-", c.url+"a/1/f")
	c.write("part", string(content[:1234567]))
	if out, code := c.run(nil, "curl", "-C", "-", "-o", "part", c.url+"a/1/f"); code != 0 {
		t.Errorf("resume: %s", out)
	}
	c.wantFile("part", content)
	needTool(t, "wget")
	c.write("f", string(content[:1234567]))
	if out, code := c.run(nil, "wget", "-q", "-c", c.url+"a/1/f"); code != 0 {
		t.Errorf("wget -c: %s", out)
	}
	c.wantFile("f", content)
}

func (c *curl) wantFile(name string, want []byte) {
	c.t.Helper()
	got, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil || !bytes.Equal(got, want) {
		c.t.Errorf("%s: %d bytes that are not the %d wanted, %v", name, len(got), len(want), err)
	}
}

// TestCurlOverwrite is acceptance 6: a download that runs while its path is overwritten, and collected, ends with the
// bytes it began with.
func TestCurlOverwrite(t *testing.T) {
	c := newCurl(t)
	c.srv.Set(map[string]any{"raw_redeploy": true})
	old := bytes.Repeat([]byte("old "), 3<<20) // 12 MiB: more than the connection's buffers hold
	c.write("f", string(old))
	c.want("201", "-T", "f", c.url+"a/1/f")
	slow := c.command(nil, "curl", "--limit-rate", "4M", "-o", "slow", c.url+"a/1/f")
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if fi, err := os.Stat(filepath.Join(c.dir, "slow")); err == nil && fi.Size() > 0 {
			break
		}
	}
	c.write("f", "new")
	c.want("200", "-T", "f", c.url+"a/1/f")
	if fi, err := os.Stat(filepath.Join(c.dir, "slow")); err != nil || fi.Size() == int64(len(old)) {
		t.Fatalf("the download was over before the path was overwritten: %v", err)
	}
	if err := slow.Wait(); err != nil {
		t.Error(err)
	}
	c.wantFile("slow", old)
	c.want("200", c.url+"a/1/f")
	c.wantFile("out", []byte("new"))
}

// TestWgetMirror is acceptance 11, smaller: wget follows the listing to every file.
func TestWgetMirror(t *testing.T) {
	needTool(t, "wget")
	c := newCurl(t)
	for i := range 40 {
		path := fmt.Sprintf("a/1/dir %d/file%%20%d+x.txt", i%4, i)
		if res := c.srv.Do(formatstest.Admin, put(strings.ReplaceAll(path, " ", "%20"), fmt.Sprint(i))); res.Status != http.StatusCreated {
			t.Fatalf("%v", res)
		}
	}
	if out, code := c.run(nil, "wget", "-q", "-r", "-np", "-nH", "--cut-dirs=2", c.url+"a/1/"); code != 0 {
		t.Errorf("wget -r: exit %d %s", code, out)
	}
	for i := range 40 {
		c.wantFile(fmt.Sprintf("a/1/dir %d/file %d+x.txt", i%4, i), []byte(fmt.Sprint(i)))
	}
}

// TestCurlBrowserHeaders is acceptance 15's headers.
func TestCurlBrowserHeaders(t *testing.T) {
	c := newCurl(t)
	c.write("x.html", "<script>alert(1)</script>")
	c.want("201", "-T", "x.html", c.url+"a/1/x.html")
	out, _ := c.run(nil, "curl", "-I", "--compressed", c.url+"a/1/x.html")
	for _, line := range []string{
		"Content-Security-Policy: sandbox; default-src 'none'\r\n", "X-Content-Type-Options: nosniff\r\n",
		`Content-Disposition: attachment; filename="x.html"; filename*=UTF-8''x.html` + "\r\n", "Content-Type: text/html; charset=utf-8\r\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	if strings.Contains(out, "Content-Encoding") {
		t.Errorf("an encoding of what is never encoded:\n%s", out)
	}
}

// needTool skips the rest of a test whose tool is missing, or fails it where `make test` has installed everything.
func needTool(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
		t.Fatalf("%s is not installed; run .ci/clients-base.sh", tool)
	}
	t.Skipf("%s is not installed; run .ci/clients-base.sh", tool)
}
