package origin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
		return nil, c.fault(Open, Offline)
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
	tidy(to)
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
