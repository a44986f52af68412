//go:build linux

package doctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

func TestMain(m *testing.M) { commandtest.Main(m) }

const (
	root     = "../../../.."
	patience = 4 * time.Minute // for the session of one page
)

// clients are the programs that pages call, and where they are below SLIPWAY_CLIENTS. The others are the system's.
var clients = map[string]string{
	"npm":    `exec node "$C/npm-11.19.1/node_modules/npm/bin/npm-cli.js" "$@"`,
	"pnpm":   `exec node "$C/pnpm-10.34.9/node_modules/pnpm/bin/pnpm.cjs" "$@"`,
	"yarn":   `exec node "$C/yarn-1.22.22/node_modules/yarn/bin/yarn.js" "$@"`,
	"twine":  module("twine-7.0.0", "twine"),
	"poetry": module("poetry-2.5.1", "poetry"),
	"hatch":  module("hatch-1.18.2", "hatch"),
	"flit":   module("flit-4.2.0", "flit"),
	"pdm":    `PYTHONPATH="$C/pdm-2.29.4" exec python3 -m pdm "$@"`, // it runs virtualenv
	"pip":    `PYTHONPATH="$C/pip-26.3" exec python3 -m pip "$@"`,
	"uv":     `exec "$C/uv-0.13.8/bin/uv" "$@"`,
	"crane":  `exec "$C/oci/crane" "$@"`,
}

func module(dir, name string) string {
	return fmt.Sprintf(`exec python3 -c 'import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = "%[2]s"; runpy.run_module("%[2]s", run_name="__main__", alter_sys=True)' "$C/%[1]s" "$@"`, dir, name)
}

// needed are what a page's commands need of the machine besides the clients.
var needed = []string{"bash", "curl", "git", "java", "node", "python3", "setsid", "sha256sum", "tar"}

// machine is the machine of a reader, with the programs that pages name.
type machine struct {
	bin     string // a folder of the programs
	clients string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join(root, ".cache", "clients")
	}
	dir, err := filepath.Abs(dir)
	mustDo(t, err)
	m := machine{bin: t.TempDir(), clients: dir}
	missing := func(what error) {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("%v; run make clients", what)
		}
		t.Skipf("%v; run make clients", what)
	}
	for _, program := range needed {
		if _, err := exec.LookPath(program); err != nil {
			missing(err)
		}
	}
	for _, below := range []string{"npm-11.19.1", "twine-7.0.0", "pip-26.3", "uv-0.13.8", "hatch-1.18.2", "flit-4.2.0", "pdm-2.29.4", "oci/crane", "maven-3.9.16", "m2"} {
		if _, err := os.Stat(filepath.Join(dir, below)); err != nil {
			missing(err)
		}
	}
	for name, command := range clients {
		mustDo(t, os.WriteFile(filepath.Join(m.bin, name), []byte("#!/bin/sh\nC='"+dir+"'\n"+command+"\n"), 0o700)) //nolint:gosec // a program
	}
	// Maven takes its plugins from where the tests keep them, beside the settings of the page.
	mvn := filepath.Join(dir, "maven-3.9.16", "bin", "mvn")
	global := filepath.Join(m.bin, "settings.xml")
	mustDo(t, os.WriteFile(global, []byte(`<settings><mirrors><mirror><id>plugins</id><mirrorOf>central</mirrorOf><url>file://`+filepath.Join(dir, "m2")+`</url></mirror></mirrors></settings>`), 0o600))
	mustDo(t, os.WriteFile(filepath.Join(m.bin, "mvn"), []byte("#!/bin/sh\nexec "+mvn+` -gs "`+global+`" "$@"`+"\n"), 0o700)) //nolint:gosec // a program
	return m
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pages are README and all pages of docs but the notes of decisions and the specifications, which have no commands.
func pages(t *testing.T) []string {
	t.Helper()
	out := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/protocols/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		mustDo(t, err)
		for _, path := range found {
			rel, err := filepath.Rel(root, path)
			mustDo(t, err)
			out = append(out, rel)
		}
	}
	return out
}

