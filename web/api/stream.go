package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
	"slipway/web/internal/wire"
)

// streamBatch is how many events are read at once for a stream.
const streamBatch = 100

// waiters counts the requests that wait for events.
type waiters struct {
	mu             sync.Mutex
	all, anonymous int
	by             map[string]int // by user, or by place of callers without credentials
}

// enter takes one of the places for waiting requests; the caller calls leave. TooMany: the caller has its share of them;
// Unavailable: all are taken.
func (h *handlers) enter(ctx context.Context) (leave func(), err error) {
	return h.waiting.enter(httpserver.Holder(ctx), access.From(ctx).Type == access.TypeAnonymous)
}

func (w *waiters) enter(who string, anonymous bool) (leave func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	full := func(kind registry.Kind, n int, whose string) error {
		return &registry.Error{Kind: kind, Subject: registry.AboutRequest, RetryAfter: 5 * time.Second,
			Detail: fmt.Sprintf("%d requests%s wait for events already", n, whose)}
	}
	switch {
	case w.by[who] >= maxWaitingOfOne:
		return nil, full(registry.TooMany, w.by[who], " of yours")
	case w.all >= maxWaiting:
		return nil, full(registry.Unavailable, w.all, "")
	case anonymous && w.anonymous >= maxAnonymousWaiters:
		return nil, full(registry.Unavailable, w.anonymous, " without credentials")
	}
	if w.by == nil {
		w.by = map[string]int{}
	}
	w.count(who, anonymous, 1)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count(who, anonymous, -1)
	}, nil
}

// count adds n requests. w.mu is held.
func (w *waiters) count(who string, anonymous bool, n int) {
	w.all += n
	if anonymous {
		w.anonymous += n
	}
	if w.by[who] += n; w.by[who] == 0 {
		delete(w.by, who)
	}
}

// untilStopping returns a context that also ends when the server begins to shut down, as the shutdown would otherwise wait for
// the request.
func untilStopping(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-httpserver.Stopping(ctx):
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// stream answers with server-sent events: id is the sequence number, data the CloudEvent. A client that reconnects sends
// Last-Event-ID. Between events a comment shows that the stream is alive; it carries the position, which also moves past
// events that the caller may not see.
func (h *handlers) stream(w http.ResponseWriter, r *http.Request, eq ledger.EventQuery) error {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after, err := wire.ParseSeq("Last-Event-ID", last)
		if err != nil {
			return err
		}
		eq.After = after
	}
	leave, err := h.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	ctx, stop := untilStopping(r.Context())
	defer stop()
	r = r.WithContext(ctx)
	// The first read happens before the header, so that a refusal is a problem with its status.
	eq.Limit = streamBatch
	events, next, err := h.look(r, eq)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.Method == http.MethodHead {
		return nil
	}
	for {
		if err := writeEvents(w, events, next); err != nil {
			return nil // the client went away
		}
		eq.After, eq.Wait = next, h.opts.Heartbeat
		if events, next, err = h.look(r, eq); err != nil {
			return nil // stopping, or an error that the client gets when it reconnects
		}
	}
}

// look waits for events, and then reads them with the caller's rights at that time: rights may end while it waits or reads.
func (h *handlers) look(r *http.Request, eq ledger.EventQuery) ([]registry.Event, int64, error) {
	if eq.Wait > 0 {
		probe := eq
		probe.Limit = 1
		if _, _, err := h.svc.Ledger.Events(r.Context(), probe); err != nil {
			return nil, eq.After, err
		}
		eq.Wait = 0
		return h.readNow(r, eq)
	}
	return h.svc.Ledger.Events(r.Context(), eq)
}

// readNow reads events with rights that are the same before and after. If they changed in between, it returns no events, and
// the next read uses the new rights.
func (h *handlers) readNow(r *http.Request, eq ledger.EventQuery) ([]registry.Event, int64, error) {
	r, err := h.authenticate(r)
	if err != nil {
		return nil, eq.After, err
	}
	events, next, err := h.svc.Ledger.Events(r.Context(), eq)
	if err != nil || len(events) == 0 {
		return events, next, err
	}
	after, err := h.authenticate(r)
	if err != nil || !access.From(after.Context()).Same(access.From(r.Context())) {
		return nil, eq.After, err
	}
	return events, next, nil
}

// writeEvents writes and flushes; without a new event it writes the comment.
func writeEvents(w http.ResponseWriter, events []registry.Event, next int64) error {
	var b bytes.Buffer
	for _, e := range events {
		data, err := json.Marshal(eventOf(e))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "id: %d\ndata: %s\n\n", e.Seq, data)
	}
	if len(events) == 0 || events[len(events)-1].Seq != next {
		// An id without data sets the position without an event (HTML, section 9.2.6).
		fmt.Fprintf(&b, ": still here\nid: %d\n\n", next)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}
