package npm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// BenchmarkReadDocument is the scanner with the base64 decoder behind it, on a publish of 16 MiB.
func BenchmarkReadDocument(b *testing.B) {
	body := pub{name: "web", version: "1.0.0", tarball: bytes.Repeat([]byte("0123456789abcdef"), 1<<20)}.body(b)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_, err := readDocument(bytes.NewReader(body), func(_ string, data io.Reader) error {
			return decode(data)
		})
		must(b, err)
	}
}

func decode(data io.Reader) error {
	r := newBase64Reader(data)
	defer r.putBack()
	_, err := io.Copy(io.Discard, r)
	return err
}

// BenchmarkInspect is the look into a tarball of 16 MiB of source text.
func BenchmarkInspect(b *testing.B) {
	text := strings.Repeat("export const answer = 42; // and so on\n", 10)
	var entries []entry
	for i := range 1000 {
		entries = append(entries, entry{path: fmt.Sprintf("package/lib/%d.js", i), content: strings.Repeat(text+fmt.Sprint(i*7919), 43)})
	}
	raw := pack(b, `{"name":"web","version":"1.0.0"}`, entries...)
	c, err := inspect(bytes.NewReader(raw), nil)
	must(b, err)
	b.SetBytes(c.unpacked)
	for b.Loop() {
		_, err := inspect(bytes.NewReader(raw), nil)
		must(b, err)
	}
}

// versions100 publishes 100 versions with manifests of the usual size.
func versions100(b *testing.B) *env {
	b.Helper()
	e := newEnv(b, formatstest.Options{})
	deps := map[string]any{}
	for i := range 30 {
		deps[fmt.Sprintf("dependency-%d", i)] = fmt.Sprintf("^%d.2.3", i)
	}
	for i := range 100 {
		e.publish(pub{name: "web", version: fmt.Sprintf("1.%d.0", i), manifest: map[string]any{
			"description": "a package of the usual size", "dependencies": deps, "devDependencies": deps, "scripts": map[string]any{"test": "node --test"},
			"repository": map[string]any{"type": "git", "url": "git+https://github.com/acme/web.git"}, "keywords": []string{"a", "b", "c"},
		}})
	}
	return e
}

// BenchmarkPackument serves the documents of 100 versions from the cache, over a connection.
func BenchmarkPackument(b *testing.B) {
	e := versions100(b)
	for name, header := range map[string][]string{
		"full": {"Accept", fullType, "Accept-Encoding", "gzip"}, "abbreviated": {"Accept", abbreviatedType, "Accept-Encoding", "gzip"},
	} {
		first := e.want(http.StatusOK, "", e.do(formatstest.Admin, http.MethodGet, "/web", nil, header...))
		for what, extra := range map[string][]string{"200": nil, "304": {"If-None-Match", first.Header.Get("Etag")}} {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e.do(formatstest.Admin, http.MethodGet, "/web", nil, append(extra, header...)...)
				}
			})
		}
	}
}

// BenchmarkRender builds the full document of 100 versions, without the cache and its compression.
func BenchmarkRender(b *testing.B) {
	e := versions100(b)
	c, err := e.Catalog.PackageListing(e.Admin, e.name("web"), false)
	must(b, err)
	p, err := newPage(c, "https://registry.example.com/npm/main")
	must(b, err)
	body, err := p.full()
	must(b, err)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_, err := p.full()
		must(b, err)
	}
}

// BenchmarkPublish publishes tarballs of 20 KiB, over a connection, with the bytes in files.
func BenchmarkPublish(b *testing.B) {
	e := newEnv(b, formatstest.Options{Local: true})
	noise := make([]byte, 20<<10)
	for i := range noise {
		noise[i] = byte(i * i >> 3 * 131)
	}
	i := 0
	for b.Loop() {
		b.StopTimer()
		version := fmt.Sprintf("1.0.%d", i)
		body := pub{name: "web", version: version, tarball: stored(b, `{"name":"web","version":"`+version+`"}`, noise)}.body(b)
		i++
		b.StartTimer()
		e.want(http.StatusCreated, "", e.do(formatstest.Admin, http.MethodPut, "/web", body))
	}
}

// usual is a publish of 20 KiB with a manifest of the usual size; its gzip does not compress.
func usual(b *testing.B) (body, tarball []byte) {
	b.Helper()
	const members = `"description":"a package of the usual size","license":"MIT","main":"index.js",` +
		`"scripts":{"build":"tsc --project .","test":"node --test","lint":"eslint src"},` +
		`"repository":{"type":"git","url":"git+https://git.example.com/acme/web.git"},"gitHead":"0123456789abcdef0123456789abcdef01234567",` +
		`"keywords":["deploy","registry"],"dependencies":{"alpha":"^1.2.3","bravo":"^2.3.4","charlie":"~3.4.5","delta":"^4.5.6","echo":"^5.6.7"},` +
		`"engines":{"node":">=18"},"homepage":"https://docs.example.com/acme/web","bugs":{"url":"https://git.example.com/acme/web/issues"}`
	noise := make([]byte, 20<<10)
	for i := range noise {
		noise[i] = byte(i * i >> 3 * 131)
	}
	const inner = `{"name":"@acme/web","version":"1.0.0",` + members + `}`
	var manifest map[string]any
	must(b, json.Unmarshal([]byte(inner), &manifest))
	var written bytes.Buffer
	must(b, json.Indent(&written, []byte(inner), "", "  ")) // as people keep their package.json
	tarball = stored(b, written.String(), noise)
	return pub{name: "@acme/web", version: "1.0.0", manifest: manifest, tarball: tarball}.body(b), tarball
}

// BenchmarkPublishParts is what this front-end does in a publish of 20 KiB, without HTTP and the commit: "all", over bytes in
// memory, has the three sums of the tarball in it.
func BenchmarkPublishParts(b *testing.B) {
	e := newEnv(b, formatstest.Options{})
	body, tarball := usual(b)
	name := e.name("@acme/web")
	send := func() (document, *upload) {
		p, err := e.Publisher.Begin(e.Admin, name)
		must(b, err)
		u := &upload{ctx: e.Admin, pub: p, name: name.Package, limit: defaultTarballBytes}
		doc, err := readDocument(bytes.NewReader(body), u.attach)
		must(b, err)
		return doc, u
	}
	doc, u := send()
	s, err := checkPublish(doc, u)
	must(b, err)
	rel, _, err := u.release(doc, s, "admin", "npm/11.0.0")
	must(b, err)
	about, err := rel.Package(nil)
	must(b, err)
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"all", func() error {
			doc, u := send()
			s, err := checkPublish(doc, u)
			must(b, err)
			rel, _, err := u.release(doc, s, "admin", "npm/11.0.0")
			must(b, err)
			_, err = rel.Package(about)
			return err
		}},
		{"read", func() error {
			_, err := readDocument(bytes.NewReader(body), func(_ string, data io.Reader) error {
				return decode(data)
			})
			return err
		}},
		{"inspect", func() error { _, err := inspect(bytes.NewReader(tarball), nil); return err }},
		{"check", func() error { _, err := checkPublish(doc, u); return err }},
		{"reconcile", func() error { reconcile(s.manifest, u.tar); return nil }},
		{"release", func() error { _, _, err := u.release(doc, s, "admin", "npm/11.0.0"); return err }},
		{"describe", func() error { _, err := rel.Package(about); return err }},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(b, part.run())
			}
		})
	}
}
