package cli_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// TestPull: a version's files arrive whole and verified, by version, by tag and by the past of a tag; a digest pins them.
func TestPull(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/bin/tool", "one")
	r.Put("tool/1.0.0/read me%3F.txt", "text")
	r.Put("tool/1.1.0/bin/tool", "two")
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	first := strings.TrimSpace(r.CLI(0, "tag", "show", "main", "raw", "tool", "production", "--output", "json"))
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.1.0")
	digest := between(t, first, `"digest": "`, `"`)
	asOf := "seq:" + between(t, first, `"seq": `, "\n")
	has := func(dir, path, want string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}

	dir := t.TempDir()
	r.CLI(0, "pull", "main", "raw", "tool", "1.0.0", "--digest", digest, "--dir", dir)
	has(dir, "bin/tool", `"one"`)
	has(dir, "read me?.txt", `"text"`)
	if entries, err := filepath.Glob(dir + "/*"); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	r.CLI(0, "pull", "main", "raw", "tool", "--tag", "production", "--dir", dir)
	has(dir, "bin/tool", `"two"`)
	r.CLI(0, "pull", "main", "raw", "tool", "--tag", "production", "--as-of", asOf, "--file", "to*", "--dir", dir)
	has(dir, "bin/tool", `"one"`)

	for words, args := range map[string][]string{
		"not " + digest:         {"1.1.0", "--digest", digest},
		"HTTP 404":              {"--tag", "none"},
		"no such file":          {"1.0.0", "--file", "*.jar"},
		"no version \"9\"":      {"9"},
		"not sha256:0":          {"1.0.0", "--digest", "sha256:0"},
		"file exists":           {"1.0.0", "--dir", occupied(t)},
		"not a directory":       {"1.0.0", "--dir", filepath.Join(dir, "bin", "tool")},
		"was deleted":           {deleted(r)},
		"HTTP 400":              {"--tag", "production", "--as-of", "yesterday"},
		`there was no tag`:      {"--tag", "production", "--as-of", "seq:0"},
		`there is no version "`: {strings.Repeat("9", 100)},
	} {
		if msg := r.CLI(1, append([]string{"pull", "main", "raw", "tool"}, args...)...); !strings.Contains(msg, words) {
			t.Errorf("%q: %s, want %q", args, msg, words)
		}
	}
	r.CLI(2, "pull", "main", "raw", "tool")
	r.CLI(2, "pull", "main", "raw", "tool", "1.0.0", "--tag", "production")
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	out, _, closed := strings.Cut(rest, to)
	if !ok || !closed {
		t.Fatalf("no %q in %s", from, s)
	}
	return strings.TrimRight(out, ",")
}

// occupied is a directory with another one where a file has to go.
func occupied(t *testing.T) string {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin", "tool", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func deleted(r *commandtest.Running) string {
	r.Put("tool/0.1.0/tool", "bad")
	r.CLI(0, "version", "rm", "main", "raw", "tool", "0.1.0")
	return "0.1.0"
}

// TestPullLies: when a server sends other bytes than it announced, or names files outside of the directory, nothing is
// written.
func TestPullLies(t *testing.T) {
	t.Parallel()
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("good")))
	for name, c := range map[string]struct{ path, digest, sent, words string }{
		"other bytes":     {"tool", sum, "evil", "expected digest"},
		"fewer bytes":     {"tool", sum, "goo", "expected digest"},
		"more bytes":      {"tool", sum, "good and evil", "more than the 4 bytes"},
		"outside":         {"../tool", sum, "evil", "path escapes"},
		"absolute":        {"/tool", sum, "evil", "path escapes"},
		"another version": {"tool", "sha256:" + strings.Repeat("0", 64), "evil", "but the server says"},
	} {
		t.Run(name, func(t *testing.T) {
			url := commandtest.ServeHTTP(t, func(path, _ string) (int, string, string) {
				if strings.Contains(path, "/files/") {
					return http.StatusOK, c.sent, ""
				}
				return http.StatusOK, fmt.Sprintf(`{"version":"1","digest":%q,"files":[{"path":%q,"size":4,"digest":%q}]}`, c.digest, c.path, sum), ""
			})
			parent := t.TempDir()
			dir := filepath.Join(parent, "dir")
			code, _, stderr := commandtest.Command(t.Context(), "", map[string]string{"SLIPWAY_SERVER": url, "SLIPWAY_TOKEN": "slp_x"},
				"pull", "main", "raw", "tool", "1", "--dir", dir)
			if code != command.Failed || !strings.Contains(stderr, c.words) {
				t.Errorf("%d %s, want %q", code, stderr, c.words)
			}
			for _, pattern := range []string{parent + "/*", dir + "/*"} {
				if found, err := filepath.Glob(pattern); err != nil || len(found) > 0 && found[0] != dir {
					t.Errorf("written: %v, %v", found, err)
				}
			}
		})
	}
}
