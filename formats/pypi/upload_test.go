package pypi

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/blake2b"

	"slipway/formats/formatstest"
	"slipway/registry"
	"slipway/registry/access"
)

// TestUploadOrder: parts in any order, the file before everything else too.
func TestUploadOrder(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	for i, build := range []func(d dist) post{
		func(d dist) post { return post{file: d.wheelName(), content: d.wheel(t)} },
		func(d dist) post { return post{file: d.sdistName(), content: d.sdist(t)} },
	} {
		for j, where := range []string{"first", "middle", "last"} {
			p := build(dist{name: "order", version: fmt.Sprintf("%d.%d", i, j)})
			usual := p.usual()
			at := map[string]int{"first": 0, "middle": len(usual) / 4 * 2, "last": len(usual)}[where]
			p.fields = slices.Insert(usual, at, "content", "")
			e.want(http.StatusOK, ": stored", e.post(p))
			slices.Reverse(p.fields)
			for k := 0; k < len(p.fields); k += 2 {
				p.fields[k], p.fields[k+1] = p.fields[k+1], p.fields[k]
			}
			e.want(http.StatusOK, "already present, unchanged", e.post(p))
		}
	}
	if got := len(e.page("order").Files); got != 6 {
		t.Errorf("%d files", got)
	}
	e.MustFsck(t)
}

// TestUploadEnds (faults J2, J9): zero bytes behind the compressed data are padding; a tar that just ends is refused.
func TestUploadEnds(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	d := dist{name: "ends", version: "1"}
	whole := d.sdist(t)
	z, err := gzip.NewReader(bytes.NewReader(whole))
	must(t, err)
	raw, err := io.ReadAll(z)
	must(t, err)
	var cut bytes.Buffer
	w := gzip.NewWriter(&cut)
	_, err = w.Write(bytes.TrimRight(raw, "\x00"))
	must(t, err)
	must(t, w.Close())
	e.want(http.StatusBadRequest, "the tar has no end", e.post(post{file: d.sdistName(), content: cut.Bytes()}))
	cut.Reset()
	w.Reset(&cut)
	_, err = w.Write(raw[:(len(bytes.TrimRight(raw, "\x00"))+511)/512*512])
	must(t, err)
	must(t, w.Close())
	e.want(http.StatusBadRequest, "the tar has no end", e.post(post{file: d.sdistName(), content: cut.Bytes()}))
	e.want(http.StatusOK, ": stored", e.post(post{file: d.sdistName(), content: append(whole, 0, 0, 0)}))
}

// TestUploadAddresses: every address that clients make of the repository's takes an upload, without a redirect.
func TestUploadAddresses(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	d := dist{name: "a", version: "1"}
	for _, path := range []string{"", "/", "/legacy", "/legacy/", "/simple", "/simple/", "//", "//legacy//", "/./simple//"} {
		q := uploadRequest(t, "main", post{file: d.wheelName(), content: d.wheel(t)})
		q.Path = "/pypi/main" + path
		e.want(http.StatusOK, "", e.Do(formatstest.Admin, q))
	}
}

// TestUploadLongBlake2 is Y2: "setup.py upload" of Python 3.9 to 3.11 announces a BLAKE2b of 64 bytes where 32 are meant, and sends its
// file before the sums.
func TestUploadLongBlake2(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	d := dist{name: "long", version: "1.0"}
	for _, p := range []post{{file: d.sdistName(), content: d.sdist(t)}, {file: d.wheelName(), content: d.wheel(t)}} {
		sum := blake2b.Sum512(p.content)
		p.fields = append([]string{"content", ""}, p.usual()...)
		p.set = map[string]string{"blake2_256_digest": hex.EncodeToString(sum[:])}
		e.want(http.StatusOK, ": stored", e.post(p))
	}
}

