package cli_test

import (
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestN4: users, groups, roles and service accounts have commands; a user changes the own password; a question says who may do
// what and why.
func TestN4(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("no %q in %s", w, out)
			}
		}
	}
	r.With("a good password\n", nil, 0, "user", "add", "jane", "--role", "publisher@main", "--password-stdin")
	has(r.CLI(0, "user", "set", "jane", "--role", "reader@main", "--allow", "env/prod-*:deploy"), "reader@main", "env/prod-*:deploy")
	r.CLI(2, "user", "set", "jane")
	has(r.CLI(1, "user", "set", "jane", "--role", "reder@main"), `did you mean "reader"`)
	r.CLI(2, "user", "set", "jane", "--role", "reader")
	has(r.CLI(0, "group", "add", "ops", "--role", "releaser@main", "--member", "jane", "--description", "may ship"), "releaser@main", "jane", "may ship")
	has(r.CLI(0, "user", "show", "jane"), "ops", "person")
	r.CLI(0, "role", "set", "tagger", "read,tag")
	has(r.CLI(0, "role", "ls"), "administrator", "tagger", "read,tag")
	has(r.CLI(0, "group", "set", "ops", "--role", "tagger@main"), "tagger@main")
	has(r.CLI(1, "role", "rm", "tagger"), `group "ops" has the role`)
	has(r.CLI(0, "access", "who", "tag", "main"), "jane", "tagger@main of group ops", "admin")
	has(r.CLI(0, "access", "why", "jane", "deploy", "env/prod-eu"), "env/prod-*:deploy")
	has(r.CLI(1, "access", "why", "jane", "delete", "main"), "jane may not delete in main")
	r.CLI(0, "env", "create", "prod", "--tag", "production")
	has(r.CLI(0, "access", "who", "deploy", "env/prod", "--repository", "main"), "admin", "owner of prod")
	has(r.CLI(0, "access", "who", "tag", "main", "--tag", "production"), "The tag production of repository main is moved with tag: environment prod follows it.", "jane")
	has(r.CLI(0, "access", "why", "jane", "tag", "main", "--tag", "free"), "The tag free of repository main is free", "tag or publish", "jane")
	r.CLI(0, "repo", "set", "main", "--tag-rule", "v*=immutable")
	has(r.CLI(0, "access", "who", "tag", "main", "--tag", "v1"), "is not moved while its rule stands; to change that needs admin: the tag rule v*=immutable", "admin")
	has(r.CLI(1, "access", "why", "jane", "tag", "main", "--tag", "v1"), "jane may not move the tag v1 in main")
	r.CLI(2, "access", "who", "tag", "env/prod", "--tag", "x")
	r.CLI(2, "access", "who", "tag", "main", "--format", "npm")
	r.CLI(2, "access", "who", "deploy", "main", "--repository", "main")

	r.CLI(0, "user", "add", "bot", "--service", "--allow", "main:read")
	secret := said(t, r, commandtest.Password+"\n", "token", "create", "deploys", "--user", "bot", "--allow", "main:read", "--expires-in", "0", "--password-stdin")
	has(secret, "which does not end", "slp_")
	has(r.CLI(0, "group", "leave", "ops", "jane"), "ops")
	has(r.CLI(1, "access", "why", "jane", "tag", "main"), "may not")
	r.CLI(0, "group", "join", "ops", "jane", "bot")
	r.CLI(0, "group", "rm", "ops")
	r.CLI(0, "user", "rm", "bot")
	has(r.CLI(1, "user", "add", "bot", "--service"), "there was a user")

	jane := map[string]string{"XDG_CONFIG_HOME": t.TempDir()}
	r.With("a good password\n", jane, 0, "login", "--server", r.URL, "--user", "jane", "--password-stdin")
	has(r.With("a wrong password\nanother password\n", jane, 1, "user", "passwd", "--password-stdin"), "the current password is wrong")
	has(r.With("a good password\nanother password\n", jane, 0, "user", "passwd", "--password-stdin"), "Set the password of jane")
	has(r.With("", jane, 0, "whoami"), "jane", "EXPIRES")
	has(r.With("another password\n", jane, 2, "user", "passwd", "--password-stdin"), "lacks a line")
	r.With("", jane, 1, "group", "ls")
}

// said is what a command that succeeds writes to standard error and output.
func said(t *testing.T, r *commandtest.Running, stdin string, args ...string) string {
	t.Helper()
	code, out, errs := commandtest.Command(t.Context(), stdin, r.Env(), args...)
	if code != 0 {
		t.Fatalf("slipway %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return errs + out
}

// TestN2: a token that a login makes ends with it, and says so; a longer life is refused, with the way to have it.
func TestN2(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	out := said(t, r, "", "token", "create", "ci", "--allow", "main:read")
	if !strings.Contains(out, ", until 20") || !strings.Contains(out, "which made it") {
		t.Errorf("made by a login: %s", out)
	}
	for _, expires := range []string{"0", "8760h"} {
		if out := r.CLI(1, "token", "create", "ci", "--allow", "main:read", "--expires-in", expires); !strings.Contains(out, "ends at 20") || !strings.Contains(out, "password") {
			t.Errorf("--expires-in %s: %s", expires, out)
		}
	}
	out = said(t, r, commandtest.Password+"\n", "token", "create", "ci", "--allow", "main:read", "--expires-in", "8760h", "--password-stdin")
	if !strings.Contains(out, ", until 20") || strings.Contains(out, "which made it") {
		t.Errorf("made by password: %s", out)
	}
	if out := r.CLI(0, "token", "ls"); !strings.Contains(out, "└ ci") || !strings.Contains(out, "login: all of its user's") {
		t.Errorf("token ls: %s", out)
	}
}
