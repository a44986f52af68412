package upstreamtest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// piece is the most that is written at once.
const piece = 32 << 10

var errCut = errors.New("upstreamtest: cut")

// writer sends an answer, and breaks it on the way.
type writer struct {
	w      http.ResponseWriter
	r      *http.Request
	server *Server
	req    *Request
	stop   <-chan struct{} // closed when nobody reads any more

	stream
	edits    []func(*http.Request, http.Header)
	noRanges bool
	shift    int64 // of Content-Range
	size     int64 // of the whole body

	wrote     bool
	base      int64 // place in the file of the first byte
	total     int64 // bytes that this answer ought to have; -1: unknown
	announced int64 // -1: no length
	sent      int64 // bytes that were sent, or dropped since the announced length is less
	start     time.Time
	failed    bool
}

func (w *writer) Header() http.Header { return w.w.Header() }

// WriteHeader sends the header, with the faults in it.
func (w *writer) WriteHeader(status int) {
	if w.wrote {
		return
	}
	w.wrote, w.start = true, time.Now()
	h := w.Header()
	w.lengths(status, h)
	if w.noRanges {
		h.Del("Accept-Ranges")
	}
	for _, edit := range w.edits {
		edit(w.r, h)
	}
	w.frame(status, h)
	w.server.log.note(func() { w.req.Status = status })
	w.w.WriteHeader(status)
	if w.chunked || w.cut == 0 || len(w.marks) > 0 {
		w.flush()
	}
}

// lengths finds out what is sent from where.
func (w *writer) lengths(status int, h http.Header) {
	w.base, w.total = 0, w.size
	var first, last, size int64
	switch {
	case status == http.StatusNotModified || status == http.StatusNoContent:
		w.total = 0
	case status == http.StatusPartialContent:
		if n, _ := fmt.Sscanf(h.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); n != 3 { // several ranges
			w.total = -1
			break
		}
		w.base, w.total = first, last-first+1
		if w.shift != 0 {
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first+w.shift, last+w.shift, size))
		}
	case status == http.StatusRequestedRangeNotSatisfiable && h.Get("Content-Length") == "": // of ServeContent, with a text of its own
		w.total = -1
	}
}

// frame announces the length, or does not.
func (w *writer) frame(status int, h http.Header) {
	w.announced = -1
	if status == http.StatusNotModified || status == http.StatusNoContent {
		h.Del("Content-Length")
		return
	}
	w.chunked = w.chunked || w.untilClose && w.r.ProtoMajor > 1
	switch {
	case w.chunked:
		h.Del("Content-Length")
	case w.untilClose:
		h.Del("Content-Length")
		h.Set("Transfer-Encoding", "identity") // net/http's word for a body that ends with the connection
	case w.total >= 0:
		w.announced = max(0, w.total+w.longer)
		h.Set("Content-Length", strconv.FormatInt(w.announced, 10))
	}
}

// Write sends bytes of the body as fast, and as far, as the faults let it. With HTTP/2 a client that has the last byte may close the
// connection before net/http says that it was written, so an error there says nothing.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(w.flips) > 0 {
		p = slices.Clone(p)
		w.flip(p)
	}
	written := 0
	for len(p) > 0 {
		if err := w.pause(); err != nil {
			return written, err
		}
		n := w.step(int64(len(p)))
		if w.announced >= 0 && w.sent+n > w.announced {
			n = int64(len(p)) // the rest has no place in the length that was announced
		} else if m, err := w.w.Write(p[:n]); err != nil && !(w.r.ProtoMajor > 1 && w.sent+n == w.total) {
			w.failed = true
			w.count(int64(m))
			return written + m, err
		} else {
			w.count(n)
		}
		w.sent += n
		written += int(n)
		p = p[n:]
		if w.rate > 0 || w.every > 0 || len(w.marks) > 0 {
			w.flush()
		}
	}
	return written, nil
}

func (w *writer) count(n int64) {
	w.server.log.note(func() { w.req.Sent += n })
}

// step is how many of n bytes go out before something happens.
func (w *writer) step(n int64) int64 {
	n = min(n, piece)
	if w.cut > w.sent {
		n = min(n, w.cut-w.sent)
	}
	if w.rate > 0 {
		n = min(n, max(1, w.rate/50))
	}
	if w.every > 0 {
		n = min(n, w.every-w.sent%w.every)
	}
	for _, m := range w.marks {
		if m.at > w.sent {
			n = min(n, m.at-w.sent)
		}
	}
	if w.announced > w.sent {
		n = min(n, w.announced-w.sent)
	}
	return n
}

// pause does what is due at this place of the body.
func (w *writer) pause() error {
	for i := 0; i < len(w.marks); i++ {
		if m := w.marks[i]; m.at <= w.sent {
			w.marks = slices.Delete(slices.Clone(w.marks), i, i+1)
			i--
			w.flush()
			m.do(w.stop)
		}
	}
	if w.cut >= 0 && w.sent >= w.cut {
		w.failed = true
		w.flush()
		if w.untilClose {
			return errCut // the connection is closed as after a whole body
		}
		panic(http.ErrAbortHandler)
	}
	if w.rate > 0 {
		w.sleep(time.Until(w.start.Add(time.Duration(float64(w.sent) / float64(w.rate) * float64(time.Second)))))
	}
	if w.every > 0 && w.sent > 0 && w.sent%w.every == 0 {
		w.sleep(w.gap)
	}
	return nil
}

// finish is called when all of the body has been written: marks and a cut at its very end are still due.
func (w *writer) finish() {
	if !w.failed && w.r.Method != http.MethodHead && w.total > 0 {
		_ = w.pause() // a cut at the end is no fault of the writer
	}
}

// flip changes bytes of the next part of the body.
func (w *writer) flip(p []byte) {
	for _, at := range w.flips {
		if at < 0 {
			at += w.size
		}
		if i := at - w.base - w.sent; i >= 0 && i < int64(len(p)) {
			p[i] ^= 0xff
		}
	}
}

// sleep waits, or ends the answer when nobody reads it any more.
func (w *writer) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.stop:
		panic(http.ErrAbortHandler)
	}
}

func (w *writer) flush() {
	_ = http.NewResponseController(w.w).Flush() // a client that left shows in the next Write
}

// end notes what became of the answer. It runs also when the answer is cut.
func (w *writer) end() {
	whole := w.wrote && !w.failed && (w.r.Method == http.MethodHead || w.total < 0 || w.sent >= w.total)
	w.server.log.note(func() { w.req.Cut, w.req.Done = !whole, true })
}