// TestRequiresPython is Y5: what some installer reads is taken as it is, what none reads is refused.
func TestRequiresPython(t *testing.T) {
	for _, s := range []string{"", ">=3.9", ">= 3.9, <4", "~=3.8", "==3.*", "!=3.0.*,>=2.7", ">=3.6.*", ">=2.7<4", ">=3.6,", "!=3.0*", ">='3.6'", "===3.9", "<=3.12a1", ">2.6,!=3.0.*,!=3.1.*"} {
		if err := checkSpecifier(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, hint := range map[string]string{
		"^3.6": `write ">=3.6"`, "^ 3.6.1": `write ">=3.6.1"`, "3.6": ">=3.9,<4", "~3.6": "", ">=3.6 || <4": "", "python>=3.6": "", ">=x": "", ">=": "", "*": "", "(>=3.6)": "",
	} {
		if err := checkSpecifier(s); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want a refusal with %q", s, err, hint)
		}
	}
}

// TestUploadRefusals is pypi.md 6.3 and 6.5: what does not hold together is refused with a sentence, and nothing is stored.
func TestUploadRefusals(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	w := dist{name: "good", version: "1.0"}
	wheel := func(d dist) post { return post{file: d.wheelName(), content: d.wheel(t)} }
	set := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	with := func(p post, fn func(p *post)) post { fn(&p); return p }
	zero := strings.Repeat("0", 64)
	for _, c := range []struct {
		name   string
		post   post
		status int
		words  string
	}{
		{"no action", with(wheel(w), func(p *post) { p.drop = []string{":action"} }), 400, `":action"`},
		{"register", with(wheel(w), func(p *post) { p.set = set(":action", "submit") }), 410, "not offered"},
		{"protocol", with(wheel(w), func(p *post) { p.set = set("protocol_version", "2") }), 400, "protocol_version"},
		{"no name", with(wheel(w), func(p *post) { p.drop = []string{"name"} }), 400, `"name" is missing`},
		{"no version", with(wheel(w), func(p *post) { p.drop = []string{"version"} }), 400, `"version" is missing`},
		{"bad name", with(wheel(w), func(p *post) { p.set = set("name", "-good") }), 400, "not a project name"},
		{"bad version", with(wheel(w), func(p *post) { p.set = set("version", "1.0-foo") }), 400, "the nearest one is 1.0+foo"},
		{"filetype", with(wheel(w), func(p *post) { p.set = set("filetype", "sdist") }), 400, `"filetype" is "sdist"`},
		{"other name in the form", with(wheel(w), func(p *post) { p.set = set("name", "other") }), 400, `file of project "good", not of "other"`},
		{"other version in the form", with(wheel(w), func(p *post) { p.set = set("version", "1.1") }), 400, "file of version 1.0, but the form's version is 1.1"},
		{"S-16 other name inside", wheel(dist{name: "good", version: "1.0", metadata: "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n"}), 400, `"good-1.0-py3-none-any.whl" is of evil 1.0`},
		{"S-16 other version inside", wheel(dist{name: "good", version: "1.0", metadata: "Metadata-Version: 2.1\nName: good\nVersion: 1.1\n"}), 400, "is of good 1.1"},
		{"S-16 name twice", wheel(dist{name: "good", version: "1.0", metadata: "Name: good\nName: evil\nVersion: 1.0\n"}), 400, `"name" twice`},
		{"S-16 name behind a carriage return", wheel(dist{name: "good", version: "1.0", metadata: "Name: good\nVersion: 1.0\nSummary: x\rName: evil\n"}), 400, `"name" twice`},
		{"S-16 name behind NUL", wheel(dist{name: "good", version: "1.0", metadata: "Name: good\nVersion: 1.0\nSummary: x\x00Name: evil\n"}), 400, "control character"},
		{"Y5 a specifier of another ecosystem", wheel(dist{name: "good", version: "1.0", header: []string{"Requires-Python: ^3.6"}}), 400, `write ">=3.6"`},
		{"long blake2", with(wheel(w), func(p *post) { p.set = set("blake2_256_digest", zero+zero) }), 400, "blake2_256_digest"},
		{"no name inside", wheel(dist{name: "good", version: "1.0", metadata: "Version: 1.0\n"}), 400, "no Name"},
		{"sha256", with(wheel(w), func(p *post) { p.set = set("sha256_digest", zero) }), 400, "sha256_digest"},
		{"blake2", with(wheel(w), func(p *post) { p.set = set("blake2_256_digest", zero) }), 400, "blake2_256_digest"},
		{"md5", with(wheel(w), func(p *post) { p.set = set("md5_digest", zero[:32]) }), 400, "md5_digest"},
		{"egg", post{file: "good-1.0.egg", content: w.wheel(t), fields: wheel(w).usual()}, 400, "PEP 715"},
		{"tar.bz2", post{file: "good-1.0.tar.bz2", content: w.wheel(t), fields: wheel(w).usual()}, 400, "PEP 527"},
		{"no suffix", post{file: "good-1.0", content: w.wheel(t), fields: wheel(w).usual()}, 400, "not a distribution file"},
		{"climbing name", post{file: "../good-1.0-py3-none-any.whl", content: w.wheel(t), fields: wheel(w).usual()}, 400, "can't name a distribution"},
		{"no name of the file", post{file: "", content: w.wheel(t), fields: wheel(w).usual()}, 400, "can't name a distribution"},
		{"wheel of four parts", post{file: "good-1.0-py3-none.whl", content: w.wheel(t), fields: wheel(w).usual()}, 400, "5 or 6 parts"},
		{"build tag", post{file: "good-1.0-x1-py3-none-any.whl", content: w.wheel(t), fields: wheel(w).usual()}, 400, "build tag"},
		{"empty", with(post{file: w.wheelName()}, func(p *post) { p.fields = p.usual() }), 400, "is empty"},
		{"no zip", post{file: w.wheelName(), content: []byte("this is a text and no zip at all")}, 400, "not a zip"},
		{"something behind", post{file: w.wheelName(), content: append(w.wheel(t), "tail"...)}, 400, "something follows its end"},
		{"something in front", post{file: w.wheelName(), content: append([]byte("#!/bin/sh\n"), w.wheel(t)...)}, 400, "table of contents"},
		{"no tar", post{file: w.sdistName(), content: []byte("this is no gzip")}, 400, "not a readable tar.gz"},
		{"wheel as sdist", post{file: w.sdistName(), content: w.wheel(t)}, 400, "not a readable tar.gz"},
		{"no PKG-INFO", post{file: w.sdistName(), content: tarred(t, "good-1.0/setup.py", "")}, 400, "no PKG-INFO"},
		{"two tops", post{file: w.sdistName(), content: tarred(t, "good-1.0/PKG-INFO", w.meta(), "evil/x", "")}, 400, "two root directories"},
		{"climbing entry", post{file: w.sdistName(), content: tarred(t, "good-1.0/PKG-INFO", w.meta(), "good-1.0/../../x", "")}, 400, "leads outside"},
		{"PKG-INFO twice", post{file: w.sdistName(), content: tarred(t, "good-1.0/PKG-INFO", w.meta(), "good-1.0/PKG-INFO", w.meta())}, 400, "twice"},
		{"PKG-INFO twice in a zip", post{file: "good-1.0.zip", content: zipped(t, "good-1.0/PKG-INFO", w.meta(), "good-1.0/PKG-INFO/", "")}, 400, "twice"},
		{"PKG-INFO under two names", post{file: "good-1.0.zip", content: zipped(t, "good-1.0/PKG-INFO", w.meta(), "good-1.0//PKG-INFO", w.meta())}, 400, "not named as it unpacks"},
		{"PKG-INFO behind a dot", post{file: "good-1.0.zip", content: zipped(t, "good-1.0/./PKG-INFO", w.meta())}, 400, "not named as it unpacks"},
		{"zip of a folder in a dot", post{file: "good-1.0.zip", content: zipped(t, "./", "", "good-1.0/PKG-INFO", w.meta())}, 400, "not named as it unpacks"},
		{"zip without PKG-INFO", post{file: "good-1.0.zip", content: zipped(t, "good-1.0/setup.py", "")}, 400, "no PKG-INFO"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &env{e.Server, t}
			res := e.want(c.status, c.words, e.post(c.post))
			if lines := strings.Count(string(res.Body), "\n"); lines != 1 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%d lines of %s", lines, res.Header.Get("Content-Type"))
			}
		})
	}
	e.want(http.StatusNotFound, "there is no project", e.get("/simple/good/"))
	e.want(http.StatusBadRequest, "multipart/form-data", e.do(formatstest.Admin, http.MethodPost, "/", "Content-Type", "application/json"))
	body := post{file: w.wheelName(), content: w.wheel(t)}.body(t)
	e.want(http.StatusBadRequest, "ended early", e.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPost, Path: "/pypi/main/", Body: body[:len(body)-30]}.With("Content-Type", formType)))
	twice := strings.Replace(string(body), "--"+boundary+"--", "--"+boundary+"\r\nContent-Disposition: form-data; name=\"content\"; filename=\"x.whl\"\r\n\r\nx\r\n--"+boundary+"--", 1)
	e.want(http.StatusBadRequest, "two files", e.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPost, Path: "/pypi/main/", Body: []byte(twice)}.With("Content-Type", formType)))
	e.MustFsck(t)
	if got := e.events(); len(got) != 0 {
		t.Errorf("events: %v", got)
	}
}

