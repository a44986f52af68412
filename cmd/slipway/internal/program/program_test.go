package program_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/program"
)

// TestHelp: every command describes itself, with an example, and every flag says what it is for.
func TestHelp(t *testing.T) {
	p := &command.Program{Stdin: strings.NewReader(""), Stdout: &strings.Builder{}, Stderr: &strings.Builder{}, Env: func(string) string { return "" }}
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
		if code, out, _ := commandtest.Command(t.Context(), "", nil, append(strings.Fields(cmd.CommandPath())[1:], "--help")...); code != command.Done || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: exit code %d\n%s", cmd.CommandPath(), code, out)
		}
	}
	walk(program.Root(p))
}

// TestExitCodes: 2 for wrong usage, 1 for a failure, 0 otherwise; one line on standard error says why.
func TestExitCodes(t *testing.T) {
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
		code, stdout, stderr := commandtest.Command(t.Context(), "", nil, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) || code != 0 && stdout != "" {
			t.Errorf("%q: exit code %d, want %d; stdout %q, stderr %q", c.args, code, c.code, stdout, stderr)
		}
		if c.want != "" && (strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "slipway: ")) {
			t.Errorf("%q: more than one line: %q", c.args, stderr)
		}
		if strings.Contains(c.args, "secret") && strings.Contains(stderr, "secret") {
			t.Errorf("%q: the password is repeated: %q", c.args, stderr)
		}
	}
}

func TestVersionCommand(t *testing.T) {
	_, out, _ := commandtest.Command(t.Context(), "", nil, "version")
	if !regexp.MustCompile(`^slipway \S+ \(commit \S+, go1\.\S+, \S+/\S+\)\n$`).MatchString(out) {
		t.Errorf("%q", out)
	}
	_, out, _ = commandtest.Command(t.Context(), "", nil, "version", "--output", "json")
	var v map[string]string
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["go"] == "" || v["version"] == "" || v["commit"] == "" {
		t.Errorf("%s: %v", out, err)
	}
}

// TestRefusals: errors use the terms of the command line, not those of a library.
func TestRefusals(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		args string
		env  map[string]string
		code int
		want string
	}{
		{"package ls", nil, 2, "slipway: package ls takes 1 argument, not 0: slipway package ls REPO [flags]\n"},
		{"tag ls main", nil, 2, "slipway: tag ls takes 3 arguments, not 1: "},
		{"serve extra", nil, 2, "slipway: serve takes no arguments: "},
		{"help bogus", nil, 2, `slipway: unknown command "bogus" for "slipway"`},
		{"help tag bogus", nil, 2, `slipway: unknown command "bogus" for "slipway tag"`},
		{"help tag set", nil, 0, ""},
		{"tag set main npm lib latest 1 --if-generation x", nil, 2, `slipway: --if-generation: "x" is not a number` + "\n"},
		{"token create ci --allow main:read --expires-in 30d", nil, 2, `slipway: --expires-in: "30d" is not a duration such as 90m or 720h` + "\n"},
		{"serve --anonymous-read=maybe", nil, 2, `slipway: --anonymous-read: "maybe" is neither true nor false` + "\n"},
		{"serve --trusted-proxies 10.0.0.0/99", nil, 2, `slipway: --trusted-proxies: "10.0.0.0/99" is neither a CIDR nor an address` + "\n"},
		{"serve", map[string]string{"SLIPWAY_ANONYMOUS_READ": "maybe"}, 2, `slipway: SLIPWAY_ANONYMOUS_READ: "maybe" is neither true nor false` + "\n"},
		{"serve", map[string]string{"SLIPWAY_GC_GRACE": "1d"}, 2, `slipway: SLIPWAY_GC_GRACE: "1d" is not a duration such as 90m or 720h` + "\n"},
		{"repo ls --server http://127.0.0.1:1", nil, 1, "slipway: no answer from http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused\n"},
		{"gc --data " + missing, nil, 2, "slipway: --data: there is no Slipway here: "},
		{"gc --data " + missing + " --metadata sqlite://" + missing, nil, 2, "slipway: --metadata: there is no Slipway here: "},
		{"bench fill --workers 0 --data " + missing, nil, 2, "slipway: --workers: at least 1\n"},
	} {
		code, _, stderr := commandtest.Command(t.Context(), "", c.env, strings.Fields(c.args)...)
		if code != c.code || !strings.HasPrefix(stderr, c.want) {
			t.Errorf("%s %v: exit code %d, want %d\n%swant %s", c.args, c.env, code, c.code, stderr, c.want)
		}
	}
}
