package origin

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestEncodings: documents are asked for in gzip and inflated within bounds; files come as sent, and say how.
func TestEncodings(t *testing.T) {
	text := strings.Repeat("a document. ", 100)
	gz := zipped(t, []byte(text))
	for _, c := range []struct {
		name     string
		request  Request
		encoding string
		body     []byte
		want     string
		text     string // of the fault
		class    Class
		asks     string
	}{
		{name: "gzip", request: Request{Gzip: true}, encoding: "gzip", body: gz, want: text, asks: "gzip"},
		{name: "x-gzip", request: Request{Gzip: true}, encoding: "X-GZIP", body: gz, want: text, asks: "gzip"},
		{name: "two members", request: Request{Gzip: true}, encoding: "gzip", body: append(gz[:len(gz):len(gz)], gz...), want: text + text, asks: "gzip"},
		{name: "plain", request: Request{Gzip: true}, body: []byte(text), want: text, asks: "gzip"},
		{name: "identity", request: Request{Gzip: true}, encoding: "identity", body: []byte(text), want: text, asks: "gzip"},
		{name: "not asked for", request: Request{}, encoding: "gzip", body: gz, want: string(gz), asks: "identity"},
		{name: "file", request: Request{Kind: File, Gzip: true}, encoding: "gzip", body: gz, want: string(gz), asks: "identity"},
		{name: "file in br", request: Request{Kind: File}, encoding: "br", body: []byte("x"), want: "x", asks: "identity"},
		{name: "br", request: Request{Gzip: true}, encoding: "br", body: []byte("x"), text: "content encoding", class: Bad},
		{name: "twice", request: Request{Gzip: true}, encoding: "gzip, gzip", body: gz, text: "content encoding", class: Bad},
		{name: "no gzip", request: Request{Gzip: true}, encoding: "gzip", body: []byte(text), text: "no whole gzip", class: Bad},
		{name: "empty", request: Request{Gzip: true}, encoding: "gzip", text: "no whole gzip", class: Bad},
		{name: "cut inside", request: Request{Gzip: true}, encoding: "gzip", body: gz[:len(gz)-9], text: "no whole gzip", class: Bad},
		{name: "changed", request: Request{Gzip: true}, encoding: "gzip", body: append(gz[:len(gz)-6:len(gz)-6], "abcdef"...), text: "no whole gzip", class: Bad},
		{name: "garbage behind", request: Request{Gzip: true}, encoding: "gzip", body: append(gz[:len(gz):len(gz)], "garbage"...), text: "no whole gzip", class: Bad},
		{name: "inflated too large", request: Request{Gzip: true, MaxBytes: 1199}, encoding: "gzip", body: gz, text: "1199 bytes", class: Bad},
		{name: "at the bound", request: Request{Gzip: true, MaxBytes: 1200}, encoding: "gzip", body: gz, want: text, asks: "gzip"},
		{name: "announced too large", request: Request{Kind: File, MaxBytes: 1199}, body: []byte(text), text: "1199 bytes", class: Bad},
	} {
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.encoding != "" {
				w.Header().Set("Content-Encoding", c.encoding)
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
			_, _ = w.Write(c.body)
		})
		var seen Observation
		cl := client(t, up.URL, func(s *setup) { s.Observe = func(_ context.Context, o Observation) { seen = o } })
		res, body, err := read(t, cl, c.request)
		if c.class != 0 {
			want(t, err, c.class, c.text)
			if seen.Outcome != "bad" {
				t.Errorf("%s: %+v", c.name, seen)
			}
			continue
		}
		if err != nil || body != c.want {
			t.Errorf("%s: %d bytes, %v", c.name, len(body), err)
			continue
		}
		if inflated := c.name == "gzip"; inflated && (res.Length != -1 || res.Encoding != "" || res.Header.Get("Content-Encoding")+res.Header.Get("Content-Length") != "") {
			t.Errorf("%s: %+v", c.name, res)
		}
		if got := up.requests()[0].Header.Get("Accept-Encoding"); got != c.asks {
			t.Errorf("%s: asked for %q", c.name, got)
		}
		if seen.Outcome != "ok" || seen.Status != 200 || seen.Bytes != int64(len(c.body)) || seen.Upstream != "up" || seen.Kind != c.request.Kind {
			t.Errorf("%s: %+v", c.name, seen)
		}
	}
}

