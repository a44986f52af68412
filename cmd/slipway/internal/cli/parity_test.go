package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
)

// TestN5: what the API can do has a command: settings of a repository, an environment's tag, the edit of a subscription,
// collection and check in the running server, consumers.
func TestN5(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	if out := r.CLI(0, "repo", "settings"); !strings.Contains(out, "maven_immediate") || !strings.Contains(out, "boolean") {
		t.Errorf("repo settings: %s", out)
	}
	if out := r.CLI(0, "repo", "set", "main", "maven_immediate=true", "raw_redeploy=true", "-o", "json"); !strings.Contains(out, `"maven_immediate": true`) {
		t.Errorf("repo set: %s", out)
	}
	if out := r.CLI(0, "repo", "ls"); !strings.Contains(out, "maven_immediate=true") || !strings.Contains(out, "raw_redeploy=true") || strings.Contains(out, "allow_reuse") {
		t.Errorf("repo ls: %s", out)
	}
	if msg := r.CLI(1, "repo", "set", "main", "maven_imediate=true"); !strings.Contains(msg, `did you mean "maven_immediate"`) {
		t.Errorf("a wrong setting: %s", msg)
	}
	r.CLI(2, "repo", "set", "main", "maven_immediate")

	r.Put("tool/1.0.0/README.md", "# Tool")
	if out := r.CLI(0, "version", "readme", "main", "raw", "tool", "1.0.0"); !strings.Contains(out, "# Tool") {
		t.Errorf("version readme: %s", out)
	}
	if out := r.CLI(0, "version", "describe", "main", "raw", "tool", "1.0.0", "-o", "json"); strings.TrimSpace(out) != "{}" {
		t.Errorf("version describe: %s", out)
	}
	if out := r.CLI(0, "version", "referrers", "main", "raw", "tool", "1.0.0"); !strings.HasPrefix(out, "KIND") {
		t.Errorf("version referrers: %s", out)
	}
	r.Put("brief/1.0.0/tool", "one")
	r.CLI(1, "why", "gone", "main", "raw", "brief", "1.0.0")
	r.CLI(0, "version", "rm", "main", "raw", "brief", "1.0.0", "--yes", "--reason", "leaked a key")
	if out := r.CLI(0, "why", "gone", "main", "raw", "brief", "1.0.0"); !strings.Contains(out, "leaked a key") || !strings.Contains(out, "CAN BE RESTORED  yes") {
		t.Errorf("why gone: %s", out)
	}
	r.CLI(0, "repo", "create", "brief")
	r.CLI(0, "repo", "rm", "brief", "--yes")
	if out := r.CLI(0, "why", "gone", "brief"); !strings.Contains(out, "of user admin") {
		t.Errorf("why gone of a repository: %s", out)
	}
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.CLI(0, "deploy", "record", "--environment", "prod", "--service", "web", "main", "raw", "tool", "1.0.0")
	if out := r.CLI(0, "env", "set", "prod", "--tag", "production"); !strings.Contains(out, "production") {
		t.Errorf("env set: %s", out)
	}
	if out := r.CLI(0, "env", "show", "prod"); !strings.Contains(out, "1.0.0   no") {
		t.Errorf("env show: %s", out)
	}
	r.CLI(0, "env", "set", "prod", "--tag", "")
	r.CLI(2, "env", "set", "prod")

	r.CLI(0, "subscription", "create", "deploys", "--url", "https://ci.example.com/hook", "--repository", "main", "--tag", "production")
	out := r.CLI(0, "subscription", "set", "1", "--name", "more", "--type", "tag.*", "--tag", "", "-o", "json")
	for _, want := range []string{`"name": "more"`, `"url": "https://ci.example.com/hook"`, `"tags": []`, `"tag.*"`, `"repositories": [`} {
		if !strings.Contains(out, want) {
			t.Errorf("subscription set: no %s in %s", want, out)
		}
	}
	r.CLI(2, "subscription", "set", "1")

	stage := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.URL+path, strings.NewReader("staged"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.Token())
		req.Header.Set("X-Slipway-Publish", "release-12")
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode > 299 {
			t.Fatal(res, err)
		}
		_ = res.Body.Close()
	}
	stage("/raw/main/staged/1/file")
	if out := r.CLI(0, "publish", "show", "release-12"); !strings.Contains(out, "raw staged 1  file  6 bytes") {
		t.Errorf("publish show: %s", out)
	}
	for _, all := range [][]string{nil, {"--all"}} {
		if out := r.CLI(0, append([]string{"publish", "ls"}, all...)...); !strings.Contains(out, "release-12") || !strings.Contains(out, "its commit") {
			t.Errorf("publish ls %v: %s", all, out)
		}
	}
	r.CLI(0, "publish", "drop", "release-12")
	stage("/raw/main/staged/1/file")
	if out := r.CLI(0, "publish", "commit", "release-12"); !strings.Contains(out, "staged  1        yes") {
		t.Errorf("publish commit: %s", out)
	}

	if out := r.CLI(0, "gc", "--server", r.URL, "--dry-run", "--grace", "0s"); !strings.HasPrefix(out, "gc: would remove 0 blobs") {
		t.Errorf("gc: %s", out)
	}
	if out := r.CLI(0, "fsck", "--server", r.URL); !strings.HasPrefix(lastLine(out), "fsck: all is well; 0 repaired") {
		t.Errorf("fsck: %s", out)
	}
	if out := r.CLI(0, "fsck", "--server", r.URL, "--quick", "-o", "json"); !strings.Contains(lastLine(out), `"versions":3`) {
		t.Errorf("fsck as JSON: %s", out)
	}
	r.CLI(2, "fsck", "--server", r.URL, "--repair")
	if msg := r.CLI(1, "gc", "--data", r.Data); !strings.Contains(msg, "--server") {
		t.Errorf("gc beside a server: %s", msg)
	}

	if out := r.CLI(0, "server", "status"); !strings.Contains(out, "yes") || strings.Contains(out, "no: ") {
		t.Errorf("server status: %s", out)
	}
	if out := r.CLI(0, "server", "duties"); !strings.Contains(out, "sign") || !strings.Contains(out, "sends events to subscriptions") {
		t.Errorf("server duties: %s", out)
	}
	r.CLI(0, "server", "config")
	r.CLI(0, "server", "run", "look")
	r.CLI(1, "server", "run", "nothing-like-it")
	if out := r.CLI(0, "server", "runs"); !strings.Contains(out, "look") || !strings.Contains(out, "check") || !strings.Contains(out, "0 wrong") {
		t.Errorf("server runs: %s", out)
	}
	if out := r.CLI(0, "mirror", "jobs"); !strings.HasPrefix(out, "JOB") {
		t.Errorf("mirror jobs: %s", out)
	}

	r.CLI(0, "events", "consumer", "set", "prod-web", "3")
	r.CLI(0, "events", "consumer", "set", "prod-web", "start")
	if out := r.CLI(0, "events", "consumer", "show", "prod-web"); !strings.Contains(out, "  3\n") {
		t.Errorf("consumer show: %s", out)
	}
	r.CLI(0, "events", "consumer", "set", "prod-web", "start", "--back")
	if out := r.CLI(0, "events", "consumer", "ls"); !strings.Contains(out, "prod-web  -1") {
		t.Errorf("consumer ls: %s", out)
	}
	if code, _, errs := commandtest.OnTerminal(t.Context(), 80, "n\n", r.Env(), "events", "consumer", "rm", "prod-web"); code != 1 || !strings.Contains(errs, "Forget consumer prod-web") {
		t.Errorf("consumer rm does not ask: %d %s", code, errs)
	}
	r.CLI(0, "events", "consumer", "rm", "prod-web")
	r.CLI(1, "events", "consumer", "show", "prod-web")
	r.Stop()
	r.CLI(0, "fsck", "--data", r.Data)
}

