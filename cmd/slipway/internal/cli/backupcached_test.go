package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/integration/upstream/upstreamtest"
)

// TestBackupCached: evicted, changed, refused, deleted, promoted, tagged, pinned and offline things of registries elsewhere are restored as they
// were, from a whole backup and from one without cached bytes, which come again then with the same bytes or not at all.
func TestBackupCached(t *testing.T) {
	t.Parallel()
	up := upstreamtest.New(t, upstreamtest.Options{})
	file := func(name string) string { return name + "/1.0.0/" + name + ".zip" }
	names := []string{"alone", "apart", "tagged", "promoted", "pinned", "evicted", "mutated", "denied", "deleted", "quiet"}
	for _, name := range names {
		up.Raw(file(name), []byte("content of "+name))
	}
	former := up.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	allow := func(c *installation.Config) { c.UpstreamAllow = []string{"127.0.0.1"} }
	r := commandtest.Start(t, allow)
	r.Login()
	for _, repository := range []string{"mirror", "still"} {
		r.CLI(0, "repo", "create", repository, "--upstream", up.RawURL(), "--format", "raw")
	}
	r.CLI(0, "upstream", "add", "mirror", up.NPMURL(), "--format", "npm", "--redirects", "127.0.0.1")
	path := func(name string) string {
		if name == "quiet" {
			return "/raw/still/" + file(name)
		}
		return "/raw/mirror/" + file(name)
	}
	const pad = "/npm/mirror/left-pad/-/left-pad-1.0.0.tgz"
	for _, name := range names {
		getFile(t, r, path(name), http.StatusOK)
	}
	getFile(t, r, pad, http.StatusOK)
	r.Put("own/1.0.0/own", "mine")
	r.CLI(0, "tag", "set", "mirror", "raw", "tagged", "good", "1.0.0")
	r.CLI(0, "promote", "mirror", "raw", "promoted", "1.0.0", "--to", "main")
	r.CLI(0, "rule", "add", "pin", "pkg:generic/pinned", "--reason", "we need it")
	r.CLI(0, "upstream", "set", "still", "raw", "--offline")
	r.CLI(0, "version", "rm", "mirror", "raw", "deleted", "1.0.0", "--yes")
	for _, name := range []string{"evicted", "mutated", "denied"} {
		r.CLI(0, "cache", "evict", "mirror", "raw", name, "--yes")
	}
	for _, name := range []string{"mutated", "denied"} {
		up.Raw(file(name), []byte("other"))
		getFile(t, r, path(name), http.StatusBadGateway)
	}
	r.CLI(0, "cache", "deny", "mirror", "raw", "denied", "1.0.0")
	up.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Files: map[string]string{"evil.js": "x"}})
	r.CLI(0, "repo", "refresh", "mirror")
	getFile(t, r, "/npm/mirror/left-pad", http.StatusOK)
	if out := r.CLI(0, "cache", "ls", "mirror", "--state", "changed"); !strings.Contains(out, "left-pad-1.0.0.tgz") || !strings.Contains(out, "mutated.zip") {
		t.Errorf("changed: %s", out)
	}

	for _, flags := range [][]string{nil, {"--without-cached"}} {
		dir, data := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
		var sum struct {
			LeftOut int64 `json:"left_out"`
			Lost    []string
		}
		if err := json.Unmarshal([]byte(r.CLI(0, append([]string{"backup", dir, "--data", r.Data, "-o", "json"}, flags...)...)), &sum); err != nil {
			t.Fatal(err)
		}
		if want := int64(2 * len(flags)); sum.LeftOut != want || len(sum.Lost) != 0 {
			t.Errorf("%q: %+v, want %d left out", flags, sum, want)
		}
		if out := r.CLI(0, "restore", dir, "--list"); strings.Contains(out, "without cached bytes") != (flags != nil) {
			t.Errorf("%q: %s", flags, out)
		}
		out := r.CLI(0, "restore", dir, "--data", data)
		if !strings.Contains(out, "\nfsck: all is well; ") || strings.Contains(out, "2 (32 bytes) left to be fetched") != (flags != nil) {
			t.Errorf("%q: %s", flags, out)
		}
		if flags != nil {
			restoredCached(t, up, file, path, commandtest.Start(t, allow, func(c *installation.Config) { c.Data, c.AdminPassword = data, "" }), former.Bytes())
			r.CLI(0, "fsck", "--data", data)
		}
	}
	r.CLI(2, "backup", t.TempDir(), "--data", r.Data, "--without-cached", "--without-blobs")

	// A server that asks no registry can't fetch anything again: the backup of it has all, by the setting of the server's own configuration.
	settings := filepath.Join(t.TempDir(), "slipway.yaml")
	if err := os.WriteFile(settings, []byte("offline: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, data := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
	if out := r.CLI(0, "backup", dir, "--data", r.Data, "--without-cached", "--config", settings); strings.Contains(out, "left out") {
		t.Errorf("of a server that is offline: %s", out)
	}
	r.CLI(0, "restore", dir, "--data", data)
	still := commandtest.Start(t, func(c *installation.Config) { c.Data, c.AdminPassword, c.Offline = data, "", true })
	still.Login()
	up.Reset()
	for _, name := range []string{"alone", "apart", "quiet"} {
		if got := getFile(t, still, path(name), http.StatusOK); got != "content of "+name {
			t.Errorf("offline, %s: %q", name, got)
		}
	}
	getFile(t, still, path("evicted"), http.StatusServiceUnavailable)
	up.NeverAsked(t, "**")
	still.Stop()
}

// restoredCached looks at what was restored without cached bytes, and ends the server.
func restoredCached(t *testing.T, up *upstreamtest.Server, file, path func(string) string, r *commandtest.Running, pad []byte) {
	t.Helper()
	r.Login()
	up.Raw(file("apart"), []byte("other bytes by now"))
	up.Reset()
	for _, name := range []string{"tagged", "promoted", "pinned", "quiet"} {
		if got := getFile(t, r, path(name), http.StatusOK); got != "content of "+name {
			t.Errorf("%s: %q", name, got)
		}
		up.NeverAsked(t, "/raw/"+name+"/**")
	}
	if got := getFile(t, r, "/npm/mirror/left-pad/-/left-pad-1.0.0.tgz", http.StatusOK); got != string(pad) {
		t.Errorf("what the registry has changed has %d bytes, want %d", len(got), len(pad))
	}
	for _, name := range []string{"alone", "evicted"} {
		if got := getFile(t, r, path(name), http.StatusOK); got != "content of "+name {
			t.Errorf("%s: %q", name, got)
		}
		up.AskedOnce(t, "GET", "/raw/"+file(name))
	}
	for name, status := range map[string]int{"apart": http.StatusBadGateway, "mutated": http.StatusBadGateway, "denied": http.StatusBadGateway, "deleted": http.StatusNotFound} {
		getFile(t, r, path(name), status)
	}
	if out := r.CLI(0, "cache", "ls", "mirror", "--state", "denied"); !strings.Contains(out, "denied.zip") {
		t.Errorf("denied: %s", out)
	}
	if got := getFile(t, r, "/raw/main/own/1.0.0/own", http.StatusOK); got != `"mine"` {
		t.Errorf("what was published: %q", got)
	}
	r.Stop()
}
