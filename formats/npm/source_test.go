package npm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/publish"
	"slipway/registry/upstreams"
)

func sourceName(name string) registry.Name {
	return registry.Name{Repository: "main", Format: formatName, Package: name, Display: name}
}

const sourceBase = "https://registry.example.com/base/x"

func parseSource(name, doc string) (upstreams.Index, error) {
	return New().Parse(sourceName(name), sourceBase, strings.NewReader(doc))
}

// listed is the listing that is made of an index.
func listed(x upstreams.Index) catalog.PackageListing {
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	c := catalog.PackageListing{
		Package:  registry.Package{ID: 1, Revision: 2, Key: x.Name, Name: x.Name, Descriptor: x.Descriptor, CreatedAt: at, UpdatedAt: at},
		Versions: x.Versions, Tags: x.Tags,
	}
	ids := map[string]int64{}
	for i := range c.Versions {
		c.Versions[i].ID = -int64(i) - 1
		ids[c.Versions[i].Name] = c.Versions[i].ID
	}
	for i := range c.Tags {
		c.Tags[i].VersionID = ids[c.Tags[i].Version]
	}
	return c
}

// rendered are the documents that are made of an index.
func rendered(t testing.TB, x upstreams.Index) (full, short map[string]any) {
	t.Helper()
	p, err := newPage(listed(x), "https://own.example.com/npm/main")
	must(t, err)
	b, err := p.full()
	must(t, err)
	full = parsed(t, b)
	b, err = p.abbreviated()
	must(t, err)
	return full, parsed(t, b)
}

func TestSourceAsks(t *testing.T) {
	for name, want := range map[string]string{"left-pad": "left-pad", "@acme/web": "@acme%2fweb", "JSONStream": "JSONStream", "a'b": "a%27b"} {
		ask, ok := New().Document(sourceName(name))
		if !ok || ask != (upstreams.Ask{URL: want, Accept: "application/json", Gzip: true}) {
			t.Errorf("%s: %+v, %v", name, ask, ok)
		}
	}
	at := sourceName("a").At("1.0.0")
	if ask, err := New().File(at, "a-1.0.0.tgz", &upstreams.Entry{URL: "https://cdn.example.com/x"}); err != nil || ask != (upstreams.Ask{URL: "https://cdn.example.com/x"}) {
		t.Errorf("%+v, %v", ask, err)
	}
	if _, err := New().File(at, "a-1.0.0.tgz", nil); registry.KindOf(err) != registry.Invalid {
		t.Errorf("a file that no document names: %v", err)
	}
	for head, ok := range map[string]bool{"\x1f\x8b\x08": true, "\x1f": false, "": false, "<!DOCTYPE html>": false, "PK\x03\x04": false} {
		if err := New().Check("a-1.0.0.tgz", []byte(head)); (err == nil) != ok {
			t.Errorf("%q: %v", head, err)
		}
	}
	if New().Mutable(at, "a-1.0.0.tgz") {
		t.Error("a tarball may change")
	}
}

var (
	sum512 = strings.Repeat("\x12", 64)
	sum1   = strings.Repeat("ab", 20)
)

// richDocument has everything that a packument can have, with the time and the tags behind the versions.
var richDocument = `{"_id": "@acme/web", "_rev": "12-x", "name": "@acme/web", "unknown": {"a": [1]}, "versions": {
	"2.0.0": {"name": "@acme/web", "version": "2.0.0", "_id": "@acme/web@2.0.0", "description": "A <web>", "license": "MIT", "odd": {"kept": [1.50, "\u2028"]},
		"maintainers": [{"name": "other"}], "readme": "long", "deprecated": "use \"3\"", "scripts": {"install": "make"}, "cpu": ["x64"], "libc": ["glibc"],
		"_npmUser": {"name": "ci", "trustedPublisher": {"id": "github"}}, "_hasShrinkwrap": false,
		"dist": {"tarball": "../tgz/web.tgz#f", "integrity": "sha512-` + base64.StdEncoding.EncodeToString([]byte(sum512)) + `?x", "shasum": "` + sum1 + `",
			"fileCount": 3, "unpackedSize": 99, "size": 7, "signatures": [{"keyid": "SHA256:x", "sig": "MEU="}], "attestations": {"url": "https://registry.example.com/-/npm/v1/attestations/@acme%2fweb@2.0.0"}, "new": 1e3}},
	"1.0.0-rc.1": {"name": "@acme/web", "version": "1.0.0-rc.1", "dist": {"tarball": "https://cdn.example.com/a.tgz"}},
	"1.0.0": {"name": "@acme/web", "version": "1.0.0", "deprecated": false, "dist": {"shasum": "` + sum1 + `", "tarball": "/a.tgz"}}},
	"readme": "# Web", "readmeFilename": "README.md", "maintainers": [{"name": "alice", "email": "a@example.com"}, 7, {"email": "nobody"}],
	"dist-tags": {"latest": "2.0.0", "next": "1.0.0-rc.1", "gone": "9.0.0", "1.x": "1.0.0", "a/b": "1.0.0", "n": 1},
	"time": {"created": "2020-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z", "1.0.0": "2021-02-03T04:05:06.789Z", "2.0.0": "2023-01-01T00:00:00+02:00", "1.0.0-rc.1": "soon", "unpublished": {"x": 1}}}`

