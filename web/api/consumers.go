package api

import (
	"net/http"

	"slipway/registry"
)

// consumerJSON is a named reader of the events.
type consumerJSON struct {
	Name      string `json:"name"`
	Acked     int64  `json:"acked"` // sequence number of the last event that was dealt with; -1: none
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func consumerOf(c registry.Consumer) consumerJSON {
	return consumerJSON{Name: c.Name, Acked: c.Acked, CreatedAt: timeText(c.CreatedAt), UpdatedAt: timeText(c.UpdatedAt)}
}

// consumerChange is the body of PUT.
type consumerChange struct {
	Acked *int64 `json:"acked"`
	Reset bool   `json:"reset"`
}

// listConsumers answers GET /consumers: those of the caller.
func (h *handlers) listConsumers(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.page()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Consumer, error) { return h.svc.Consumers(r.Context(), p) },
		func(c registry.Consumer) string { return c.Name }, consumerOf)
}

// getConsumer answers GET /consumers/{name}.
func (h *handlers) getConsumer(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	if in.err != nil {
		return in.err
	}
	c, err := h.svc.Consumer(r.Context(), name)
	return writeOne(w, http.StatusOK, c, err, consumerOf)
}

// putConsumer answers PUT /consumers/{name}: it makes a consumer (201), or acknowledges events. The answer says where it is.
func (h *handlers) putConsumer(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	name := in.segment("name")
	var body consumerChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	c, created, err := h.svc.PutConsumer(r.Context(), name, registry.ConsumerChange{Acked: body.Acked, Reset: body.Reset})
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
	return writeNothing(w, h.svc.DeleteConsumer(r.Context(), name))
}
