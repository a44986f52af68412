package api

import (
	"net/http"

	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// subscriptionJSON is a subscription without its secret.
type subscriptionJSON struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Sink           string   `json:"sink"`
	URL            string   `json:"url"`
	Preset         string   `json:"preset"`
	Types          []string `json:"types"`
	Repositories   []string `json:"repositories"`
	Packages       []string `json:"packages"`
	Tags           []string `json:"tags"`
	Enabled        bool     `json:"enabled"`
	DisabledAt     *string  `json:"disabled_at"`
	DisabledReason string   `json:"disabled_reason,omitempty"`
	FailingSince   *string  `json:"failing_since"` // first failure after the last success
	CreatedAt      string   `json:"created_at"`
	CreatedBy      string   `json:"created_by"`
	UpdatedAt      string   `json:"updated_at"`
}

func subscriptionOf(s registry.Subscription) subscriptionJSON {
	return subscriptionJSON{
		ID: numberText(s.ID), Name: s.Name, Sink: s.Sink, URL: s.URL, Preset: s.Preset,
		Types: listed(s.Filter.Types), Repositories: listed(s.Filter.Repositories), Packages: listed(s.Filter.Packages),
		Tags: listed(s.Filter.Tags), Enabled: s.DisabledAt.IsZero(), DisabledAt: timeOrNull(s.DisabledAt), DisabledReason: s.DisabledReason,
		FailingSince: timeOrNull(s.FailingSince), CreatedAt: timeText(s.CreatedAt), CreatedBy: s.Owner, UpdatedAt: timeText(s.UpdatedAt),
	}
}

// replayRequest is the body of POST /subscriptions/{id}/redeliver.
type replayRequest struct {
	Since *int64 `json:"since"`
}

// listed is a list that is never null.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// changedSubscriptionJSON is the answer to a change; it holds the secret when a new one was set, and then only.
type changedSubscriptionJSON struct {
	subscriptionJSON
	Secret string `json:"secret,omitempty"`
}

// subscriptionDetailJSON shows the state of the deliveries too.
type subscriptionDetailJSON struct {
	subscriptionJSON
	Pending       int64   `json:"pending"`
	OldestPending *string `json:"oldest_pending_at"`
	Dead          int64   `json:"dead"`
}

// subscriptionChange is the body of POST and PATCH. Absent fields keep what is there.
type subscriptionChange struct {
	Name         *string   `json:"name"`
	Sink         *string   `json:"sink"`
	URL          *string   `json:"url"`
	Preset       *string   `json:"preset"`
	Types        *[]string `json:"types"`
	Repositories *[]string `json:"repositories"`
	Packages     *[]string `json:"packages"`
	Tags         *[]string `json:"tags"`
	Secret       *string   `json:"secret"`
	RotateSecret bool      `json:"rotate_secret"`
	Enabled      *bool     `json:"enabled"`
	From         string    `json:"from"`
}

func (b subscriptionChange) change() registry.SubscriptionChange {
	return registry.SubscriptionChange{
		Name: b.Name, Sink: b.Sink, URL: b.URL, Preset: b.Preset, Types: b.Types, Repositories: b.Repositories, Packages: b.Packages,
		Tags: b.Tags, Secret: b.Secret, RotateSecret: b.RotateSecret, Enabled: b.Enabled, From: b.From,
	}
}

// listSubscriptions answers GET /subscriptions: those whose repositories the caller administers.
func (h *handlers) listSubscriptions(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Subscription, error) {
		return h.svc.Subscriptions(r.Context(), wire.AfterNumber(p), p.Limit)
	}, func(s registry.Subscription) string { return numberText(s.ID) }, subscriptionOf)
}

// createSubscription answers POST /subscriptions: 201 with the secret, shown this once.
func (h *handlers) createSubscription(w http.ResponseWriter, r *http.Request) error {
	var body subscriptionChange
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	change := body.change()
	change.BaseURL = h.site.BaseURL(r)
	sub, secret, err := h.svc.CreateSubscription(r.Context(), change)
	if err != nil {
		return err
	}
	h.location(w, r, "subscriptions", numberText(sub.ID))
	return formats.JSON(w, http.StatusCreated, changedSubscriptionJSON{subscriptionOf(sub), secret})
}

// getSubscription answers GET /subscriptions/{id}.
func (h *handlers) getSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Subscription(r.Context(), id)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, subscriptionDetailJSON{subscriptionOf(d.Subscription), d.Pending, timeOrNull(d.OldestPending), d.Dead})
}

// changeSubscription answers PATCH /subscriptions/{id}: 200; with {"rotate_secret":true} or a new "secret" it shows the
// secret. {"enabled":true,"from":"now"} goes on without what happened meanwhile.
func (h *handlers) changeSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	var body subscriptionChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	sub, secret, err := h.svc.UpdateSubscription(r.Context(), id, body.change())
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, changedSubscriptionJSON{subscriptionOf(sub), secret})
}

// deleteSubscription answers DELETE /subscriptions/{id}: 204; what was not sent yet never is.
func (h *handlers) deleteSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.DeleteSubscription(r.Context(), id))
}

// pingSubscription answers POST /subscriptions/{id}/ping: 202 with the delivery, which shows what becomes of it.
func (h *handlers) pingSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Ping(r.Context(), id)
	return h.accepted(w, r, d, err)
}

// replaySubscription answers POST /subscriptions/{id}/redeliver {"since":<seq>}: 202, and every event since then that the
// filter selects is sent again.
func (h *handlers) replaySubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	var body replayRequest
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	if body.Since == nil {
		return wire.Invalid("since must be a sequence number of the log")
	}
	sub, err := h.svc.Replay(r.Context(), id, *body.Since)
	return writeOne(w, http.StatusAccepted, sub, err, subscriptionOf)
}