// TestN6Events: events are shown one by one, and found by actor, package, repository and time.
func TestN6Events(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Put("other/1.0.0/tool", "one")
	r.With("a good password\n", nil, 0, "user", "add", "jane", "--allow", "main:read,publish,tag", "--password-stdin")
	token := strings.TrimSpace(r.CLI(0, "token", "create", "ci", "--allow", "main:read,tag"))
	r.With("", map[string]string{"SLIPWAY_TOKEN": token}, 0, "tag", "set", "main", "raw", "tool", "beta", "1.0.0")
	count := func(want int, args ...string) string {
		t.Helper()
		out := r.CLI(0, append([]string{"events", "ls"}, args...)...)
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%q: %d events, want %d\n%s", args, got, want, out)
		}
		return out
	}
	out := count(2, "--package", "tool")
	count(1, "--package", "tool", "--types", "artifact.published")
	count(1, "--actor", "ci")
	count(3, "--repository", "main", "--types", "artifact.*,tag.*")
	count(0, "--repository", "team-*")
	today := time.Now().UTC()
	count(2, "--package", "tool", "--since", today.Format(time.DateOnly), "--until", today.Format(time.DateOnly))
	count(0, "--package", "tool", "--until", today.AddDate(0, 0, -2).Format(time.DateOnly))
	count(0, "--since", today.AddDate(0, 0, 2).Format(time.RFC3339))
	if msg := r.CLI(1, "events", "ls", "--since", "yesterday"); !strings.Contains(msg, "since must be") {
		t.Errorf("a wrong time: %s", msg)
	}
	seq, _, _ := strings.Cut(out, " ")
	shown := r.CLI(0, "events", "show", seq)
	if !strings.Contains(shown, "artifact.published") || !strings.Contains(shown, "version: 1.0.0") {
		t.Errorf("events show: %s", shown)
	}
	var event struct{ Type string }
	if err := json.Unmarshal([]byte(r.CLI(0, "events", "show", seq, "-o", "json")), &event); err != nil || event.Type != "dev.slipway.artifact.published.v1" {
		t.Errorf("events show as JSON: %+v, %v", event, err)
	}
	r.CLI(1, "events", "show", "999999")
	r.CLI(2, "events", "show", "x")
}

