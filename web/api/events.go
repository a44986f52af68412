package api

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"slipway/registry"
	"slipway/web/internal/wire"
)

const batchType = "application/cloudevents-batch+json"

// events answers GET /events?after=&limit=&wait=&types=: a CloudEvents batch and a Link to the next one, or with Accept:
// text/event-stream a stream that goes on. With ?consumer= instead of after it begins at the place of a consumer.
func (h *handlers) events(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	var eq registry.EventQuery
	if eq.After, err = h.place(r, q); err != nil {
		return err
	}
	if eq.Types, err = q.Types(); err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if wantsStream(r) {
		return h.stream(w, r, eq)
	}
	if eq.Limit, err = q.Limit(); err != nil {
		return err
	}
	if eq.Wait, err = q.Wait(); err != nil {
		return err
	}
	return h.batch(w, r, eq)
}

// place is the sequence number behind which to begin.
func (h *handlers) place(r *http.Request, q wire.Query) (int64, error) {
	name, err := q.Text("consumer")
	switch {
	case err != nil:
		return 0, err
	case name == "":
		return q.Seq("after", -1)
	case len(q["after"]) > 0:
		return 0, wire.Invalid("either after or consumer says where to begin")
	}
	c, err := h.svc.Consumer(r.Context(), name)
	return c.Acked, err
}

func wantsStream(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			if t, _, err := mime.ParseMediaType(part); err == nil && t == "text/event-stream" {
				return true
			}
		}
	}
	return false
}

func (h *handlers) batch(w http.ResponseWriter, r *http.Request, eq registry.EventQuery) error {
	ctx := r.Context()
	if eq.Wait > 0 {
		leave, err := h.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		var stop func()
		ctx, stop = untilStopping(ctx)
		defer stop()
	}
	events, next, err := h.look(r.WithContext(ctx), eq)
	if err != nil && (ctx.Err() == nil || r.Context().Err() != nil) {
		return err // unless the server is stopping: then the batch is empty, and the client asks again
	}
	if events == nil {
		events = []registry.Event{}
	}
	body, err := json.Marshal(events)
	if err != nil {
		return err
	}
	w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, h.nextEvents(r, next)))
	return wire.WriteBytes(w, batchType, body)
}

// nextEvents is the request's own URL behind another sequence number.
func (h *handlers) nextEvents(r *http.Request, after int64) string {
	q := r.URL.Query()
	next := url.Values{"after": {strconv.FormatInt(after, 10)}}
	for _, key := range []string{"limit", "wait", "types"} {
		if len(q[key]) > 0 {
			next[key] = q[key]
		}
	}
	return h.site.BaseURL(r) + Prefix + "/events?" + next.Encode()
}
