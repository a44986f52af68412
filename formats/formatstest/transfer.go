package formatstest

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// pattern returns n bytes that differ from their neighbours.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// ranges checks 206, 416 and If-Range (RFC 9110 section 14), on bytes in memory and in files.
func (s Suite) ranges(t *testing.T) {
	for _, files := range []bool{false, true} {
		srv := s.serverWith(t, Options{Local: files})
		content := s.publish(t, srv, "example", "1.0.0", pattern(200_000))
		n := len(content)
		q := s.Download("main", "example", "1.0.0")
		tag := srv.Do(Admin, q).Header.Get("Etag")
		for _, c := range []struct {
			header   string
			from, to int // half open; -1, -1: the whole
		}{
			{"bytes=0-0", 0, 1}, {"bytes=10-19", 10, 20}, {"bytes=-5", n - 5, n}, {fmt.Sprintf("bytes=%d-", n-7), n - 7, n},
			{"bytes=100-999999999", 100, n}, {"items=0-1", -1, -1}, {"bytes=9-1", -1, -1}, {"bytes=0-9,5-14", -1, -1},
			{"bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15,16-17", -1, -1},
		} {
			res := srv.Do(Admin, q.With("Range", c.header))
			if c.from < 0 {
				if res.Status != http.StatusOK || !bytes.Equal(res.Body, content) {
					t.Errorf("%s: %d, want the whole", c.header, res.Status)
				}
				continue
			}
			want := fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, n)
			if res.Status != http.StatusPartialContent || res.Header.Get("Content-Range") != want || !bytes.Equal(res.Body, content[c.from:c.to]) {
				t.Errorf("%s: %d, Content-Range %q, want %q and these bytes", c.header, res.Status, res.Header.Get("Content-Range"), want)
			}
		}
		for _, header := range []string{"bytes=999999999-", "bytes=-0", "bytes= -00,"} { // beyond the end, and the last 0 bytes
			res := srv.Do(Admin, q.With("Range", header))
			if res.Status != http.StatusRequestedRangeNotSatisfiable || res.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", n) {
				t.Errorf("%s: %v, Content-Range %q", header, res, res.Header.Get("Content-Range"))
			}
			if res := srv.Do(Admin, q.With("Range", header).With("If-None-Match", tag)); res.Status != http.StatusNotModified {
				t.Errorf("%s of what the client has: %v, want 304", header, res)
			}
		}
		res := srv.Do(Admin, q.With("Range", "bytes=0-3,100-103"))
		if res.Status != http.StatusPartialContent || !strings.HasPrefix(res.Header.Get("Content-Type"), "multipart/byteranges") ||
			!bytes.Contains(res.Body, content[100:104]) || res.Header.Get("Content-Length") != strconv.Itoa(len(res.Body)) {
			t.Errorf("two ranges: %d %s", res.Status, res.Header.Get("Content-Type"))
		}
		for value, status := range map[string]int{tag: http.StatusPartialContent, `"other"`: http.StatusOK, "W/" + tag: http.StatusOK} {
			if res := srv.Do(Admin, q.With("Range", "bytes=0-3").With("If-Range", value)); res.Status != status {
				t.Errorf("If-Range %s: %d, want %d", value, res.Status, status)
			}
		}
	}
}

// conditions checks HEAD and the conditional headers.
func (s Suite) conditions(t *testing.T) {
	srv := s.server(t)
	content := s.publish(t, srv, "example", "1.0.0", pattern(70_000))
	q := s.Download("main", "example", "1.0.0")
	get := srv.Do(Admin, q)
	head := q
	head.Method = http.MethodHead
	res := srv.Do(Admin, head)
	for _, h := range []http.Header{get.Header, res.Header} {
		h.Del("Date")
		h.Del("X-Request-Id")
	}
	if fmt.Sprint(res.Header) != fmt.Sprint(get.Header) || res.Status != get.Status || len(res.Body) != 0 {
		t.Errorf("HEAD differs from GET:\n%v\n%v", res.Header, get.Header)
	}
	if get.Header.Get("Content-Length") != strconv.Itoa(len(content)) || get.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("headers: %v", get.Header)
	}
	tag, modified := get.Header.Get("Etag"), get.Header.Get("Last-Modified")
	for _, c := range []struct {
		name, value string
		status      int
	}{
		{"If-None-Match", tag, 304}, {"If-None-Match", "W/" + tag, 304}, {"If-None-Match", "*", 304}, {"If-None-Match", `"x", ` + tag, 304},
		{"If-None-Match", `"x"`, 200}, {"If-Match", tag, 200}, {"If-Match", `"x"`, 412}, {"If-Match", "W/" + tag, 412},
		{"If-Modified-Since", modified, 304}, {"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 412},
	} {
		if res := srv.Do(Admin, q.With(c.name, c.value)); res.Status != c.status {
			t.Errorf("%s: %s: %v, want %d", c.name, c.value, res, c.status)
		} else if c.status == http.StatusNotModified && res.Header.Get("Etag") != tag {
			t.Errorf("304 without its entity tag: %v", res.Header)
		}
	}
}

// concurrent publishes other contents under one name at once, and many versions of one package at once.
func (s Suite) concurrent(t *testing.T) {
	const writers = 16
	srv := s.server(t)
	race := make([]Request, writers)
	contents := make([][]byte, writers)
	for i := range race {
		contents[i] = s.Content("example", "1.0.0", []byte("writer "+strconv.Itoa(i)))
		race[i] = s.Publish("main", "example", "1.0.0", contents[i])
	}
	won := -1
	for i, res := range srv.doAll(race) {
		switch {
		case res.Status == s.Created && won < 0:
			won = i
		case res.Status == s.Created:
			t.Errorf("writers %d and %d were both told that they published", won, i)
		case res.Status != s.Conflict:
			t.Errorf("writer %d: %v, want %d or %d", i, res, s.Created, s.Conflict)
		}
	}
	if won < 0 {
		t.Fatal("nobody published")
	}
	if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); !bytes.Equal(res.Body, contents[won]) {
		t.Errorf("download: %v, want the content of writer %d", res, won)
	}
	for i := range race {
		version := fmt.Sprintf("2.0.%d", i)
		race[i] = s.Publish("main", "example", version, s.Content("example", version, []byte("content")))
	}
	for i, res := range srv.doAll(race) {
		if res.Status != s.Created {
			t.Errorf("version 2.0.%d: %v, want %d", i, res, s.Created)
		}
	}
	srv.MustFsck(t)
}

// doAll sends all requests at once.
func (s *Server) doAll(qs []Request) []Response {
	s.t.Helper()
	out := make([]Response, len(qs))
	errs := make([]error, len(qs))
	var wg sync.WaitGroup
	for i, q := range qs {
		wg.Go(func() { out[i], errs[i] = s.Try(Admin, q) })
	}
	wg.Wait()
	for _, err := range errs {
		s.must(err)
	}
	return out
}
