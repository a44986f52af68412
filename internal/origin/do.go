package origin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// pauses before retries.
var pauses = [...]time.Duration{250 * time.Millisecond, time.Second}

const (
	maxDocumentRedirects = 5
	maxFileRedirects     = 10
)

// exchange is one call of Do until its body is closed.
type exchange struct {
	client  *Client
	request Request
	caller  context.Context
	ctx     context.Context // ends with the caller's, a timeout, or the body
	cancel  context.CancelCauseFunc
	total   *time.Timer // until the end of a document; nil for files
	budget  *time.Timer // until the answer
	start   time.Time
	// auth gives the credential for home; a redirect away from home ends both.
	auth func(fresh bool) (name, value string, err error)
	home site
	away bool // a hop has left home
	sent bool // the last hop carried a credential

	once sync.Once // of finish
}

// Do sends a request, follows its redirects, and tries again where that may help. The error is a *Fault, or that of ctx.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	r.Method = cmp.Or(r.Method, http.MethodGet)
	if err := r.valid(); err != nil {
		return nil, err
	}
	u, err := c.resolve(r.URL)
	if err != nil {
		return nil, c.observe(ctx, r.Kind, c.fault(Bad, err.Error()))
	}
	x := c.exchange(ctx, r)
	return x.answer(u)
}

func (c *Client) exchange(ctx context.Context, r Request) *exchange {
	x := &exchange{client: c, request: r, caller: ctx, start: time.Now(), auth: c.settings.Auth.field, home: c.home}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	if r.Kind != File {
		d := c.settings.Timeouts.Total
		x.total = time.AfterFunc(d, func() { x.cancel(tooLate("the document was not complete", d)) })
	}
	d := x.patience()
	x.budget = time.AfterFunc(d, func() { x.cancel(tooLate("no answer", d)) })
	return x
}

// patience is the longest time until an answer.
func (x *exchange) patience() time.Duration {
	t := x.client.settings.Timeouts
	if x.request.Kind == File {
		return max(t.Answer, t.File)
	}
	return t.Answer
}

// answer runs the exchange to an answer whose body is ready, or to its end.
func (x *exchange) answer(u *url.URL) (*Response, error) {
	ask := x.tries
	if x.request.Scope != "" {
		ask = x.withToken
	}
	res, err := ask(u)
	x.budget.Stop()
	if err != nil {
		x.finish(err, 0, 0, time.Since(x.start))
		return nil, err
	}
	return res, nil
}

// observe tells of a request that was never sent.
func (c *Client) observe(ctx context.Context, kind Kind, f *Fault) error {
	if c.env.Observe != nil {
		c.env.Observe(ctx, Observation{Upstream: c.settings.Name, Kind: kind, Outcome: f.Class.String(), Status: f.Status})
	}
	return f
}

// finish ends the exchange, once.
func (x *exchange) finish(err error, status int, bytes int64, took time.Duration) {
	x.once.Do(func() {
		if x.total != nil {
			x.total.Stop()
		}
		x.budget.Stop()
		x.cancel(nil)
		c := x.client
		if c.env.Observe == nil {
			return
		}
		o := Observation{Upstream: c.settings.Name, Kind: x.request.Kind, Outcome: "ok", Status: status, Took: took, Bytes: bytes}
		var f *Fault
		switch {
		case errors.As(err, &f):
			o.Outcome, o.Status = f.Class.String(), cmp.Or(f.Status, status)
		case err != nil:
			o.Outcome = "cancelled"
		case status == http.StatusPartialContent:
			o.Outcome = "partial"
		case status == http.StatusNotModified:
			o.Outcome = "not_modified"
		}
		c.env.Observe(x.caller, o)
	})
}

