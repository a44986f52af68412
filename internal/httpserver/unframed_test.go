package httpserver_test

import (
	"bufio"
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
