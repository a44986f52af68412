package cli_test

import (
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestStaleLogin: a user whose stored token is refused is told how to get a new token.
func TestStaleLogin(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.CLI(0, "token", "rm", "1")
	if out := r.CLI(1, "repo", "ls"); !strings.Contains(out, "; log in again with 'slipway login' (HTTP 401)") {
		t.Errorf("with the stored token: %s", out)
	}
	if out := r.CLI(1, "repo", "ls", "--token", "slp_wrong"); strings.Contains(out, "slipway login") {
		t.Errorf("with a token of its own: %s", out)
	}
}

// TestEventsOfEnvironments: the table says which environment an event is about, and which service.
func TestEventsOfEnvironments(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.CLI(0, "env", "create", "plain")
	r.CLI(0, "env", "create", "prod", "--tag", "production")
	out := r.CLI(0, "events", "tail", "--once", "--types", "environment.*")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], " of user admin  plain") || !strings.HasSuffix(lines[1], " of user admin  prod (tag production)") {
		t.Errorf("printed\n%s", out)
	}
	r.Put("tool/1.0.0/tool", "one")
	r.CLI(0, "deploy", "record", "--environment", "prod", "--service", "web", "--purl", "pkg:generic/tool@1.0.0")
	if out := r.CLI(0, "events", "tail", "--once", "--types", "deployment.*"); !strings.HasSuffix(out, " of user admin  web in prod: pkg:generic/tool@1.0.0\n") {
		t.Errorf("printed\n%s", out)
	}
}
