package cli_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestAuditor: a token with audit on the whole server and nothing else answers, by commands alone, who could have moved a tag, who
// did, with which token and why, and what ran on a day, and proves one entry without a server.
func TestAuditor(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Put("tool/1.1.0/tool", "two")
	r.CLI(0, "env", "create", "prod", "--tag", "production")
	r.CLI(0, "user", "add", "bot", "--service", "--allow", "main:read,tag,deploy", "--allow", "env/prod:deploy")
	r.CLI(0, "user", "add", "reader", "--service", "--allow", "main:read")
	r.CLI(0, "user", "add", "eve", "--service", "--allow", "*:audit")
	as := func(name, user string, allow ...string) map[string]string {
		t.Helper()
		args := []string{"token", "create", name, "--user", user, "--password-stdin"}
		for _, a := range allow {
			args = append(args, "--allow", a)
		}
		secret := regexp.MustCompile(`slp_\S+`).FindString(r.With(commandtest.Password+"\n", nil, 0, args...))
		return map[string]string{"SLIPWAY_TOKEN": secret, "XDG_CONFIG_HOME": t.TempDir()}
	}
	ci := as("ci", "bot", "main:read,tag,deploy", "env/prod:deploy")
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.With("", ci, 0, "tag", "set", "main", "raw", "tool", "production", "1.1.0", "--reason", "release 1.1")
	r.With("", ci, 0, "deploy", "record", "--environment", "prod", "--service", "web", "--reason", "rollout 7", "main", "raw", "tool", "1.1.0")
	r.Settle()

	audit := as("audit", "eve", "*:audit")
	says := func(args []string, want ...string) string {
		t.Helper()
		out := r.With("", audit, 0, args...)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("slipway %s: no %q in %s", strings.Join(args, " "), w, out)
			}
		}
		return out
	}
	could := says([]string{"access", "who", "tag", "main", "--tag", "production"}, "is moved with tag: environment prod follows it", "bot", "token", "ci", "main:read,tag,deploy", "admin")
	if strings.Contains(could, "reader") || strings.Contains(could, "eve") {
		t.Errorf("who could have moved the tag: %s", could)
	}
	says([]string{"access", "who", "deploy", "env/prod", "--repository", "main"}, "bot", "env/prod:deploy", "owner of prod")
	says([]string{"access", "why", "bot", "tag", "main", "--tag", "production"}, "main:read,tag,deploy")
	says([]string{"tag", "history", "main", "raw", "tool", "production"}, "1.1.0", "token ci of user bot", "release 1.1", "1.0.0")
	says([]string{"token", "ls"}, "ci", "bot")
	r.With("", ci, 0, "pull", "main", "raw", "tool", "1.1.0", "--dir", t.TempDir())
	says([]string{"version", "pulls", "main", "raw", "tool", "1.1.0"}, "token ci of user bot")
	says([]string{"query", "--pulls", "digest:" + digest.FromString(`"two"`).String()}, "main", "raw", "tool", "1.1.0", "token ci of user bot")
	today := time.Now().UTC().Format(time.DateOnly)
	says([]string{"env", "show", "prod", "--as-of", today}, "web", "tool@1.1.0")
	says([]string{"env", "history", "prod"}, "tool@1.1.0", "token ci of user bot", "rollout 7")
	says([]string{"events", "ls", "--types", "tag.set", "--actor", "ci", "--since", today}, "token ci of user bot")

	var moved struct {
		Sequence string
		AuthID   string
		Data     struct{ Reason string }
	}
	line := says([]string{"events", "ls", "--types", "tag.set", "--package", "tool", "--actor", "ci", "-o", "json"})
	if err := json.Unmarshal([]byte(line), &moved); err != nil || moved.Data.Reason != "release 1.1" {
		t.Fatalf("the entry of the move: %s, %v", line, err)
	}
	seq := strings.TrimLeft(moved.Sequence, "0")
	says([]string{"events", "show", seq}, "production", "release 1.1", "token ci of user bot")
	proof := filepath.Join(t.TempDir(), "moved.tlog-proof")
	says([]string{"log", "proof", seq, "--file", proof})
	key := strings.TrimSpace(says([]string{"log", "key"}))
	code, out, errs := commandtest.Command(t.Context(), "", map[string]string{"SLIPWAY_SERVER": "http://127.0.0.1:1"}, "log", "verify-proof", proof, "--key", key)
	if code != 0 || !strings.Contains(out, "tag.set") || !strings.Contains(out, "pkg:generic/tool@1.1.0") || !strings.Contains(out, moved.AuthID) {
		t.Errorf("the proof without a server: %d %s%s", code, out, errs)
	}
	for _, change := range [][]string{
		{"tag", "set", "main", "raw", "tool", "production", "1.0.0"}, {"env", "set", "prod", "--description", "x"}, {"token", "rm", "1"}, {"repo", "set", "main", "--description", "x"},
	} {
		r.With("", audit, 1, change...)
	}
}
