package pypi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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

const sourceBase = "https://index.example.com/root/simple/my-pkg/"

func sourceName(project string) registry.Name {
	return registry.Name{Repository: "main", Format: formatName, Package: project, Display: project}
}

func parseSource(doc string) (upstreams.Index, error) {
	return New().Parse(sourceName("my-pkg"), sourceBase, strings.NewReader(doc))
}

// listed is the listing that is made of an index.
func listed(x upstreams.Index) catalog.PackageListing {
	c := catalog.PackageListing{Package: registry.Package{Key: x.Name, Name: x.Name, Descriptor: x.Descriptor}, Versions: slices.Clone(x.Versions), Files: map[int64][]registry.File{}}
	ids := map[string]int64{}
	for i := range c.Versions {
		c.Versions[i].ID = -int64(i) - 1
		ids[c.Versions[i].Name] = c.Versions[i].ID
	}
	for _, e := range x.Entries {
		id := ids[e.Version]
		c.Files[id] = append(c.Files[id], registry.File{VersionID: id, Path: e.Path, MediaType: e.MediaType, AddedAt: e.PublishedAt,
			Blob: registry.Blob{Digest: e.Sums.SHA256, Size: e.Size, SHA1: e.Sums.SHA1, MD5: e.Sums.MD5, SHA512: e.Sums.SHA512}})
	}
	return c
}

// rendered are both forms of the page that is made of an index.
func rendered(t testing.TB, x upstreams.Index) (json, html string) {
	t.Helper()
	j, err := render(listed(x), medias[2])
	must(t, err)
	h, err := render(listed(x), medias[0])
	must(t, err)
	return string(j.Body), string(h.Body)
}

func TestSourceAsks(t *testing.T) {
	ask, ok := New().Document(sourceName("my-pkg"))
	if !ok || ask != (upstreams.Ask{URL: "my-pkg/", Accept: acceptPage, Gzip: true}) {
		t.Errorf("%+v, %v", ask, ok)
	}
	at := sourceName("my-pkg").At("1.0")
	if ask, err := New().File(at, "x", &upstreams.Entry{URL: "https://cdn.example.com/x"}); err != nil || ask != (upstreams.Ask{URL: "https://cdn.example.com/x"}) {
		t.Errorf("%+v, %v", ask, err)
	}
	if _, err := New().File(at, "x", nil); registry.KindOf(err) != registry.Invalid {
		t.Errorf("a file that no page names: %v", err)
	}
	const wheel, sdist, zip, metadata = "a-1-py3-none-any.whl", "a-1.tar.gz", "a-1.zip", "a-1-py3-none-any.whl.metadata"
	for _, c := range []struct {
		path, head string
		ok         bool
	}{
		{wheel, "PK\x03\x04", true}, {zip, "PK\x03\x04", true}, {sdist, "\x1f\x8b\x08", true}, {metadata, "Metadata-Version: 2.1\n", true},
		{wheel, "\x1f\x8b", false}, {sdist, "PK\x03\x04", false}, {wheel, "", false}, {sdist, "<html>", false}, {metadata, "\ufeff\n <html>", false}, {metadata, "PK\x03\x04\x00", false}, {metadata, "", false},
	} {
		if err := New().Check(c.path, []byte(c.head)); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.path, c.head, err)
		}
	}
	if New().Mutable(at, wheel) {
		t.Error("a wheel may change")
	}
}

var (
	a64, b64 = strings.Repeat("a", 64), strings.Repeat("B", 64)
	sourceKB = strings.Repeat("x", 1024)
)

