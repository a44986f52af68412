package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"slipway/registry"
)

// Bounds of what requests hold in memory.
const (
	defaultMemoryBytes = 128 << 20
	memoryShare        = 2        // one client may hold the half
	freeBytes          = 64 << 10 // of a body: what every request may have
	holdWait           = 10 * time.Second
	holdRetry          = 5 * time.Second
)

// Who had taken the memory, when a request is refused.
const (
	byClient = "client"
	byServer = "server"
)

// memory is the budget for what requests hold in memory as a whole: parsed bodies, and answers that are no streams. A request
// waits for its part before it reads the body.
type memory struct {
	*budget
	held    prometheus.Gauge
	refused *prometheus.CounterVec // by reason: client, server
}

func newMemory(size int64, reg prometheus.Registerer) *memory {
	m := &memory{budget: newBudget(size, size/memoryShare),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "slipway_memory_held_bytes", Help: "Memory that requests hold for parsed bodies and whole answers, of --memory.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_memory_refused_total", Help: "Requests refused because memory was taken, by who had taken it: client or server.",
		}, []string{"by"}),
	}
	for _, by := range []string{byClient, byServer} {
		m.refused.WithLabelValues(by) // shown as 0 from the start
	}
	if reg != nil {
		reg.MustRegister(m.held, m.refused)
	}
	return m
}

// take waits for n bytes, at most a client's share, and returns how they are given back. TooMany: the client holds its share;
// Unavailable: all is taken.
func (m *memory) take(ctx context.Context, client string, n int64) (release func(), err error) {
	n = min(n, m.most)
	back, by, err := m.budget.take(ctx, client, n)
	switch {
	case err == nil:
	case by == byClient:
		return nil, m.refuse(err, registry.TooMany, by, "your other requests hold as much memory as one client may: send fewer of them at once")
	default:
		return nil, m.refuse(err, registry.Unavailable, by, "the server's memory for large documents is taken: try again later")
	}
	m.held.Add(float64(n))
	return func() {
		m.held.Sub(float64(n))
		back()
	}, nil
}

// refuse is the error for a request that has waited in vain; cause is why it waits no more.
func (m *memory) refuse(cause error, kind registry.Kind, by, detail string) error {
	if errors.Is(cause, context.Canceled) {
		return cause
	}
	m.refused.WithLabelValues(by).Inc()
	return &registry.Error{Kind: kind, Subject: registry.AboutRequest, Detail: detail, RetryAfter: holdRetry}
}

// Hold waits for n bytes of the server's memory, which the request of ctx holds until it ends, and whose body must come
// faster from then on; outside of a request it does nothing. Whatever is read whole and can be larger than 64 KiB is held: n is what it costs in memory, not its size. TooMany,
// Unavailable, both with a time after which to try again.
func Hold(ctx context.Context, n int64) error {
	q := requestOf(ctx)
	if q == nil || q.memory == nil {
		return nil
	}
	release, err := q.memory.take(ctx, q.holder(), n)
	if err != nil {
		return err
	}
	q.keep(release)
	if q.body != nil {
		q.body.hurry()
	}
	return nil
}

// keep calls release when the request ends.
func (q *request) keep(release func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		release()
		return
	}
	q.releases = append(q.releases, release)
}

// release gives back what the request holds.
func (q *request) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	for _, release := range q.releases {
		release()
	}
	q.releases = nil
}

// Holder names who the request of ctx is counted for where something is shared: its user, with all of the user's tokens, or
// else the place that the client's address belongs to. "" outside of a request.
func Holder(ctx context.Context) string {
	if q := requestOf(ctx); q != nil && q.client != nil {
		return q.holder()
	}
	return ""
}

// holder names who a request's memory is counted for: the user, with all tokens, or else the place of the client.
func (q *request) holder() string {
	if q.actor.UserID != 0 {
		return fmt.Sprintf("user:%d", q.actor.UserID)
	}
	const customerBits = 64
	a := q.client().Unmap().WithZone("")
	if p, err := a.Prefix(customerBits); err == nil && a.Is6() {
		return p.String()
	}
	return a.String()
}

// HoldBody is Hold for a body of at most limit bytes, each of which costs factor bytes of memory. A body of up to 64 KiB is
// free; one of unknown length counts as limit.
func HoldBody(r *http.Request, limit, factor int64) error {
	size := r.ContentLength
	if size < 0 || size > limit {
		size = limit
	}
	if size <= freeBytes {
		return nil
	}
	return Hold(r.Context(), size*factor)
}

// writeHeld writes a body for which memory is held. BadBody: the client takes it more slowly than it may.
func writeHeld(w io.Writer, body []byte) error {
	slow := slowestHeld
	for n := 0; n < len(body); {
		begin := time.Now()
		m, err := w.Write(body[n:min(len(body), n+copyBytes)])
		if err != nil {
			return err
		}
		n += m
		slow.waited += time.Since(begin)
		if slow.waited > slow.grace && float64(n) < slow.waited.Seconds()*float64(slow.rate) {
			return registry.Errorf(registry.BadBody, registry.AboutRequest, "the client takes the answer too slowly: less than %d bytes per second", slow.rate)
		}
	}
	return nil
}

// ReadBody reads a body of at most limit bytes whole, in memory that was held for it. It returns one byte more than limit of a
// body that is larger.
func ReadBody(r *http.Request, limit, factor int64) ([]byte, error) {
	if err := HoldBody(r, limit, factor); err != nil {
		return nil, err
	}
	in := io.LimitReader(r.Body, limit+1)
	if r.ContentLength <= 0 || r.ContentLength > limit {
		return io.ReadAll(in)
	}
	body := make([]byte, r.ContentLength+1) // in one piece; the last byte makes ReadFull see the end
	n, err := io.ReadFull(in, body)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // net/http has compared the length
		err = nil
	}
	return body[:n], err
}
