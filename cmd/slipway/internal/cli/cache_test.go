package cli_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestCache: what came from a registry elsewhere is listed, goes, and comes again; the command that a refusal of other bytes names lets them
// in, also where the names need quotes.
func TestCache(t *testing.T) {
	t.Parallel()
	up, _ := elsewhere(t)
	up.Raw("a tool/1.0.0/it's.zip", []byte("first"))
	r := mirroring(t, up)
	get := func(path string, want int) string {
		t.Helper()
		return getFile(t, r, path, want)
	}
	const file = "/raw/all/a%20tool/1.0.0/it's.zip"
	get(file, http.StatusOK)
	get("/raw/all/tool/1.0.0/tool.tar.gz", http.StatusOK)
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("no %q in %s", w, out)
			}
		}
	}
	has(r.CLI(0, "cache", "ls", "all"), "it's.zip", "tool.tar.gz", "here", "raw")
	has(r.CLI(0, "cache", "ls", "all", "--part", "tar", "--wide"), up.RawURL()+"tool/1.0.0/tool.tar.gz", "none")
	if out := r.CLI(0, "cache", "ls", "all", "--state", "evicted", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("evicted: %s", out)
	}
	r.CLI(1, "cache", "ls", "all", "--state", "gone")
	has(r.CLI(0, "cache", "evict", "all", "--dry-run"), "2", "11")
	has(r.CLI(0, "cache", "evict", "all", "--unused", "1h"), "0")
	has(r.CLI(0, "cache", "evict", "all", "--keep", "1GiB"), "0")
	if code, _, errs := commandtest.OnTerminal(t.Context(), 80, "n\n", r.Env(), "cache", "evict", "all"); code != 1 || !strings.Contains(errs, "files of repository all") {
		t.Errorf("evict does not ask: %d %s", code, errs)
	}
	has(r.CLI(0, "cache", "evict", "all", "raw", "a tool", "--upstream", "raw", "--yes"), "1", "5")
	has(r.CLI(0, "cache", "ls", "all", "--state", "evicted"), "it's.zip")

	up.Raw("a tool/1.0.0/it's.zip", []byte("other"))
	refusal := get(file, http.StatusBadGateway)
	const command = `slipway cache accept all raw 'a tool' 1.0.0 'it'\''s.zip' lets`
	if !strings.Contains(refusal, command) && !strings.Contains(refusal, strings.ReplaceAll(command, `\`, `\\`)) {
		t.Errorf("the refusal has no command: %s", refusal)
	}
	r.CLI(0, "cache", "deny", "all", "raw", "a tool", "1.0.0")
	has(r.CLI(0, "cache", "ls", "all", "--state", "denied", "--wide"), "sha256 ", "denied")
	r.CLI(1, "cache", "accept", "all", "raw", "a tool")
	r.CLI(1, "cache", "deny", "all", "raw", "a tool", "1.0.0", "other")
	r.CLI(0, "cache", "accept", "all", "raw", "a tool", "1.0.0", "it's.zip")
	if got := get(file, http.StatusOK); got != "other" {
		t.Errorf("accepted: %q", got)
	}
	r.CLI(0, "version", "rm", "all", "raw", "a tool", "1.0.0", "--yes")
	get(file, http.StatusNotFound)
	has(r.CLI(0, "cache", "restore", "all", "raw", "a tool", "1.0.0", "--reason", "a mistake"), "published")
	get(file, http.StatusOK)
}

// getFile downloads a file as the login, and returns the body of the answer, which must have this status.
func getFile(t *testing.T, r *commandtest.Running, path string, want int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Errorf("GET %s: %s %s %v, want %d", path, res.Status, body, err, want)
	}
	return string(body)
}