// richJSON has everything that a page can have, in no order.
var richJSON = `{"meta":{"api-version":"1.4","_last":[{}]},"files":[
	{"filename":"my_pkg-2.0.tar.gz","url":"../../f/my_pkg-2.0.tar.gz#x","hashes":{"md5":"` + strings.Repeat("c", 32) + `","blake2b":"00"},"yanked":"bad"},
	{"filename":"my_pkg-1.0.0-py3-none-any.whl","url":"https://cdn.example.com/w%21.whl?t=1","hashes":{"sha256":"` + a64 + `"},"size":5,"upload-time":"2024-01-02T03:04:05.123456Z",
		"requires-python":">=3.9","core-metadata":{"sha256":"` + b64 + `"},"gpg-sig":true,"provenance":null},
	{"filename":"my-pkg-1.0.zip","url":"/f/my-pkg-1.0.zip","hashes":{"sha512":"` + a64 + a64 + `","sha1":"xyz"},"size":"7","upload-time":null,"yanked":true,"data-dist-info-metadata":true},
	{"filename":"my_pkg-1.0.zip","url":"/f/x.zip","hashes":{},"yanked":""},
	{"filename":"my_pkg-1.0.zip","url":"/f/again.zip","hashes":{}},
	{"filename":"my_pkg-1.0-py3.egg","url":"x","hashes":{}}, {"filename":"../my_pkg-1.0.tar.gz","url":"x"}, {"filename":"other-1.0.tar.gz","url":"x"}, {"filename":7,"url":"x"}, 7,
	{"filename":"my_pkg-9.0.tar.gz","url":"file:///x"}, {"filename":"my_pkg-9.1.tar.gz"}],
	"versions":["1.0","5.0"],"name":"My.Pkg","project-status":{"status":"archived","reason":"use\nother"}}`

