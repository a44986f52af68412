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
