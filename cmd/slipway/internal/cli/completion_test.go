package cli_test

import (
	"slices"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestCompleteTypes: shells complete event types where flags take them.
func TestCompleteTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"events", "tail", "--types", "tag."}, "tag.set"},
		{[]string{"events", "tail", "--types", "tag.set,artifact.p"}, "tag.set,artifact.published"},
		{[]string{"subscription", "create", "x", "--type", "dep"}, "deployment.*"},
	} {
		code, out, msg := commandtest.Command(t.Context(), "", nil, append([]string{"__complete"}, c.args...)...)
		if lines := strings.Split(out, "\n"); code != 0 || !slices.Contains(lines, c.want) || slices.Contains(lines, "token.created") {
			t.Errorf("%q completes to %q (exit code %d, %s), want %q among them", c.args, lines, code, msg, c.want)
		}
	}
}

// TestN14Completion: shells complete what the server has, with the flags and the login of the command line, and nothing where
// there is no server.
func TestN14Completion(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	pushImage(t, r, "team/app", "1.0", "one")
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.CLI(0, "env", "create", "prod")
	r.CLI(0, "repo", "create", "all", "--upstream", "main")
	r.CLI(0, "claim", "add", "raw", "acme-*")
	r.CLI(0, "deploy", "record", "--environment", "prod", "--service", "web", "main", "raw", "tool", "1.0.0")
	r.CLI(0, "events", "consumer", "set", "prod-web", "1")
	for args, want := range map[string]string{
		"version ls ":                     "main",
		"upstream show all ":              "main",
		"upstream order all main ":        "main",
		"upstream add all ":               "main",
		"claim rm ":                       "1\t",
		"cache restore main raw t":        "tool",
		"cache ls main --state ch":        "changed",
		"cache evict all --upstream ":     "main",
		"origin set main raw tool b":      "both",
		"resolve main raw t":              "tool",
		"repo create x --upstream m":      "main",
		"version ls main ":                "npm",
		"version ls main raw to":          "tool",
		"version show main raw tool ":     "1.0.0\tpublished",
		"version show main oci team/app ": "1.0\tsha256:",
		"tag rm main raw tool p":          "production\t1.0.0",
		"pull main raw tool ":             "1.0.0",
		"env show p":                      "prod",
		"env stop prod ":                  "web",
		"repo set ":                       "main",
		"user show ":                      "admin",
		"events consumer rm ":             "prod-web",
		"deploy ls --environment ":        "prod",
		"deploy ls --status s":            "succeeded",
		"package ls main --format n":      "npm",
		"repo ls -o ":                     "json",
		"login npm --repository ":         "main",
	} {
		code, out, msg := commandtest.Command(t.Context(), "", r.Env(), append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if code != 0 || !strings.HasPrefix(out, want) && !strings.Contains(out, "\n"+want) {
			t.Errorf("%q completes to %q (exit code %d, %s), want %q among them", args, out, code, msg, want)
		}
	}
	if _, out, _ := commandtest.Command(t.Context(), "", r.Env(), "__complete", "repo", "create", ""); strings.Contains(out, "main") {
		t.Errorf("a new name completes to %q", out)
	}
	env := map[string]string{"SLIPWAY_SERVER": "http://127.0.0.1:1"}
	if code, out, _ := commandtest.Command(t.Context(), "", env, "__complete", "version", "ls", ""); code != 0 || out != ":4\n" {
		t.Errorf("without a server: %d %q", code, out)
	}
}
