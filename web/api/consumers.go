package api

import (
	"net/http"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/web/openapi"
)

// consumerRoutes are the endpoints of consumers.
func (h *handlers) consumerRoutes() []endpoint {
	return []endpoint{
		{"GET", "/consumers", "api.consumers.list", h.listConsumers, openapi.Operation{
			Rights: anyCaller, ID: "listConsumers", Group: "Events", Summary: "List your consumers",
			Query: paged(), Answers: success("The consumers, by name.", api.List[api.Consumer]{Items: []api.Consumer{consumerExample}})}},
		{"GET", consumerPath, "api.consumers.get", h.getConsumer, openapi.Operation{
			Rights: onOwn, ID: "getConsumer", Group: "Events", Summary: "Show a consumer", Answers: success("The consumer.", consumerExample)}},
		{"PUT", consumerPath, "api.consumers.put", h.putConsumer, openapi.Operation{
			Rights: anyCaller, ID: "putConsumer", Group: "Events", Summary: "Make a consumer, or acknowledge events",
			About: "A consumer is a place in the events that the server keeps, under a name of your own. A new one begins at the end of the log, or behind `acked`, where -1 is " +
				"the start. Acknowledging never moves it back, so one that comes late or twice changes nothing, unless `reset` is true. The answer says where it is.",
			Request: openapi.Takes[api.ConsumerChange](`{"acked":42}`),
			Answers: append(success("The consumer.", consumerExample), created("A new consumer.", consumerExample)...), Errors: []int{http.StatusConflict}}},
		{"DELETE", consumerPath, "api.consumers.delete", h.deleteConsumer, openapi.Operation{
			Rights: onOwn, ID: "deleteConsumer", Group: "Events", Summary: "Delete a consumer", Answers: empty("Its place is forgotten.")}},
	}
}

var consumerExample = api.Consumer{Name: "prod-web", Acked: 42, CreatedAt: momentExample, UpdatedAt: laterExample}

func consumerOf(c ledger.Consumer) api.Consumer {
	return api.Consumer{Name: c.Name, Acked: c.Acked, CreatedAt: timeText(c.CreatedAt), UpdatedAt: timeText(c.UpdatedAt)}
}

// listConsumers answers GET /consumers: the caller's consumers.
func (h *handlers) listConsumers(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]ledger.Consumer, error) { return h.svc.Ledger.Consumers(r.Context(), p) },
		func(c ledger.Consumer) string { return c.Name }, consumerOf)
}

// getConsumer answers GET /consumers/{name}.
func (h *handlers) getConsumer(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	c, err := h.svc.Ledger.Consumer(r.Context(), name)
	return writeOne(w, http.StatusOK, c, err, consumerOf)
}

// putConsumer answers PUT /consumers/{name}: it makes a consumer (201), or acknowledges events. The answer has its position.
func (h *handlers) putConsumer(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	var body api.ConsumerChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	c, created, err := h.svc.Ledger.PutConsumer(r.Context(), name, ledger.ConsumerChange{Acked: body.Acked, Reset: body.Reset})
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return writeOne(w, status, c, err, consumerOf)
}

// deleteConsumer answers DELETE /consumers/{name}.
func (h *handlers) deleteConsumer(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Ledger.DeleteConsumer(r.Context(), name))
}