// TestUploadWheelRefusals: archives that readers would read differently, or that would unpack to where they should not.
func TestUploadWheelRefusals(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	entry := func(name, content string) func(*zip.Writer) {
		return func(z *zip.Writer) { add(t, z, name, content) }
	}
	for words, change := range map[string]func(*zip.Writer){
		"is in it twice":             entry("good-1.0.dist-info/METADATA", "Name: evil\nVersion: 1.0\n"),
		"leads outside":              entry("../evil.py", ""),
		"two .dist-info directories": entry("evil-1.0.dist-info/METADATA", ""),
		"is encrypted": func(z *zip.Writer) {
			_, err := z.CreateRaw(&zip.FileHeader{Name: "secret", Flags: 1})
			must(t, err)
		},
		"by a method": func(z *zip.Writer) {
			_, err := z.CreateRaw(&zip.FileHeader{Name: "lzma", Method: 14})
			must(t, err)
		},
	} {
		d := dist{name: "good", version: "1.0", change: change}
		e.want(http.StatusBadRequest, words, e.post(post{file: d.wheelName(), content: d.wheel(t)}))
	}
	plain := dist{name: "good", version: "1.0"}.wheel(t)
	for words, content := range map[string][]byte{
		"METADATA is missing":                     zipped(t, "good-1.0.dist-info/WHEEL", wheelFile, "good-1.0.dist-info/RECORD", ""),
		"RECORD is missing":                       zipped(t, "good-1.0.dist-info/WHEEL", wheelFile, "good-1.0.dist-info/METADATA", ""),
		"no .dist-info":                           zipped(t, "good.py", ""),
		"of another distribution than good 1.0":   []byte(strings.ReplaceAll(string(plain), "good-1.0.dist-info/", "evil-1.0.dist-info/")),
		"is called otherwise in front":            []byte(strings.Replace(string(plain), "good-1.0.dist-info/METADATA", "evil-1.0.dist-info/METADATA", 1)),
		"it is not a readable zip (zip: checksum": corrupt(plain),
	} {
		e.want(http.StatusBadRequest, words, e.post(post{file: "good-1.0-py3-none-any.whl", content: content}))
	}
	e.want(http.StatusNotFound, "", e.get("/simple/good/"))
}