// tries sends the request until it is answered or no retry may help.
func (x *exchange) tries(u *url.URL) (*Response, error) {
	c := x.client
	if c.settings.Offline || c.env.Offline {
		return nil, c.fault(Open, "offline")
	}
	var last error
	for try := 0; ; try++ {
		res, err := x.hops(u)
		if err == nil {
			return res, nil
		}
		if cause := x.callerEnded(); cause != nil {
			return nil, cause
		}
		if last != nil && Is(err, Open) {
			return nil, last // what really happened
		}
		var f *Fault
		if !errors.As(err, &f) || !f.again || try == len(pauses) {
			return nil, err
		}
		pause := jitter(pauses[try])
		if time.Since(x.start)+pause >= x.patience() || c.peer(x.home).breaker.refuses() > 0 {
			return nil, err
		}
		c.env.Sleep(x.ctx, pause)
		if x.ctx.Err() != nil {
			return nil, cmp.Or(x.callerEnded(), err)
		}
		x.away, last = false, err
	}
}

// callerEnded is the cause for which the caller's context ended; nil if it has not.
func (x *exchange) callerEnded() error {
	if x.caller.Err() == nil {
		return nil
	}
	return context.Cause(x.caller)
}

// hops follows redirects to an answer.
func (x *exchange) hops(u *url.URL) (*Response, error) {
	limit := maxDocumentRedirects
	switch x.request.Kind {
	case File:
		limit = maxFileRedirects
	case Token:
		limit = 0 // a token service answers for itself
	}
	if err := x.admit(nil, u); err != nil {
		return nil, x.client.fault(Bad, err.Error())
	}
	fresh := false
	for n := 0; ; {
		x.away = x.away || siteOf(u) != x.home
		s, err := x.send(u, fresh)
		if err != nil {
			return nil, err
		}
		if redirects(s.res) {
			if n++; n > limit {
				s.drop(good)
				return nil, x.client.fault(Bad, fmt.Sprintf("answered with more than %d redirects", limit))
			}
			next, f := x.next(u, s.res)
			s.drop(good)
			if f != nil {
				return nil, f
			}
			u = next
			continue
		}
		f, v := x.judge(s.res)
		if f == nil {
			return x.accept(s, u)
		}
		s.limits(f)
		if f.Status == http.StatusUnauthorized && !x.away {
			f.Challenges = s.res.Header.Values("Www-Authenticate")
			if !fresh && x.changed(s) { // a token that lives for hours was renewed
				s.drop(fair)
				fresh = true
				continue
			}
		}
		s.dropFault(v, f)
		return nil, f
	}
}

// admit is Client.admit; an exchange with a token service has its own rule for its first URL.
func (x *exchange) admit(from, to *url.URL) error {
	if from == nil && x.home != x.client.home && siteOf(to) == x.home {
		return nil // tokens.go has looked at it
	}
	return x.client.admit(from, to)
}

// next is where a redirect leads.
func (x *exchange) next(u *url.URL, res *http.Response) (*url.URL, *Fault) {
	f := x.client.fault(Bad, "")
	f.Status = res.StatusCode
	to, err := u.Parse(res.Header.Get("Location"))
	if err != nil || res.Header.Get("Location") == "" {
		f.Text = fmt.Sprintf("answered %d without a Location that is a URL", res.StatusCode)
		return nil, f
	}
	to.Fragment, to.RawFragment = "", ""
	if err := x.admit(u, to); err != nil {
		f.Text = "a redirect " + err.Error()
		return nil, f
	}
	return to, nil
}

// changed reports whether the credential is another than the one that was just refused.
func (x *exchange) changed(s *sending) bool {
	if s.credential == "" {
		return false
	}
	_, value, err := x.auth(true)
	return err == nil && value != s.credential
}

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

const maxDrain = 16 << 10 // of a body, to keep its connection

// discard reads a short body to its end beside everything else, so that its connection can be used again, and gives the place back.
func (s *sending) discard() {
	s.release()
	if n := s.res.ContentLength; n < 0 || n > maxDrain {
		s.end()
		_ = s.res.Body.Close()
		return
	}
	s.unlink() // the exchange may end before
	go func() {
		stop := time.AfterFunc(time.Second, func() { s.cancel(nil) })
		_, _ = io.CopyN(io.Discard, s.res.Body, maxDrain)
		_ = s.res.Body.Close()
		stop.Stop()
		s.end()
	}()
}

// end frees the context.
func (s *sending) end() {
	s.unlink()
	s.cancel(nil)
}
