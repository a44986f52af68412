package cli_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"slipway/cmd/slipway/internal/cli"
	"slipway/cmd/slipway/internal/command"
	"slipway/cmd/slipway/internal/commandtest"
)

// putOCI makes a request of a push with a body of a media type.
func putOCI(t *testing.T, r *commandtest.Running, method, path, mediaType, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token())
	req.Header.Set("Content-Type", mediaType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if raw, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s: %s %s, %v", method, path, res.Status, raw, err)
	}
}

// pushImage stores an image without layers under a tag and returns its digest.
func pushImage(t *testing.T, r *commandtest.Running, name, tag, label string) string {
	t.Helper()
	config := "{}"
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(config)))
	putOCI(t, r, "POST", "/v2/main/"+name+"/blobs/uploads/?digest="+digest, "application/octet-stream", config)
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":2},"layers":[],"annotations":{"x":%q}}`, digest, label)
	putOCI(t, r, "PUT", "/v2/main/"+name+"/manifests/"+tag, "application/vnd.oci.image.manifest.v1+json", manifest)
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest)))
}

// pushIndex pushes an image with the tag "part", and an index of it with the tag "1.0". It returns their digests.
func pushIndex(t *testing.T, r *commandtest.Running) (part, index string) {
	t.Helper()
	part = pushImage(t, r, "team/app", "part", "one")
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":%q,"size":%d}]}`,
		part, len(r.Ask(http.MethodGet, "/v2/main/team/app/manifests/"+part, "")))
	putOCI(t, r, "PUT", "/v2/main/team/app/manifests/1.0", "application/vnd.oci.image.index.v1+json", manifest)
	return part, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest)))
}

// TestWarnings: what the server warns of when a change succeeds is on standard error, and the result alone on standard output.
func TestWarnings(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	part, _ := pushIndex(t, r)
	code, out, errs := commandtest.Command(t.Context(), "", r.Env(), "version", "rm", "main", "oci", "team/app", part)
	if want := "slipway: warning: the tag \"1.0\" can't be pulled whole any more: the deleted version is a part\n"; code != 0 || errs != want || strings.Contains(out, "warning") {
		t.Errorf("exit code %d, %q, standard error %q, want %q", code, out, errs, want)
	}
}

// TestVersionsWhole: a list of versions leaves out what is only a part of an index, where it is asked to.
func TestVersionsWhole(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	part, index := pushIndex(t, r)
	r.CLI(0, "tag", "rm", "main", "oci", "team/app", "part")
	for _, flags := range [][]string{nil, {"--whole"}} {
		out := r.CLI(0, append([]string{"version", "ls", "main", "oci", "team/app"}, flags...)...)
		if !strings.Contains(out, index[7:19]) || strings.Contains(out, part[7:19]) != (flags == nil) {
			t.Errorf("version ls %v: %s", flags, out)
		}
	}
}