// corrupt changes the checksum of METADATA in the data descriptor and in the table of contents.
func corrupt(wheel []byte) []byte {
	b := slices.Clone(wheel)
	at := strings.LastIndex(string(b), "good-1.0.dist-info/METADATA") - zipEntryBytes + 16
	b[at] ^= 0xff
	return b
}

// TestUploadAgain is pypi.md 6.4: the same file is success without an event, other bytes are refused in the words that clients look
// for, also when the name was deleted.
func TestUploadAgain(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	d := dist{name: "again", version: "1.0"}
	e.wheel(d)
	e.sdist(d)
	e.want(http.StatusOK, "again-1.0-py3-none-any.whl: already present, unchanged", e.post(post{file: d.wheelName(), content: d.wheel(t)}))
	changed := dist{name: "again", version: "1.0", seed: []byte("x")}
	res := e.post(post{file: d.wheelName(), content: changed.wheel(t)})
	e.want(http.StatusConflict, "File already exists: again-1.0-py3-none-any.whl (stored sha256 ", res)
	q := uploadRequest(t, "main", post{file: d.wheelName(), content: changed.wheel(t)}).With("Accept", "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7")
	res = e.want(http.StatusConflict, `{"code":"File already exists: `, e.Do(formatstest.Admin, q))
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/again/1.0/"+d.wheelName()))
	e.want(http.StatusConflict, "already exists in history; file names cannot be reused", e.post(post{file: d.wheelName(), content: changed.wheel(t)}))
	e.wheel(d) // the very same bytes may come back
	e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/again/1.0"))
	e.want(http.StatusConflict, "already exists in history", e.post(post{file: d.wheelName(), content: d.wheel(t)}))
	want := "[artifact.published 1.0 artifact.files_added 1.0 artifact.files_removed 1.0 artifact.files_added 1.0 artifact.deleted 1.0]"
	if got := fmt.Sprint(e.events()); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	e.MustFsck(t)
}

