package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelp: every command says what it does, with an example, and every flag what it is for.
func TestHelp(t *testing.T) {
	c := &cli{stdin: strings.NewReader(""), stdout: &strings.Builder{}, stderr: &strings.Builder{}, env: func(string) string { return "" }}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: Short %q, Example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing", cmd.CommandPath(), f.Name)
			}
		})
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			if !strings.HasPrefix(line, "  ") || !strings.Contains(line, "slipway ") {
				t.Errorf("%s: example %q", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			if sub.Name() != "completion" && sub.Name() != "help" {
				walk(sub)
			}
		}
		if code, out, _ := command(t.Context(), "", nil, append(strings.Fields(cmd.CommandPath())[1:], "--help")...); code != exitDone || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: exit code %d\n%s", cmd.CommandPath(), code, out)
		}
	}
	walk(c.root())
}

// TestExitCodes: 2 for wrong usage, 1 for what fails, 0 otherwise; one line on standard error says why.
func TestExitCodes(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	dead := "http://127.0.0.1:1"
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"version", 0, ""},
		{"", 2, ""},
		{"bogus", 2, `unknown command "bogus"`},
		{"token", 2, ""},
		{"token bogus", 2, `unknown command "bogus"`},
		{"version bogus", 2, `unknown command "bogus"`},
		{"--bogus", 2, "unknown flag"},
		{"serve --bogus", 2, "unknown flag"},
		{"serve extra", 2, "arguments"},
		{"repo create", 2, "1 argument, not 0"},
		{"repo set main", 2, "nothing to change"},
		{"repo ls --output xml", 2, "--output"},
		{"repo ls --server localhost:8080", 2, "--server"},
		{"repo ls --server http://user:secret@localhost", 2, "--server"},
		{"token create ci", 2, "--allow"},
		{"token create ci --allow main", 2, "--allow"},
		{"token create ci --allow main:read --expires-in x", 2, "expires-in"},
		{"tag set main npm lib latest", 2, "arguments"},
		{"version annotate main npm lib 1", 2, "nothing to add"},
		{"events tail --after x --server " + dead, 2, "--after"},
		{"deploy record --environment prod --service web", 2, "--purl or --digest"},
		{"deploy record --environment prod --digest x", 2, "--service"},
		{"subscription create deploys", 2, "--url"},
		{"login", 2, "--password-stdin"},
		{"repo ls --server " + dead, 1, "refused"},
		{"health --server " + dead, 1, "refused"},
		{"gc --grace -1s", 2, "--grace"},
	} {
		code, stdout, stderr := command(t.Context(), "", nil, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) || code != 0 && stdout != "" {
			t.Errorf("%q: exit code %d, want %d; stdout %q, stderr %q", c.args, code, c.code, stdout, stderr)
		}
		if c.want != "" && (strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "slipway: ")) {
			t.Errorf("%q: more than one line: %q", c.args, stderr)
		}
		if strings.Contains(stderr, "secret") {
			t.Errorf("%q: the password is repeated: %q", c.args, stderr)
		}
	}
}

func TestVersionCommand(t *testing.T) {
	_, out, _ := command(t.Context(), "", nil, "version")
	if !regexp.MustCompile(`^slipway \S+ \(commit \S+, go1\.\S+, \S+/\S+\)\n$`).MatchString(out) {
		t.Errorf("%q", out)
	}
	_, out, _ = command(t.Context(), "", nil, "version", "--output", "json")
	var v map[string]string
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["go"] == "" || v["version"] == "" || v["commit"] == "" {
		t.Errorf("%s: %v", out, err)
	}
}

func TestLogin(t *testing.T) {
	r := startServer(t)
	if msg := r.cli(1, "repo", "ls"); !strings.Contains(msg, "slipway login") {
		t.Errorf("without a login: %s", msg)
	}
	r.with("wrong password\n", nil, 1, "login", "--password-stdin")
	r.with("", nil, 2, "login", "--password-stdin")
	r.login()
	path, err := loginsPath()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", path, info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	stored, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(stored), testPassword) {
		t.Errorf("stored: %s, %v", stored, err)
	}
	if out := r.cli(0, "repo", "ls"); !strings.Contains(out, "main") {
		t.Errorf("repo ls: %s", out)
	}
	r.with("", map[string]string{"SLIPWAY_TOKEN": "slp_wrong"}, 1, "repo", "ls") // the environment wins over the login
	r.with("", map[string]string{"SLIPWAY_TOKEN": "slp_wrong"}, 1, "repo", "ls", "--token", "slp_other")
	var l logins
	if err := json.Unmarshal(stored, &l); err != nil {
		t.Fatal(err)
	}
	r.cli(0, "logout")
	r.cli(0, "logout")
	r.with("", map[string]string{"SLIPWAY_TOKEN": l.Servers[r.url].Token}, 1, "repo", "ls") // it is revoked, not only forgotten
	if msg := r.cli(1, "repo", "ls"); !strings.Contains(msg, "slipway login") {
		t.Errorf("after logout: %s", msg)
	}
}

