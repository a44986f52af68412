package oci_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// chunked sends a body without its length.
func (s *server) chunked(method, path string, body []byte, header string) int {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n%s\r\n", method, path, s.Addr, s.token("*", "admin"), header)
	w := httputil.NewChunkedWriter(conn)
	if _, err := w.Write(body); err != nil {
		s.t.Fatal(err)
	}
	_ = w.Close()
	_, _ = conn.Write([]byte("\r\n"))
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode
}

// TestS55: every limit at its size and one above, with a length and without.
func TestS55(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	const limit = 4 << 20
	s.blob("main/limits", emptyJSON)
	manifest := func(size int) []byte {
		frame := `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[],"annotations":{"fill":""}}`
		return []byte(strings.Replace(frame, `""}}`, `"`+strings.Repeat("x", size-len(frame))+`"}}`, 1))
	}
	for _, c := range []struct {
		size, status int
	}{{limit, http.StatusCreated}, {limit + 1, http.StatusRequestEntityTooLarge}} {
		body := manifest(c.size)
		if len(body) != c.size {
			t.Fatal(len(body))
		}
		res := s.call(admin, http.MethodPut, "main/limits/manifests/big", body)
		if res.Status != c.status || c.status != http.StatusCreated && code(res) != "SIZE_INVALID" {
			t.Errorf("manifest of %d: %v", c.size, res)
		}
		if got := s.chunked(http.MethodPut, "/v2/main/limits/manifests/chunked", body, ""); got != c.status {
			t.Errorf("manifest of %d in chunks: %d", c.size, got)
		}
		if c.status == http.StatusCreated {
			if got := s.want(http.StatusOK, admin, http.MethodGet, "main/limits/manifests/big", nil); !bytes.Equal(got.Body, body) {
				t.Error("a manifest of the largest size has other bytes")
			}
		}
	}
	name := func(n int) string { return "main/" + strings.Repeat("a", n-len("main/")) }
	s.want(http.StatusAccepted, admin, http.MethodPost, name(255)+"/blobs/uploads/", nil)
	s.refused(http.StatusBadRequest, "NAME_INVALID", admin, http.MethodPost, name(256)+"/blobs/uploads/", nil)
	s.want(http.StatusCreated, admin, http.MethodPut, "main/limits/manifests/"+strings.Repeat("t", 128), emptyIndex("x"))
	s.refused(http.StatusBadRequest, "TAG_INVALID", admin, http.MethodPut, "main/limits/manifests/"+strings.Repeat("t", 129), emptyIndex("x"))
	// As in the name of a branch (fault J4).
	s.refused(http.StatusBadRequest, "TAG_INVALID", admin, http.MethodPut, "main/limits/manifests/feature%2Flogin", emptyIndex("x"))
	if res := s.call(admin, http.MethodGet, "main/limits/manifests/"+strings.Repeat("t", 200<<10), nil); res.Status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a path of 200 KiB: %v", res)
	}
	// A blob has no limit but the disk's; chunked and counted ones are the same.
	body := random(1 << 20)
	if got := s.chunked(http.MethodPost, "/v2/main/limits/blobs/uploads/?digest="+digestOf(body).String(), body, ""); got != http.StatusCreated {
		t.Errorf("a blob in chunks: %d", got)
	}
	if got := s.chunked(http.MethodPost, "/v2/main/limits/blobs/uploads/?digest="+digestOf(body).String(), nil, ""); got != http.StatusAccepted {
		t.Errorf("no byte in chunks: %d", got)
	}
}
