package api

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// deliveryJSON is a delivery in a list: where it stands, and how the latest attempt went.
type deliveryJSON struct {
	ID           string  `json:"id"`
	Subscription string  `json:"subscription"`
	EventID      string  `json:"event_id"`
	Seq          *int64  `json:"seq"` // null: a ping
	Type         string  `json:"type"`
	Subject      string  `json:"subject,omitempty"`
	State        string  `json:"state"` // pending, delivered, dead
	Attempts     int     `json:"attempt_count"`
	NextAt       *string `json:"next_at"` // of the next attempt; null when there is none
	Redelivery   bool    `json:"redelivery"`
	Status       int     `json:"status,omitempty"` // absent: no answer, or no attempt yet
	Error        string  `json:"error,omitempty"`
	CreatedAt    string  `json:"created_at"`
	DoneAt       *string `json:"done_at"`
}

func deliveryOf(d registry.Delivery) deliveryJSON {
	out := deliveryJSON{
		ID: numberText(d.ID), Subscription: numberText(d.SubscriptionID), EventID: d.MessageID,
		Type: registry.EventTypePrefix + d.EventType + registry.EventTypeSuffix, Subject: d.Subject, State: string(d.State),
		Attempts: d.Attempts, Redelivery: d.Redelivery, Status: d.Status, Error: d.Error, CreatedAt: timeText(d.CreatedAt),
		DoneAt: timeOrNull(d.DoneAt),
	}
	if d.Seq >= 0 {
		out.Seq = &d.Seq
	}
	if d.State == registry.DeliveryPending {
		out.NextAt = timeOrNull(d.NextAt)
	}
	return out
}

// deliveryDetailJSON is a delivery with what is sent, and how each attempt went.
type deliveryDetailJSON struct {
	deliveryJSON
	Request requestJSON   `json:"request"`
	Sent    []attemptJSON `json:"attempts"`
}

// requestJSON is what every attempt sends, without what it signs.
type requestJSON struct {
	URL         string            `json:"url"`
	ContentType string            `json:"content_type"`
	Header      map[string]string `json:"header,omitempty"`
	Body        string            `json:"body"`
}

// attemptJSON is one attempt. The answer is shown to administrators of the instance only.
type attemptJSON struct {
	Attempt int     `json:"attempt"`
	At      string  `json:"at"`
	Seconds float64 `json:"duration_seconds"`
	Status  int     `json:"status,omitempty"` // absent: no answer
	Error   string  `json:"error,omitempty"`
	Answer  *string `json:"answer,omitempty"` // its first 8 KiB, as text
}

func deliveryDetailOf(d registry.DeliveryDetail) deliveryDetailJSON {
	out := deliveryDetailJSON{
		deliveryJSON: deliveryOf(d.Delivery), Sent: make([]attemptJSON, len(d.Sent)),
		Request: requestJSON{URL: d.URL, ContentType: d.ContentType, Body: string(d.Body)},
	}
	_ = json.Unmarshal(d.Header, &out.Request.Header) // our own; one that can't be read is left out
	for i, a := range d.Sent {
		out.Sent[i] = attemptJSON{Attempt: a.Number, At: timeText(a.At), Seconds: a.Duration.Seconds(), Status: a.Status, Error: a.Error}
		if d.Answers {
			text := readable(a.Answer)
			out.Sent[i].Answer = &text
		}
	}
	return out
}

// readable is an answer as text; JSON can't hold other bytes.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}

// listDeliveries answers GET /subscriptions/{id}/deliveries?state=: the newest first.
func (h *handlers) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, page := in.number(registry.AboutSubscription), in.numbered()
	state := registry.DeliveryState(in.text("state"))
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Delivery, error) {
		return h.svc.Deliveries(r.Context(), registry.DeliveryQuery{SubscriptionID: id, State: state, BeforeID: wire.AfterNumber(p), Limit: p.Limit})
	}, func(d registry.Delivery) string { return numberText(d.ID) }, deliveryOf)
}

// getDelivery answers GET /deliveries/{id}: what is sent, and every attempt.
func (h *handlers) getDelivery(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDelivery)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Delivery(r.Context(), id)
	return writeOne(w, http.StatusOK, d, err, deliveryDetailOf)
}

// redeliver answers POST /deliveries/{id}/redeliver: 202 with the delivery, which is sent again at once.
func (h *handlers) redeliver(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDelivery)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Redeliver(r.Context(), id)
	return h.accepted(w, r, d, err)
}

// accepted answers with a delivery that is about to be sent, and where its outcome will be.
func (h *handlers) accepted(w http.ResponseWriter, r *http.Request, d registry.Delivery, err error) error {
	if err != nil {
		return err
	}
	h.location(w, r, "deliveries", numberText(d.ID))
	return formats.JSON(w, http.StatusAccepted, deliveryOf(d))
}
