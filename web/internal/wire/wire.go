// Package wire has the HTTP code that the API and the pages share: parsers of paths, queries, preconditions and JSON bodies,
// and a writer of complete bodies.
package wire

import (
	"net/http"
	"strconv"
)

// PlainText is the media type of text that a browser shows as it is.
const PlainText = "text/plain; charset=utf-8"

// WriteBytes answers 200 with a body of known length. The error is the connection's.
func WriteBytes(w http.ResponseWriter, contentType string, body []byte) error {
	hd := w.Header()
	hd.Set("Content-Type", contentType)
	hd.Set("Content-Length", strconv.Itoa(len(body)))
	hd.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
}
