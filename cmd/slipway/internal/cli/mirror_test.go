package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/integration/upstream/upstreamtest"
)

// pomOf is a POM with something in it.
func pomOf(coordinate, packaging, inner string) []byte {
	c := strings.Split(coordinate, ":")
	return []byte(`<project><modelVersion>4.0.0</modelVersion><groupId>` + c[0] + `</groupId><artifactId>` + c[1] + `</artifactId><version>` + c[2] + `</version><packaging>` +
		packaging + `</packaging>` + inner + `</project>`)
}

// elsewhere is a registry with packages of four formats, and lists of them.
func elsewhere(t *testing.T) (up *upstreamtest.Server, lists []string) {
	t.Helper()
	up = upstreamtest.New(t, upstreamtest.Options{})
	up.NPM("left-pad", "1.3.0", upstreamtest.NPMVersion{})
	up.NPM("@acme/web", "2.0.0", upstreamtest.NPMVersion{NoIntegrity: true})
	wheel := up.PyPI("six", "1.16.0")[0]
	parent := func(version string) string {
		return `<parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>` + version + `</version></parent>`
	}
	up.Maven("com.acme:lib:1.0", upstreamtest.MavenVersion{POM: pomOf("com.acme:lib:1.0", "jar", parent("7")+`<properties><bom.version>3</bom.version></properties>`),
		Classifiers: map[string][]byte{"sources": nil}})
	up.Maven("com.acme:parent:7", upstreamtest.MavenVersion{Packaging: "pom", POM: pomOf("com.acme:parent:7", "pom", `<properties><bom.version>2</bom.version></properties>
		<dependencyManagement><dependencies><dependency><groupId>${project.groupId}</groupId><artifactId>bom</artifactId><version>${bom.version}</version><type>pom</type><scope>import</scope></dependency>
		<dependency><groupId>com.acme</groupId><artifactId>managed</artifactId><version>1</version></dependency></dependencies></dependencyManagement>`)})
	up.Maven("com.acme:bom:3", upstreamtest.MavenVersion{Packaging: "pom"})
	up.Maven("com.acme:old:1", upstreamtest.MavenVersion{POM: pomOf("com.acme:old:1", "jar",
		`<distributionManagement><relocation><artifactId>new</artifactId></relocation></distributionManagement>`)})
	up.Maven("com.acme:new:1", upstreamtest.MavenVersion{})
	up.Raw("tool/1.0.0/tool.tar.gz", []byte("a tool"))

	dir := t.TempDir()
	for name, text := range map[string]string{
		"package-lock.json": `{"lockfileVersion":3,"packages":{"node_modules/left-pad":{"version":"1.3.0"},"node_modules/@acme/web":{"version":"2.0.0"}}}`,
		"requirements.txt":  "six==1.16.0 --hash=sha256:" + wheel.SHA256() + "\n",
		"list.txt":          "com.acme:lib:1.0\ncom.acme:old:1\npkg:maven/com.acme/lib@1.0?type=jar&classifier=sources\npkg:generic/tool@1.0.0?file_name=tool.tar.gz\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		lists = append(lists, file)
	}
	return up, lists
}

// mirroring is a server whose repository "all" has an upstream of each format.
func mirroring(t *testing.T, up *upstreamtest.Server) *commandtest.Running {
	t.Helper()
	r := commandtest.Start(t, func(c *installation.Config) { c.UpstreamAllow = []string{"127.0.0.1"} })
	r.Login()
	r.CLI(0, "repo", "create", "all")
	for format, url := range map[string]string{"npm": up.NPMURL(), "pypi": up.PyPIURL(), "maven": up.MavenURL(), "raw": up.RawURL()} {
		r.CLI(0, "upstream", "add", "all", url, "--format", format, "--redirects", "127.0.0.1")
	}
	return r
}

type mirrored struct {
	PURL, State, Reason string
	Files               int
	Bytes               int64
}

// states are what an answer of mirror commands says of package URLs.
func states(t *testing.T, out string) map[string]mirrored {
	t.Helper()
	var list []mirrored
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	by := map[string]mirrored{}
	for _, m := range list {
		by[m.PURL] = m
	}
	return by
}

