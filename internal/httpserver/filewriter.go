package httpserver

import (
	"errors"
	"io"
	"net/http"
	"os"

	"slipway/registry"
)

// wholeReadBytes is the largest content that is written together with the header in one write; larger content is sent by
// the kernel.
const wholeReadBytes = 32 << 10

// fileWriter stands between http.ServeContent and the answer. It holds the header back until the first bytes come, so that
// a failing store becomes an error answer and not a truncated file; it keeps the errors that ServeContent drops; and it
// turns the refusals 412 and 416 into errors, which are rendered in the shape of the format.
type fileWriter struct {
	http.ResponseWriter
	blob    *blobReader
	code    int // held back
	flushed bool
	refused int
	sent    int64
	err     error
}

// WriteHeader implements http.ResponseWriter.
func (w *fileWriter) WriteHeader(code int) {
	switch code {
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		w.refused = code
	default:
		w.code = code
	}
}

func (w *fileWriter) flush() {
	if !w.flushed && w.code != 0 {
		w.flushed = true
		w.ResponseWriter.WriteHeader(w.code)
	}
}

// Write implements io.Writer.
func (w *fileWriter) Write(p []byte) (int, error) {
	if w.refused != 0 {
		return len(p), nil // the text of ServeContent's own errors
	}
	w.flush()
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, w.note(err)
}

// ReadFrom implements io.ReaderFrom; ServeContent copies with it.
func (w *fileWriter) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if !ok || part.R != io.Reader(w.blob) || part.N == 0 {
		n, err := io.Copy(onlyWriter{w}, src)
		return n, w.note(err)
	}
	body, err := w.blob.section(part.N)
	if err != nil {
		return 0, w.note(err)
	}
	defer body.Close()
	from := w.sent
	if f, ok := body.(*os.File); ok {
		_, err = w.direct().ReadFrom(&io.LimitedReader{R: f, N: part.N})
	} else {
		_, err = io.Copy(w.direct(), body) // a part of a local file reaches the kernel as an *io.LimitedReader too
	}
	n := w.sent - from
	if err == nil && n != part.N {
		err = io.ErrUnexpectedEOF
	}
	part.N -= n
	return n, w.note(err)
}

func (w *fileWriter) direct() *directWriter { return &directWriter{w} }

// directWriter sends bytes of the store behind the header.
type directWriter struct{ to *fileWriter }

func (d *directWriter) Write(p []byte) (int, error) { return d.to.Write(p) }

// ReadFrom hands a large part of a file to the connection. The header goes out first: net/http would else copy the first
// 512 bytes itself.
func (d *directWriter) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	rf, forwards := d.to.ResponseWriter.(io.ReaderFrom)
	if !ok || !forwards || part.N <= wholeReadBytes {
		return io.Copy(onlyWriter{d}, src)
	}
	d.to.flush()
	if err := http.NewResponseController(d.to.ResponseWriter).Flush(); err != nil {
		return 0, err
	}
	n, err := rf.ReadFrom(part)
	d.to.sent += n
	return n, err
}

func (w *fileWriter) note(err error) error {
	if w.err == nil {
		w.err = err
	}
	return err
}

// finish writes a header without a body, and returns the error that occurred.
func (w *fileWriter) finish(size int64) error {
	switch {
	case w.refused == http.StatusPreconditionFailed:
		tag := w.Header().Get("Etag")
		return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "the file is not the one expected; its entity tag is %s", tag)
	case w.refused != 0:
		return registry.Errorf(registry.RangeInvalid, registry.AboutFile, "the file has %d bytes; the range lies outside", size)
	case errors.Is(w.err, io.ErrUnexpectedEOF):
		return errors.New("the stored bytes are fewer than they should be")
	case w.err != nil:
		return w.err
	}
	w.flush()
	return nil
}
