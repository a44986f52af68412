package pypi

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/registry/access"
)

// Versions of the real clients; .ci/clients-pypi.sh installs them, and of the old pips the first that runs on its Python.
const (
	pipNewest   = "pip-26.3"
	twineOldest = "twine-4.0.2"
	twineOld    = "twine-6.1.0"
	twineNew    = "twine-7.0.0"
	uvClient    = "uv-0.13.8"
	poetryOld   = "poetry-1.8.5"
	poetry      = "poetry-2.5.1"
	pdm         = "pdm-2.29.4"
	hatch       = "hatch-1.18.2"
	flit        = "flit-4.2.0"
	pipenv      = "pipenv-2026.10.3"
)

// pips are those between the oldest and the newest.
var pips = []string{"pip-21.3.1", "pip-23.3.2"}

var pipsOldest = []string{"pip-19.2.3", "pip-20.3.4", "pip-22.0.4", "pip-23.2.1"}

const clientTimeout = 3 * time.Minute

// machine is a computer with Python on it: its own home and caches.
type machine struct {
	t      testing.TB
	env    *env
	python string
	dir    string // where the clients are
	home   string
	vars   []string // of the environment, besides
}

// pythonProgram is Python itself: python3 may be a script that looks for it at each start.
var pythonProgram = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

// newMachine skips without the client, or fails where .ci/clients-pypi.sh must have run.
func newMachine(t testing.TB, e *env, clients ...string) *machine {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(dir)
	must(t, err)
	python, err := pythonProgram()
	for _, c := range clients {
		_, statErr := os.Stat(filepath.Join(dir, c))
		err = errors.Join(err, statErr)
	}
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("%v is not installed (run .ci/clients-pypi.sh, which needs python3): %v", clients, err)
		}
		t.Skipf("%v is not installed; run .ci/clients-pypi.sh", clients)
	}
	return &machine{t: t, env: e, python: python, dir: dir, home: t.TempDir()}
}

// oldestPip is the one that the script could install.
func oldestPip(t testing.TB) string {
	t.Helper()
	m := newMachine(t, nil)
	for _, c := range pipsOldest {
		if _, err := os.Stat(filepath.Join(m.dir, c)); err == nil {
			return c
		}
	}
	return pipsOldest[len(pipsOldest)-1] // newMachine tells that it is missing
}

// command prepares a client: it sees nothing of the settings of the machine that the test runs on.
func (m *machine) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // our own tests
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + m.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "LC_ALL=C.UTF-8", "NO_COLOR=1", "COLUMNS=400", "CI=1",
		"XDG_CACHE_HOME=" + filepath.Join(m.home, "cache"), "XDG_CONFIG_HOME=" + filepath.Join(m.home, "config"), "XDG_DATA_HOME=" + filepath.Join(m.home, "data"),
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", "PIP_CONFIG_FILE=" + os.DevNull, "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
		"UV_CACHE_DIR=" + filepath.Join(m.home, "cache", "uv"), "UV_PYTHON_DOWNLOADS=never", "UV_NO_CONFIG=1", "UV_HTTP_RETRIES=0",
		"POETRY_VIRTUALENVS_IN_PROJECT=true", "POETRY_NO_INTERACTION=1",
	}
	cmd.Env = append(cmd.Env, m.vars...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// try runs a client and returns all that it printed.
func (m *machine) try(dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	out, err := m.command(ctx, dir, args...).CombinedOutput()
	return string(out), err
}

// run is try for what must succeed.
func (m *machine) run(dir string, args ...string) string {
	m.t.Helper()
	out, err := m.try(dir, args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// fail is try for what must fail with these words.
func (m *machine) fail(dir, words string, args ...string) {
	m.t.Helper()
	out, err := m.try(dir, args...)
	if err == nil || !strings.Contains(out, words) {
		m.t.Fatalf("%s: %v, want a failure with %q\n%s", strings.Join(args, " "), err, words, out)
	}
}

// venv makes a virtual environment without pip and returns its Python.
func (m *machine) venv() string {
	m.t.Helper()
	dir := m.t.TempDir()
	m.run(dir, m.python, "-m", "venv", "--without-pip", dir)
	return filepath.Join(dir, "bin", "python")
}

// pip is the command line of one version for an environment.
func (m *machine) pip(version, venv string, args ...string) []string {
	return append([]string{venv, filepath.Join(m.dir, version, "pip")}, args...)
}

// module is the command line of a client that is a directory of modules.
func (m *machine) module(client, name string, args ...string) []string {
	start := "import runpy, sys; sys.path.insert(0, " + quoted(filepath.Join(m.dir, client)) + "); sys.argv[0] = " + quoted(name) +
		"; runpy.run_module(" + quoted(name) + ", run_name='__main__', alter_sys=True)"
	return append([]string{m.python, "-c", start}, args...)
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }

func (m *machine) uv(args ...string) []string {
	return append([]string{filepath.Join(m.dir, uvClient, "bin", "uv")}, args...)
}

// twine is the command line of an upload with a token as password.
func (m *machine) twine(version, token string, args ...string) []string {
	return m.module(version, "twine", append([]string{"upload", "--non-interactive", "--disable-progress-bar", "--repository-url", m.env.URL + "/pypi/main/",
		"-u", "__token__", "-p", token}, args...)...)
}

// index is the address of the simple index with a token in it.
func (m *machine) index(token string) string {
	return strings.Replace(m.env.URL, "http://", "http://ci:"+token+"@", 1) + "/pypi/main/simple/"
}

// dists writes distribution files into a new directory.
func (m *machine) dists(ds ...dist) string {
	m.t.Helper()
	dir := m.t.TempDir()
	for _, d := range ds {
		m.write(dir, d.wheelName(), d.wheel(m.t))
	}
	return dir
}

func (m *machine) write(dir, name string, content []byte) string {
	m.t.Helper()
	path := filepath.Join(dir, name)
	must(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(m.t, os.WriteFile(path, content, 0o644))
	return path
}

// files are the paths of all files in a directory.
func files(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	return paths
}

// installed asks an environment for the version of a module.
func (m *machine) installed(venv, module string) string {
	m.t.Helper()
	return strings.TrimSpace(m.run(m.home, venv, "-c", "import "+module+"; print("+module+".version)"))
}

// publisher and reader are tokens on main.
func (e *env) publisher() string { return e.Token("main", access.Read, access.Publish) }

func (e *env) reader() string { return e.ReadToken("main") }

func contains(t testing.TB, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Fatalf("want %q in\n%s", w, out)
		}
	}
}

func lacks(t testing.TB, out, words string) {
	t.Helper()
	if strings.Contains(out, words) {
		t.Fatalf("want no %q in\n%s", words, out)
	}
}
