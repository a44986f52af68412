package oci_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

const clientTimeout = 3 * time.Minute

// stores runs a test of real clients over every kind of store.
func stores(t *testing.T, run func(t *testing.T, s *server)) {
	formatstest.Downloads(t, func(t *testing.T, o formatstest.Options) { run(t, newServer(t, o)) })
}

// answers runs a test of real clients with both kinds of downloads. That every store serves them alike is TestCrane's to show.
func answers(t *testing.T, run func(t *testing.T, s *server)) {
	formatstest.Answers(t, func(t *testing.T, o formatstest.Options) { run(t, newServer(t, o)) })
}

// machine is a computer with container tools on it: its own home and configuration.
type machine struct {
	t    testing.TB
	s    *server
	home string
	env  []string
}

func newMachine(t testing.TB, s *server) *machine {
	t.Helper()
	m := &machine{t: t, s: s, home: t.TempDir()}
	m.env = append(os.Environ(), "HOME="+m.home, "DOCKER_CONFIG="+filepath.Join(m.home, ".docker"), "XDG_RUNTIME_DIR="+m.home,
		"XDG_CONFIG_HOME="+filepath.Join(m.home, ".config"), "http_proxy=", "https_proxy=", "no_proxy=*", "TMPDIR="+m.home)
	return m
}

// storage is where podman and buildah keep images. The folder of what runs has a short path, of which podman takes 50 characters.
func (m *machine) storage() []string {
	m.t.Helper()
	run, err := os.MkdirTemp("", "run-")
	must(m.t, err)
	m.t.Cleanup(func() { _ = os.RemoveAll(run) }) // what is mounted below it ends with the tool
	return []string{"--storage-driver", "vfs", "--root", filepath.Join(m.home, "storage"), "--runroot", run}
}

// login writes what `docker login` writes, which all of the tools read; "" logs out.
func (m *machine) login(secret string) {
	m.t.Helper()
	m.file(".docker/config.json", m.auths(secret))
}

// auths is the content of docker's config.json with the secret for the server; "" is none.
func (m *machine) auths(secret string) []byte {
	m.t.Helper()
	config := map[string]any{"auths": map[string]any{}}
	if secret != "" {
		config["auths"] = map[string]any{m.s.Addr: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("ci:" + secret))}}
	}
	raw, err := json.Marshal(config)
	must(m.t, err)
	return raw
}

// long skips the test of a client that takes minutes to build; with SLIPWAY_TEST_LONG (make test LONG=1) it runs.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("its clients are built for make test LONG=1 alone")
	}
}

// publisher logs in with the rights of a build.
func (m *machine) publisher() {
	m.t.Helper()
	m.login(string(m.s.token("*", access.Read, access.Publish, access.Tag, access.Delete)))
}

// path finds a tool, or skips; where .ci/clients-oci.sh must have run, it fails.
func (m *machine) path(tool string) string {
	m.t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(filepath.Join(dir, "oci"))
	must(m.t, err)
	if _, err := os.Stat(filepath.Join(dir, tool)); err == nil {
		return filepath.Join(dir, tool)
	}
	// Docker's command line in the daemon's own version: another one may stand before it.
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, tool)); err == nil {
			return filepath.Join(dir, tool)
		}
	}
	if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
		m.t.Fatalf("%s is not installed: run .ci/clients-oci.sh", tool)
	}
	m.t.Skipf("%s is not installed; run .ci/clients-oci.sh", tool)
	return ""
}

// run returns output, both kinds of it, and exit code of a tool.
func (m *machine) run(tool string, args ...string) (string, int) {
	m.t.Helper()
	_, out, code := m.exec(nil, tool, args...)
	return out, code
}

func (m *machine) exec(stdin []byte, tool string, args ...string) (stdout, all string, code int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, m.path(tool), args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = m.home, m.env, bytes.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		m.t.Fatalf("%s %v: %v\n%s", tool, args, err, errs.Bytes())
	}
	return strings.TrimSpace(out.String()), out.String() + errs.String(), cmd.ProcessState.ExitCode()
}

// versionText finds the version in what a tool prints of itself.
var versionText = regexp.MustCompile(`[0-9]+\.[0-9]+(?:\.[0-9]+)*[-+.0-9A-Za-z]*`)

// records notes which client the test drives, and what it does with it. version are the arguments with which the tool prints its
// version.
func (m *machine) records(tool, scenario string, version ...string) {
	m.t.Helper()
	m.recordsAs(tool, tool, scenario, version...)
}

// recordsAs is records for a tool whose program has another name here than its makers give it.
func (m *machine) recordsAs(name, tool, scenario string, version ...string) {
	m.t.Helper()
	if formatstest.RecordsClients() {
		said := versionText.FindString(m.ok(tool, version...))
		said = strings.TrimSuffix(said, "+unreleased") // what oras adds when its makers' own script has not built it
		formatstest.RecordClient(m.t, name, said, scenario)
	}
}

// ok runs a tool that must succeed, and returns what it says.
func (m *machine) ok(tool string, args ...string) string {
	m.t.Helper()
	out, all, code := m.exec(nil, tool, args...)
	if code != 0 {
		m.t.Fatalf("%s %s: exit code %d\n%s", tool, strings.Join(args, " "), code, all)
	}
	return out
}

// fails runs a tool that must fail with one of the words in its message.
func (m *machine) fails(words, tool string, args ...string) {
	m.t.Helper()
	out, code := m.run(tool, args...)
	if code == 0 {
		m.t.Errorf("%s %s: success, want %q\n%s", tool, strings.Join(args, " "), words, out)
		return
	}
	for _, word := range strings.Split(words, "|") {
		if strings.Contains(out, word) {
			return
		}
	}
	m.t.Errorf("%s %s: %s\nwant %q in it", tool, strings.Join(args, " "), out, words)
}

// file writes a file into the home.
func (m *machine) file(name string, content []byte) string {
	m.t.Helper()
	path := filepath.Join(m.home, name)
	must(m.t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(m.t, os.WriteFile(path, content, 0o600))
	return path
}

// layer writes a tar file with one file in it.
func (m *machine) layer(name, content string) string {
	m.t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(m.t, w.WriteHeader(&tar.Header{Name: "app/" + name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte(content))
	must(m.t, err)
	must(m.t, w.Close())
	return m.file(name+".tar", b.Bytes())
}

// status lists the statuses of a route since the length that the log had.
func (s *server) status(since int, route string) []string {
	var out []string
	for line := range strings.Lines(s.Log()[since:]) {
		if !strings.Contains(line, "route=oci."+route+" ") || !strings.Contains(line, "msg=request ") {
			continue
		}
		_, rest, _ := strings.Cut(line, "status=")
		code, _, _ := strings.Cut(rest, " ")
		out = append(out, code)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
