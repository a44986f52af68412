package origin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// sending is one HTTP request at one origin, from its place in the queue to the end of its body.
type sending struct {
	x          *exchange
	peer       *peer
	ticket     *ticket
	release    func()
	ctx        context.Context // ends with that of the exchange until unlink
	cancel     context.CancelCauseFunc
	unlink     func() bool
	res        *http.Response
	credential string
}

// send makes one request. The caller accepts or drops what it returns.
func (x *exchange) send(u *url.URL, fresh bool) (*sending, error) {
	c := x.client
	p := c.peer(siteOf(u))
	if wait := p.breaker.refuses(); wait > 0 {
		return nil, c.broken(wait)
	}
	s := &sending{x: x, peer: p}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(x.ctx))
	s.unlink = context.AfterFunc(x.ctx, func() { s.cancel(context.Cause(x.ctx)) })
	ok := false
	defer func() {
		if !ok {
			s.end()
		}
	}()
	m := x.message(s.ctx, u, !x.away)
	if x.sent = false; !x.away {
		name, value, err := x.auth(fresh)
		if err != nil {
			return nil, c.fault(Refused, err.Error())
		}
		if name != "" {
			m.Header.Set(name, value)
			x.sent, s.credential = true, value
		}
	}
	release, wait, err := p.gate.enter(s.ctx, x.request.Kind == File)
	if release == nil {
		return nil, x.notEntered(wait, err)
	}
	s.release = release
	if s.ticket, wait = p.breaker.enter(); s.ticket == nil {
		release()
		return nil, c.broken(wait)
	}
	if f := s.roundTrip(m); f != nil {
		return nil, f
	}
	ok = true
	return s, nil
}

func (c *Client) broken(wait time.Duration) *Fault {
	f := c.fault(Open, "it did not answer before, and is asked again later")
	f.RetryAfter = min(wait, maxPause)
	return f
}

// notEntered explains why there was no place in the queue.
func (x *exchange) notEntered(wait time.Duration, err error) error {
	if cause := x.callerEnded(); cause != nil {
		return cause
	}
	f := x.client.fault(Open, "too many requests wait for it, or it asked to wait")
	f.RetryAfter = min(wait, maxPause)
	var l *late
	if errors.As(err, &l) {
		f.Text = l.text
	}
	return f
}

// roundTrip sends the message and waits for the header of the answer.
func (s *sending) roundTrip(m *http.Request) error {
	x, c := s.x, s.x.client
	way := &c.foreign
	if !x.away && s.peer.own {
		way = &c.own
	}
	d := c.settings.Timeouts.Document
	if x.request.Kind == File {
		d = c.settings.Timeouts.File
	}
	header := time.AfterFunc(2*c.settings.Timeouts.Connect+d, func() { s.cancel(tooLate("no answer", d)) })
	res, err := way.transport.RoundTrip(m.WithContext(connected(s.ctx, func() { header.Reset(d) })))
	if !header.Stop() && err == nil {
		_ = res.Body.Close()
		err = tooLate("no answer", d)
	}
	if err == nil {
		s.res = res
		s.peer.noteLimits(res.Header)
		return nil
	}
	defer s.release()
	if cause := x.callerEnded(); cause != nil {
		s.peer.breaker.report(s.ticket, void, "")
		return cause
	}
	f, v := c.explain(s.ctx, err)
	s.peer.breaker.report(s.ticket, v, f.Text)
	if s.ticket.probe {
		f.again = false
	}
	return f
}

// limits lets the origin rest if it asks for that.
func (s *sending) limits(f *Fault) {
	if f.Class == Busy && (f.Status == http.StatusTooManyRequests || f.Status == http.StatusServiceUnavailable) {
		f.RetryAfter = s.peer.gate.pause(f.RetryAfter)
	}
}

// dropFault is drop with the text of a failure.
func (s *sending) dropFault(v verdict, f *Fault) {
	if s.ticket.probe && v == failed {
		f.again = false
	}
	s.peer.breaker.report(s.ticket, v, f.Text)
	if v == good {
		s.answered()
	}
	s.discard()
}

// drop ends a request whose body is of no interest.
func (s *sending) drop(v verdict) {
	s.peer.breaker.report(s.ticket, v, "")
	s.discard()
}

// answered tells the gate which protocol the origin speaks.
func (s *sending) answered() {
	limit := s.x.client.settings.Concurrency
	if s.res.ProtoMajor < 2 {
		limit = min(limit, http1Concurrency)
	}
	s.peer.gate.answered(limit)
}

const (
	maxDrain    = 16 << 10 // bytes of a body, to keep its connection
	drainMoment = 20 * time.Millisecond
)

// discard reads a short body to its end, so that its connection can be used again, and gives the place back. It waits a moment for
// what should be here already.
func (s *sending) discard() {
	s.release()
	if s.res.ContentLength > maxDrain {
		s.end()
		_ = s.res.Body.Close()
		return
	}
	s.unlink() // the exchange may end before
	done := make(chan struct{})
	go func() {
		defer close(done)
		stop := time.AfterFunc(time.Second, func() { s.cancel(nil) })
		_, _ = io.CopyN(io.Discard, s.res.Body, maxDrain)
		_ = s.res.Body.Close()
		stop.Stop()
		s.end()
	}()
	moment := time.NewTimer(drainMoment)
	defer moment.Stop()
	select {
	case <-done:
	case <-moment.C:
	}
}

// end frees the context.
func (s *sending) end() {
	s.unlink()
	s.cancel(nil)
}
