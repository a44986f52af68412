package docs_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// updateClients is given by make clients-table: the file to which the tests of clients wrote (formatstest.RecordClient).
var updateClients = flag.String("update-clients", "", "rewrite the sections of clients.md for the formats in this file of runs")

const (
	clientsPage  = "clients.md"
	clientsIntro = `# Clients that the tests drive

Real clients publish to Slipway and install from it in its tests: the oldest version that is still in use, the newest, and the
coming one where it can be installed. This page is made from a run of the tests (` + "`make clients-table`" + `). How each client
is set up is on the [protocols' pages](protocols/npm.md).

Helm, cosign, and the oldest versions of crane, regctl and oras take minutes to build, and sbt and Mill half a minute to compile a
build of ten lines, so they run with ` + "`make test LONG=1`" + ` and for this
page; all others run with every ` + "`make test`" + `.
`
)

// clientsNotes are put behind the tables of their formats.
var clientsNotes = map[string]string{
	"maven": `Not driven by the tests: a current Gradle, of which the registry of Maven has single jars and no distribution (Debian's is 4.4);
and Mill 0.12 and later, of which it lacks a part. Which files a client sends is tested without it.
`,
}

// pinned says where the clients of a format are pinned.
type pinned struct {
	format, files string
	all           bool           // every client of the format is, and none comes from elsewhere, such as from Debian
	pattern       *regexp.Regexp // of a package and its version, in the file's name and text
	names         map[string]string
}

// goModule is a module in a go.mod, and goClients are those that are clients.
var (
	goModule  = regexp.MustCompile(`(?m)^\t(\S+) v(\S+) // indirect$`)
	goClients = map[string]string{
		"github.com/google/go-containerregistry": "crane", "github.com/regclient/regclient": "regctl", "oras.land/oras": "oras", "helm.sh/helm/v3": "Helm",
		"helm.sh/helm/v4": "Helm"}
)

var pinnedClients = []pinned{
	{"npm", "clients.sh", true, regexp.MustCompile(`(?m)^install (\S+) (\S+)(?: \S+)?$`), map[string]string{
		"npm": "npm", "pnpm": "pnpm", "@pnpm/exe.linux-x64": "pnpm", "yarn": "Yarn", "@yarnpkg/cli-dist": "Yarn", "@oven/bun-linux-x64": "Bun",
		"@deno/linux-x64-glibc": "Deno"}},
	{"pypi", "pypi/*.txt", false, regexp.MustCompile(`(?m)^file ([a-z]+)-([\w.]+)\.txt$`), map[string]string{
		"twine": "twine", "poetry": "Poetry", "pdm": "PDM", "hatch": "Hatch", "flit": "Flit", "pipenv": "Pipenv"}},
	{"oci", "oci/go.mod", false, goModule, goClients},
	{"oci", "oci/[lo]*/go.mod", false, goModule, goClients},
	{"oci", "oci/cosign/go.mod", false, goModule, map[string]string{"github.com/sigstore/cosign/v3": "cosign"}}, // crane there is a library
	{"oci", "oci/cosign2/go.mod", false, goModule, map[string]string{"github.com/sigstore/cosign/v2": "cosign"}},
	{"maven", "clients-maven.sh", false, regexp.MustCompile(`(?m)^()(\d\S*) [0-9a-f]{128}$`), map[string]string{"": "Maven"}},
	{"maven", "clients-scala.sh", false, regexp.MustCompile(`(?m)^(sbt|mill)=(\d\S*)`), map[string]string{"sbt": "sbt", "mill": "Mill"}},
}

// TestClientsPage: the page has the clients that are pinned. With -update-clients it is made anew for the formats that were run.
func TestClientsPage(t *testing.T) {
	page := readClientsPage(t)
	if *updateClients != "" {
		maps.Copy(page, readRuns(t, *updateClients))
		writeClientsPage(t, page)
	}
	for _, pins := range pinnedClients {
		if page[pins.format] == nil {
			continue // its tests note no clients yet
		}
		wanted, listed := pins.clients(t), map[string]bool{}
		for _, r := range page[pins.format] {
			listed[r.client+" "+r.version] = true
		}
		const remedy = "run make clients-table FORMATS="
		for client := range wanted {
			if !listed[client] {
				t.Errorf("%s is pinned in .ci/%s but not in %s: %s%s", client, pins.files, clientsPage, remedy, pins.format)
			}
		}
		for client := range listed {
			if pins.all && !wanted[client] {
				t.Errorf("%s is in %s but not pinned in .ci/%s: %s%s", client, clientsPage, pins.files, remedy, pins.format)
			}
		}
	}
}

