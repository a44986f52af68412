package raw

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"

	"slipway/registry"
)

// sumsOf returns the SHA256SUMS of a directory of a version: a line for each file directly in it, by name, and when the
// newest was added. dir is "" or ends in a slash; files are ascending by path.
func sumsOf(files []registry.File, dir string) (body string, modified time.Time) {
	var b strings.Builder
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Path, dir)
		if !ok || strings.Contains(rest, "/") {
			continue
		}
		b.WriteString(sumLine(algSHA256.stored(f.Blob), path.Base(f.Path)))
		if f.AddedAt.After(modified) {
			modified = f.AddedAt
		}
	}
	return b.String(), modified
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