// TestN7Proof: the proof of an entry is checked without the server, and a changed proof does not hold.
func TestN7Proof(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.Settle()
	seq, _, _ := strings.Cut(r.CLI(0, "events", "ls", "--types", "artifact.published"), " ")
	file := filepath.Join(t.TempDir(), "entry.tlog-proof")
	key := strings.TrimSpace(r.CLI(0, "log", "key"))
	if out := r.CLI(0, "log", "proof", seq, "--file", file); out != file+"\n" {
		t.Errorf("log proof: %s", out)
	}
	r.Stop()
	out := r.CLI(0, "log", "verify-proof", file, "--key", key)
	if !strings.HasPrefix(out, "The proof holds") || !strings.Contains(out, "pkg:generic/tool@1.0.0") {
		t.Errorf("verify-proof: %s", out)
	}
	if out := r.CLI(0, "log", "verify-proof", file, "--key", key, "-o", "json"); !strings.Contains(out, `"type": "artifact.published"`) {
		t.Errorf("as JSON: %s", out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another index": {"\nindex " + seq, "\nindex 0"}, "another root": {"\n\n", "\n\nx"}, "no proof": {"c2sp.org", "example.com"},
	} {
		if msg := r.With(strings.Replace(string(raw), change[0], change[1], 1), nil, 1, "log", "verify-proof", "-", "--key", key); !strings.HasPrefix(msg, "slipway: the ") {
			t.Errorf("%s: %s", name, msg)
		}
	}
	other := "slipway-00000000+35b2ac7c+AfWNvJqoDbR1lHWYJqMaeHzHT8Tzd2UJZz1A5m1p1yqG"
	r.CLI(2, "log", "verify-proof", file)
	if code, _, msg := commandtest.Command(t.Context(), "", nil, "log", "verify-proof", file, "--key", other); code == 0 {
		t.Errorf("another key: %s", msg)
	}
}

// TestWhy: why a version has to stay, and why the caller may do something or may not.
func TestWhy(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	if out := r.CLI(0, "why", "kept", "main", "raw", "tool", "1.0.0"); !strings.HasPrefix(out, "Nothing names it") {
		t.Errorf("why kept: %s", out)
	}
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.CLI(0, "deploy", "record", "--environment", "prod", "--service", "web", "main", "raw", "tool", "1.0.0")
	r.CLI(0, "deploy", "record", "--environment", "test", "--service", "web", "main", "raw", "tool", "1.0.0", "--status", "queued")
	out := r.CLI(0, "why", "kept", "main", "raw", "tool", "1.0.0")
	for _, want := range []string{"tag         production", "service     web in prod", "of web in test (queued)"} {
		if !strings.Contains(out, want) {
			t.Errorf("why kept: no %q in %s", want, out)
		}
	}
	if out := r.CLI(0, "why", "may", "publish", "main"); !strings.Contains(out, "of user admin may publish in main, by the permission *:") {
		t.Errorf("why may: %s", out)
	}
	token := strings.TrimSpace(r.CLI(0, "token", "create", "ci", "--allow", "main:read"))
	code, out, _ := commandtest.Command(t.Context(), "", map[string]string{"SLIPWAY_SERVER": r.URL, "SLIPWAY_TOKEN": token}, "why", "may", "publish", "main")
	if code != 1 || !strings.Contains(out, "token ci of user admin may not publish in main") {
		t.Errorf("why may not: %d %s", code, out)
	}
	if msg := r.CLI(2, "why", "may", "publsh", "main"); !strings.Contains(msg, `did you mean "publish"`) {
		t.Errorf("a wrong action: %s", msg)
	}
}

// TestN12: a pull that was cut off goes on where it stopped; parts that are wrong or of other contents do no harm, and none
// is left when the file is whole.
func TestN12(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	content := strings.Repeat("0123456789", 10_000)
	r.Put("tool/1.0.0/tool", content)
	whole := `"` + content + `"`
	sum := r.CLI(0, "version", "show", "main", "raw", "tool", "1.0.0", "-o", "json")
	digits := between(t, sum, `"digest": "sha256:`, `"`)[:12]
	dir := t.TempDir()
	part, old := filepath.Join(dir, "tool."+digits+".part"), filepath.Join(dir, "tool.0123456789ab.part")
	for name, begin := range map[string]string{"half": whole[:50_000], "all": whole, "too much": whole + "x", "wrong": strings.Repeat("x", 50_000), "empty": ""} {
		for path, text := range map[string]string{part: begin, old: "of another version"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r.CLI(0, "pull", "main", "raw", "tool", "1.0.0", "--dir", dir)
		got, err := os.ReadFile(filepath.Join(dir, "tool"))
		left, globErr := filepath.Glob(dir + "/*")
		if err != nil || string(got) != whole || globErr != nil || len(left) != 1 {
			t.Errorf("%s: %d bytes, %v; left %v", name, len(got), err, left)
		}
		if err := os.Remove(filepath.Join(dir, "tool")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestN12Range: the bytes that are there are not sent again, and a server that sends all of them anyway is understood.
func TestN12Range(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "0123456789")
	digits := between(t, r.CLI(0, "version", "show", "main", "raw", "tool", "1.0.0", "-o", "json"), `"digest": "sha256:`, `"`)[:12]
	for name, ignore := range map[string]bool{"a range": false, "the whole": true} {
		var asked string
		f := newFront(t, r, func(req *http.Request) {
			if strings.Contains(req.URL.Path, "/files/") {
				asked = req.Header.Get("Range") + " " + req.Header.Get("If-Range")
				if ignore {
					req.Header.Del("Range")
				}
			}
		})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tool."+digits+".part"), []byte(`"01234`), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := commandtest.Command(t.Context(), "", map[string]string{"SLIPWAY_SERVER": f, "SLIPWAY_TOKEN": r.Token()}, "pull", "main", "raw", "tool", "1.0.0", "--dir", dir)
		if got, err := os.ReadFile(filepath.Join(dir, "tool")); code != 0 || err != nil || string(got) != `"0123456789"` {
			t.Errorf("%s: %d %s; %q, %v", name, code, errs, got, err)
		}
		if !strings.HasPrefix(asked, `bytes=6- "`+digits) {
			t.Errorf("%s: asked for %s", name, asked)
		}
	}
}

// newFront is a server before another one that sees every request, and may change it.
func newFront(t *testing.T, r *commandtest.Running, see func(*http.Request)) string {
	t.Helper()
	target, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		see(p.Out)
	}})
	t.Cleanup(s.Close)
	return s.URL
}
