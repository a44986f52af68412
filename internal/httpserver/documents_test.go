package httpserver

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"slipway/registry"
)

func documentOf(body string) func(context.Context) (Document, error) {
	return func(context.Context) (Document, error) {
		return Document{Body: []byte(body), ContentType: "application/json", Modified: time.Unix(1_700_000_000, 500)}, nil
	}
}

func serve(t *testing.T, d *Documents, key DocumentKey, build func(context.Context) (Document, error), method string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	if err := d.Serve(w, r, key, func(h http.Header) { h.Set("Cache-Control", "no-cache") }, build); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestDocuments(t *testing.T) {
	d := serverOf(t, Options{}).Documents
	body := strings.Repeat(`{"name":"x"}`, 200)
	key := DocumentKey{View: "full", Stamp: "1"}
	plain := serve(t, d, key, documentOf(body), "GET")
	if plain.Body.String() != body || plain.Header().Get("Content-Length") != fmt.Sprint(len(body)) || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain: %v", plain.Header())
	}
	zipped := serve(t, d, key, documentOf("never built"), "GET", "Accept-Encoding", "br, gzip;q=0.5")
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != body {
		t.Errorf("gzip: %q %v", got, err)
	}
	tag, ztag := plain.Header().Get("Etag"), zipped.Header().Get("Etag")
	if tag == ztag || strings.HasPrefix(tag, "W/") || strings.HasPrefix(ztag, "W/") {
		t.Errorf("entity tags %s %s are not two strong ones", tag, ztag)
	}
	for _, c := range []struct {
		status int
		header []string
	}{
		{304, []string{"If-None-Match", tag}}, {200, []string{"If-None-Match", ztag}}, {304, []string{"If-None-Match", "*"}},
		{304, []string{"If-None-Match", ztag, "Accept-Encoding", "gzip"}}, {200, []string{"Accept-Encoding", "gzip;q=0"}},
		{304, []string{"If-Modified-Since", plain.Header().Get("Last-Modified")}},
		{200, []string{"If-Modified-Since", plain.Header().Get("Last-Modified"), "If-None-Match", `"x"`}},
	} {
		if w := serve(t, d, key, documentOf("never built"), "GET", c.header...); w.Code != c.status || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%v: %d, want %d", c.header, w.Code, c.status)
		}
	}
	if w := serve(t, d, key, documentOf("never built"), "HEAD"); w.Body.Len() != 0 || w.Header().Get("Content-Length") != fmt.Sprint(len(body)) {
		t.Errorf("HEAD: %v", w.Header())
	}
	next := key
	next.Stamp = "2"
	if w := serve(t, d, next, documentOf("new"), "GET"); w.Body.String() != "new" {
		t.Errorf("the next revision is %q", w.Body)
	}
	if w := serve(t, d, key, documentOf("old again"), "GET"); w.Body.String() != "old again" {
		t.Errorf("the old revision is %q", w.Body)
	}
	if w := serve(t, d, next, documentOf("never built"), "GET"); w.Body.String() != "new" {
		t.Errorf("a late reader of the old revision dropped the new one: %q", w.Body)
	}
}

// TestDocumentsBound: the cache never holds more than its limit, and recently used documents stay.
func TestDocumentsBound(t *testing.T) {
	const limit = 100 << 10
	d := serverOf(t, Options{DocumentCacheBytes: limit}).Documents
	builds := 0
	get := func(i, size int) {
		serve(t, d, DocumentKey{View: fmt.Sprint(i), Stamp: "1"}, func(context.Context) (Document, error) {
			builds++
			b := make([]byte, size)
			for j := range b {
				b[j] = byte(j * j * (i + 1) >> 3)
			}
			return Document{Body: b}, nil
		}, "GET")
		if d.used > limit || d.used < 0 || d.order.Len() != len(d.byView) {
			t.Fatalf("%d bytes, %d and %d entries", d.used, d.order.Len(), len(d.byView))
		}
	}
	for i := range 100 {
		get(0, 5<<10) // stays the most recently used
		get(i, 5<<10)
	}
	if builds != 100 {
		t.Errorf("%d builds, want 100", builds)
	}
	get(1000, limit) // larger than its share
	get(1000, limit)
	if builds != 102 {
		t.Errorf("%d builds: a document over the share was kept", builds)
	}
}

// TestDocumentsFlight: many callers of one document cost one build, also when the first caller is cancelled; an error is
// not kept.
func TestDocumentsFlight(t *testing.T) { synctest.Test(t, testDocumentsFlight) }

func testDocumentsFlight(t *testing.T) {
	d := serverOf(t, Options{}).Documents
	var builds atomic.Int32
	release := make(chan struct{})
	build := func(ctx context.Context) (Document, error) {
		builds.Add(1)
		<-release
		return Document{Body: []byte("x")}, ctx.Err()
	}
	first, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			r := httptest.NewRequest("GET", "/", nil)
			if i == 0 {
				r = r.WithContext(first)
			}
			if err := d.Serve(httptest.NewRecorder(), r, DocumentKey{View: "9"}, nil, build); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait() // all 20 callers wait for it
	cancel()
	close(release)
	wg.Wait()
	if n := builds.Load(); n != 1 {
		t.Errorf("%d builds", n)
	}
	failing := func(context.Context) (Document, error) {
		return Document{}, registry.Errorf(registry.NotFound, registry.AboutPackage, "gone")
	}
	err := d.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), DocumentKey{View: "10"}, nil, failing)
	if !errors.Is(err, &registry.Error{Kind: registry.NotFound}) {
		t.Errorf("%v", err)
	}
	if w := serve(t, d, DocumentKey{View: "10"}, documentOf("back"), "GET"); w.Body.String() != "back" {
		t.Errorf("%q", w.Body)
	}
}

func BenchmarkDocumentsHit(b *testing.B) {
	d := serverOf(b, Options{}).Documents
	build := documentOf(strings.Repeat(`{"name":"x"}`, 2000))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Serve(httptest.NewRecorder(), r, DocumentKey{View: "1"}, nil, build); err != nil {
			b.Fatal(err)
		}
	}
}