// TestN16: an image is named by its tag, or by the digits of its digest that lists show, wherever a version is asked for;
// lists of versions show the tags.
func TestN16(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	first := pushImage(t, r, "team/app", "1.0", "one")
	second := pushImage(t, r, "team/app", "2.0", "two")
	r.CLI(0, "tag", "set", "main", "oci", "team/app", "prod", "1.0")
	if out := r.CLI(0, "tag", "show", "main", "oci", "team/app", "prod"); !strings.Contains(out, first) {
		t.Errorf("tag show: %s", out)
	}
	for _, name := range []string{"2.0", second, strings.TrimPrefix(second, "sha256:")[:12]} {
		if out := r.CLI(0, "version", "show", "main", "oci", "team/app", name, "-o", "json"); !strings.Contains(out, second) {
			t.Errorf("version show %s: %s", name, out)
		}
	}
	out := r.CLI(0, "version", "ls", "main", "oci", "team/app")
	if !strings.Contains(out, "TAGS") || !strings.Contains(out, first[7:19]+"  1.0,prod") || strings.Contains(out, first) {
		t.Errorf("version ls: %s", out)
	}
	r.CLI(0, "version", "annotate", "main", "oci", "team/app", "2.0", "--commit", "4f0c2d1")
	r.CLI(0, "version", "deprecate", "main", "oci", "team/app", "2.0", "--reason", "old")
	record := []string{"deploy", "record", "--environment", "prod", "--service", "web"}
	if out := r.CLI(0, append(record, "main", "oci", "team/app", "1.0", "-o", "json")...); !strings.Contains(out, first) {
		t.Errorf("deploy record: %s", out)
	}
	r.CLI(2, append(record, "main", "oci", "team/app")...)
	r.CLI(2, append(record, "main", "oci", "team/app", "1.0", "--purl", "pkg:oci/app")...)
	if msg := r.CLI(2, "pull", "main", "oci", "team/app", "1.0"); !strings.Contains(msg, "/main/team/app@"+first) {
		t.Errorf("pull: %s", msg)
	}
	r.CLI(0, "version", "rm", "main", "oci", "team/app", "2.0")
	if msg := r.CLI(1, "version", "show", "main", "oci", "team/app", "3.0"); !strings.Contains(msg, `"3.0"`) {
		t.Errorf("no such tag: %s", msg)
	}
}

// TestN13: tables fit a terminal of 80 columns with short digests and relative times; --wide and JSON have everything, and
// colours are for terminals only.
func TestN13(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	digest := pushImage(t, r, "team/a-service-with-a-long-name", "1.0", "one")
	r.Put("tool/1.0.0/tool", "one")
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0", "--reason", "a long reason that nobody has to read in a list of tags")
	r.CLI(0, "env", "create", "prod", "--tag", "production")
	r.CLI(0, "deploy", "record", "--environment", "prod", "--service", "web", "main", "oci", "team/a-service-with-a-long-name", "1.0", "--external-id", "a-long-id-of-a-run-77")
	for _, args := range []string{
		"repo ls", "package ls main", "version ls main raw tool", "version ls main oci team/a-service-with-a-long-name", "tag ls main raw tool",
		"tag history main raw tool production", "env ls", "env show prod", "env history prod", "deploy ls", "token ls", "user ls", "query name:*", "events ls",
	} {
		code, out, errs := commandtest.OnTerminal(t.Context(), 120, "", r.Env(), strings.Fields(args)...)
		if code != 0 || !strings.Contains(out, "\x1b[1m") && args != "events ls" {
			t.Errorf("%s: exit code %d %s%s", args, code, out, errs)
		}
		plain := r.Env()
		plain["NO_COLOR"] = "1"
		_, out, _ = commandtest.OnTerminal(t.Context(), 120, "", plain, strings.Fields(args)...)
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%s: a line of %d columns: %s", args, n, line)
			}
		}
		if strings.Contains(out, "\x1b") || strings.Contains(out, digest) || strings.Contains(out, time.Now().Format("2006-01-02T")) {
			t.Errorf("%s: %q", args, out)
		}
	}
	_, out, _ := commandtest.OnTerminal(t.Context(), 80, "", r.Env(), "version", "ls", "main", "raw", "tool")
	if !strings.Contains(out, " s ago") && !strings.Contains(out, "now") {
		t.Errorf("no relative time: %s", out)
	}
	_, out, _ = commandtest.OnTerminal(t.Context(), 80, "", r.Env(), "tag", "ls", "main", "raw", "tool", "--wide")
	if !strings.Contains(out, "sha256:") || !strings.Contains(out, "has to read in a list of tags") || !strings.Contains(out, time.Now().UTC().Format("2006-01-02T")) {
		t.Errorf("wide: %s", out)
	}
}