// clients are the pinned clients with their versions, "npm 12.2.2".
func (p pinned) clients(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("..", ".ci", p.files))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range p.pattern.FindAllStringSubmatch("file "+filepath.Base(path)+"\n"+string(raw), -1) {
			if name := p.names[m[1]]; name != "" {
				out[name+" "+m[2]] = true
			}
		}
	}
	if len(out) == 0 {
		t.Errorf("no client is pinned in .ci/%s", p.files)
	}
	return out
}

// clientRow is a line of the page: what the tests do with one version of a client.
type clientRow struct{ client, version, does string }

var (
	formatHeading  = regexp.MustCompile(`^## (\S+)$`)
	clientRowInTab = regexp.MustCompile(`^\| (\S[^|]*?) \| (\S+) \|[^|]*\| ([^|]+) \|$`)
)

// readClientsPage returns the rows of each format.
func readClientsPage(t *testing.T) map[string][]clientRow {
	t.Helper()
	raw, err := os.ReadFile(clientsPage)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	page, format := map[string][]clientRow{}, ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if m := formatHeading.FindStringSubmatch(line); m != nil {
			format = m[1]
		}
		if m := clientRowInTab.FindStringSubmatch(line); m != nil && m[1] != "client" {
			page[format] = append(page[format], clientRow{m[1], m[2], m[3]})
		}
	}
	return page
}

// readRuns reads what formatstest.RecordClient wrote. A run that failed is no row, and fails the test.
func readRuns(t *testing.T, path string) map[string][]clientRow {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	does := map[[3]string]map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var run struct {
			Client, Version, Format, Scenario, Test string
			Passed                                  bool
		}
		if err := json.Unmarshal(lines.Bytes(), &run); err != nil {
			t.Fatal(err)
		}
		if !run.Passed {
			t.Errorf("%s %s failed in %s", run.Client, run.Version, run.Test)
			continue
		}
		key := [3]string{run.Format, run.Client, run.Version}
		if does[key] == nil {
			does[key] = map[string]bool{}
		}
		does[key][run.Scenario] = true
	}
	rows := map[string][]clientRow{}
	for key, scenarios := range does {
		rows[key[0]] = append(rows[key[0]], clientRow{key[1], key[2], strings.Join(slices.Sorted(maps.Keys(scenarios)), "; ")})
	}
	return rows
}

func writeClientsPage(t *testing.T, page map[string][]clientRow) {
	t.Helper()
	var b strings.Builder
	b.WriteString(clientsIntro)
	for _, format := range slices.Sorted(maps.Keys(page)) {
		rows := slices.SortedFunc(slices.Values(page[format]), func(a, b clientRow) int {
			return cmp.Or(cmp.Compare(strings.ToLower(a.client), strings.ToLower(b.client)), compareVersions(a.version, b.version))
		})
		fmt.Fprintf(&b, "\n## %s\n\n| client | version | | what the tests do with it |\n|---|---|---|---|\n", format)
		for _, r := range rows {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.client, r.version, role(r, rows), r.does)
		}
		if note := clientsNotes[format]; note != "" {
			b.WriteString("\n" + note)
		}
	}
	if err := os.WriteFile(clientsPage, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// role is what a version stands for among those of its client, in ascending order: a prerelease is the coming one.
func role(r clientRow, rows []clientRow) string {
	own := slices.DeleteFunc(slices.Clone(rows), func(o clientRow) bool { return o.client != r.client })
	released := slices.DeleteFunc(slices.Clone(own), func(o clientRow) bool { return isPrerelease(o.version) })
	switch {
	case isPrerelease(r.version):
		return "coming"
	case r == released[len(released)-1]:
		return "newest"
	case r == released[0]:
		return "oldest"
	}
	return ""
}

var (
	prereleases   = regexp.MustCompile(`[-.0-9](alpha|beta|rc|dev|a|b)[-.0-9]*$`)
	numberOrLabel = regexp.MustCompile(`\d+|[a-zA-Z]+`)
)

func isPrerelease(v string) bool { return prereleases.MatchString(v) }

// compareVersions compares by numbers; a prerelease is less than its release.
func compareVersions(a, b string) int {
	as, bs := numberOrLabel.FindAllString(a, -1), numberOrLabel.FindAllString(b, -1)
	for i := range min(len(as), len(bs)) {
		x, xerr := strconv.Atoi(as[i])
		y, yerr := strconv.Atoi(bs[i])
		c := cmp.Compare(x, y)
		if xerr != nil || yerr != nil {
			c = cmp.Compare(as[i], bs[i])
		}
		if c != 0 {
			return c
		}
	}
	if isPrerelease(a) != isPrerelease(b) {
		if isPrerelease(a) {
			return -1
		}
		return 1
	}
	return cmp.Compare(len(as), len(bs))
}
