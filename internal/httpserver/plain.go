package httpserver

import (
	"io"
	"net/http"
	"strconv"

	"slipway/registry"
)

// PlainError renders an error as one line of text/plain: the reason phrase of its status, the detail behind it, and the id
// of the request. It is for answers that a client parses, where a longer body would be read as another answer.
func PlainError(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	status := StatusOf(e)
	line := http.StatusText(status)
	if e.Detail != "" {
		line += ": " + e.Detail
	}
	if id := RequestID(r.Context()); id != "" {
		line += " (request " + id + ")"
	}
	line += "\n"
	h := w.Header()
	ErrorHeader(h, e)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(line)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, line) // a client that went away reads no error
	}
}
