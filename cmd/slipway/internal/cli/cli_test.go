package cli_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	if msg := r.CLI(1, "repo", "ls"); !strings.Contains(msg, "slipway login") {
		t.Errorf("without a login: %s", msg)
	}
	r.With("wrong password\n", nil, 1, "login", "--password-stdin")
	r.With("", nil, 2, "login", "--password-stdin")
	r.Login()
	path, err := cli.LoginsPath(r.ConfigDir)
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
	if err != nil || strings.Contains(string(stored), commandtest.Password) {
		t.Errorf("stored: %s, %v", stored, err)
	}
	if out := r.CLI(0, "repo", "ls"); !strings.Contains(out, "main") {
		t.Errorf("repo ls: %s", out)
	}
	r.With("", map[string]string{"SLIPWAY_TOKEN": "slp_wrong"}, 1, "repo", "ls") // the environment wins over the login
	r.With("", map[string]string{"SLIPWAY_TOKEN": "slp_wrong"}, 1, "repo", "ls", "--token", "slp_other")
	var l cli.Logins
	if err := json.Unmarshal(stored, &l); err != nil {
		t.Fatal(err)
	}
	r.CLI(0, "logout")
	r.CLI(0, "logout")
	r.With("", map[string]string{"SLIPWAY_TOKEN": l.Servers[r.URL].Token}, 1, "repo", "ls") // the token is revoked, not only forgotten
	if msg := r.CLI(1, "repo", "ls"); !strings.Contains(msg, "slipway login") {
		t.Errorf("after logout: %s", msg)
	}
}

// TestServerAnswersThatAreNoSlipway: another host does not get the token, and an answer of another server is not taken for
// Slipway's.
func TestServerAnswersThatAreNoSlipway(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	other := commandtest.ServeHTTP(t, func(_, auth string) (int, string, string) { got <- auth; return 200, "{}", "" })
	first := commandtest.ServeHTTP(t, func(path, _ string) (int, string, string) { return 302, "", other + path })
	code, _, stderr := commandtest.Command(t.Context(), "", nil, "repo", "ls", "--server", first, "--token", "slp_secret")
	if code != command.Failed || !strings.Contains(stderr, "302") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	select {
	case auth := <-got:
		t.Errorf("the redirect was followed with %q", auth)
	default:
	}
	html := commandtest.ServeHTTP(t, func(_, _ string) (int, string, string) { return 200, "<html>", "" })
	if code, _, stderr := commandtest.Command(t.Context(), "", nil, "repo", "ls", "--server", html); code != command.Failed || !strings.Contains(stderr, "not what a Slipway server sends") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.CLI(0, "repo", "create", "team-a", "--description", "what A builds")
	r.CLI(1, "repo", "create", "team-a")
	if out := r.CLI(0, "repo", "set", "team-a", "--raw-redeploy"); !strings.Contains(out, "what A builds") || !strings.Contains(out, "true") {
		t.Errorf("repo set: %s", out)
	}
	if out := r.CLI(0, "repo", "show", "team-a", "--output", "json"); !strings.Contains(out, `"raw_redeploy": true`) || !strings.Contains(out, `"allow_reuse": false`) {
		t.Errorf("repo show: %s", out)
	}
	r.CLI(0, "repo", "rm", "team-a")

	secret := strings.TrimSpace(r.CLI(0, "token", "create", "ci", "--allow", "main:read,publish", "--expires-in", "1h"))
	if !strings.HasPrefix(secret, "slp_") || strings.ContainsAny(secret, " \n") {
		t.Errorf("token create prints %q", secret)
	}
	var tokens []struct{ ID, Name string }
	if err := json.Unmarshal([]byte(r.CLI(0, "token", "ls", "--output", "json")), &tokens); err != nil || len(tokens) != 2 {
		t.Fatalf("tokens: %v, %v", tokens, err)
	}
	r.With("", map[string]string{"SLIPWAY_TOKEN": secret}, 1, "repo", "create", "x")
	r.With("", map[string]string{"SLIPWAY_TOKEN": secret}, 0, "repo", "show", "main")
	r.CLI(0, "token", "rm", tokens[1].ID)
	r.With("", map[string]string{"SLIPWAY_TOKEN": secret}, 1, "repo", "show", "main")

	r.With("a good password\n", nil, 0, "user", "add", "jane", "--allow", "main:read", "--password-stdin")
	r.With("another password\n", nil, 0, "user", "passwd", "jane", "--password-stdin")
	if out := r.CLI(0, "user", "ls"); !strings.Contains(out, "jane") || !strings.Contains(out, "main:read") {
		t.Errorf("user ls: %s", out)
	}
	r.With("a good password\n", nil, 1, "login", "--user", "jane", "--password-stdin")
	r.CLI(0, "user", "disable", "jane")
	r.With("another password\n", nil, 1, "login", "--user", "jane", "--password-stdin")
	r.CLI(0, "user", "enable", "jane")
	r.With("another password\n", nil, 0, "login", "--user", "jane", "--password-stdin")
	r.CLI(1, "user", "ls")
}

