package raw

import (
	"bytes"
	"encoding/json"
	"flag"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update and look at the change:\n%s", file, got)
	}
}

func fileOf(path string, size int64) registry.File {
	return registry.File{Path: path, MediaType: mediaType("", path), AddedAt: time.Date(2026, 3, 1, 12, 30, 5, 123456000, time.UTC),
		Blob: registry.Blob{Digest: digest.FromString(path), Size: size}}
}

// nasty are entries whose names have to be escaped wherever they are shown.
var nasty = entriesOf("README", "a/", "b&b <i>/", "javascript:alert(1)", `quote"'<script>alert(1)<`+"/", "space %41?#+.tar.gz", "日本語.bin")

func entriesOf(names ...string) []entry {
	var out []entry
	for i, name := range names {
		dir, ok := strings.CutSuffix(name, "/")
		out = append(out, entryOf(catalog.FolderEntry{Name: dir, Dir: ok, File: fileOf(name, 1<<(5*i))}))
	}
	return out
}

func all(es []entry) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for _, e := range es {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestRenderListing(t *testing.T) {
	loc, err := parseLocation("/raw/main/tool/1.2.0/")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := streamHTML(w, httptest.NewRequest("GET", "/", nil), loc, all(nasty)); err != nil {
		t.Fatal(err)
	}
	golden(t, "listing.html", w.Body.Bytes())
	w = httptest.NewRecorder()
	if err := streamText(w, httptest.NewRequest("GET", "/", nil), all(nasty)); err != nil {
		t.Fatal(err)
	}
	golden(t, "listing.txt", w.Body.Bytes())
	page, err := renderJSON(loc, 5, all(nasty))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(page, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "listing.json", append(raw, '\n'))
}

func TestSums(t *testing.T) {
	sums := func(method string, of iter.Seq2[entry, error]) (*parts, bool) {
		t.Helper()
		w := &parts{ResponseRecorder: httptest.NewRecorder()}
		found, err := serveSums(w, httptest.NewRequest(method, "/", nil), of)
		if err != nil {
			t.Fatal(err)
		}
		return w, found
	}
	w, found := sums(http.MethodGet, all(nasty))
	golden(t, "SHA256SUMS", w.Body.Bytes())
	if modified := w.Header().Get("Last-Modified"); !found || modified != nasty[0].Modified.UTC().Format(http.TimeFormat) || w.Header().Get("Etag") == "" {
		t.Errorf("%v", w.Header())
	}
	if w, found := sums(http.MethodGet, all([]entry{{Name: "a", Dir: true}})); found || w.Body.Len() > 0 {
		t.Errorf("of no file: %q", w.Body)
	}
	// A long one is written as it is read.
	taken := 0
	const files = 50_000
	many := func(yield func(entry, error) bool) {
		for taken = range files {
			if !yield(entry{Name: "file", SHA256: strings.Repeat("0", 64)}, nil) {
				return
			}
		}
	}
	w, _ = sums(http.MethodGet, many)
	if n := strings.Count(w.Body.String(), "0  file\n"); n != files || w.largest > maxSumsBytes+100 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d lines, of which %d bytes at once", n, w.largest)
	}
	if w, found := sums(http.MethodHead, many); !found || w.Body.Len() > 0 || taken > files/2 {
		t.Errorf("HEAD reads %d files and writes %d bytes", taken, w.Body.Len())
	}
}

// parts notes the largest part of an answer.
type parts struct {
	*httptest.ResponseRecorder
	largest int
}

func (p *parts) Write(b []byte) (int, error) {
	p.largest = max(p.largest, len(b))
	return p.ResponseRecorder.Write(b)
}

func (p *parts) WriteString(s string) (int, error) {
	p.largest = max(p.largest, len(s))
	return p.ResponseRecorder.WriteString(s)
}

func TestMediaType(t *testing.T) {
	for _, c := range []struct{ sent, path, want string }{
		{"", "x.tar.gz", "application/gzip"}, {"", "x.ZIP", "application/zip"}, {"", "x", binary}, {"", "a/SHA256SUMS", text},
		{"application/x-www-form-urlencoded", "x.json", "application/json"}, {"text/x-thing; charset=latin1", "x", "text/x-thing; charset=latin1"},
		{"nonsense", "x.txt", text}, {"text/html\r\nX-Evil: 1", "x", binary}, {"*", "x", binary},
	} {
		if got := mediaType(c.sent, c.path); got != c.want {
			t.Errorf("%q %s: %q, want %q", c.sent, c.path, got, c.want)
		}
	}
	for mediaType, want := range map[string]string{
		"text/plain; charset=utf-8": "inline", "image/png": "inline", "application/pdf": "inline", "text/html": "attachment", "image/svg+xml": "attachment",
		"text/javascript": "attachment", "application/zip": "attachment", "": "attachment", "text/xml": "attachment",
	} {
		if got := disposition(mediaType, `a"b é`); got != want+`; filename="a_b _"; filename*=UTF-8''a%22b%20%C3%A9` {
			t.Errorf("%q: %s", mediaType, got)
		}
	}
}