func TestSourceParse(t *testing.T) {
	x, err := parseSource("@acme/web", richDocument)
	must(t, err)
	var names []string
	for _, v := range x.Versions {
		names = append(names, fmt.Sprintf("%s %s %q %v %s", v.Name, v.State, v.Reason, v.Prerelease, v.PURL))
	}
	if got, want := strings.Join(names, "\n"), `1.0.0-rc.1 published "" true pkg:npm/%40acme/web@1.0.0-rc.1
1.0.0 published "" false pkg:npm/%40acme/web@1.0.0
2.0.0 deprecated "use \"3\"" false pkg:npm/%40acme/web@2.0.0`; got != want {
		t.Errorf("versions:\n%s", got)
	}
	if want := []registry.Tag{{Name: "latest", Version: "2.0.0"}, {Name: "next", Version: "1.0.0-rc.1"}}; !reflect.DeepEqual(x.Tags, want) {
		t.Errorf("tags: %+v", x.Tags)
	}
	sha, _ := hex.DecodeString(sum1)
	want := []upstreams.Entry{
		{Version: "1.0.0-rc.1", Path: "web-1.0.0-rc.1.tgz", MediaType: tarballType, URL: "https://cdn.example.com/a.tgz", Size: -1},
		{Version: "1.0.0", Path: "web-1.0.0.tgz", MediaType: tarballType, URL: "https://registry.example.com/a.tgz", Size: -1, Sums: upstreams.Sums{SHA1: sha},
			PublishedAt: time.Date(2021, 2, 3, 4, 5, 6, 789_000_000, time.UTC)},
		{Version: "2.0.0", Path: "web-2.0.0.tgz", MediaType: tarballType, URL: "https://registry.example.com/tgz/web.tgz", Size: -1,
			Sums: upstreams.Sums{SHA1: sha, SHA512: []byte(sum512)}, PublishedAt: time.Date(2022, 12, 31, 22, 0, 0, 0, time.UTC)},
	}
	if !reflect.DeepEqual(x.Entries, want) {
		t.Errorf("entries: %+v", x.Entries)
	}
	if !x.UpdatedAt.Equal(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) || x.Name != "@acme/web" {
		t.Errorf("%s at %s", x.Name, x.UpdatedAt)
	}
}

