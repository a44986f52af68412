package origin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	ratioFrom = 64 << 20 // inflated bytes from which the ratio counts
	maxRatio  = 200
)

// accept makes the response of an answer to the request.
func (x *exchange) accept(s *sending, u *url.URL) (*Response, error) {
	s.peer.breaker.report(s.ticket, good, "")
	s.answered()
	r := newResponse(s.res, u)
	took := time.Since(x.start)
	limit, name := x.limit()
	b := &body{s: s, limit: limit, name: name, status: r.Status, framed: r.Framed, took: took, idle: x.client.settings.Timeouts.Idle}
	b.timer = time.AfterFunc(b.idle, func() { s.cancel(tooLate("no bytes came", b.idle)) })
	b.timer.Stop()
	if x.request.Method == http.MethodHead || r.Status == http.StatusNotModified {
		b.end(nil)
		r.Body = http.NoBody
		return r, nil
	}
	if f := b.prepare(r); f != nil {
		b.end(f)
		return nil, f
	}
	r.Body = b
	return r, nil
}

// limit of the body, and the setting that it comes from.
func (x *exchange) limit() (int64, string) {
	s := &x.client.settings
	switch {
	case x.request.MaxBytes > 0:
		return x.request.MaxBytes, "it may be"
	case x.request.Kind == File:
		return s.MaxFile, "max_file allows"
	case x.request.Kind == Token:
		return maxToken, "a token may be"
	}
	return s.MaxDocument, "max_document allows"
}

// body of an answer: counted, bounded, inflated if that was asked for, with a bound on the time between its bytes.
type body struct {
	s      *sending
	limit  int64
	name   string
	status int
	took   time.Duration
	idle   time.Duration
	timer  *time.Timer

	framed  bool
	inflate bool
	reader  *gzip.Reader // made by the first Read
	wire    int64        // bytes as sent
	out     int64        // bytes as read
	failure error        // of the wire, io.EOF included
	done    error        // what Read returns from now on
}

// prepare looks at what the header says of the body.
func (b *body) prepare(r *Response) *Fault {
	x := b.s.x
	if r.Encoding != "" && x.request.Kind != File {
		if r.Encoding != "gzip" || r.Status == http.StatusPartialContent {
			return x.client.fault(Bad, "answered in a content encoding that was not asked for")
		}
		b.inflate = x.request.Gzip
	}
	if b.inflate {
		r.Header = r.Header.Clone()
		r.Header.Del("Content-Encoding")
		r.Header.Del("Content-Length")
		r.Length, r.Total, r.Encoding = -1, -1, ""
		return nil
	}
	if r.Length > b.limit {
		return b.tooLarge()
	}
	return nil
}

func (b *body) tooLarge() *Fault {
	return b.s.x.client.fault(Bad, fmt.Sprintf("the answer is larger than %s (%d bytes)", b.name, b.limit))
}

// Read gives the next bytes. After the end of the body or a fault it repeats that.
func (b *body) Read(p []byte) (int, error) {
	if b.done != nil || len(p) == 0 {
		return 0, b.done
	}
	n, err := b.next(p)
	b.out += int64(n)
	switch {
	case b.out > b.limit:
		n -= int(b.out - b.limit)
		err = b.tooLarge()
	case b.inflate && b.out > ratioFrom && b.out > maxRatio*b.wire:
		err = b.s.x.client.fault(Bad, fmt.Sprintf("the answer inflates to more than %d times its size", maxRatio))
	}
	if err != nil {
		b.done = err
		b.end(err)
	}
	return n, err
}

// next reads inflated bytes, or those of the wire.
func (b *body) next(p []byte) (int, error) {
	if !b.inflate {
		return wire{b}.Read(p)
	}
	if b.reader == nil {
		r, err := gzip.NewReader(wire{b})
		if err != nil {
			return 0, b.inflation(err)
		}
		b.reader = r
	}
	n, err := b.reader.Read(p)
	if err != nil && err != io.EOF {
		err = b.inflation(err)
	}
	return n, err
}

// inflation explains an error of the inflater: that of the wire under it, or bytes that are no gzip.
func (b *body) inflation(err error) error {
	if b.failure != nil && b.failure != io.EOF {
		return b.failure
	}
	c := b.s.x.client
	if early := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF); early && !b.framed {
		f := c.fault(Down, "the answer was cut short")
		b.s.peer.breaker.report(b.s.ticket, failed, f.Text)
		return f
	}
	return c.fault(Bad, "the answer is no whole gzip, though it says so")
}

// wire reads bytes as sent.
type wire struct{ b *body }

func (w wire) Read(p []byte) (int, error) {
	b := w.b
	if b.failure != nil {
		return 0, b.failure
	}
	b.timer.Reset(b.idle)
	n, err := b.s.res.Body.Read(p)
	b.timer.Stop()
	b.wire += int64(n)
	if err != nil && err != io.EOF {
		err = b.broken(err)
	}
	b.failure = err
	return n, err
}

// broken explains an error of the connection in the middle of a body.
func (b *body) broken(err error) error {
	x := b.s.x
	if cause := x.callerEnded(); cause != nil {
		return cause
	}
	f, v := x.client.explain(b.s.ctx, err)
	if f.Class == Down && f.again { // not a timeout
		f.Text = "the answer was cut short"
	}
	f.Status, f.again = b.status, false
	b.s.peer.breaker.report(b.s.ticket, v, f.Text)
	return f
}

// end gives everything back, once; a body that is not read to its end takes its connection with it.
func (b *body) end(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	b.timer.Stop()
	b.s.x.finish(err, b.status, b.wire, b.took)
	_ = b.s.res.Body.Close()
	b.s.end()
	b.s.release()
}

// Close ends the request.
func (b *body) Close() error {
	if b.done == nil {
		b.done = http.ErrBodyReadAfterClose
		b.end(nil)
	}
	return nil
}