// TestN14Login: a login remembers its server for later commands, and commands say when the environment wins over it.
func TestN14Login(t *testing.T) {
	t.Parallel()
	r, other := commandtest.Start(t), commandtest.Start(t)
	env := map[string]string{"XDG_CONFIG_HOME": r.ConfigDir}
	run := func(code int, more map[string]string, stdin string, args ...string) string {
		t.Helper()
		all := map[string]string{"XDG_CONFIG_HOME": r.ConfigDir}
		for k, v := range more {
			all[k] = v
		}
		got, out, errs := commandtest.Command(t.Context(), stdin, all, args...)
		if got != code {
			t.Fatalf("%q: exit code %d, want %d: %s%s", args, got, code, out, errs)
		}
		return out + errs
	}
	run(0, nil, commandtest.Password+"\n", "login", "--server", r.URL+"/", "--password-stdin")
	if out := run(0, nil, "", "whoami"); !strings.Contains(out, r.URL+"\n") || !strings.Contains(out, "admin") {
		t.Errorf("whoami: %s", out)
	}
	out := run(0, map[string]string{"SLIPWAY_SERVER": r.URL, "SLIPWAY_TOKEN": "slp_x"}, commandtest.Password+"\n", "login", "--server", other.URL, "--password-stdin")
	if !strings.Contains(out, "SLIPWAY_TOKEN is set") || !strings.Contains(out, "SLIPWAY_SERVER is set") {
		t.Errorf("login does not warn: %s", out)
	}
	if out := run(0, nil, "", "whoami"); !strings.Contains(out, other.URL) {
		t.Errorf("the second login is not the current one: %s", out)
	}
	if out := run(0, nil, "", "login", "ls"); strings.Count(out, "admin") != 2 || !strings.Contains(out, other.URL+"  admin  yes") {
		t.Errorf("login ls: %s", out)
	}
	run(1, nil, "", "login", "use", "http://127.0.0.1:1")
	run(0, nil, "", "login", "use", r.URL)
	if out := run(0, map[string]string{"SLIPWAY_SERVER": other.URL}, "", "whoami"); !strings.Contains(out, "note: SLIPWAY_SERVER names "+other.URL) {
		t.Errorf("SLIPWAY_SERVER wins silently: %s", out)
	}
	if out := run(1, map[string]string{"SLIPWAY_TOKEN": "slp_wrong"}, "", "whoami"); !strings.Contains(out, "SLIPWAY_TOKEN is used instead of your login as admin") {
		t.Errorf("SLIPWAY_TOKEN wins silently: %s", out)
	}
	token := regexp.MustCompile(`slp_[\w-]+`).FindString(run(0, nil, "", "token", "create", "audit", "--allow", "*:audit"))
	if out := run(0, map[string]string{"SLIPWAY_TOKEN": token}, "", "access", "who", "tag", "main", "--tag", "production"); strings.Count(out, "is used instead of your login") != 1 {
		t.Errorf("a command that asks twice: %s", out)
	}
	run(0, nil, "", "logout")
	var l cli.Logins
	path, err := cli.LoginsPath(r.ConfigDir)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &l) != nil || l.Current != "" || len(l.Servers) != 1 {
		t.Errorf("after logout: %s, %v", raw, err)
	}
	if _, _, errs := commandtest.Command(t.Context(), "", env, "login", "lss"); !strings.Contains(errs, `did you mean "ls"`) {
		t.Errorf("a wrong word: %s", errs)
	}
}

// TestN15: before what can't be undone there is a question on a terminal, which --yes answers; scripts are not asked.
func TestN15(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	ask := func(stdin string, code int, args ...string) string {
		t.Helper()
		got, out, errs := commandtest.OnTerminal(t.Context(), 80, stdin, r.Env(), args...)
		if got != code {
			t.Errorf("%q after %q: exit code %d, want %d: %s%s", args, stdin, got, code, out, errs)
		}
		return errs
	}
	for _, v := range []string{"1", "2", "3"} {
		r.Put("tool/"+v+"/tool", v)
	}
	rm := func(v string, more ...string) []string {
		return append([]string{"version", "rm", "main", "raw", "tool", v}, more...)
	}
	if msg := ask("n\n", 1, rm("1")...); !strings.Contains(msg, "Delete version 1 of tool in main? [y/N]") || !strings.Contains(msg, "nothing was done") {
		t.Errorf("the question: %s", msg)
	}
	ask("", 1, rm("1")...)
	r.CLI(0, "version", "show", "main", "raw", "tool", "1", "--output", "json")
	ask("y\n", 0, rm("1")...)
	if msg := ask("", 0, rm("2", "--yes")...); strings.Contains(msg, "?") {
		t.Errorf("--yes asks: %s", msg)
	}
	r.CLI(0, rm("3")...)
	r.CLI(0, "repo", "create", "team-a")
	ask("\n", 1, "repo", "rm", "team-a")
	ask("YES\n", 0, "repo", "rm", "team-a")
}

