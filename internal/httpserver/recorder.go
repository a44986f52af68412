package httpserver

import (
	"io"
	"net/http"

	"slipway/registry"
)

// recorder notes status and size of an answer. It hands ReadFrom on, so that the kernel can send files, and Unwrap lets
// http.ResponseController reach the connection.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64              // of the body
	wrote  bool               // the header is out
	cache  *registry.CacheUse // whose header goes with the answer's; nil: there is none
	conn   *idleConn          // nil: what is written can't be held back
}

// record returns w itself where it is a recorder already.
func record(w http.ResponseWriter) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w}
}

func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) WriteHeader(status int) {
	if !rec.wrote && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.wrote, rec.status = true, status
		rec.describe(status)
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.implicit()
	if rec.conn != nil {
		rec.conn.cork() // the header is not sent by itself
	}
	n, err := rec.ResponseWriter.Write(p)
	if rec.conn != nil {
		if failed := rec.conn.uncork(); err == nil {
			err = failed
		}
	}
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	rec.implicit()
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.bytes += n
	return n, err
}

// Flush implements http.Flusher.
func (rec *recorder) Flush() {
	rec.implicit()
	_ = http.NewResponseController(rec.ResponseWriter).Flush() // not every writer can flush; those that can't hold nothing back
}

func (rec *recorder) implicit() {
	if !rec.wrote {
		rec.wrote, rec.status = true, http.StatusOK
		rec.describe(http.StatusOK)
	}
}

// describe says in the header what copies from registries elsewhere have to do with the answer. A 404 says nothing of them: one of a name that
// others have published where the caller may not read must be like one of a name that no registry has.
func (rec *recorder) describe(status int) {
	if rec.cache == nil || status == http.StatusNotFound {
		return
	}
	text, warnings := rec.cache.Header()
	if text != "" {
		rec.Header().Set("Cache-Status", text)
	}
	for _, text := range warnings {
		Warn(rec.Header(), text)
	}
}

// code is the status for log and metrics; a handler that writes nothing answers 200.
func (rec *recorder) code() int {
	if rec.status == 0 {
		return http.StatusOK
	}
	return rec.status
}
