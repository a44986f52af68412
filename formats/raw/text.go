package raw

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/http"
	"strings"
	"time"
)

// sumsOf returns the SHA256SUMS of a directory of a version: a line for each file directly in it, by name, and when the
// newest was added.
func sumsOf(entries iter.Seq2[entry, error]) (body string, modified time.Time, err error) {
	var b strings.Builder
	for e, err := range entries {
		if err != nil {
			return "", time.Time{}, err
		}
		if e.Dir {
			continue
		}
		b.WriteString(e.SHA256 + "  " + e.Name + "\n")
		if e.Modified.After(modified) {
			modified = e.Modified
		}
	}
	return b.String(), modified, nil
}

// serveText answers a small text made here, with ranges and conditions like a file.
func serveText(w http.ResponseWriter, r *http.Request, body string, modified time.Time) error {
	h := w.Header()
	sum := sha256.Sum256([]byte(body))
	h.Set("Etag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", modified, strings.NewReader(body))
	return nil
}
