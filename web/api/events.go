package api

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// eventRoutes are the endpoints of events.
func (h *handlers) eventRoutes() []endpoint {
	return []endpoint{
		{"GET", "/events", "api.events", h.events, openapi.Operation{
			Rights: anyCaller, ID: "listEvents", Group: "Events", Summary: "Read the log as CloudEvents",
			About: "Events of the repositories that you may read; those of the whole server for who may audit it. `Accept: text/event-stream` is answered with " +
				"server-sent events that go on: `id` is the sequence number, `data` the event, and `Last-Event-ID` says where to go on.",
			Query: []openapi.Param{
				{Name: "after", About: "Sequence number behind which to begin; -1 is the start.", Of: openapi.Object{"type": "integer", "format": "int64", "default": -1}},
				{Name: "order", About: "`newest`: the newest first; `after` is then the number before which to begin, -1 the end of the log, and at the start there is no `Link`. Not with `wait`, `consumer` and streams.",
					Of: openapi.Object{"type": "string", "enum": []string{orderOldest, orderNewest}, "default": orderOldest}},
				{Name: "limit", About: "How many events at most; more than 1000 count as 1000.", Of: openapi.Object{"type": "integer", "minimum": 1, "default": wire.DefaultLimit}},
				{Name: "wait", About: "How long to wait when there is nothing yet; more than a minute counts as one.", Example: "30s"},
				{Name: "consumer", About: "Name of a consumer of yours, whose place says where to begin, instead of `after`."},
				{Name: "types", About: "Event types or globs over them, separated by commas, each of which must match a type; `dev.slipway.` and `.v1` may be left out.",
					Of: openapi.Object{"type": "string", "examples": eventTypeNames}, Example: "artifact.published,tag.*"},
				{Name: "repository", About: "Events about this repository only; a glob.", Example: "main"},
				{Name: "format", About: "Events about packages of this format only; a glob.", Example: "npm"},
				{Name: "package", About: "Events about packages of this name only; a glob. With `repository` and `format`, of which none is a glob: about the package that has this name now, " +
					"which the log is not looked through for.", Example: "@acme/*"},
				{Name: "actor", About: "Events caused by this user, token (by its name or id, such as `token:7`) or actor only; a glob.", Example: "jane"},
				{Name: "look", About: "How many entries to look through at most, where nothing finds those that match; more than 200,000 count as that. Less is answered sooner, and with less.",
					Of: openapi.Object{"type": "integer", "minimum": 1}},
				{Name: "since", About: "Events from this time on: RFC 3339, or a day (its start, in UTC).", Example: "2026-01-31"},
				{Name: "until", About: "Events up to this time: RFC 3339, or a day (its end, in UTC).", Example: "2026-01-31"},
			},
			Header: []openapi.Param{{Name: "Last-Event-ID", About: "Of a stream: as `after`.", Of: openapi.Object{"type": "integer", "format": "int64"}}},
			Answers: []openapi.Answer{{Status: http.StatusOK, About: "The events, oldest first unless `order` says otherwise.",
				Header: []openapi.Param{{Name: "Link", About: "`rel=\"next\"`: where to go on, also past events that you may not see or did not ask for. Where its `after` stays the same is the end of the log; " +
					"an empty array alone is not, as one request looks through 200,000 entries at most."}},
				Content: []openapi.Content{
					{Media: batchType, Example: []api.Event{eventExample}},
					{Media: "text/event-stream", Of: openapi.Object{"type": "string"}},
				}}}}},
	}
}

var eventExample = api.Event{
	SpecVersion: "1.0", ID: "01KE8Z5V2N4T7Q9R3W6Y8A0B1C", Source: "https://slipway.example.com", Type: "dev.slipway.tag.set.v1",
	Subject: versionExample.PURL, Time: laterExample, DataContentType: "application/json", Sequence: "00000000000000000043",
	PartitionKey: "main/pkg:npm/%40acme/web", AuthType: "api_key", AuthID: "token:3",
	Data: []byte(`{"repository":"main","format":"npm","package":"@acme/web","version":"1.4.2","tag":"production","generation":3,"actor":"token release of user jane","token":"release"}`),
}

// Values of order.
const (
	orderOldest = "oldest"
	orderNewest = "newest"
)

// maxLook is more than any query looks through.
const maxLook = 1 << 30

