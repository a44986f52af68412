package raw

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"slipway/internal/httpserver"
)

// maxSumsBytes is the longest SHA256SUMS that is answered with ranges and conditions. A longer one is streamed while it is
// made, so that it is never in memory as a whole.
const maxSumsBytes = 1 << 20

// serveSums answers the SHA256SUMS of a directory of a version: a line for each file directly in it, by name. found is false,
// and nothing is written, where there is no file.
func serveSums(w http.ResponseWriter, r *http.Request, entries iter.Seq2[entry, error]) (found bool, err error) {
	var b strings.Builder
	var modified time.Time
	long := false
	for e, err := range entries {
		if err != nil {
			return long, err
		}
		if e.Dir {
			continue
		}
		b.WriteString(e.SHA256 + "  " + e.Name + "\n")
		if e.Modified.After(modified) {
			modified = e.Modified
		}
		if b.Len() <= maxSumsBytes {
			continue
		}
		if textHeader(r.Context(), w.Header()); r.Method == http.MethodHead {
			return true, nil
		}
		long = true
		if _, err := io.WriteString(w, b.String()); err != nil {
			return true, err
		}
		b.Reset()
	}
	switch {
	case long:
		_, err = io.WriteString(w, b.String())
		return true, err
	case b.Len() == 0:
		return false, nil
	default:
		return true, serveText(w, r, b.String(), modified)
	}
}

func textHeader(ctx context.Context, h http.Header) {
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", httpserver.RevalidateCache(ctx))
	h.Set("X-Content-Type-Options", "nosniff")
}

// serveText answers a small text made here, with ranges and conditions like a file.
func serveText(w http.ResponseWriter, r *http.Request, body string, modified time.Time) error {
	h := w.Header()
	sum := sha256.Sum256([]byte(body))
	h.Set("Etag", `"`+hex.EncodeToString(sum[:16])+`"`)
	textHeader(r.Context(), h)
	return httpserver.ServeText(w, r, body, modified)
}
