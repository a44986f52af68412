package cli_test

import (
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestStorageCommands: what is held and stored is counted and shown, with why bytes are kept, and packages are listed by size.
func TestStorageCommands(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Put("large/1.0.0/large", strings.Repeat("x", 5000))
	has := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("no %q in %s", text, out)
			}
		}
	}
	has(r.CLI(0, "storage", "show", "--count"), "raw", "5007", "2 blobs, 5007 bytes")
	has(r.CLI(0, "storage", "show", "-o", "json"), `"stored_bytes": 5007`)
	has(r.CLI(0, "storage", "show", "main"), "raw", "5007")
	has(r.CLI(0, "storage", "ls"), "main", "5007")
	has(r.CLI(0, "storage", "ls", "-o", "json"), `"repository": "main"`)
	r.CLI(2, "storage", "show", "main", "--count")
	const one = "sha256:49e9fcfb5617aad332d56d58ffd0c7020d29ec1d0d0a03b7d7c47f268820acf3"
	has(r.CLI(0, "storage", "why", one), "file", "main", "tool", "1.0.0")
	r.CLI(1, "storage", "why", "sha256:"+strings.Repeat("0", 64))
	if out := r.CLI(0, "package", "ls", "main", "--sort", "size", "--wide"); strings.Index(out, "large") > strings.Index(out, "tool") || !strings.Contains(out, "5002") {
		t.Errorf("by size: %s", out)
	}
}