const batchType = "application/cloudevents-batch+json"

func eventOf(e registry.Event) api.Event {
	return api.Event{
		SpecVersion: e.SpecVersion, ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time,
		DataContentType: e.DataContentType, Sequence: e.Sequence, PartitionKey: e.PartitionKey, AuthType: e.AuthType, AuthID: e.AuthID, Data: e.Data,
	}
}

// events answers GET /events?after=&limit=&wait=&types=: a CloudEvents batch and a Link to the next one, or with Accept:
// text/event-stream an endless stream. With ?consumer= instead of after it begins at the position of a consumer.
func (h *handlers) events(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	var eq ledger.EventQuery
	if eq.After, err = h.place(r, q); err != nil {
		return err
	}
	if eq.Types, err = q.Types(); err != nil {
		return err
	}
	if eq.Filter, err = eventFilter(q); err != nil {
		return err
	}
	if eq.Newest, err = newestFirst(r, q); err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if wantsStream(r) {
		return h.stream(w, r, eq)
	}
	if eq.Limit, err = q.Limit(); err != nil {
		return err
	}
	look, err := q.Seq("look", 0)
	if err != nil {
		return err
	}
	eq.Look = int(min(look, maxLook))
	if eq.Wait, err = q.Wait(); err != nil {
		return err
	}
	return h.batch(w, r, eq)
}

// newestFirst reads ?order=, and refuses it with what only goes forward. Invalid.
func newestFirst(r *http.Request, q wire.Query) (bool, error) {
	switch order, err := q.Text("order"); {
	case err != nil:
		return false, err
	case order == "", order == orderOldest:
		return false, nil
	case order != orderNewest:
		return false, wire.Invalid("order must be %s or %s", orderOldest, orderNewest)
	}
	if len(q["wait"]) > 0 || len(q["consumer"]) > 0 || wantsStream(r) {
		return false, wire.Invalid("order=%s looks back: it goes neither with wait nor with a consumer nor with a stream", orderNewest)
	}
	return true, nil
}

// eventFilter reads the parameters that select events by what they say.
func eventFilter(q wire.Query) (f ledger.EventFilter, err error) {
	for _, p := range []struct {
		name string
		to   *string
	}{{"repository", &f.Repository}, {"format", &f.Format}, {"package", &f.Package}, {"actor", &f.Actor}} {
		if *p.to, err = q.Text(p.name); err != nil {
			return f, err
		}
	}
	for _, p := range []struct {
		name string
		end  bool
		to   *time.Time
	}{{"since", false, &f.Since}, {"until", true, &f.Until}} {
		s, err := q.Text(p.name)
		if err == nil && s != "" {
			if *p.to, err = wire.Moment(s, p.end); err != nil {
				err = wire.Invalid("%s must be an RFC 3339 time, or a day such as 2026-01-31", p.name)
			}
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// place is the sequence number after which to begin.
func (h *handlers) place(r *http.Request, q wire.Query) (int64, error) {
	name, err := q.Text("consumer")
	switch {
	case err != nil:
		return 0, err
	case name == "" && len(q["consumer"]) > 0:
		return 0, wire.Invalid("consumer is empty: name one, or leave it out; is a variable of your script not set?")
	case name == "":
		return q.Seq("after", -1)
	case len(q["after"]) > 0:
		return 0, wire.Invalid("either after or consumer says where to begin")
	}
	c, err := h.svc.Ledger.Consumer(r.Context(), name)
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

func (h *handlers) batch(w http.ResponseWriter, r *http.Request, eq ledger.EventQuery) error {
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
	out := make([]api.Event, len(events))
	for i, e := range events {
		out[i] = eventOf(e)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if !eq.Newest || next > 0 {
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, h.nextEvents(r, next)))
	}
	return wire.WriteBytes(w, batchType, body)
}

// nextEvents is the request's own URL with another sequence number.
func (h *handlers) nextEvents(r *http.Request, after int64) string {
	q := r.URL.Query()
	next := url.Values{"after": {strconv.FormatInt(after, 10)}}
	for _, key := range []string{"limit", "order", "wait", "types", "repository", "format", "package", "actor", "look", "since", "until"} {
		if len(q[key]) > 0 {
			next[key] = q[key]
		}
	}
	return h.server.BaseURL(r) + Prefix + "/events?" + next.Encode()
}