// TestUploadParallel: ten files of one version at once; nothing is lost, of the files, of what a page says of each, or of the facts.
func TestUploadParallel(t *testing.T) {
	formatstest.Stores(t, func(t *testing.T, o formatstest.Options) { uploadTogether(t, newEnv(t, o)) })
}

func uploadTogether(t *testing.T, e *env) {
	const files = 10
	var wg sync.WaitGroup
	for i := range files {
		d := dist{name: "many", version: "1.0", header: []string{fmt.Sprintf("Requires-Python: >=3.%d", i), "Project-URL: Source, https://git.example.com/team/many.git"}}
		d.file = fmt.Sprintf("many-1.0-%d-py3-none-any.whl", i)
		q := uploadRequest(t, "main", post{file: d.file, content: d.wheel(t)})
		wg.Go(func() {
			if res, err := e.Try(formatstest.Admin, q); err != nil || res.Status != http.StatusOK {
				t.Errorf("%v %v", res, err)
			}
		})
	}
	wg.Wait()
	page := e.page("many")
	if len(page.Files) != files || len(page.Versions) != 1 {
		t.Fatalf("%d files of versions %v", len(page.Files), page.Versions)
	}
	for i, f := range page.Files {
		if f.RequiresPython != fmt.Sprintf(">=3.%d", i) || f.CoreMetadata["sha256"] == "" {
			t.Errorf("%+v", f)
		}
		e.want(http.StatusOK, "Requires-Python: "+f.RequiresPython, e.get(f.href()+metadataSuffix))
	}
	published := 0
	for _, ev := range e.events() {
		if ev == "artifact.published 1.0" {
			published++
		}
	}
	if published != 1 {
		t.Errorf("%d events of a publish", published)
	}
	detail, err := e.Catalog.VersionDetail(e.Admin, registry.Coordinate{Name: registry.Name{Repository: "main", Format: formatName, Package: "many"}, Version: "1.0"})
	must(t, err)
	sources := 0
	for _, f := range detail.Facts {
		if f.Key == registry.FactSourceRepository && f.Value == "https://git.example.com/team/many" {
			sources++
		}
	}
	if sources != 1 || detail.Version.PURL != "pkg:pypi/many@1.0" {
		t.Errorf("the source is there %d times, purl %s", sources, detail.Version.PURL)
	}
	e.MustFsck(t)
}

