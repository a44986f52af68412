package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestOutputAsServed: JSON output is exactly what the server sends, including fields that this program does not know; a
// table shows a dash for a missing value.
func TestOutputAsServed(t *testing.T) {
	t.Parallel()
	const one = `{"name":"main","new":{"b":1.50,"a":"<&>"},"description":"","settings":{"allow_reuse":true}}`
	url := commandtest.ServeHTTP(t, func(path, _ string) (int, string, string) {
		if strings.HasSuffix(path, "/main") {
			return http.StatusOK, one, ""
		}
		return http.StatusOK, `{"items":[` + one + `]}`, ""
	})
	object := "{\n  \"name\": \"main\",\n  \"new\": {\n    \"b\": 1.50,\n    \"a\": \"<&>\"\n  },\n  \"description\": \"\",\n  \"settings\": {\n    \"allow_reuse\": true\n  }\n}\n"
	array := "[\n  " + strings.ReplaceAll(strings.TrimSpace(object), "\n", "\n  ") + "\n]\n"
	for args, want := range map[string]string{
		"repo show main --output json": object,
		"repo ls --output json":        array,
		"repo show main":               "NAME         main\nDESCRIPTION  -\nUPSTREAMS    -\nCREATED      -\nSETTINGS     allow_reuse=true\n",
		"repo ls":                      "NAME  DESCRIPTION  UPSTREAMS  CREATED  SETTINGS\nmain  -            -          -        allow_reuse=true\n",
	} {
		if code, out, errs := commandtest.Command(t.Context(), "", map[string]string{"SLIPWAY_SERVER": url}, strings.Fields(args)...); code != 0 || out != want {
			t.Errorf("%s: exit code %d %s\n%swant\n%s", args, code, errs, out, want)
		}
	}
}