// TestSourceRender: the documents say what the registry elsewhere says, with our addresses.
func TestSourceRender(t *testing.T) {
	x, err := parseSource("@acme/web", richDocument)
	must(t, err)
	full, short := rendered(t, x)
	v := full["versions"].(map[string]any)["2.0.0"].(map[string]any)
	dist := v["dist"].(map[string]any)
	if dist["tarball"] != "https://own.example.com/npm/main/@acme/web/-/web-2.0.0.tgz" || dist["size"] != 7.0 || fmt.Sprint(dist["attestations"]) != "map[url:https://own.example.com/npm/main/-/npm/v1/attestations/@acme%2fweb@2.0.0]" || dist["signatures"] == nil {
		t.Errorf("dist: %v", dist)
	}
	if v["deprecated"] != `use "3"` || v["readme"] != nil || v["hasInstallScript"] != true || fmt.Sprint(v["maintainers"]) != "[map[email:a@example.com name:alice]]" {
		t.Errorf("version: %v", v)
	}
	if full["readme"] != "# Web" || full["description"] != "A <web>" || full["readmeFilename"] != "README.md" {
		t.Errorf("package: %v", full)
	}
	times := full["time"].(map[string]any)
	if times["1.0.0"] != "2021-02-03T04:05:06.789Z" || times["created"] != "2021-02-03T04:05:06.789Z" || times["1.0.0-rc.1"] != nil {
		t.Errorf("time: %v", times)
	}
	s := short["versions"].(map[string]any)["2.0.0"].(map[string]any)
	if s["hasInstallScript"] != true || s["_npmUser"] == nil || s["libc"] == nil || s["odd"] != nil || !reflect.DeepEqual(s["dist"], v["dist"]) {
		t.Errorf("abbreviated: %v", s)
	}
	// What is not ours survives byte for byte.
	text := string(x.Versions[2].Descriptor)
	for _, part := range []string{`"odd":{"kept":[1.50,"\u2028"]}`, `"new":1e3`, `"signatures":[{"keyid":"SHA256:x","sig":"MEU="}]`, `"_npmUser":{"name":"ci","trustedPublisher":{"id":"github"}}`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	// A "dist" with nothing but the address renders, too.
	if d := full["versions"].(map[string]any)["1.0.0-rc.1"].(map[string]any)["dist"]; fmt.Sprint(d) != "map[tarball:https://own.example.com/npm/main/@acme/web/-/web-1.0.0-rc.1.tgz]" {
		t.Errorf("%v", d)
	}
}

// oneVersion is a document of package a with one version more.
func oneVersion(key, object string) string {
	return `{"name":"a","dist-tags":{"latest":"` + key + `"},"versions":{"0.0.1":{"dist":{"tarball":"t.tgz"}},"` + key + `":` + object + `}}`
}

// TestSourceHostile: what is no version here is left out.
func TestSourceHostile(t *testing.T) {
	const dist = `"dist":{"tarball":"https://cdn.example.com/a.tgz"}`
	for doc, want := range map[string]string{
		oneVersion("1.0.0", `{`+dist+`}`):                                                 "0.0.1 1.0.0 latest=1.0.0",
		oneVersion("1.0.0+build", `{"version":"1.0.0+build",`+dist+`}`):                   "0.0.1 1.0.0 latest=1.0.0",
		oneVersion("../../etc", `{`+dist+`}`):                                             "0.0.1 latest=0.0.1",
		oneVersion("1.0", `{`+dist+`}`):                                                   "0.0.1 latest=0.0.1",
		oneVersion("v1.0.0", `{`+dist+`}`):                                                "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"name":"b",`+dist+`}`):                                      "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"dist":{}}`):                                                "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"dist":{"tarball":"file:///etc/passwd"}}`):                  "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"dist":{"tarball":"https://u:p@cdn.example.com/"}}`):        "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"dist":7}`):                                                 "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `null`):                                                       "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"x":"`+strings.Repeat("x", maxFragmentBytes)+`",`+dist+`}`): "0.0.1 latest=0.0.1",
		oneVersion("1.0.0", `{"dist":{"tarball":"t.tgz","integrity":"sha512-x sha1-","shasum":"zz"},"deprecated":1}`):                                       "0.0.1 1.0.0 latest=1.0.0",
		oneVersion("1.0.0", `{"deprecated":"`+strings.Repeat("é", maxReasonBytes)+`",`+dist+`}`):                                                            "0.0.1 1.0.0 latest=1.0.0",
		`{"_id":"a","time":{"unpublished":{"versions":["1.0.0"]}}}`:                                                                                         "",
		`{"name":"a","versions":{},"dist-tags":7,"maintainers":{},"readme":3}`:                                                                              "",
		`{"name":"a","versions":{"1.0.0+b":{"version":"b",` + dist + `},"1.0.0":{` + dist + `},"1.0.0+a":{` + dist + `}},"dist-tags":{"latest":"1.0.0+b"}}`: "1.0.0 latest=1.0.0",
	} {
		x, err := parseSource("a", doc)
		var got []string
		for _, v := range x.Versions {
			got = append(got, v.Name)
		}
		for _, tag := range x.Tags {
			got = append(got, tag.Name+"="+tag.Version)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%.100s: %v, %v; want %s", doc, got, err, want)
		}
		if err == nil {
			rendered(t, x)
		}
	}
}