// TestBomb: a document that inflates to more than 200 times its size ends soon after 64 MiB, and one over max_document at that.
func TestBomb(t *testing.T) {
	bomb := bytes.Repeat(zipped(t, make([]byte, 1<<20)), ratioFrom>>20+8)
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
	for text, most := range map[string]int64{"more than 200 times": ratioFrom + 1<<20, "max_document": 1 << 20} {
		cl := client(t, up.URL, func(s *setup) {
			if text == "max_document" {
				s.MaxDocument = 1 << 20
			}
		})
		res, err := cl.Do(t.Context(), Request{Gzip: true})
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		want(t, err, Bad, text)
		if n > most {
			t.Errorf("%s: %d bytes came", text, n)
		}
		_ = res.Body.Close()
		if s := cl.State()[0]; s.UnderWay != 0 || s.LastFault != "" {
			t.Errorf("%+v", s)
		}
	}
}

// TestRanges: what a resume needs: 206 from the byte that was asked for, 200 when the validator does not hold, framing, validators.
func TestRanges(t *testing.T) {
	for _, c := range []struct {
		answer string
		r      Range
		text   string // "" for taken
		status int
		total  int64
	}{
		{"206\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5", Range{5, -1}, "", 206, 10},
		{"206\r\nContent-Range: bytes 5-9/*\r\nContent-Length: 5", Range{5, -1}, "", 206, -1},
		{"206\r\nContent-Range: bytes 5-6/10\r\nContent-Length: 2", Range{5, 6}, "", 206, 10},
		{"200\r\nContent-Length: 10", Range{5, -1}, "", 200, 10},
		{"206\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6", Range{5, -1}, "other bytes", 0, 0},
		{"206\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5", Range{5, 6}, "more bytes", 0, 0},
		{"206\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 4", Range{5, -1}, "contradicts", 0, 0},
		{"206\r\nContent-Range: bytes 5-9/9\r\nContent-Length: 5", Range{5, -1}, "Content-Range", 0, 0},
		{"206\r\nContent-Range: bytes 9-5/10\r\nContent-Length: 5", Range{9, -1}, "Content-Range", 0, 0},
		{"206\r\nContent-Range: lines 5-9/10\r\nContent-Length: 5", Range{5, -1}, "Content-Range", 0, 0},
		{"206\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 5", Range{5, -1}, "Content-Range", 0, 0},
		{"416\r\nContent-Range: bytes */10\r\nContent-Length: 0", Range{50, -1}, "answered 416", 0, 0},
	} {
		var outcome string
		cl := client(t, raw(t, "HTTP/1.1 "+c.answer+"\r\n\r\n"+strings.Repeat("x", 10)), func(s *setup) {
			s.Observe = func(_ context.Context, o Observation) { outcome = o.Outcome }
		})
		res, _, err := read(t, cl, Request{Kind: File, Range: &c.r, IfRange: `"e"`})
		if c.text != "" {
			want(t, err, Bad, c.text)
			continue
		}
		if err != nil || res.Status != c.status || res.Total != c.total || !res.Framed || res.Status == 206 && (res.Start != c.r.First || outcome != "partial") {
			t.Errorf("%s: %+v, %v (%s)", c.answer, res, err, outcome)
		}
	}
	up := serve(t, func(http.ResponseWriter, *http.Request) {})
	cl := client(t, up.URL, nil)
	if _, _, err := read(t, cl, Request{Kind: File, Range: &Range{7, -1}, IfRange: `"e"`, Accept: "a/b"}); err != nil {
		t.Fatal(err)
	}
	if h := up.requests()[0].Header; h.Get("Range") != "bytes=7-" || h.Get("If-Range") != `"e"` {
		t.Errorf("%v", h)
	}
	for _, r := range []Request{{Range: &Range{-1, 2}}, {Range: &Range{3, 2}}, {IfRange: `W/"e"`}, {Method: "POST"}, {Accept: "a\nb"}, {Kind: 9}} {
		if _, err := cl.Do(t.Context(), r); err == nil || ClassOf(err) != 0 {
			t.Errorf("%+v: %v", r, err)
		}
	}
	_, _, err := read(t, client(t, raw(t, "HTTP/1.0 200 OK\r\n\r\nabc"), nil), Request{})
	if err != nil {
		t.Error(err)
	}
	if res, _, _ := read(t, client(t, raw(t, "HTTP/1.0 200 OK\r\n\r\nabc"), nil), Request{}); res == nil || res.Framed || res.Length != -1 {
		t.Errorf("a body that ends with its connection: %+v", res)
	}
}

