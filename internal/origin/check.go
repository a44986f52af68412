package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// Step is one part of a Check.
type Step struct {
	Name   string // StepResolve, StepConnect, StepTLS or StepAsk
	Took   time.Duration
	Failed bool
	Text   string // what came of it, in the words of a Fault
}

// Steps of a Check, in their order. Those of a connection are of the proxy, where there is one.
const (
	StepResolve = "resolve"
	StepConnect = "connect"
	StepTLS     = "tls"
	StepAsk     = "ask"
)

// Check sends a request, and tells what each of its parts took, up to the first one that failed. A new client has no connection, so that all
// of them are made.
func (c *Client) Check(ctx context.Context, r Request) []Step {
	s := &steps{begun: map[string]time.Time{}}
	start := time.Now()
	res, err := c.Do(s.trace(ctx), r)
	var f *Fault
	switch {
	case err == nil:
		_ = res.Body.Close()
		s.end(StepAsk, start, Step{Text: fmt.Sprintf("answered %d", res.Status)})
	case errors.As(err, &f) && f.Status == 0:
		s.end(s.broken(), start, Step{Failed: true, Text: f.Text})
	case errors.As(err, &f):
		s.end(StepAsk, start, Step{Failed: true, Text: f.Text})
	default:
		s.end(s.broken(), start, Step{Failed: true, Text: "it was given up"})
	}
	return s.list
}

// steps notes when the parts of a request begin and end. Of several tries, addresses or redirects, it has the first.
type steps struct {
	mu    sync.Mutex
	begun map[string]time.Time
	list  []Step
}

func (s *steps) trace(ctx context.Context) context.Context {
	ended := func(name string, err error) {
		if err == nil {
			s.end(name, time.Time{}, Step{Text: "done"})
		}
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { s.begin(StepResolve) },
		DNSDone:           func(i httptrace.DNSDoneInfo) { ended(StepResolve, i.Err) },
		ConnectStart:      func(string, string) { s.begin(StepConnect) },
		ConnectDone:       func(_, _ string, err error) { ended(StepConnect, err) },
		TLSHandshakeStart: func() { s.begin(StepTLS) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { ended(StepTLS, err) },
		GotConn:           func(httptrace.GotConnInfo) { s.begin(StepAsk) },
	})
}

func (s *steps) begin(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.begun[name]; !ok {
		s.begun[name] = time.Now()
	}
}

// end adds a step that is not there yet; since is its beginning if none was noted.
func (s *steps) end(name string, since time.Time, step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.begun[name]; ok {
		since = at
	}
	if s.has(name) || since.IsZero() {
		return
	}
	step.Name, step.Took = name, time.Since(since)
	s.list = append(s.list, step)
}

func (s *steps) has(name string) bool {
	return slices.ContainsFunc(s.list, func(x Step) bool { return x.Name == name })
}

// broken is the step that began and did not end.
func (s *steps) broken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{StepResolve, StepConnect, StepTLS} {
		if _, ok := s.begun[name]; ok && !s.has(name) {
			return name
		}
	}
	return StepAsk
}