// TestServerAnswersThatAreNoSlipway: another host does not get the token, and no answer is taken for another.
func TestServerAnswersThatAreNoSlipway(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	got := make(chan string, 1)
	other := serveHTTP(t, func(_, auth string) (int, string, string) { got <- auth; return 200, "{}", "" })
	first := serveHTTP(t, func(path, _ string) (int, string, string) { return 302, "", other + path })
	code, _, stderr := command(t.Context(), "", nil, "repo", "ls", "--server", first, "--token", "slp_secret")
	if code != exitFailed || !strings.Contains(stderr, "302") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	select {
	case auth := <-got:
		t.Errorf("the redirect was followed with %q", auth)
	default:
	}
	html := serveHTTP(t, func(_, _ string) (int, string, string) { return 200, "<html>", "" })
	if code, _, stderr := command(t.Context(), "", nil, "repo", "ls", "--server", html); code != exitFailed || !strings.Contains(stderr, "not what a Slipway server sends") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestAdministration(t *testing.T) {
	r := startServer(t)
	r.login()
	r.cli(0, "repo", "create", "team-a", "--description", "what A builds")
	r.cli(1, "repo", "create", "team-a")
	if out := r.cli(0, "repo", "set", "team-a", "--raw-redeploy"); !strings.Contains(out, "what A builds") || !strings.Contains(out, "true") {
		t.Errorf("repo set: %s", out)
	}
	if out := r.cli(0, "repo", "show", "team-a", "--output", "json"); !strings.Contains(out, `"raw_redeploy": true`) || !strings.Contains(out, `"allow_reuse": false`) {
		t.Errorf("repo show: %s", out)
	}
	r.cli(0, "repo", "rm", "team-a")

	secret := strings.TrimSpace(r.cli(0, "token", "create", "ci", "--allow", "main:read,publish", "--expires-in", "1h"))
	if !strings.HasPrefix(secret, "slp_") || strings.ContainsAny(secret, " \n") {
		t.Errorf("token create prints %q", secret)
	}
	var tokens []struct{ ID, Name string }
	if err := json.Unmarshal([]byte(r.cli(0, "token", "ls", "--output", "json")), &tokens); err != nil || len(tokens) != 2 {
		t.Fatalf("tokens: %v, %v", tokens, err)
	}
	r.with("", map[string]string{"SLIPWAY_TOKEN": secret}, 1, "repo", "create", "x")
	r.with("", map[string]string{"SLIPWAY_TOKEN": secret}, 0, "repo", "show", "main")
	r.cli(0, "token", "rm", tokens[1].ID)
	r.with("", map[string]string{"SLIPWAY_TOKEN": secret}, 1, "repo", "show", "main")

	r.with("a good password\n", nil, 0, "user", "add", "jane", "--allow", "main:read", "--password-stdin")
	r.with("another password\n", nil, 0, "user", "passwd", "jane", "--password-stdin")
	if out := r.cli(0, "user", "ls"); !strings.Contains(out, "jane") || !strings.Contains(out, "main:read") {
		t.Errorf("user ls: %s", out)
	}
	r.with("a good password\n", nil, 1, "login", "--user", "jane", "--password-stdin")
	r.cli(0, "user", "disable", "jane")
	r.with("another password\n", nil, 1, "login", "--user", "jane", "--password-stdin")
	r.cli(0, "user", "enable", "jane")
	r.with("another password\n", nil, 0, "login", "--user", "jane", "--password-stdin")
	r.cli(1, "user", "ls")
}

func TestVersionsAndTags(t *testing.T) {
	r := startServer(t)
	r.login()
	r.put("team/tool/1.0.0/tool", "one")
	r.put("tool/1.0.0/tool", "one")
	r.put("tool/1.1.0/tool", "two")
	if out := r.cli(0, "package", "ls", "main", "--format", "raw", "-q", "tool"); !strings.Contains(out, "tool") || !strings.Contains(out, "1.1.0") {
		t.Errorf("package ls: %s", out)
	}
	r.cli(0, "version", "annotate", "main", "raw", "tool", "1.0.0", "--commit", "4f0c2d1", "--custom", "team.ticket=ABC-1", "--dirty=false")
	if out := r.cli(0, "version", "show", "main", "raw", "tool", "1.0.0"); !strings.Contains(out, "4f0c2d1") || !strings.Contains(out, "ABC-1") || !strings.Contains(out, "admin") {
		t.Errorf("version show: %s", out)
	}
	r.cli(1, "version", "show", "main", "raw", "tool", "9")
	if out := r.cli(0, "version", "ls", "main", "raw", "tool"); strings.Index(out, "1.1.0") > strings.Index(out, "1.0.0") {
		t.Errorf("version ls: %s", out)
	}
	var first struct {
		SetAt string `json:"set_at"`
		Seq   int64
	}
	if err := json.Unmarshal([]byte(r.cli(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0", "--reason", "r1", "--if-generation", "0", "--output", "json")), &first); err != nil {
		t.Fatal(err)
	}
	if msg := r.cli(1, "tag", "set", "main", "raw", "tool", "production", "1.1.0", "--if-generation", "7"); !strings.Contains(msg, "412") {
		t.Errorf("compare-and-swap: %s", msg)
	}
	r.cli(0, "tag", "set", "main", "raw", "tool", "production", "1.1.0", "--if-generation", "1")
	for _, asOf := range []string{first.SetAt, fmt.Sprintf("seq:%d", first.Seq)} {
		if out := r.cli(0, "tag", "show", "main", "raw", "tool", "production", "--as-of", asOf); !strings.Contains(out, "1.0.0") {
			t.Errorf("as of %s: %s", asOf, out)
		}
	}
	if out := r.cli(0, "tag", "ls", "main", "raw", "tool"); !strings.Contains(out, "1.1.0") {
		t.Errorf("tag ls: %s", out)
	}
	r.cli(0, "tag", "rm", "main", "raw", "tool", "production", "--reason", "withdrawn")
	if out := r.cli(0, "tag", "history", "main", "raw", "tool", "production"); strings.Count(out, "\n") != 3 {
		t.Errorf("tag history: %s", out)
	}
	r.cli(0, "version", "rm", "main", "raw", "tool", "1.1.0", "--reason", "oops")
	if out := r.cli(0, "version", "ls", "main", "raw", "tool", "--deleted"); !strings.Contains(out, "deleted") {
		t.Errorf("tombstone: %s", out)
	}
}

// TestDeployments: reports, what runs where now and before, and a version that can't go while it runs.
func TestDeployments(t *testing.T) {
	r := startServer(t)
	r.login()
	r.put("tool/1.0.0/tool", "one")
	r.put("tool/1.1.0/tool", "two")
	r.cli(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.cli(0, "env", "create", "prod", "--tag", "production", "--description", "customers")
	var first struct {
		ID      string
		LastSeq int64 `json:"last_seq"`
	}
	record := []string{"deploy", "record", "--environment", "prod", "--service", "web", "--repository", "main", "--status", "succeeded"}
	out := r.cli(0, append(record, "--purl", "pkg:generic/tool@1.0.0", "--external-id", "77", "--output", "json")...)
	if err := json.Unmarshal([]byte(out), &first); err != nil || first.ID == "" {
		t.Fatalf("%s: %v", out, err)
	}
	r.cli(0, append(record, "--purl", "pkg:generic/tool@1.0.0", "--external-id", "77")...)
	if msg := r.cli(1, "version", "rm", "main", "raw", "tool", "1.0.0"); !strings.Contains(msg, `"web" runs it in environment "prod"`) {
		t.Errorf("version rm: %s", msg)
	}
	r.cli(0, append(record, "--digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(`"two"`))), "--external-id", "78")...)
	if out := r.cli(0, "deploy", "ls", "--environment", "prod"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "pkg:generic/tool@1.1.0") {
		t.Errorf("deploy ls: %s", out)
	}
	if out := r.cli(0, "deploy", "show", first.ID); !strings.Contains(out, "pkg:generic/tool@1.0.0") || !strings.Contains(out, "sha256:") {
		t.Errorf("deploy show: %s", out)
	}
	if out := r.cli(0, "env", "show", "prod"); !strings.Contains(out, "pkg:generic/tool@1.1.0") || !strings.Contains(out, "true") {
		t.Errorf("env show: %s", out)
	}
	if out := r.cli(0, "env", "show", "prod", "--as-of", fmt.Sprintf("seq:%d", first.LastSeq)); !strings.Contains(out, "tool@1.0.0") || strings.Contains(out, "tool@1.1.0") {
		t.Errorf("env show then: %s", out)
	}
	if out := r.cli(0, "env", "history", "prod", "--service", "web"); strings.Count(out, "\n") != 3 {
		t.Errorf("env history: %s", out)
	}
	r.cli(0, "version", "rm", "main", "raw", "tool", "1.0.0")
	r.cli(0, "env", "stop", "prod", "web")
	r.cli(0, "env", "rm", "prod")
	if out := r.cli(0, "env", "ls"); strings.Contains(out, "prod") {
		t.Errorf("env ls: %s", out)
	}
	r.cli(0, "version", "yank", "main", "raw", "tool", "1.1.0", "--reason", "bad")
	r.cli(0, "version", "deprecate", "main", "raw", "tool", "1.1.0", "--reason", "old")
	if out := r.cli(0, "version", "unyank", "main", "raw", "tool", "1.1.0"); !strings.Contains(out, "published") {
		t.Errorf("unyank: %s", out)
	}
	r.stop()
	if out := r.cli(0, "fsck", "--data", r.data); !strings.HasPrefix(lastLine(out), "fsck: all is well") {
		t.Errorf("fsck: %s", out)
	}
}

// TestOffline: fsck and gc work on a directory whose server does not run, and touch nothing where there is none.
func TestOffline(t *testing.T) {
	r := startServer(t)
	r.login()
	r.put("tool/1.0.0/tool", "one")
	if msg := r.cli(1, "fsck", "--data", r.data); !strings.Contains(msg, "in use") {
		t.Errorf("fsck beside a server: %s", msg)
	}
	r.cli(0, "version", "rm", "main", "raw", "tool", "1.0.0")
	r.stop()
	if out := r.cli(0, "fsck", "--data", r.data); !strings.HasPrefix(lastLine(out), "fsck: all is well") {
		t.Errorf("fsck: %s", out)
	}
	if out := r.cli(0, "gc", "--data", r.data, "--grace", "0s", "--dry-run"); !strings.Contains(out, "would remove 1 blobs") {
		t.Errorf("dry run: %s", out)
	}
	if out := r.cli(0, "gc", "--data", r.data, "--grace", "0s", "--output", "json"); !strings.Contains(out, `"blobs":1`) {
		t.Errorf("gc: %s", out)
	}
	absent := filepath.Join(t.TempDir(), "absent")
	for _, tool := range []string{"fsck", "gc"} {
		if msg := r.cli(2, tool, "--data", absent); !strings.Contains(msg, "does not exist") {
			t.Errorf("%s: %s", tool, msg)
		}
	}
	if _, err := os.Stat(absent); !os.IsNotExist(err) {
		t.Error("a directory was made")
	}
}

// TestFsckFinds: a blob that lost its bytes is named, with the version that needs it, and the exit code is 1.
func TestFsckFinds(t *testing.T) {
	t.Run("a file", func(t *testing.T) { testFsckFinds(t, strings.Repeat("large ", 20_000), "sha256/*/*") })
	t.Run("in a pack", func(t *testing.T) { testFsckFinds(t, "one", "packs/*.pack") })
}

func testFsckFinds(t *testing.T, content, place string) {
	r := startServer(t)
	r.login()
	r.put("tool/1.0.0/tool", content)
	r.stop()
	files, err := filepath.Glob(filepath.Join(r.data, "blobs", place))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"table", "json"} {
		code, stdout, stderr := command(t.Context(), "", nil, "fsck", "--data", r.data, "--output", output)
		if code != exitFailed || !strings.Contains(stdout, "main/raw tool 1.0.0") || stderr != "" {
			t.Errorf("fsck: exit code %d\n%s%s", code, stdout, stderr)
		}
		if last := lastLine(stdout); !strings.HasPrefix(last, "fsck: 1 wrong") && !strings.Contains(last, `"wrong":1`) {
			t.Errorf("summary: %s", last)
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// TestServeInProcess: serve prints the URL and, the first time only, the password.
func TestServeInProcess(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	once := func() (stdout, stderr string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, errs := &cancelling{cancel: cancel}, &strings.Builder{}
		code := run(ctx, []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, strings.NewReader(""), out, errs, func(string) string { return "" })
		if code != exitDone || !strings.Contains(out.String(), "http://127.0.0.1:") {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		return out.String(), errs.String()
	}
	password := regexp.MustCompile(`the password of the user "admin" is (\S{24}) `)
	_, first := once()
	m := password.FindStringSubmatch(first)
	if m == nil {
		t.Fatalf("no password: %s", first)
	}
	stdout, second := once()
	if strings.Contains(second, "password") || strings.Contains(stdout+second, m[1]) {
		t.Errorf("the password was shown again: %s", second)
	}
	info, err := os.Stat(data)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(data, "keys", "log.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log key: %v, %v", info.Mode(), err)
	}
}

// cancelling ends a context at the first line: serve prints one when it is ready.
type cancelling struct {
	strings.Builder
	cancel func()
}

func (c *cancelling) Write(p []byte) (int, error) {
	c.cancel()
	return c.Builder.Write(p)
}