// TestMirrorFetch: what lists name is shown, fetched once, and then here, without another request elsewhere.
func TestMirrorFetch(t *testing.T) {
	t.Parallel()
	up, lists := elsewhere(t)
	r := mirroring(t, up)
	if out := r.CLI(0, append([]string{"mirror", "plan"}, lists...)...); !strings.Contains(out, "pkg:npm/%40acme/web@2.0.0") {
		t.Errorf("plan: %s", out)
	}
	plan := append([]string{"mirror", "plan", "--repo", "all", "-o", "json"}, lists...)
	before := states(t, r.CLI(0, plan...))
	for purl, m := range before {
		if m.State != "missing" || m.Reason == "" || m.Files != 0 {
			t.Errorf("before: %s %+v", purl, m)
		}
	}
	up.NeverAsked(t, "**")

	fetch := append([]string{"mirror", "fetch", "all", "-o", "json"}, lists...)
	fetched := states(t, r.CLI(0, fetch...))
	for purl, files := range map[string]int{
		"pkg:npm/left-pad@1.3.0": 1, "pkg:npm/%40acme/web@2.0.0": 1, "pkg:pypi/six@1.16.0": 2, // with its metadata
		"pkg:maven/com.acme/lib@1.0":                             4, // its POM, the parent, what that imports with the child's property, the jar
		"pkg:maven/com.acme/lib@1.0?type=jar&classifier=sources": 4,
		"pkg:maven/com.acme/old@1":                               3, // the jar is where it has gone
		"pkg:generic/tool@1.0.0?file_name=tool.tar.gz":           1,
	} {
		if m := fetched[purl]; m.Files != files || m.State != "fetched" && !strings.Contains(purl, "maven/com.acme/lib") {
			t.Errorf("%s: %+v, want %d files", purl, m, files)
		}
	}
	up.NeverAsked(t, "/maven/com/acme/bom/2/**")
	up.NeverAsked(t, "/maven/com/acme/managed/**")
	up.AskedOnce(t, "GET", "/npm/left-pad/-/*")
	up.Reset()
	for purl, m := range states(t, r.CLI(0, plan...)) {
		if m.State != "present" || m.Files != fetched[purl].Files || m.Bytes != fetched[purl].Bytes {
			t.Errorf("after: %s %+v, was %+v", purl, m, fetched[purl])
		}
	}
	for purl, m := range states(t, r.CLI(0, fetch...)) {
		if m.State != "present" {
			t.Errorf("again: %s %+v", purl, m)
		}
	}
	up.NeverAsked(t, "/npm/**/-/**")
	up.NeverAsked(t, "/maven/**/*.jar")
	if out := r.CLI(0, "events", "ls", "--types", "prefetch.finished", "-o", "json"); strings.Count(out, `"dev.slipway.prefetch.finished.v1"`) != 2 || !strings.Contains(out, `"present":7`) {
		t.Errorf("events: %s", out)
	}
	if out := r.CLI(0, "events", "ls", "--types", "cache.entered", "-o", "json"); !strings.Contains(out, "admin") {
		t.Errorf("events: %s", out)
	}
}

// TestMirrorFetchMissing: what is not elsewhere, and what has other bytes than the list says, is missing, and the command fails.
func TestMirrorFetchMissing(t *testing.T) {
	t.Parallel()
	up, _ := elsewhere(t)
	r := mirroring(t, up)
	list := filepath.Join(t.TempDir(), "requirements.txt")
	lock := filepath.Join(t.TempDir(), "package-lock.json")
	for file, text := range map[string]string{
		list: "six==1.16.0 --hash=sha256:" + strings.Repeat("0", 64) + "\nabsent==1\n",
		lock: `{"lockfileVersion":3,"packages":{"node_modules/left-pad":{"version":"1.3.0","integrity":"sha512-` + strings.Repeat("A", 86) + `=="},"node_modules/@acme/web":{"version":"9.9.9"}}}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := r.CLI(1, "mirror", "fetch", "all", list, lock); !strings.Contains(out, "4 of 4 are missing") {
		t.Errorf("fetch: %s", out)
	}
	up.NeverAsked(t, "/npm/left-pad/-/*")
	r.With("com.acme:absent:1\nnot-raw\n", nil, 1, "mirror", "fetch", "all", "-")
	for purl, m := range states(t, r.With("alpine:3.20\nalpine@sha256:"+strings.Repeat("1", 64)+"\n", nil, 0, "mirror", "plan", "--repo", "all", "-o", "json", "-")) {
		if m.State != "missing" || !strings.Contains(m.Reason, "no image of this digest is here") {
			t.Errorf("%s: %+v", purl, m)
		}
	}
	r.With("", nil, 1, "mirror", "fetch", "all", "-")
	r.With("left-pad\n", nil, 1, "mirror", "fetch", "absent", "-")

	anonymous := r.Env()
	anonymous["XDG_CONFIG_HOME"] = t.TempDir()
	r.With("com.acme:lib:1.0\n", anonymous, 1, "mirror", "fetch", "all", "-")
	up.NeverAsked(t, "/maven/com/acme/lib/**")
}

// TestListedVersion: of a version that a registry elsewhere lists without a time, and that is not here, none is shown.
func TestListedVersion(t *testing.T) {
	t.Parallel()
	up, _ := elsewhere(t)
	r := mirroring(t, up)
	for _, at := range [][]string{{"maven", "com.acme:lib", "1.0"}, {"npm", "left-pad", "1.3.0"}} {
		for _, format := range []string{"table", "json"} {
			out := r.CLI(0, append([]string{"version", "show", "all", "-o", format}, at...)...)
			if !strings.Contains(out, at[2]) || strings.Contains(out, "0001-01-01") {
				t.Errorf("%v: %s", at, out)
			}
		}
		if out := r.CLI(0, "version", "ls", "all", at[0], at[1], "-o", "json"); !strings.Contains(out, at[2]) || strings.Contains(out, "0001-01-01") {
			t.Errorf("%v: %s", at, out)
		}
	}
}