// TestN17: words that begin with a dash belong to a query; a day stands for a time; wrong commands, flags and words are
// named with the nearest right one; -o and --version.
func TestN17(t *testing.T) {
	t.Parallel()
	r := commandtest.Start(t)
	r.Login()
	r.Put("tool/1.0.0/tool", "one")
	r.CLI(0, "tag", "set", "main", "raw", "tool", "production", "1.0.0")
	r.CLI(0, "env", "create", "prod")
	for _, args := range [][]string{
		{"query", "-has:commit"}, {"query", "-o", "json", "-has:commit"}, {"query", "-has:commit", "--output", "json"}, {"query", "-(has:commit OR tag:x)"},
		{"query", "--", "-has:commit"},
	} {
		if out := r.CLI(0, args...); !strings.Contains(out, "tool") {
			t.Errorf("%q: %s", args, out)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	for _, args := range [][]string{
		{"query", "tag:production", "--as-of", today}, {"tag", "show", "main", "raw", "tool", "production", "--as-of", today}, {"env", "show", "prod", "--as-of", today},
	} {
		r.CLI(0, args...)
	}
	if msg := r.CLI(1, "tag", "show", "main", "raw", "tool", "production", "--as-of", "2020-01-31"); !strings.Contains(msg, "there was no tag") {
		t.Errorf("a day of the past: %s", msg)
	}
	r.CLI(0, "version", "annotate", "main", "raw", "tool", "1.0.0", "--build-id", "7", "--build-started-at", today)
	if out := r.CLI(0, "package", "show", "main", "raw", "tool"); !strings.Contains(out, "production → 1.0.0") {
		t.Errorf("package show: %s", out)
	}
	if out := r.CLI(0, "--version"); out != r.CLI(0, "version") {
		t.Errorf("--version: %s", out)
	}
	if out := r.CLI(0, "health", "-o", "json"); !strings.Contains(out, `"ready": true`) {
		t.Errorf("health: %s", out)
	}
	for allow, noted := range map[string]bool{"mian:read": true, "main:read": false, "mai*:read": false} {
		_, _, errs := commandtest.Command(t.Context(), "", r.Env(), "token", "create", "x", "--allow", allow)
		if strings.Contains(errs, `there is no repository "mian" that you can see; did you mean "main"?`) != noted {
			t.Errorf("--allow %s: %s", allow, errs)
		}
	}
	for args, want := range map[string]string{
		"tagg ls":                               `unknown command "tagg" for "slipway"; did you mean "tag"; see`,
		"env shwo prod":                         `unknown command "shwo" for "slipway env"; did you mean "show"`,
		"env sett prod --tag x":                 `unknown command "sett" for "slipway env"`,
		"deploy ls --enviroment prod":           `unknown flag: --enviroment; did you mean --environment?`,
		"deploy ls --status succeded":           `--status: "succeded" is none of queued, running, succeeded, failed, rolled_back, cancelled; did you mean "succeeded"?`,
		"repo ls -o yaml":                       `--output: "yaml" is none of table, json`,
		"subscription deliveries 1 --state dad": `did you mean "dead"?`,
	} {
		code, _, errs := commandtest.Command(t.Context(), "", r.Env(), strings.Fields(args)...)
		if code != command.Usage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, errs, want)
		}
	}
}