// TestSourceRefused: what is no packument of the package is refused as a whole.
func TestSourceRefused(t *testing.T) {
	huge := `{"name":"a","versions":{` + strings.Repeat(`"1.0.0":0,`, maxStored+1) + `"1.0.0":0}}`
	for doc, want := range map[string]string{
		"":                                 "ends too early",
		"<!DOCTYPE html><html>":            "'<' where '{' belongs",
		`{"error":"not_found"}`:            `about the package "", not "a"`,
		`{"name":"b","_id":"a"}`:           `about the package "b"`,
		`[]`:                               "belongs",
		richDocument[:500]:                 "ends too early",
		`{"name":"a"} x`:                   "behind its end",
		`{"name":"a","versions":[]}`:       "belongs",
		`{"name":"a","versions":null}`:     "belongs",
		`{"name":"a","name":"a"}`:          "twice",
		`{"name":"a","versions":{"1":{"x}`: "ends too early",
		`{"name":"a","versions":{"1.0.0":{"x":` + strings.Repeat("[", 200): "nests deeper",
		`{"name":"a","versions":{"1.0.0":{,}}}`:                            "no packument",
		huge:                                                               "more than 100000 versions",
	} {
		_, err := parseSource("a", doc)
		if registry.KindOf(err) != registry.Invalid || !strings.Contains(registry.AsError(err).Detail, want) || strings.Contains(err.Error(), "the request's body is not") && !strings.Contains(registry.AsError(err).Detail, "no packument") {
			t.Errorf("%.80s: %v, want %q", doc, err, want)
		}
	}
	broken := io.MultiReader(strings.NewReader(`{"name":"a",`), failing{})
	if _, err := New().Parse(sourceName("a"), sourceBase, broken); err != context.DeadlineExceeded { //nolint:errorlint // as it is
		t.Errorf("the stream's error: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, context.DeadlineExceeded }

// TestSourceMaintainers: a packument does not grow without bound by those whom it names with every version.
func TestSourceMaintainers(t *testing.T) {
	var people, versions []string
	for i := range 200 {
		people = append(people, fmt.Sprintf(`{"name":"%s%d"}`, strings.Repeat("x", 200), i))
	}
	for i := range 2000 {
		versions = append(versions, fmt.Sprintf(`"1.0.%d":{"dist":{"tarball":"t"}}`, i))
	}
	x, err := parseSource("a", `{"name":"a","maintainers":[`+strings.Join(people, ",")+`],"versions":{`+strings.Join(versions, ",")+`}}`)
	must(t, err)
	a, err := readAbout(x.Descriptor)
	must(t, err)
	if n := len(a.Maintainers); n == 0 || n > maxShownMaintainers || len(marshal(a.Maintainers))*len(x.Versions) > maxMaintainersBytes {
		t.Errorf("%d maintainers", n)
	}
}

// entered is a tarball of a version of an index, as it has arrived.
func entered(x upstreams.Index, i int, tarball []byte, sums bool) upstreams.Entered {
	blob := registry.Blob{Digest: digest.FromBytes(tarball), Size: int64(len(tarball))}
	if sums {
		blob.SHA1, blob.SHA512 = bytes.Repeat([]byte{1}, 20), bytes.Repeat([]byte{2}, 64)
	}
	return upstreams.Entered{
		At: sourceName(x.Name).At(x.Versions[i].Name), Path: x.Entries[i].Path, Entry: &x.Entries[i], Version: &x.Versions[i], Blob: blob,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tarball)), nil },
	}
}

