package npm

import (
	"bytes"
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
			_, err := io.Copy(io.Discard, newBase64Reader(data))
			return err
		})
		must(b, err)
	}
}

// BenchmarkInspect is the look into a tarball of 16 MiB of source text.
func BenchmarkInspect(b *testing.B) {
	text := strings.Repeat("export const answer = 42; // and so on\n", 10)
	var entries []entry
	for i := range 1000 {
		entries = append(entries, entry{path: fmt.Sprintf("package/lib/%d.js", i), content: strings.Repeat(text+fmt.Sprint(i*7919), 43)})
	}
	raw := pack(b, `{"name":"web","version":"1.0.0"}`, entries...)
	c, err := inspect(bytes.NewReader(raw))
	must(b, err)
	b.SetBytes(c.unpacked)
	for b.Loop() {
		_, err := inspect(bytes.NewReader(raw))
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
	c, err := e.Contents(e.Admin, e.name("web"), false)
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
