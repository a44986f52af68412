package ui_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// packed is a zip of files, by name and content in turn.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarred is a tar.gz of files, by name and content in turn.
func tarred(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	w := tar.NewWriter(g)
	for i := 0; i < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if w.Close() != nil || g.Close() != nil {
		t.Fatal("the tar can't be written")
	}
	return b.Bytes()
}

// archives is a site with two versions of a package that have archives.
func archives(t *testing.T) *site {
	t.Helper()
	s := newPage(t, formatstest.Options{}, all.All()...)
	for path, body := range map[string][]byte{
		"box/1.0/box-1.0.zip":    packed(t, "a.txt", "one\ntwo\nthree\n", "gone.txt", "x", "<script>alert(1)</script>.txt", "<b>bold</b>", "same.bin", "\x00\x01"),
		"box/1.1/box-1.1.zip":    packed(t, "a.txt", "one\n2\nthree\n", "new.txt", "y", "<script>alert(1)</script>.txt", "<b>bold</b>", "same.bin", "\x00\x01"),
		"box/1.0/src-1.0.tar.gz": tarred(t, "box-1.0/main.go", "package main\n", "box-1.0/big", strings.Repeat("x", 300<<10)),
		"box/1.1/src-1.1.tar.gz": tarred(t, "box-1.1/main.go", "package main\n\nfunc main() {}\n", "box-1.1/big", strings.Repeat("x", 300<<10)),
		"box/1.1/broken.zip":     []byte("PK no zip"),
		"box/1.1/note.txt":       []byte("text"),
	} {
		if res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodPut, Path: "/raw/main/" + path, Body: body}); res.Status != http.StatusCreated {
			t.Fatalf("%s: %v", path, res)
		}
	}
	return s
}

// TestInside: what is in an archive is listed, small texts are shown as text whatever they hold, and what can't be read is told.
func TestInside(t *testing.T) {
	s := archives(t)
	const at = "/r/main/raw/box/v/"
	for _, c := range []struct {
		path     string
		status   int
		has, not string
	}{
		{at + "1.0/-/inside/box-1.0.zip", 200, `?entry=a.txt">a.txt</a>`, "<script>alert"},
		{at + "1.0/-/inside/box-1.0.zip?entry=" + url.QueryEscape("<script>alert(1)</script>.txt"), 200, "&lt;b&gt;bold&lt;/b&gt;", "<b>bold"},
		{at + "1.0/-/inside/box-1.0.zip?entry=same.bin", 200, "It is no text.", "<pre"},
		{at + "1.0/-/inside/box-1.0.zip?entry=absent", 404, "there is no file", ""},
		{at + "1.0/-/inside/absent.zip", 404, "has no file", ""},
		{at + "1.0/-/inside/src-1.0.tar.gz", 200, `?entry=box-1.0%2Fmain.go">box-1.0/main.go</a>`, `box-1.0%2Fbig`},
		{at + "1.0/-/inside/src-1.0.tar.gz?entry=box-1.0/main.go", 200, "package main", ""},
		{at + "1.0/-/inside/src-1.0.tar.gz?entry=box-1.0/big", 404, "there is no file", ""},
		{at + "1.1/-/inside/broken.zip", 200, "the archive can&#39;t be published", ""},
		{at + "1.1/-/inside/note.txt", 200, "this is no zip", ""},
		{at + "1.1", 200, at + "1.1/-/inside/box-1.1.zip", "/-/inside/note.txt"},
	} {
		res := s.get(formatstest.Admin, c.path)
		body := string(res.Body)
		if res.Status != c.status || !strings.Contains(body, c.has) || c.not != "" && strings.Contains(body, c.not) {
			t.Errorf("%s: %v, want %d with %q, without %q", c.path, res, c.status, c.has, c.not)
		}
	}
	bob := formatstest.As(s.ReadToken(formatstest.OtherRepository))
	for _, path := range []string{at + "1.0/-/inside/box-1.0.zip", "/compare?repo=main&format=raw&package=box&from=1.0&to=1.1"} {
		if res := s.get(bob, path); res.Status != http.StatusNotFound {
			t.Errorf("%s of a hidden repository: %v", path, res)
		}
	}
}

// TestCompare: two versions are compared by what is known of them, by their files, and by what is in their archives.
func TestCompare(t *testing.T) {
	s := archives(t)
	for version, commit := range map[string]string{"1.0": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1.1": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"} {
		put := formatstest.Request{Method: http.MethodPut, Path: "/api/v1/repositories/main/packages/raw/box/versions/" + version + "/metadata",
			Body: []byte(`{"source":{"repository":"https://git.example.com/acme/box","commit":"` + commit + `"}}`)}
		if res := s.Do(formatstest.Admin, put.With("Content-Type", "application/json")); res.Status != http.StatusNoContent {
			t.Fatal(res)
		}
	}
	body := html.UnescapeString(string(s.get(formatstest.Admin, "/compare?repo=main&format=raw&package=box&from=1.0&to=1.1").Body))
	for _, want := range []string{
		"https://git.example.com/acme/box/compare/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"Commit<br><code class=\"muted\">source.commit</code>", `box-1.1.zip <span class="muted">was box-1.0.zip</span>`, "broken.zip",
		"Inside box-1.1.zip", `<span class="less">- two`, `<span class="more">+ 2`, "new.txt", "gone.txt",
		"Inside src-1.1.tar.gz", `<span class="more">+ func main() {}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	for query, want := range map[string][2]string{"": {"1.0", "1.1"}, "&to=1.1": {"1.0", "1.1"}, "&to=1.0": {"1.0", "1.0"}, "&from=1.0": {"1.0", "1.1"}} { // what the form begins with
		var begins [2]string
		for i, list := range elements(parsed(t, s.get(formatstest.Admin, "/compare?repo=main&format=raw&package=box"+query).Body), named("select")) {
			begins[i] = chosen(list)
		}
		if begins != want {
			t.Errorf("compare%s begins with %q, want %q", query, begins, want)
		}
	}
	for _, not := range []string{"same.bin", "box-1.1/big", "same of both"} {
		if strings.Contains(body, not) {
			t.Errorf("%q is in\n%s", not, body)
		}
	}
	if res := s.get(formatstest.Admin, "/compare"); res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), "?from=") {
		t.Errorf("%v", res)
	}
	if res := s.get(formatstest.Admin, "/compare?repo=main&format=raw&package=box&from=1.0&to=9"); res.Status != http.StatusNotFound {
		t.Errorf("%v", res)
	}
	if body := string(s.get(formatstest.Admin, "/compare?repo=main&format=raw&package=box&from=1.1&to=1.1").Body); !strings.Contains(body, "Both have the same files.") {
		t.Error(body)
	}
}