// TestValidators: conditions are sent as given, 304 has no body, and what the answer says of its freshness is read.
func TestValidators(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `W/"1"`)
		w.Header().Set("Cache-Control", "public, s-maxage=30, max-age=31536000")
		w.Header().Set("Age", "10")
		if r.Header.Get("If-None-Match") == `W/"1"` && r.Header.Get("If-Modified-Since") == "then" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Length", "7")
	})
	var outcomes []string
	cl := client(t, up.URL, func(s *setup) {
		s.Observe = func(_ context.Context, o Observation) { outcomes = append(outcomes, fmt.Sprint(o.Outcome, o.Status)) }
	})
	res, body, err := read(t, cl, Request{IfNoneMatch: `W/"1"`, IfModifiedSince: "then"})
	if err != nil || res.Status != 304 || body != "" || res.ETag != `W/"1"` || res.FreshFor != 20*time.Second || res.Validator() != "" {
		t.Errorf("%+v, %v", res, err)
	}
	res, _, err = read(t, cl, Request{Method: "HEAD", Kind: Tag})
	if err != nil || res.Length != 7 || res.Status != 200 {
		t.Errorf("HEAD: %+v, %v", res, err)
	}
	if got := strings.Join(outcomes, " "); got != "not_modified304 ok200" || cl.State()[0].UnderWay != 0 {
		t.Errorf("%s, %+v", got, cl.State()[0])
	}
}

// TestReadHeaders: freshness, strong validators and Retry-After in their spellings.
func TestReadHeaders(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": -1, "public": -1, "max-age=30": 30 * time.Second, `max-age="30"`: 30 * time.Second, "MAX-AGE=30, s-maxage=5": 5 * time.Second,
		"s-maxage=5, max-age=30": 5 * time.Second, "no-cache": -1, "max-age=30, no-store": 30 * time.Second, "no-cache, max-age=0": 0, `no-cache="x", max-age=9`: 9 * time.Second,
		"max-age=abc": 0, "max-age=-1": 0, "max-age=99999999999999999999": 1 << 31 * time.Second,
	} {
		if got := freshFor(http.Header{"Cache-Control": {value}}); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		r    Response
		want string
	}{
		{Response{ETag: `"x"`, LastModified: at(-time.Hour)}, `"x"`}, {Response{ETag: `W/"x"`, LastModified: at(-time.Hour), Date: now}, ""}, {Response{ETag: "x"}, ""},
		{Response{LastModified: at(-time.Hour), Date: now}, at(-time.Hour)}, {Response{LastModified: at(-time.Second), Date: now}, ""}, {Response{LastModified: at(-time.Hour)}, ""}, {Response{}, ""},
	} {
		if got := c.r.Validator(); got != c.want {
			t.Errorf("%+v: %q", c.r, got)
		}
	}
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "100000": 15 * time.Minute, "99999999999999999999": 15 * time.Minute, "-1": 0, "soon": 0, "7.5": 0,
		at(9 * time.Second): 9 * time.Second, at(-9 * time.Second): 0, at(time.Hour): 15 * time.Minute,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	h := http.Header{"Retry-After": {at(time.Minute)}, "Date": {at(30 * time.Second)}}
	if got := retryAfter(h, now); got != 30*time.Second {
		t.Errorf("by the upstream's clock: %s", got)
	}
}

// TestClose: a body that is closed early gives its place back, once, and can't be read.
func TestClose(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
		}
	})
	cl := client(t, up.URL, nil)
	res, err := cl.Do(t.Context(), Request{Kind: File})
	if err != nil {
		t.Fatal(err)
	}
	if n := cl.State()[0].UnderWay; n != 1 {
		t.Errorf("%d under way", n)
	}
	_ = res.Body.Close()
	_ = res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("%v", err)
	}
	if s := cl.State()[0]; s.UnderWay != 0 || s.LastFault != "" {
		t.Errorf("%+v", s)
	}
}

// TestConnectionsAreKept: answers that are not looked at do not cost a connection each.
func TestConnectionsAreKept(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/go" {
			http.Redirect(w, r, "/end", http.StatusFound)
			return
		}
		http.Error(w, strings.Repeat("x", 8<<10), http.StatusNotFound)
	})
	cl := client(t, up.URL, nil)
	ports := make(map[string]bool)
	for range 10 {
		_, _, err := read(t, cl, Request{URL: "go"})
		want(t, err, Absent, "404")
	}
	for _, r := range up.requests() {
		ports[r.RemoteAddr] = true
	}
	if len(ports) > 5 {
		t.Errorf("%d connections for 20 requests", len(ports))
	}
}