func TestSourceJSON(t *testing.T) {
	x, err := parseSource(richJSON)
	must(t, err)
	var got []string
	for _, v := range x.Versions {
		got = append(got, fmt.Sprintf("%s %s %q %s %s %s", v.Name, v.State, v.Reason, v.PURL, v.PublishedAt.Format(time.RFC3339), v.Descriptor))
	}
	for _, e := range x.Entries {
		got = append(got, fmt.Sprintf("%s %s %s %s %d %.10s %s", e.Version, e.Path, e.MediaType, e.URL, e.Size, e.Sums.SHA256, e.Sums.Strongest()))
	}
	want := `1.0 published "" pkg:pypi/my-pkg@1.0 2024-01-02T03:04:05Z {"files":{"my-pkg-1.0.zip":{"yanked":true},"my_pkg-1.0.0-py3-none-any.whl":{"requires_python":"\u003e=3.9"},"my_pkg-1.0.zip":{"yanked":true}}}
2.0 yanked "bad" pkg:pypi/my-pkg@2.0 0001-01-01T00:00:00Z {}
1.0 my-pkg-1.0.zip application/zip https://index.example.com/f/my-pkg-1.0.zip -1  sha512
1.0 my_pkg-1.0.0-py3-none-any.whl application/zip https://cdn.example.com/w%21.whl?t=1 5 sha256:aaa sha256
1.0 my_pkg-1.0.0-py3-none-any.whl.metadata text/plain; charset=utf-8 https://cdn.example.com/w%21.whl.metadata?t=1 -1 sha256:bbb sha256
1.0 my_pkg-1.0.zip application/zip https://index.example.com/f/x.zip -1  none
2.0 my_pkg-2.0.tar.gz application/gzip https://index.example.com/root/f/my_pkg-2.0.tar.gz -1  md5`
	if strings.Join(got, "\n") != want {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	json, html := rendered(t, x)
	for _, part := range []string{
		`"api-version":"1.0"`, `"project-status":{"status":"archived","reason":"use other"}`, `"hashes":{"md5":"` + strings.Repeat("c", 32) + `"},"yanked":"bad"}`,
		`"hashes":{"sha512":"` + a64 + a64 + `"},"yanked":true}`, `"filename":"my_pkg-1.0.zip","url":"../../files/` + weakKeys(registry.File{Path: "my_pkg-1.0.zip"})[0] + `/my_pkg-1.0.zip","hashes":{},"yanked":true}`,
		`"hashes":{"sha256":"` + a64 + `"},"requires-python":">=3.9","size":5,"upload-time":"2024-01-02T03:04:05.123456Z","core-metadata":{"sha256":"` + strings.ToLower(b64) + `"}`,
	} {
		if !strings.Contains(json, part) {
			t.Errorf("%s is not in %s", part, json)
		}
	}
	for _, part := range []string{
		`content="1.0"><meta name="pypi:project-status" content="archived"><meta name="pypi:project-status-reason" content="use other"><title>`,
		`/my_pkg-1.0.zip" data-yanked="">my_pkg-1.0.zip</a>`, `#sha512=` + a64 + a64 + `"`, `#sha256=` + a64 + `" data-requires-python="&gt;=3.9" data-core-metadata="sha256=`,
	} {
		if !strings.Contains(html, part) {
			t.Errorf("%s is not in %s", part, html)
		}
	}
}

const richHTML = `<!DOCTYPE html><html><head><base href="https://cdn.example.com/root/"><base href="https://evil.example.com/">
<script>"<a href='my_pkg-9.0.tar.gz'>"</script><!-- <a href="my_pkg-9.0.tar.gz">x</a> --></head><body>
<a href="../x/my_pkg-1.0-py3-none-any.whl#sha256=%[1]s&amp;egg=x" data-requires-python="&gt;=3.9" data-dist-info-metadata="sha256=%[1]s" DATA-YANKED="a &lt;b&gt;">my_pkg-1.0-py3-..&gt;</a><br/>
<a href="my_pkg-1.0.tar.gz#md5=%[2]s" data-yanked>x</a>
<a href="download?id=7">my_pkg-2.0.zip</a> <a href="../">up</a> <a>none</a> <A HREF="other-1.0.tar.gz">o</A> <a href="javascript:x">my_pkg-3.0.tar.gz</a>
</body></html>`

func TestSourceHTML(t *testing.T) {
	x, err := parseSource(fmt.Sprintf(richHTML, a64, strings.Repeat("d", 32)))
	must(t, err)
	var got []string
	for _, v := range x.Versions {
		got = append(got, fmt.Sprintf("%s %s %q %s", v.Name, v.State, v.Reason, v.Descriptor))
	}
	for _, e := range x.Entries {
		got = append(got, fmt.Sprintf("%s %s %s %s", e.Version, e.Path, e.URL, e.Sums.Strongest()))
	}
	if want := `1.0 yanked "a <b>" {"requires_python":"\u003e=3.9","files":{"my_pkg-1.0.tar.gz":{"yanked":true}}}
2.0 published "" {}
1.0 my_pkg-1.0-py3-none-any.whl https://cdn.example.com/x/my_pkg-1.0-py3-none-any.whl sha256
1.0 my_pkg-1.0-py3-none-any.whl.metadata https://cdn.example.com/x/my_pkg-1.0-py3-none-any.whl.metadata sha256
1.0 my_pkg-1.0.tar.gz https://cdn.example.com/root/my_pkg-1.0.tar.gz md5
2.0 my_pkg-2.0.zip https://cdn.example.com/root/download?id=7 none`; strings.Join(got, "\n") != want {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	_, html := rendered(t, x)
	if strings.Count(html, "data-yanked=") != 2 || !strings.Contains(html, `data-yanked="a &lt;b&gt;"`) || !strings.Contains(html, "#md5=") {
		t.Errorf("%s", html)
	}
}

// TestSourceEmpty: pages without files, and those that are none.
func TestSourceEmpty(t *testing.T) {
	for _, page := range []string{
		`{"name":"my-pkg","files":[]}`, `{"name":"my-pkg"}`, "\ufeff\n {\"name\":\"MY_PKG\"}\n", `<html><head><meta name="pypi:repository-version" content="1.0"></head><body></body></html>`,
		"<html><body><h1>Links for my-pkg</h1></body></html>", "<!DOCTYPE html><title>Links for my-pkg</title>",
		`{"name":"my-pkg","project-status":{"status":"quarantined"},"files":[{"filename":"my_pkg-1.0.zip","url":"x"}]}`,
	} {
		x, err := parseSource(page)
		if err != nil || len(x.Versions)+len(x.Entries) > 0 {
			t.Errorf("%s: %+v, %v", page, x, err)
			continue
		}
		rendered(t, x)
	}
	for page, want := range map[string]string{
		"":      "ends too early",
		"hello": "neither JSON nor HTML",
		"<html><body><form><input type=password></form></body></html>": "no files",
		"<html><body><a href='my_pkg-1.0.zip'>":                        "ends too early",
		"<html><body><h1>Links for x</h1>":                             "ends too early",
		"<html><body><a href='other-1.0.zip'>o</a></body></html>":      "another project",
		`{"name":"other","files":[]}`:                                  `about the project "other"`,
		`{"files":[]}`:                                                 "about the project",
		`{"name":"my-pkg","files":{}}`:                                 "no list",
		`{"name":"my-pkg","files":[],"files":[]}`:                      "twice",
		`{"name":7}`:           "cannot unmarshal",
		richJSON[:900]:         "ends too early",
		`{"name":"my-pkg"} x`:  "invalid character",
		`{"name":"my-pkg"} {}`: "follows",
		`{"name":"my-pkg","x":"` + strings.Repeat(sourceKB, 1100) + `"}`:                              "too long",
		`{"name":"my-pkg","files":[{"url":"` + strings.Repeat(sourceKB, 1100) + `"}]}`:                "too long",
		`<a href="` + strings.Repeat(sourceKB, 1100) + `">`:                                           "too long",
		`{"name":"my-pkg","files":[` + strings.Repeat(`{"url":"x"},`, maxPageFiles) + `{"url":"x"}]}`: "too many files",
	} {
		if _, err := parseSource(page); registry.KindOf(err) != registry.Invalid || !strings.Contains(registry.AsError(err).Detail, want) {
			t.Errorf("%.100s: %v, want %q", page, err, want)
		}
	}
	broken := errors.New("broken")
	for _, begin := range []string{`{"name":"my-pkg",`, "<html>"} {
		if _, err := New().Parse(sourceName("my-pkg"), sourceBase, io.MultiReader(strings.NewReader(begin), failing{broken})); !errors.Is(err, broken) || registry.KindOf(err) == registry.Invalid {
			t.Errorf("%s: %v", begin, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestSourceKeys: the address of a file stays valid once its sha256 is known.
func TestSourceKeys(t *testing.T) {
	f := registry.File{Path: "a-1.tar.gz", Blob: registry.Blob{MD5: []byte("0123456789abcdef")}}
	before := fileKey(f)
	bare := fileKey(registry.File{Path: "a-1.tar.gz"})
	f.Blob.Digest, f.Blob.SHA512 = digest.FromString("x"), []byte("more")
	other := f
	other.Path = "b-1.tar.gz"
	if !hasKey(f, before) || !hasKey(f, bare) || !hasKey(f, fileKey(f)) || fileKey(f) != f.Blob.Digest.Encoded() || hasKey(other, before) || hasKey(f, a64) || hasKey(f, "") || !isSHA256(before) || before == bare {
		t.Errorf("%s, %s", before, bare)
	}
}

func TestSourceEnter(t *testing.T) {
	d := dist{name: "My.Pkg", version: "1.0", header: []string{"Requires-Python: >=3.8", "Project-URL: Source, https://git.example.com/a/b"}}
	wheel, sdist := d.wheel(t), d.sdist(t)
	d.file = "my_pkg-1.0.zip"
	x, err := parseSource(`{"name":"my-pkg","files":[{"filename":"my_pkg-1.0-py3-none-any.whl","url":"w","yanked":"y"},{"filename":"my_pkg-1.0.tar.gz","url":"s","requires-python":">=3"}]}`)
	must(t, err)
	other := dist{name: "other", version: "1.0"}.wheel(t)
	for _, c := range []struct {
		path       string
		content    []byte
		descriptor string
		differs    string
	}{
		{"my_pkg-1.0-py3-none-any.whl", wheel, `{"requires_python":"\u003e=3.8","yanked":true,"yanked_reason":"y"}`, ""},
		{"my_pkg-1.0.tar.gz", sdist, `{"requires_python":"\u003e=3"}`, ""},
		{"my_pkg-1.0.zip", d.sdist(t), `{"requires_python":"\u003e=3.8"}`, ""},
		{"my_pkg-1.0-py3-none-any.whl.metadata", []byte("anything"), `{"yanked":true,"yanked_reason":"y"}`, ""},
		{"my_pkg-1.0-py3-none-any.whl", other, `{"yanked":true,"yanked_reason":"y"}`, "another distribution"},
		{"my_pkg-1.0.tar.gz", []byte("\x1f\x8bjunk"), `{"requires_python":"\u003e=3"}`, " "},
	} {
		for _, seeks := range []bool{true, false} {
			e := upstreams.Entered{At: sourceName("my-pkg").At("1.0"), Path: c.path, Version: &x.Versions[0],
				Blob: registry.Blob{Digest: digest.FromBytes(c.content), Size: int64(len(c.content))},
				Open: func(context.Context) (io.ReadCloser, error) {
					if seeks {
						return seeker{bytes.NewReader(c.content)}, nil
					}
					return io.NopCloser(bytes.NewBuffer(c.content)), nil
				}}
			rel, err := New().Enter(t.Context(), e)
			must(t, err)
			got, err := rel.Merge(nil)
			must(t, err)
			if string(got) != c.descriptor || rel.Version != "1.0" || rel.PURL != "pkg:pypi/my-pkg@1.0" || !rel.SameKey || rel.Mode != publish.Append || rel.State != "" ||
				len(rel.Files) != 1 || rel.Files[0].Path != c.path || rel.Tags != nil {
				t.Errorf("%s: %s, %+v", c.path, got, rel)
			}
			differs := ""
			for _, f := range rel.Facts {
				if f.Key == factDiffers {
					differs = f.Value
				}
			}
			if (differs == "") != (c.differs == "") || !strings.Contains(differs, c.differs) {
				t.Errorf("%s: %q, want %q", c.path, differs, c.differs)
			}
		}
	}
	for _, path := range []string{"other-1.0.tar.gz", "my_pkg-1.0.exe", "x.metadata"} {
		if _, err := New().Enter(t.Context(), upstreams.Entered{At: sourceName("my-pkg").At(""), Path: path}); registry.KindOf(err) != registry.Invalid {
			t.Errorf("%s: %v", path, err)
		}
	}
	e := upstreams.Entered{At: sourceName("my-pkg").At(""), Path: "my_pkg-1.0.tar.gz", Open: func(context.Context) (io.ReadCloser, error) { return nil, io.ErrClosedPipe }}
	if _, err := New().Enter(t.Context(), e); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

type seeker struct{ *bytes.Reader }

func (seeker) Close() error { return nil }

// TestSourceElsewhere reads what an index serves, in both forms.
func TestSourceElsewhere(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	f := u.PyPI("My.Pkg", "1.0", upstreamtest.PyPIFile{RequiresPython: ">=3.8"}, upstreamtest.PyPIFile{Sdist: true, Hashes: []string{"md5"}})
	u.PyPI("My.Pkg", "2.0")
	u.PyPIYank("My.Pkg", "2.0", "bad")
	for _, html := range []bool{false, true} {
		u.PyPIHTMLOnly(html)
		ask, _ := New().Document(sourceName("my-pkg"))
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.PyPIURL()+ask.URL, nil)
		must(t, err)
		q.Header.Set("Accept", ask.Accept)
		res, err := http.DefaultClient.Do(q)
		must(t, err)
		defer res.Body.Close()
		x, err := New().Parse(sourceName("my-pkg"), q.URL.String(), res.Body)
		must(t, err)
		if len(x.Versions) != 2 || len(x.Entries) != 6 || x.Versions[1].State != registry.Yanked || x.Entries[0].URL != f[0].URL || x.Entries[0].Sums.SHA256.Encoded() != f[0].SHA256() ||
			x.Entries[2].Sums.MD5 == nil || x.Entries[2].Sums.SHA256 != "" || (x.Entries[0].Size == f[0].Size()) == html {
			t.Errorf("%+v", x)
		}
		rendered(t, x)
	}
}

// FuzzSourceParse: no page breaks the parser, and what it takes renders.
func FuzzSourceParse(f *testing.F) {
	f.Add(richJSON)
	f.Add(fmt.Sprintf(richHTML, a64, a64))
	f.Add(`{"name":"my-pkg","files":[{"filename":"my_pkg-1!1.0+a.b.tar.gz","url":"?"},{"FILENAME":"my_pkg-1.tar.gz","url":"#"}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		x, err := parseSource(doc)
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Fatal(err)
			}
			return
		}
		for i, v := range x.Versions {
			if registry.CheckVersion(v.Name) != nil || i > 0 && bytes.Compare(x.Versions[i-1].SortKey, v.SortKey) >= 0 {
				t.Fatalf("%+v", v)
			}
		}
		seen := map[string]bool{}
		for _, e := range x.Entries {
			if seen[e.Path] || registry.CheckPath(e.Path) != nil || strings.Contains(e.Path, "/") {
				t.Fatalf("%+v", e)
			}
			seen[e.Path] = true
		}
		rendered(t, x)
	})
}
