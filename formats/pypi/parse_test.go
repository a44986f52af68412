package pypi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func TestFilename(t *testing.T) {
	for name, want := range map[string]string{
		"my_pkg-1.0-py3-none-any.whl":                                             "bdist_wheel my-pkg 1.0",
		"My.Pkg-1.0-py2.py3-none-any.whl":                                         "bdist_wheel my-pkg 1.0",
		"a-1.0-1build-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": "bdist_wheel a 1.0",
		"torch-2.4.0+cu118-cp312-cp312-linux_x86_64.whl":                          "bdist_wheel torch 2.4.0+cu118",
		"a-1!2.0-py3-none-any.whl":                                                "bdist_wheel a 1!2.0",
		"a-1.0_1-py3-none-any.whl":                                                "bdist_wheel a 1.0.post1",
		"my_pkg-1.0.tar.gz":                                                       "sdist my-pkg 1.0",
		"my-pkg-1.0-rc1.zip":                                                      "sdist my-pkg 1.0rc1",
		"a-1.0-1.tar.gz":                                                          "sdist a-1-0 1 or a 1.0.post1",
		"a-2-3.tar.gz":                                                            "sdist a-2 3 or a 2.post3",
		"a.tar.gz":                                                                "", "a-x.tar.gz": "", "-1.0.tar.gz": "", "a-1.0.tar.xz": "", "a-1.0.tgz": "", "a-1.0.EXE": "", "a b-1.0.tar.gz": "", "a-1.0-py3-none-any.whl.metadata": "",
		"a__b-1.0-py3-none-any.whl": "", "a-x-py3-none-any.whl": "", "a-1.0-py3--any.whl": "", "a-1.0-x-py3-none-any.whl": "", "a-1.0-1-2-py3-none-any.whl": "", "": "", ".whl": "",
		strings.Repeat("a", 250) + "-1.0.tar.gz": "",
	} {
		f, err := parseFilename(name)
		got := ""
		if err == nil {
			var reads []string
			for _, r := range f.reads {
				reads = append(reads, r.project+" "+r.version.String())
			}
			got = f.kind + " " + strings.Join(reads, " or ")
		}
		if got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{"My_.Pkg": "my-pkg", "a": "a", "A--b": "a-b", "-a": "", "a-": "", "": "", "a b": "", "é": "", "a/b": ""} {
		if got, err := normalize(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestMetadata(t *testing.T) {
	m, err := parseMetadata([]byte("\ufeffMetadata-Version: 9.9\r\nname:  My.Pkg \r\nVERSION: v1.0-RC1\nSummary: UNKNOWN\nRequires-Python: >=3.8,\n  <4\nProject-URL: Source Code, ssh://git@git.example.com/a/b.git\n" +
		"Project-URL: Repository, https://git.example.com/a/b\nHome-page: https://example.com\nLicense: MIT\nLicense-Expression: Apache-2.0\nX: caf\xe9\n\nName: not this\n"))
	text := m.version.String()
	m.version = version{}
	got := fmt.Sprintf("%s %v %v", text, m, err)
	if want := "1.0rc1 {My.Pkg { []     []} >=3.8, <4  https://example.com Apache-2.0 [{Source Code ssh://git@git.example.com/a/b.git} {Repository https://git.example.com/a/b}]} <nil>"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, bad := range []string{
		"", "Name: a\n", "Version: 1\n", "Name: -\nVersion: 1\n", "Name: a\nVersion: x\n", "Name: a\nName: b\nVersion: 1\n", "Name: a\nVersion: 1\nVersion: 2\n",
		"Name: a\x00\nVersion: 1\n", "Name: a\rVersion: 1\nVersion: 2\n", "\nName: a\nVersion: 1\n", "junk\nName: a\nVersion: 1\n", "Name : a\nVersion: 1\n", "Name: a\nVersion: 1\nRequires-Python: \x07\n",
	} {
		if m, err := parseMetadata([]byte(bad)); err == nil {
			t.Errorf("%q is %v", bad, m)
		}
	}
}

// TestMetadataLines is Y3: a bare CR ends a line, as in Python's email package, so CR CR LF, as old tools wrote on Windows, is the end of
// the header.
func TestMetadataLines(t *testing.T) {
	for in, want := range map[string]string{
		"Name: a\rVersion: 1\r\rSummary: s\r":                      "a 1 ",
		"Name: a\r\nVersion: 1\r\nSummary: s\r\r\nLicense: x":      "a 1 s",
		"Name: a\nVersion: 1\nLicense: x\rSummary: s\n":            "a 1 s",
		"Name: a\nSummary: s\r  more\r\n\tlines\nVersion: 1\r\r\n": "a 1 s more lines",
		"Name: a\nVersion: 1":                                      "a 1 ",
	} {
		m, err := parseMetadata([]byte(in))
		if got := m.name + " " + m.version.String() + " " + m.summary; got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

// TestMetadataBounds: a header of millions of lines is refused, and what nobody reads of one is not kept.
func TestMetadataBounds(t *testing.T) {
	head := "Name: a\nVersion: 1\n"
	_, err := parseMetadata([]byte(head + strings.Repeat("a:b\n", maxMetadataBytes/4)))
	refused(t, err, "more than 50000 fields")
	many := []byte(head + strings.Repeat("Requires-Dist: b\n  ; extra == \"x\"\n", maxFields-2))
	if n := testing.AllocsPerRun(1, func() { _, err = parseMetadata(many) }); n > 100 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
	m, err := parseMetadata([]byte(head + "Summary:\n a\n" + strings.Repeat(" \n", 5000) + " b\nLicense: x\n" + strings.Repeat(" y\n", 1<<20)))
	if err != nil || m.summary != "a b" || len(m.license) > maxFieldBytes+1 {
		t.Errorf("%q, a license of %d bytes, %v", m.summary, len(m.license), err)
	}
}

func TestFacts(t *testing.T) {
	for _, c := range []struct {
		m    coreMetadata
		want string
	}{
		{coreMetadata{projectURLs: []labelled{{"Code", "https://x.example/c"}, {"GitHub", "https://GitHub.com/a/b.git"}}}, "https://github.com/a/b pypi:Project-URL"},
		{coreMetadata{projectURLs: []labelled{{"source-code", "https://x.example/c/"}}, homePage: "https://github.com/a/b"}, "https://x.example/c pypi:Project-URL"},
		{coreMetadata{homePage: "https://github.com/a/b"}, "https://github.com/a/b pypi:Home-page"},
		{coreMetadata{homePage: "https://me:secret@github.com/a/b"}, "https://github.com/a/b pypi:Home-page"}, // O6
		{coreMetadata{homePage: "https://github.com/a"}, ""},
		{coreMetadata{homePage: "https://example.com/a/b"}, ""},
		{coreMetadata{projectURLs: []labelled{{"Source", "javascript:x"}, {"Documentation", "https://x.example"}}}, ""},
	} {
		got := ""
		for _, f := range facts(contents{metadata: c.m}, "") {
			if f.Key == "source.repository" {
				got = f.Value + " " + f.Source
			}
			if f.Rank != 1 || strings.Contains(f.Value, "secret") {
				t.Errorf("%+v is not declared, or has a credential", f)
			}
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.m, got, c.want)
		}
	}
}

// TestCommitFacts: a commit is in the address of the source at a forge, or in the version.
func TestCommitFacts(t *testing.T) {
	const sha = "4f2a9c14f2a9c14f2a9c14f2a9c14f2a9c14f2a9"
	source := func(url string) coreMetadata { return coreMetadata{projectURLs: []labelled{{"Source", url}}} }
	local := func(parts ...string) coreMetadata {
		return coreMetadata{version: version{release: []string{"1"}, local: parts}}
	}
	for _, c := range []struct {
		m    coreMetadata
		want string
	}{
		{source("https://git.example.com/a/b/tree/" + sha), "https://git.example.com/a/b " + sha + " "},
		{source("https://git.example.com/a/b/commit/" + sha + "/"), "https://git.example.com/a/b " + sha + " "},
		{source("https://git.example.com/g/a/b/-/tree/" + sha + "/sub"), "https://git.example.com/g/a/b " + sha + " "},
		{source("https://git.example.com/a/b/tree/main"), "https://git.example.com/a/b/tree/main  "},
		{source("https://git.example.com/a/b/tree/" + sha[:39]), "https://git.example.com/a/b/tree/" + sha[:39] + "  "},
		{local("g4f2a9c1"), " 4f2a9c1 false"},
		{local("3", "g4f2a9c1", "d20260131"), " 4f2a9c1 true"},
		{local("h4f2a9c1f2a9c", "d20260131"), " 4f2a9c1f2a9c true"}, // setuptools-scm over Mercurial
		{local("3", "g4f2a9c1", "dirty"), " 4f2a9c1 true"},          // versioneer
		{local("git", "4f2a9c1"), "  "},
		{local("d20260131"), "  "},
	} {
		got := map[string]string{}
		for _, f := range facts(contents{metadata: c.m}, "") {
			got[f.Key] = f.Value
		}
		if s := got["source.repository"] + " " + got["source.commit"] + " " + got["source.dirty"]; s != c.want {
			t.Errorf("%+v: %q, want %q", c.m, s, c.want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"/pypi/main/", "/pypi/main/simple/a/", "/pypi/main/+simple/a", "/pypi/main/files/" + strings.Repeat("a", 64) + "/a-1.tar.gz", "/pypi/main/api/a/1/yank", "/pypi/main/simple/%2e%2e/", "/pypi//x", "/pypi/main//simple/./a//", "/pypi/main/a/1.0/"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		tg, ok := parsePath(p)
		if !ok {
			return
		}
		if tg.op == opUnknown {
			t.Fatalf("%q is something unknown", p)
		}
		for _, s := range []string{tg.repository, tg.name, tg.version, tg.file} {
			if s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00") {
				t.Fatalf("%q lets %q through", p, s)
			}
		}
	})
}

func FuzzFilename(f *testing.F) {
	for _, s := range []string{"a-1.0-py3-none-any.whl", "my-pkg-1.0-1.tar.gz", "a-1!2.0+x.1.zip"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := parseFilename(s)
		if err != nil {
			return
		}
		if len(name.reads) == 0 || len(name.reads) > maxSplits || len(s)+len(metadataSuffix) > 255 || strings.ContainsAny(s, "/\\ ") {
			t.Fatalf("%q: %+v", s, name)
		}
		for _, r := range name.reads {
			if n, err := normalize(r.project); err != nil && name.kind == typeSdist && len(r.project) <= maxNameBytes || n != r.project && err == nil {
				t.Fatalf("%q: project %q is not normalised", s, r.project)
			}
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte("Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Python: >=3\n x\n\ntext"))
	f.Add([]byte("Name: a\r\nVersion: 1\r\n\xff: \xfe\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseMetadata(raw)
		if err != nil {
			return
		}
		if _, err := normalize(m.name); err != nil || strings.ContainsAny(m.requiresPython, "\n\r\x00") {
			t.Fatalf("%+v", m)
		}
	})
}

func FuzzForm(f *testing.F) {
	d := dist{name: "a", version: "1"}
	f.Add(post{file: d.sdistName(), content: []byte("content")}.body(f))
	f.Add([]byte("--" + boundary + "\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, body []byte) {
		r := &http.Request{Header: http.Header{"Content-Type": {formType}}, Body: readCloser{strings.NewReader(string(body))}}
		_, _ = readForm(r, discard) // must end, without a panic
	})
}

// FuzzNegotiate: whatever a client accepts, it gets a form that there is; a weight that is none counts for nothing.
func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{"application/vnd.pypi.simple.v1+json", "*/*;q=NaN, text/html;q=0", "application/vnd.pypi.simple.latest+json;q=1e-400", ";q=", "application/*;q=2"} {
		f.Add(s, "format="+s)
	}
	f.Fuzz(func(t *testing.T, accept, query string) {
		m := negotiate(&http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Accept": {accept}}})
		if !slices.Contains(medias, m) {
			t.Fatalf("%q and %q get %+v", accept, query, m)
		}
		for _, m := range medias {
			if w := m.weight(accept); !(w >= 0 && w <= 1) {
				t.Fatalf("%q gives %s %v", accept, m.mime, w)
			}
		}
	})
}
