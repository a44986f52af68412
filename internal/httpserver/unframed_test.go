package httpserver_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"testing"

	"slipway/formats/formatstest"
)

// TestK12Unframed: a body over HTTP/1.0 needs a length; with Transfer-Encoding, which HTTP/1.0 does not have, it would be taken
// for an empty one.
func TestK12Unframed(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	for head, want := range map[string]int{
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n": http.StatusLengthRequired,
		"\r\nhello":                      http.StatusLengthRequired,
		"Content-Length: 5\r\n\r\nhello": http.StatusOK,
	} {
		c := dial(t, srv)
		send(t, c, "PUT /t/sink HTTP/1.0\r\nHost: x\r\n"+head)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want && (want != http.StatusOK || res.StatusCode == http.StatusLengthRequired) {
			t.Errorf("%q: %s, not %d", head, res.Status, want)
		}
	}
}

// TestK12BothLengths: after a request with Content-Length and Transfer-Encoding, which a proxy may have read in another way, no
// byte of its connection is taken for a request, also when the answer is an error.
func TestK12BothLengths(t *testing.T) {
	srv := formatstest.NewServer(t, formatstest.Options{}, newSite())
	for _, path := range []string{"/t/sink", "/t/missing/none"} {
		c := dial(t, srv)
		send(t, c, "PUT "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"+
			"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
		answers := bufio.NewReader(c)
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || !res.Close {
			t.Errorf("%s: %s keeps the connection: %v", path, res.Status, err)
		}
		if next, err := http.ReadResponse(answers, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: bytes after the request were answered: %v, %v", path, next, err)
		}
	}
}
