package commandtest

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

// Binary builds the command once for all tests of a package, and returns its path. SLIPWAY_TEST_BINARY names one that is
// built already, in a file called slipway. Without debug information, linking takes a third of the time.
var Binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("SLIPWAY_TEST_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "slipway-bin")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "slipway")
	out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "slipway/cmd/slipway").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// built is the directory of the binary; "" before it is made.
var built string

// Main runs the tests of a package that uses Binary, and removes it at the end.
func Main(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built) // a leftover stays in the system's temporary directory
	}
	os.Exit(code)
}

// Server is the real binary over one data directory, to be started, killed and started again.
type Server struct {
	T    *testing.T
	Bin  string
	Data string
	Addr string
	URL  string
	Logs *LockedBuffer
	Args []string // flags for where it stores data; fsck gets them too
	Env  []string
	// Prepare, if it is set, changes each command before it runs: its user, directory and environment.
	Prepare func(*exec.Cmd)
	// LimitFiles is the most file descriptors the server may have; 0 is the system's limit.
	LimitFiles int

	cluster cluster
	cmds    []*exec.Cmd
}

// NewServer makes a Server with a data directory of its own, which does not run yet.
func NewServer(t *testing.T, args ...string) *Server {
	t.Helper()
	bin, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s3test.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{T: t, Bin: bin, Data: filepath.Join(t.TempDir(), "data"), Addr: addr, Args: args, Logs: &LockedBuffer{}}
	s.URL = "http://" + s.Addr
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's errors:\n%s\nits log ends:\n%s", GrepLines(s.Logs.String(), `"level":"ERROR"`), Tail(s.Logs.String(), 4000))
		}
	})
	return s
}

// Tail is the end of a text, of n bytes at most.
func Tail(s string, n int) string { return s[max(0, len(s)-n):] }

// Start runs the server, or the servers of its cluster, and waits until each is ready.
func (s *Server) Start() {
	s.T.Helper()
	s.cluster.prepare(s)
	addrs := s.cluster.addrs
	if len(addrs) == 0 {
		addrs = []string{s.Addr}
	}
	for i, addr := range addrs {
		data := s.Data
		if i > 0 {
			data = fmt.Sprint(s.Data, "-", i)
		}
		s.start(data, addr)
	}
	for _, addr := range addrs {
		s.ready(addr)
	}
}

func (s *Server) start(data, addr string) {
	s.T.Helper()
	args := append([]string{s.Bin, "serve", "--data", data, "--listen", addr, "--log-level", "warn"}, s.Args...)
	if s.LimitFiles > 0 {
		// Go raises the soft limit by itself, so the hard one is set.
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, s.LimitFiles), "sh"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(environment(), "SLIPWAY_ADMIN_PASSWORD="+Password), s.Env...)
	cmd.Stderr, cmd.Stdout = s.Logs, s.Logs
	if s.Prepare != nil {
		s.Prepare(cmd)
	}
	if err := cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	s.cmds = append(s.cmds, cmd)
}

func (s *Server) ready(addr string) {
	s.T.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if resp, err := http.Get("http://" + addr + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.Kill()
	s.T.Fatalf("the server did not become ready:\n%s", s.Logs.String())
}

// Ready waits until the server is ready.
func (s *Server) Ready() {
	s.T.Helper()
	s.ready(s.Addr)
}

// Kill ends the server with SIGKILL; it is no error when the server does not run.
func (s *Server) Kill() {
	for _, cmd := range s.cmds {
		_ = cmd.Process.Kill()
	}
	for _, cmd := range s.cmds {
		_ = cmd.Wait()
	}
	s.cmds = nil
}

// Terminate asks the server to stop and expects exit code 0.
func (s *Server) Terminate() {
	s.T.Helper()
	for _, cmd := range s.cmds {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			s.T.Error(err)
		}
	}
	for _, cmd := range s.cmds {
		if err := cmd.Wait(); err != nil {
			s.T.Errorf("SIGTERM: %v", err)
		}
	}
	s.cmds = nil
}

// Signal sends a signal to the server.
func (s *Server) Signal(sig syscall.Signal) {
	s.T.Helper()
	for _, cmd := range s.cmds {
		if err := cmd.Process.Signal(sig); err != nil {
			s.T.Error(err)
		}
	}
}

// Run calls the binary and returns its output; it fails the test when the exit code differs from the expected one.
func (s *Server) Run(code int, args ...string) string {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Bin, args...)
	cmd.Env = append(append(os.Environ(), "XDG_CONFIG_HOME="+s.T.TempDir()), s.Env...)
	if s.Prepare != nil {
		s.Prepare(cmd)
	}
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.T.Errorf("slipway %s: exit code %d, want %d (%v)\n%s", strings.Join(args, " "), got, code, err, Tail(string(out), 4000))
	}
	return string(out)
}

// Fsck checks the data directory, whose server must not run.
func (s *Server) Fsck() {
	s.T.Helper()
	s.Run(0, append([]string{"fsck", "--data", s.Data}, s.Args...)...)
}

// Token makes a token of the admin.
func (s *Server) Token(repository, actions string) string {
	s.T.Helper()
	body, _ := json.Marshal(map[string]any{"name": "test", "permissions": []any{
		map[string]any{"repository": repository, "actions": strings.Split(actions, ",")},
	}})
	req, err := http.NewRequest(http.MethodPost, s.URL+"/api/v1/tokens", bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.SetBasicAuth("admin", Password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Token == "" {
		s.T.Fatalf("token: %s, %v", resp.Status, err)
	}
	return made.Token
}

// NpmTarball makes a package of one file besides its package.json, and of further files if given.
func NpmTarball(t *testing.T, name, version string, more ...[]byte) []byte {
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

// NpmDocument is what `npm publish` sends.
func NpmDocument(t *testing.T, name, version string, tarball []byte) []byte {
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

// GrepLines returns the lines that contain text, at most a handful.
func GrepLines(s, text string) string {
	const most = 20
	var out []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, text) && len(out) < most {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
