package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway/api"
)

// Event is an event with its original bytes.
type Event struct {
	api.Event
	Raw json.RawMessage `json:"-"`
}

// Seq is the sequence number, which the event holds as 20 digits.
func (e *Event) Seq() (int64, error) {
	n, err := strconv.ParseInt(e.Sequence, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("the event %q has no sequence number", printable(e.ID))
	}
	return n, nil
}

// Content is the event's data; it is empty when the data was erased.
func (e *Event) Content() (api.EventData, error) {
	var d api.EventData
	if len(e.Data) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return d, fmt.Errorf("the event %q can't be read: %w", printable(e.ID), err)
	}
	return d, nil
}

// UnmarshalJSON reads an event and keeps its bytes.
func (e *Event) UnmarshalJSON(raw []byte) error {
	*e = Event{Raw: append(json.RawMessage{}, raw...)}
	return json.Unmarshal(raw, &e.Event)
}

// EventQuery asks for events.
type EventQuery struct {
	After int64         // sequence number to begin behind; -1 is the start of the log
	Limit int           // how many at most; 0 is as many as the server sends at once
	Types []string      // only these types, or globs over them; none is all
	Wait  time.Duration // how long to wait for an event when there is none
	// Newest turns the order: After is then the sequence number before which to go on, and -1 the end of the log.
	Newest bool
	Look   int // how many entries the server looks through at most where nothing finds those that match; 0 is as many as it does
	EventFilter
}

// EventFilter selects events by what they say; "" is any. Repository, Format, Package and Actor are globs; with the first three, none of
// them a glob, it is the package that has this name now, whose entries the server finds at once. Since and Until are RFC 3339 times, or days.
type EventFilter struct{ Repository, Format, Package, Actor, Since, Until string }

// EventBatch is a piece of the events.
type EventBatch struct {
	Events []Event
	// Next is the After of the next query, also when the caller may see none of the events. Newest first, 0 is the end.
	Next int64
}

// Events returns the next events, oldest first unless the query says otherwise.
func (c *Client) Events(ctx context.Context, eq EventQuery) (EventBatch, error) {
	q := eq.values()
	if eq.Limit > 0 {
		q.Set("limit", strconv.Itoa(eq.Limit))
	}
	if eq.Wait > 0 {
		q.Set("wait", eq.Wait.String())
	}
	if eq.Newest {
		q.Set("order", "newest")
	}
	if eq.Look > 0 {
		q.Set("look", strconv.Itoa(eq.Look))
	}
	var b EventBatch
	raw, header, err := c.send(ctx, request{method: http.MethodGet, path: api.Prefix + "/events", query: q, wait: eq.Wait})
	if err != nil {
		return b, err
	}
	if err := decode(ctx, raw, &b.Events); err != nil {
		return b, err
	}
	if eq.Newest && header.Get("Link") == "" {
		return b, nil // the end
	}
	b.Next, err = nextOf(header)
	return b, err
}

// values are the parameters by which a query selects events.
func (eq EventQuery) values() url.Values {
	q := url.Values{"after": {strconv.FormatInt(eq.After, 10)}}
	for _, t := range eq.Types {
		q.Add("types", t)
	}
	for key, values := range queryOf("repository", eq.Repository, "format", eq.Format, "package", eq.Package, "actor", eq.Actor, "since", eq.Since, "until", eq.Until) {
		q[key] = values
	}
	return q
}

// EventStream returns the events that follow as the server sends them (server-sent events), without end: id is the sequence number, data the
// event. It has no timeout but that of ctx; the caller closes it.
func (c *Client) EventStream(ctx context.Context, eq EventQuery) (io.ReadCloser, error) {
	resp, err := c.open(ctx, request{method: http.MethodGet, path: api.Prefix + "/events", query: eq.values(), header: http.Header{"Accept": {"text/event-stream"}}})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// nextOf reads the position out of Link: <…?after=N…>; rel="next".
func nextOf(h http.Header) (int64, error) {
	link, ok := strings.CutPrefix(h.Get("Link"), "<")
	target, _, closed := strings.Cut(link, ">")
	u, err := url.Parse(target)
	if !ok || !closed || err != nil {
		return 0, errors.New("the answer does not say where to go on")
	}
	n, err := strconv.ParseInt(u.Query().Get("after"), 10, 64)
	if err != nil {
		return 0, errors.New("the answer does not say where to go on")
	}
	return n, nil
}

// Consumers lists the caller's named places in the events.
func (c *Client) Consumers(ctx context.Context) iter.Seq2[api.Consumer, error] {
	return list[api.Consumer](ctx, c, "/consumers", nil)
}

// Consumer returns one of the caller's named places in the events.
func (c *Client) Consumer(ctx context.Context, name string) (api.Consumer, error) {
	return call[api.Consumer](ctx, c, get(segments("consumers", name), nil))
}

// PutConsumer makes a named place, or moves it forward: the events up to it have been handled.
func (c *Client) PutConsumer(ctx context.Context, name string, change api.ConsumerChange) (api.Consumer, error) {
	return call[api.Consumer](ctx, c, request{method: http.MethodPut, path: segments("consumers", name), body: change})
}

// DeleteConsumer forgets a named place.
func (c *Client) DeleteConsumer(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("consumers", name)})
}