func TestVersionsAndTags(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("team/tool/1.0.0/tool", "one")
	r.Put("tool/1.0.0/tool", "one")
	r.Put("tool/1.1.0/tool", "two")
	if out := r.CLI(0, "package", "ls", "main", "--format", "raw", "-q", "tool"); !strings.Contains(out, "tool") || !strings.Contains(out, "1.1.0") {
		t.Errorf("package ls: %s", out)
	}
	r.CLI(0, "version", "annotate", "main", "raw", "tool", "1.0.0", "--commit", "4f0c2d1", "--custom", "team.ticket=ABC-1", "--dirty=false")
	if out := r.CLI(0, "version", "show", "main", "raw", "tool", "1.0.0"); !strings.Contains(out, "4f0c2d1") || !strings.Contains(out, "ABC-1") || !strings.Contains(out, "admin") {
		t.Errorf("version show: %s", out)
	}
	r.CLI(1, "version", "show", "main", "raw", "tool", "9")
	if out := r.CLI(0, "version", "ls", "main", "raw", "tool"); strings.Index(out, "1.1.0") > strings.Index(out, "1.0.0") {
		t.Errorf("version ls: %s", out)
	}
	if out := r.CLI(0, "version", "ls", "main", "raw", "tool", "--wide", "--query", "commit:4f0c2d1"); !strings.Contains(out, "4f0c2d1") || strings.Contains(out, "1.1.0") {
		t.Errorf("version ls of a commit: %s", out)
	}
	var one struct{ Seq int64 }
	if err := json.Unmarshal([]byte(r.CLI(0, "version", "show", "main", "raw", "tool", "1.0.0", "-o", "json")), &one); err != nil {
		t.Fatal(err)
	}
	if out := r.CLI(0, "version", "ls", "main", "raw", "tool", "--as-of", fmt.Sprintf("seq:%d", one.Seq)); !strings.Contains(out, "1.0.0") || strings.Contains(out, "1.1.0") {
		t.Errorf("version ls of a past moment: %s", out)
	}
	var first struct {
		SetAt string `json:"set_at"`
		Seq   int64
	}
	if err := json.Unmarshal([]byte(r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0", "--reason", "r1", "--if-generation", "0", "--output", "json")), &first); err != nil {
		t.Fatal(err)
	}
	if msg := r.CLI(1, "tag", "set", "main", "raw", "tool", "production", "1.1.0", "--if-generation", "7"); !strings.Contains(msg, "412") {
		t.Errorf("compare-and-swap: %s", msg)
	}
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.1.0", "--if-generation", "1")
	for _, asOf := range []string{first.SetAt, fmt.Sprintf("seq:%d", first.Seq)} {
		if out := r.CLI(0, "tag", "show", "main", "raw", "tool", "production", "--as-of", asOf); !strings.Contains(out, "1.0.0") {
			t.Errorf("as of %s: %s", asOf, out)
		}
	}
	if out := r.CLI(0, "tag", "ls", "main", "raw", "tool"); !strings.Contains(out, "1.1.0") {
		t.Errorf("tag ls: %s", out)
	}
	r.CLI(0, "tag", "rm", "main", "raw", "tool", "production", "--reason", "withdrawn")
	if out := r.CLI(0, "tag", "history", "main", "raw", "tool", "production"); strings.Count(out, "\n") != 3 {
		t.Errorf("tag history: %s", out)
	}
	r.CLI(0, "version", "rm", "main", "raw", "tool", "1.1.0", "--reason", "oops")
	if out := r.CLI(0, "version", "ls", "main", "raw", "tool", "--deleted"); !strings.Contains(out, "deleted") {
		t.Errorf("tombstone: %s", out)
	}
}

// TestDeployments: reports, what runs where now and ran before, and a version that can't be deleted while it runs.
func TestDeployments(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Put("tool/1.1.0/tool", "two")
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.CLI(0, "env", "create", "prod", "--tag", "production", "--description", "customers")
	var first struct {
		ID      string
		LastSeq int64 `json:"last_seq"`
	}
	record := []string{"deploy", "record", "--environment", "prod", "--service", "web", "--repository", "main", "--status", "succeeded"}
	out := r.CLI(0, append(record, "--purl", "pkg:generic/tool@1.0.0", "--external-id", "77", "--output", "json")...)
	if err := json.Unmarshal([]byte(out), &first); err != nil || first.ID == "" {
		t.Fatalf("%s: %v", out, err)
	}
	r.CLI(0, append(record, "--purl", "pkg:generic/tool@1.0.0", "--external-id", "77")...)
	if msg := r.CLI(1, "version", "rm", "main", "raw", "tool", "1.0.0"); !strings.Contains(msg, `"web" runs it in environment "prod"`) {
		t.Errorf("version rm: %s", msg)
	}
	r.CLI(0, append(record, "--digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(`"two"`))), "--external-id", "78")...)
	if out := r.CLI(0, "deploy", "ls", "--environment", "prod"); strings.Count(out, "\n") != 3 || !strings.Contains(out, "pkg:generic/tool@1.1.0") {
		t.Errorf("deploy ls: %s", out)
	}
	if out := r.CLI(0, "deploy", "show", first.ID); !strings.Contains(out, "pkg:generic/tool@1.0.0") || !strings.Contains(out, "sha256:") {
		t.Errorf("deploy show: %s", out)
	}
	if out := r.CLI(0, "env", "show", "prod"); !strings.Contains(out, "pkg:generic/tool@1.1.0") || !strings.Contains(out, "yes") {
		t.Errorf("env show: %s", out)
	}
	if out := r.CLI(0, "env", "show", "prod", "--as-of", fmt.Sprintf("seq:%d", first.LastSeq)); !strings.Contains(out, "tool@1.0.0") || strings.Contains(out, "tool@1.1.0") {
		t.Errorf("env show then: %s", out)
	}
	if out := r.CLI(0, "env", "history", "prod", "--service", "web"); strings.Count(out, "\n") != 3 {
		t.Errorf("env history: %s", out)
	}
	r.CLI(0, "version", "rm", "main", "raw", "tool", "1.0.0")
	r.CLI(0, "env", "stop", "prod", "web")
	r.CLI(0, "env", "rm", "prod")
	if out := r.CLI(0, "env", "ls"); strings.Contains(out, "prod") {
		t.Errorf("env ls: %s", out)
	}
	r.CLI(0, "version", "yank", "main", "raw", "tool", "1.1.0", "--reason", "bad")
	r.CLI(0, "version", "deprecate", "main", "raw", "tool", "1.1.0", "--reason", "old")
	if out := r.CLI(0, "version", "unyank", "main", "raw", "tool", "1.1.0"); !strings.Contains(out, "published") {
		t.Errorf("unyank: %s", out)
	}
	r.Stop()
	if out := r.CLI(0, "fsck", "--data", r.Data); !strings.HasPrefix(lastLine(out), "fsck: all is well") {
		t.Errorf("fsck: %s", out)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
