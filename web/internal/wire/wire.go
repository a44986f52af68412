// Package wire has what the API and the pages share of HTTP: parsers of paths, queries, preconditions and JSON bodies, and the
// writer of a body that is at hand as a whole.
package wire

import (
	"net/http"
	"strconv"
)

// PlainText is the media type of text that a browser shows as it is.
const PlainText = "text/plain; charset=utf-8"

// WriteBytes answers 200 with a body of known length. The error is that of the connection.
func WriteBytes(w http.ResponseWriter, contentType string, body []byte) error {
	hd := w.Header()
	hd.Set("Content-Type", contentType)
	hd.Set("Content-Length", strconv.Itoa(len(body)))
	hd.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
}