func TestSourceEnter(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	doc := `{"name":"a","versions":{"1.0.0-x":{"name":"a","version":"1.0.0-x","gitHead":"` + commit + `","deprecated":"old","dependencies":{"b":"1"},"dist":{"tarball":"t.tgz","shasum":"` + sum1 + `","sig":[ 1 ]}}}}`
	x, err := parseSource("a", doc)
	must(t, err)
	for manifest, differs := range map[string]string{
		`{"name":"a","version":"1.0.0-x","dependencies":{"b":"1"}}`:   "",
		`{"name":"a","version":"1.0.0-x","dependencies":{"b":"2"}}`:   `[{"field":"dependencies","sent":{"b":"1"}}]`,
		`{"name":"other","version":"2.0.0","dependencies":{"b":"1"}}`: `[{"field":"name","sent":"a"},{"field":"version","sent":"1.0.0-x"}]`,
		`[]`: "the tarball can't be read: ",
	} {
		rel, err := New().Enter(t.Context(), entered(x, 0, pack(t, manifest), true))
		must(t, err)
		if rel.Version != "1.0.0-x" || rel.PURL != "pkg:npm/a@1.0.0-x" || rel.Mode != publish.Append || !rel.Prerelease || !bytes.Equal(rel.SortKey, x.Versions[0].SortKey) ||
			rel.State != registry.Deprecated || rel.Reason != "old" || rel.Tags != nil || rel.TagsIfUnset != nil || len(rel.Files) != 1 || rel.Files[0].Path != "a-1.0.0-x.tgz" || !rel.Files[0].Held() {
			t.Errorf("%+v", rel)
		}
		got, head := "", ""
		for _, f := range rel.Facts {
			switch f.Key {
			case factDiffers:
				got = f.Value
			case registry.FactSourceCommit:
				head = f.Value
			}
		}
		if head != commit || got != differs && (differs == "" || !strings.HasPrefix(got, differs)) {
			t.Errorf("%s: commit %s, %s", manifest, head, got)
		}
		// The strong sum that was not announced is added.
		full, _, err := unseal(rel.Descriptor)
		must(t, err)
		if want := `"dist":{"shasum":"` + sum1 + `","sig":[1],"integrity":"sha512-AgIC`; !strings.Contains(string(full), want) {
			t.Errorf("%s", full)
		}
	}
	rel, err := New().Enter(t.Context(), entered(x, 0, pack(t, `{}`), false))
	if err != nil || !bytes.Equal(rel.Descriptor, x.Versions[0].Descriptor) {
		t.Errorf("without further sums: %s, %v", rel.Descriptor, err)
	}
	e := entered(x, 0, nil, false)
	e.Version = nil
	if _, err := New().Enter(t.Context(), e); registry.KindOf(err) != registry.Invalid {
		t.Errorf("without a document: %v", err)
	}
	e = entered(x, 0, nil, false)
	e.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(failing{}), nil }
	if _, err := New().Enter(t.Context(), e); err == nil {
		t.Error("entered what can't be read")
	}
}

// TestSourceElsewhere reads what a registry serves.
func TestSourceElsewhere(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	f := u.NPM("@acme/web", "1.0.0", upstreamtest.NPMVersion{OnCDN: true})
	u.NPM("@acme/web", "1.1.0", upstreamtest.NPMVersion{Deprecated: "no", Manifest: map[string]any{"dependencies": map[string]string{"a": "1"}}})
	ask, _ := New().Document(sourceName("@acme/web"))
	res, err := http.Get(u.NPMURL() + ask.URL)
	must(t, err)
	defer res.Body.Close()
	x, err := New().Parse(sourceName("@acme/web"), u.NPMURL()+ask.URL, res.Body)
	must(t, err)
	if len(x.Versions) != 2 || x.Entries[0].URL != f.URL || hex.EncodeToString(x.Entries[0].Sums.SHA1) != f.SHA1() || x.Versions[1].State != registry.Deprecated || x.Entries[0].PublishedAt.IsZero() {
		t.Fatalf("%+v", x)
	}
	rendered(t, x)
}

// FuzzSourceParse: no document breaks the parser, and what it takes renders.
func FuzzSourceParse(f *testing.F) {
	f.Add(strings.ReplaceAll(richDocument, "@acme/web", "a"))
	f.Add(oneVersion("1.0.0", `{"dist":{"tarball":"t","tarball":"u"},"dist":{"tarball":"\u002f"}}`))
	f.Add(`{"name":"a","versions":{"1.0.0":{"name":"a","d\u0069st":{"tarb\u0061ll":"x","":0},"":{}}},"time":{"1.0.0":"0000-01-01T00:00:00Z"}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		x, err := parseSource("a", doc)
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Fatal(err)
			}
			return
		}
		known := map[string]bool{}
		for i, v := range x.Versions {
			e := x.Entries[i]
			if known[v.Name] || registry.CheckVersion(v.Name) != nil || registry.CheckPath(e.Path) != nil || e.Version != v.Name {
				t.Fatalf("%+v, %+v", v, e)
			}
			known[v.Name] = true
			if i > 0 && bytes.Compare(x.Versions[i-1].SortKey, v.SortKey) >= 0 {
				t.Fatalf("%s is not in its place", v.Name)
			}
		}
		for _, tag := range x.Tags {
			if !known[tag.Version] || registry.CheckTag(tag.Name) != nil {
				t.Fatalf("%+v", tag)
			}
		}
		rendered(t, x)
	})
}