// TestUploadOneVersion: spellings of one version are one version, and spellings of one project are one project (S-43).
func TestUploadOneVersion(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	e.wheel(dist{name: "My.Pkg", version: "1.0"})
	e.wheel(dist{name: "my_pkg", version: "1.0.0"})
	content := dist{name: "MY-pkg", version: "1"}.sdist(t)
	e.want(http.StatusOK, "", e.post(post{file: "MY-pkg-1.tar.gz", content: content}))
	e.sdist(dist{name: "my.pkg", version: "0.9"})
	page := e.page("my-pkg")
	if got := fmt.Sprint(page.Versions, len(page.Files)); got != "[0.9 1.0] 4" {
		t.Errorf("%s", got)
	}
	e.want(http.StatusOK, `{"name":"My.Pkg"}`, e.get("/simple/", "Accept", medias[2].mime))
	e.want(http.StatusNoContent, "", e.do(formatstest.Admin, http.MethodDelete, "/api/My_Pkg/1.0.0.0"))
	e.want(http.StatusConflict, "already exists in history", e.post(post{file: "my_pkg-1-py3-none-any.whl", content: dist{name: "my_pkg", version: "1"}.wheel(t)}))
	e.MustFsck(t)
}

// TestUploadSizes: a bound of bytes is told before and after the body is read; a form as long as it likes to be is not.
func TestUploadSizes(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, &Format{MaxFileBytes: 100_000})
	e := &env{srv, t}
	small := dist{name: "small", version: "1.0"}
	e.wheel(small)
	noise := make([]byte, 150_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	large := dist{name: "large", version: "1.0", seed: noise}
	e.want(http.StatusRequestEntityTooLarge, "100000 bytes", e.post(post{file: large.wheelName(), content: large.wheel(t)}))
	fields := post{file: small.wheelName(), content: small.wheel(t)}
	fields.fields = fields.usual()
	for i := range 20_000 {
		fields.fields = append(fields.fields, "requires_dist", fmt.Sprintf("dep%d", i))
	}
	e.want(http.StatusOK, "unchanged", e.post(fields))
	for range maxParts - 20_000 {
		fields.fields = append(fields.fields, "x", "")
	}
	e.want(http.StatusRequestEntityTooLarge, "parts", e.post(fields))
	fields.fields = append(fields.usual(), "description", strings.Repeat("x", maxTextBytes))
	e.want(http.StatusRequestEntityTooLarge, "description", e.post(fields))
}

// TestUploadRights: who may not publish learns nothing of what is there, and nothing is read.
func TestUploadRights(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	d := dist{name: "a", version: "1"}
	q := uploadRequest(t, "main", post{file: d.wheelName(), content: d.wheel(t)})
	res := e.want(http.StatusUnauthorized, "", e.Do(formatstest.Anonymous, q))
	if got := res.Header.Get("Www-Authenticate"); !strings.HasPrefix(got, "Basic realm=") {
		t.Errorf("challenge %q", got)
	}
	e.want(http.StatusUnauthorized, "", e.Do("slp_wrong", q))
	e.want(http.StatusForbidden, `publish in repository "main"`, e.Do(formatstest.As(e.reader()), q))
	e.want(http.StatusNotFound, "no repository", e.Do(formatstest.As(e.Token("other", access.Publish)), q))
	e.want(http.StatusOK, "stored", e.Do(formatstest.As(e.Token("main", access.Publish)), q))
}
