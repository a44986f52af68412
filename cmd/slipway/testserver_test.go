package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slipway/storage/s3/s3test"
)

// binary builds the command once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slipway-bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "slipway")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

const testPassword = "a password for tests"

// testServer is the real binary over one data directory, to be started, killed and started again.
type testServer struct {
	t    *testing.T
	bin  string
	data string
	addr string
	url  string
	logs *bytes.Buffer
	cmd  *exec.Cmd
	args []string // where it keeps things; fsck gets them too
	env  []string
	// prepare, if it is set, changes each command before it runs: who runs it, where, and with which environment.
	prepare func(*exec.Cmd)
	// limitFiles is the most file descriptors the server may have; 0 is the system's limit.
	limitFiles int
}

func newTestServer(t *testing.T, args ...string) *testServer {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s3test.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, bin: bin, data: filepath.Join(t.TempDir(), "data"), addr: addr, args: args, logs: &bytes.Buffer{}}
	s.url = "http://" + s.addr
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server's errors:\n%s\nits log ends:\n%s", grepLines(s.logs.String(), `"level":"ERROR"`), tail(s.logs.String(), 4000))
		}
	})
	return s
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// start runs the server and waits until it is ready.
func (s *testServer) start() {
	s.t.Helper()
	args := append([]string{s.bin, "serve", "--data", s.data, "--listen", s.addr, "--log-level", "warn"}, s.args...)
	if s.limitFiles > 0 {
		// Go raises the soft limit by itself, so the hard one is set.
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, s.limitFiles), "sh"}, args...)
	}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(append(os.Environ(), "SLIPWAY_ADMIN_PASSWORD="+testPassword), s.env...)
	s.cmd.Stderr, s.cmd.Stdout = s.logs, s.logs
	if s.prepare != nil {
		s.prepare(s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if resp, err := http.Get(s.url + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.kill()
	s.t.Fatalf("the server did not become ready:\n%s", s.logs.String())
}

// kill ends the server as a power switch would; one that does not run is no error.
func (s *testServer) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// terminate asks the server to stop and expects exit code 0.
func (s *testServer) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("SIGTERM: %v", err)
	}
	s.cmd = nil
}

// run calls the binary and returns its output; it fails the test when the exit code is another one.
func (s *testServer) run(code int, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.bin, args...)
	cmd.Env = append(append(os.Environ(), "XDG_CONFIG_HOME="+s.t.TempDir()), s.env...)
	if s.prepare != nil {
		s.prepare(cmd)
	}
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("slipway %s: exit code %d, want %d (%v)\n%s", strings.Join(args, " "), got, code, err, tail(string(out), 4000))
	}
	return string(out)
}

// fsck checks the data directory, whose server must not run.
func (s *testServer) fsck() {
	s.t.Helper()
	s.run(0, append([]string{"fsck", "--data", s.data}, s.args...)...)
}

// token makes a token of the admin.
func (s *testServer) token(repository, actions string) string {
	s.t.Helper()
	body, _ := json.Marshal(map[string]any{"name": "test", "permissions": []any{
		map[string]any{"repository": repository, "actions": strings.Split(actions, ",")},
	}})
	req, err := http.NewRequest(http.MethodPost, s.url+"/api/v1/tokens", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth("admin", testPassword)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Token == "" {
		s.t.Fatalf("token: %s, %v", resp.Status, err)
	}
	return made.Token
}

// npmTarball makes a package of one file besides its package.json, and of more as they are given.
func npmTarball(t *testing.T, name, version string, more ...[]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zw)
	files := map[string]string{
		"package/package.json": fmt.Sprintf(`{"name":%q,"version":%q}`, name, version),
		"package/index.js":     "module.exports = " + fmt.Sprintf("%q", name+version),
	}
	for i, content := range more {
		files[fmt.Sprintf("package/more-%d", i)] = string(content)
	}
	for path, content := range files {
		if err := tw.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// npmDocument is what `npm publish` sends.
func npmDocument(t *testing.T, name, version string, tarball []byte) []byte {
	t.Helper()
	sum1, sum512 := sha1.Sum(tarball), sha512.Sum512(tarball)
	doc := map[string]any{
		"_id": name, "name": name, "dist-tags": map[string]string{"latest": version},
		"versions": map[string]any{version: map[string]any{
			"name": name, "version": version, "_id": name + "@" + version,
			"dist": map[string]string{
				"shasum":    fmt.Sprintf("%x", sum1),
				"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum512[:]),
				"tarball":   "http://localhost/" + name + "/-/" + name + "-" + version + ".tgz",
			},
		}},
		"_attachments": map[string]any{name + "-" + version + ".tgz": map[string]any{
			"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(tarball), "length": len(tarball),
		}},
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// grepLines returns the lines that contain text, at most a handful.
func grepLines(s, text string) string {
	const most = 20
	var out []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, text) && len(out) < most {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