// TestPages runs each page's command blocks in order, in one shell, against a server of its own that was never used: what a reader copies
// works. A block that can't be run here says why, in a comment above it.
func TestPages(t *testing.T) {
	m := newMachine(t)
	for _, page := range pages(t) {
		raw, err := os.ReadFile(filepath.Join(root, page))
		mustDo(t, err)
		list, notRun, err := blocks(string(raw))
		if err != nil {
			t.Errorf("%s: %v", page, err)
			continue
		}
		if len(list) == 0 {
			continue
		}
		t.Run(strings.ReplaceAll(strings.TrimSuffix(page, ".md"), "/", "-"), func(t *testing.T) {
			t.Parallel()
			s := commandtest.NewServer(t)
			s.Start()
			start := time.Now()
			m.session(t, s, page, list)
			t.Logf("%s: %d blocks in %s; %d are not run", page, len(list), time.Since(start).Round(time.Millisecond), notRun)
		})
	}
}

// session runs the blocks of a page as a reader who has a folder with the program, has logged in, and puts a token of their own where
// the page has "slp_…".
func (m machine) session(t *testing.T, s *commandtest.Server, page string, list []block) {
	t.Helper()
	home := t.TempDir()
	work := filepath.Join(home, "slipway")
	mustDo(t, os.MkdirAll(work, 0o700))
	mustDo(t, os.Symlink(s.Bin, filepath.Join(work, "slipway")))
	docs, err := filepath.Abs(filepath.Join(root, "docs"))
	mustDo(t, err)
	mustDo(t, os.Symlink(docs, filepath.Join(work, "docs")))
	token := s.Token("*", "admin")
	text := strings.NewReplacer("https://registry.example.com", s.URL, "https://slipway.example.com", s.URL, "http://127.0.0.1:8080", s.URL,
		"https://ci:$SLIPWAY_TOKEN@registry.example.com", "http://ci:$SLIPWAY_TOKEN@"+s.Addr,
		"registry.example.com", s.Addr, "127.0.0.1:8080", s.Addr, "/var/lib/slipway-restored", home+"/restored", "/var/lib/slipway", s.Data, "/mnt/", home+"/mnt/", "slp_…", token, "/tmp/", home+"/tmp/", "change-me-please", commandtest.Password).Replace(script(list))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir, cmd.WaitDelay = work, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what the page left in the background ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env = []string{
		"HOME=" + home, "PATH=" + m.bin + ":" + filepath.Dir(s.Bin) + ":" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "LC_ALL=C.UTF-8", "NO_COLOR=1", "CI=1",
		"SLIPWAY_SERVER=" + s.URL,
		"npm_config_update_notifier=false", "npm_config_fund=false", "npm_config_audit=false", "npm_config_fetch_retries=0",
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_BREAK_SYSTEM_PACKAGES=1", "UV_PYTHON_DOWNLOADS=never", "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
		"MAVEN_OPTS=-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.home=" + home, "GIT_CONFIG_NOSYSTEM=1",
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nothing is left, as a rule
	}
	if err != nil {
		t.Errorf("%s: %v; the session ends:\n%s", page, err, commandtest.Tail(string(out), 4000))
	}
}

// TestBlocks: a block is found with what is said about it.
func TestBlocks(t *testing.T) {
	page := "text\n```sh\none\n```\n<!-- not run: needs a docker daemon -->\n```sh\ntwo\n```\n<!-- file: ~/.npmrc -->\n```ini\nthree\n```\n```json\nfour\n```\n- item\n  ```sh\n  five\n  ```\n"
	list, notRun, err := blocks(page)
	if got := fmt.Sprint(list, notRun, err); got != "[{2  one\n} {10 ~/.npmrc three\n} {17  five\n}] 1 <nil>" {
		t.Errorf("%s", got)
	}
	if _, _, err := blocks("```sh\nwithout an end\n"); err == nil {
		t.Error("a block without an end is none")
	}
}
