package web

import (
	"net/http"

	"slipway/formats"
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
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	page, err := q.page()
	if err != nil {
		return err
	}
	out, err := listOf(page, func(p registry.Page) ([]registry.Consumer, error) { return h.svc.Consumers(r.Context(), p) },
		func(c registry.Consumer) string { return c.Name }, consumerOf)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, out)
}

// getConsumer answers GET /consumers/{name}.
func (h *handlers) getConsumer(w http.ResponseWriter, r *http.Request) error {
	name, err := segment(r, "name")
	if err != nil {
		return err
	}
	c, err := h.svc.Consumer(r.Context(), name)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, consumerOf(c))
}

// putConsumer answers PUT /consumers/{name}: it makes a consumer (201), or acknowledges events. The answer says where it is.
func (h *handlers) putConsumer(w http.ResponseWriter, r *http.Request) error {
	name, err := segment(r, "name")
	if err != nil {
		return err
	}
	var body consumerChange
	if err := decode(r, &body); err != nil {
		return err
	}
	c, created, err := h.svc.PutConsumer(r.Context(), name, registry.ConsumerChange{Acked: body.Acked, Reset: body.Reset})
	if err != nil {
		return err
	}
	if created {
		return formats.JSON(w, http.StatusCreated, consumerOf(c))
	}
	return formats.JSON(w, http.StatusOK, consumerOf(c))
}

// deleteConsumer answers DELETE /consumers/{name}.
func (h *handlers) deleteConsumer(w http.ResponseWriter, r *http.Request) error {
	name, err := segment(r, "name")
	if err != nil {
		return err
	}
	if err := h.svc.DeleteConsumer(r.Context(), name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
