package api

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"slipway/api"
	"slipway/integration"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// deliveryRoutes are the endpoints of deliveries.
func (h *handlers) deliveryRoutes() []endpoint {
	return []endpoint{
		{"GET", subscriptionPath + "/deliveries", "api.deliveries.list", h.listDeliveries, openapi.Operation{
			Rights: seesSinks, ID: "listDeliveries", Group: "Subscriptions", Summary: "List the deliveries of a subscription",
			Query: paged(openapi.Param{Name: "state", About: "Deliveries in this state only.", Of: openapi.Object{"type": "string", "enum": deliveryStates}},
				openapi.Param{Name: "event_id", About: "Of the event with this id only."}),
			Answers: success("The deliveries, newest first.", api.List[api.Delivery]{Items: []api.Delivery{deliveryExample}})}},
		{"GET", "/deliveries/{id}", "api.deliveries.get", h.getDelivery, openapi.Operation{
			Rights: seesSinks, ID: "getDelivery", Group: "Subscriptions", Summary: "Show what is sent, and how each attempt went",
			Answers: success("The delivery.", api.DeliveryDetail{Delivery: deliveryExample,
				Request: api.DeliveryRequest{URL: subscriptionExample.URL, ContentType: "application/cloudevents+json", Body: "{…}"},
				Sent:    []api.DeliveryAttempt{{Attempt: 1, At: momentExample, Seconds: 0.12, Status: http.StatusNoContent}}})}},
		{"POST", "/deliveries/{id}/redeliver", "api.deliveries.redeliver", h.redeliver, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "redeliver", Group: "Subscriptions", Summary: "Send a delivery again at once",
			Answers: accepted("The delivery.", deliveryExample, locationOf), Errors: []int{http.StatusConflict}}},
	}
}

// deliveryStates are the states of a delivery.
var deliveryStates = []api.DeliveryState{api.DeliveryPending, api.DeliveryDelivered, api.DeliveryDead}

var deliveryExample = api.Delivery{
	ID: "981", Subscription: "3", EventID: eventExample.ID, Seq: &seqExample, Type: eventExample.Type, Subject: eventExample.Subject,
	State: api.DeliveryPending, NextAt: &laterExample, CreatedAt: laterExample,
}

func deliveryOf(d registry.Delivery) api.Delivery {
	out := api.Delivery{
		ID: numberText(d.ID), Subscription: numberText(d.SubscriptionID), EventID: d.MessageID,
		Type: registry.EventTypePrefix + d.EventType + registry.EventTypeSuffix, Subject: d.Subject, State: api.DeliveryState(d.State),
		Attempts: d.Attempts, Redelivery: d.Redelivery, Status: d.Status, Error: d.Error, CreatedAt: timeText(d.CreatedAt),
		DoneAt: timeOrNull(d.DoneAt),
	}
	if d.Seq >= 0 {
		out.Seq = &d.Seq
	}
	if d.State == integration.DeliveryPending {
		out.NextAt = timeOrNull(d.NextAt)
	}
	return out
}

func deliveryDetailOf(d integration.DeliveryDetail) api.DeliveryDetail {
	out := api.DeliveryDetail{
		Delivery: deliveryOf(d.Delivery), Sent: make([]api.DeliveryAttempt, len(d.Sent)),
		Request: api.DeliveryRequest{URL: d.URL, ContentType: d.ContentType, Body: string(d.Body)},
	}
	_ = json.Unmarshal(d.Header, &out.Request.Header) // written by this server; a header that can't be read is left out
	for i, a := range d.Sent {
		out.Sent[i] = api.DeliveryAttempt{Attempt: a.Number, At: timeText(a.At), Seconds: a.Duration.Seconds(), Status: a.Status, Error: a.Error}
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

// listDeliveries answers GET /subscriptions/{id}/deliveries?state=&event_id=: the newest first.
func (h *handlers) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id, page := in.number(registry.AboutSubscription), in.numbered()
	state, event := registry.DeliveryState(in.text("state")), in.text("event_id")
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Delivery, error) {
		return h.svc.Subscriptions.Deliveries(r.Context(), integration.DeliveryQuery{SubscriptionID: id, State: state, MessageID: event, BeforeID: wire.AfterNumber(p), Limit: p.Limit})
	}, func(d registry.Delivery) string { return numberText(d.ID) }, deliveryOf)
}

// getDelivery answers GET /deliveries/{id}: what is sent, and every attempt.
func (h *handlers) getDelivery(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDelivery)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Subscriptions.Delivery(r.Context(), id)
	return writeOne(w, http.StatusOK, d, err, deliveryDetailOf)
}

// redeliver answers POST /deliveries/{id}/redeliver: 202 with the delivery, which is sent again at once.
func (h *handlers) redeliver(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutDelivery)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Subscriptions.Redeliver(r.Context(), id)
	return h.accepted(w, r, d, err)
}

// accepted answers with a delivery that is about to be sent, and the URL where its outcome will be.
func (h *handlers) accepted(w http.ResponseWriter, r *http.Request, d registry.Delivery, err error) error {
	if err != nil {
		return err
	}
	h.location(w, r, "deliveries", numberText(d.ID))
	return httpserver.JSON(w, http.StatusAccepted, deliveryOf(d))
}
