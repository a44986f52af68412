package api

import (
	"net/http"

	"slipway/api"
	"slipway/integration"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// subscriptionRoutes are the endpoints of subscriptions.
func (h *handlers) subscriptionRoutes() []endpoint {
	return []endpoint{
		{"GET", "/subscriptions", "api.subscriptions.list", h.listSubscriptions, openapi.Operation{
			Rights: anyCaller, ID: "listSubscriptions", Group: "Subscriptions", Summary: "List the subscriptions whose repositories you administer",
			Query: paged(), Answers: success("The subscriptions.", api.List[api.Subscription]{Items: []api.Subscription{subscriptionExample}})}},
		{"POST", "/subscriptions", "api.subscriptions.create", h.createSubscription, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "createSubscription", Group: "Subscriptions", Summary: "Have events sent to an address",
			Request: openapi.Takes[api.NewSubscription](`{"name":"deploy","sink":"webhook","url":"https://deploy.example.com/hook","preset":"cloudevents",`+
				`"types":["tag.*"],"repositories":["main"],"packages":["*"],"tags":["production"]}`, "name", "url"),
			Answers: created("The subscription with the secret that signs, shown this once. A message broker gets none.", api.ChangedSubscription{Subscription: subscriptionExample, Secret: "whsec_…"}, locationOf),
			Errors:  []int{http.StatusConflict, http.StatusNotFound}}},
		{"POST", "/subscriptions/preview", "api.subscriptions.preview", h.previewSubscription, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "previewSubscription", Group: "Subscriptions", Summary: "Show what a subscription would have sent",
			About:   "It looks through the newest 1,000 entries of the log, and changes nothing.",
			Request: openapi.Takes[api.PreviewRequest](`{"types":["tag.*"],"repositories":["main"],"tags":["production"]}`),
			Answers: success("What it found.", api.SubscriptionPreview{Looked: 1000, Matched: 12, Events: []api.Event{eventExample}}),
			Errors:  []int{http.StatusNotFound}}},
		{"GET", subscriptionPath, "api.subscriptions.get", h.getSubscription, openapi.Operation{
			Rights: seesSinks, ID: "getSubscription", Group: "Subscriptions", Summary: "Show a subscription and how its deliveries fare",
			Answers: success("The subscription.", api.SubscriptionDetail{Subscription: subscriptionExample, Pending: 2, OldestPending: &momentExample, LastDelivered: &laterExample})}},
		{"PATCH", subscriptionPath, "api.subscriptions.change", h.changeSubscription, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "changeSubscription", Group: "Subscriptions", Summary: "Change, pause or resume a subscription",
			About: "What the body does not name stays. `{\"rotate_secret\":true}` makes a new secret; for a day the old one signs too. " +
				"`{\"enabled\":true,\"from\":\"now\"}` goes on without what happened meanwhile.",
			Request: openapi.Takes[api.SubscriptionChange](`{"enabled":true,"from":"now"}`),
			Answers: success("The subscription; with the secret when it is new.", api.ChangedSubscription{Subscription: subscriptionExample}),
			Errors:  []int{http.StatusConflict}}},
		{"DELETE", subscriptionPath, "api.subscriptions.delete", h.deleteSubscription, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "deleteSubscription", Group: "Subscriptions", Summary: "Delete a subscription", Answers: empty("What was not sent yet never is.")}},
		{"POST", subscriptionPath + "/ping", "api.subscriptions.ping", h.pingSubscription, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "pingSubscription", Group: "Subscriptions", Summary: "Send a test event",
			Answers: accepted("The delivery, which shows what becomes of it.", deliveryExample, locationOf), Errors: []int{http.StatusConflict}}},
		{"POST", subscriptionPath + "/redeliver", "api.subscriptions.replay", h.replaySubscription, openapi.Operation{
			Rights: needs(scopeRepository, access.Admin), ID: "replaySubscription", Group: "Subscriptions", Summary: "Send everything again since an entry of the log",
			Request: openapi.Takes[api.ReplayRequest](`{"since":42}`, "since"),
			Answers: accepted("The subscription.", subscriptionExample), Errors: []int{http.StatusConflict}}},
	}
}

var subscriptionExample = api.Subscription{
	ID: "3", Name: "deploy", Sink: "webhook", URL: "https://deploy.example.com/hook", Preset: "cloudevents", Types: []string{"tag.*"},
	Repositories: []string{"main"}, Packages: []string{"*"}, Tags: []string{"production"}, Enabled: true,
	CreatedAt: momentExample, CreatedBy: "jane", UpdatedAt: momentExample,
}

func subscriptionOf(s integration.Subscription) api.Subscription {
	return api.Subscription{
		ID: numberText(s.ID), Name: s.Name, Sink: s.Sink, URL: s.URL, Preset: s.Preset,
		Types: listed(s.Filter.Types), Repositories: listed(s.Filter.Repositories), Packages: listed(s.Filter.Packages),
		Tags: listed(s.Filter.Tags), Enabled: s.DisabledAt.IsZero(), DisabledAt: timeOrNull(s.DisabledAt), DisabledReason: s.DisabledReason,
		FailingSince: timeOrNull(s.FailingSince), FailingReason: s.FailingReason, CreatedAt: timeText(s.CreatedAt), CreatedBy: s.Owner, UpdatedAt: timeText(s.UpdatedAt),
	}
}

// listed is a list that is never null.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func subscriptionChangeOf(b api.SubscriptionChange) integration.SubscriptionChange {
	return integration.SubscriptionChange{
		Name: b.Name, Sink: b.Sink, URL: b.URL, Preset: b.Preset, Types: b.Types, Repositories: b.Repositories, Packages: b.Packages,
		Tags: b.Tags, Secret: b.Secret, RotateSecret: b.RotateSecret, Credentials: credentialsOf(b.Credentials), Enabled: b.Enabled, From: b.From,
	}
}

func credentialsOf(c *api.Credentials) *integration.Credentials {
	if c == nil {
		return nil
	}
	return &integration.Credentials{Username: c.Username, Password: c.Password, Token: c.Token, Creds: c.Creds, ClientCert: c.ClientCert, ClientKey: c.ClientKey, CA: c.CA}
}

// listSubscriptions answers GET /subscriptions: those whose repositories the caller administers.
func (h *handlers) listSubscriptions(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]integration.Subscription, error) {
		return h.svc.Subscriptions.Subscriptions(r.Context(), wire.AfterNumber(p), p.Limit)
	}, func(s integration.Subscription) string { return numberText(s.ID) }, subscriptionOf)
}

// createSubscription answers POST /subscriptions: 201 with the secret, shown this once.
func (h *handlers) createSubscription(w http.ResponseWriter, r *http.Request) error {
	var body api.NewSubscription
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	change := subscriptionChangeOf(api.SubscriptionChange(body))
	change.BaseURL = h.server.BaseURL(r)
	sub, secret, err := h.svc.Subscriptions.CreateSubscription(r.Context(), change)
	if err != nil {
		return err
	}
	h.location(w, r, "subscriptions", numberText(sub.ID))
	return httpserver.JSON(w, http.StatusCreated, api.ChangedSubscription{Subscription: subscriptionOf(sub), Secret: secret})
}

// previewSubscription answers POST /subscriptions/preview: what the filter would have sent of the newest entries of the log.
func (h *handlers) previewSubscription(w http.ResponseWriter, r *http.Request) error {
	var body api.PreviewRequest
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	if err := h.svc.Core.Renewed(r.Context()); err != nil { // the body may have come in slowly
		return err
	}
	p, err := h.svc.Subscriptions.Preview(r.Context(), integration.SubscriptionChange{Preset: body.Preset, Types: body.Types, Repositories: body.Repositories,
		Packages: body.Packages, Tags: body.Tags, BaseURL: h.server.BaseURL(r)})
	if err != nil {
		return err
	}
	out := api.SubscriptionPreview{Looked: p.Looked, Matched: p.Matched, Events: make([]api.Event, len(p.Events))}
	for i, e := range p.Events {
		out.Events[i] = eventOf(e)
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// getSubscription answers GET /subscriptions/{id}.
func (h *handlers) getSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Subscriptions.Subscription(r.Context(), id)
	if err != nil {
		return err
	}
	out := api.SubscriptionDetail{
		Subscription: subscriptionOf(d.Subscription), Pending: d.Pending, OldestPending: timeOrNull(d.OldestPending), Dead: d.Dead, LastDelivered: timeOrNull(d.LastDelivered)}
	if d.Stream {
		out.Lag = &d.Lag
	}
	return httpserver.JSON(w, http.StatusOK, out)
}

// changeSubscription answers PATCH /subscriptions/{id}: 200; with {"rotate_secret":true} or a new "secret" it shows the
// secret. {"enabled":true,"from":"now"} resumes without the events in between.
func (h *handlers) changeSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	var body api.SubscriptionChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	sub, secret, err := h.svc.Subscriptions.UpdateSubscription(r.Context(), id, subscriptionChangeOf(body))
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, api.ChangedSubscription{Subscription: subscriptionOf(sub), Secret: secret})
}

// deleteSubscription answers DELETE /subscriptions/{id}: 204; deliveries that were not sent yet are dropped.
func (h *handlers) deleteSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Subscriptions.DeleteSubscription(r.Context(), id))
}

// pingSubscription answers POST /subscriptions/{id}/ping: 202 with the delivery, whose state shows the outcome.
func (h *handlers) pingSubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Subscriptions.Ping(r.Context(), id)
	return h.accepted(w, r, d, err)
}

// replaySubscription answers POST /subscriptions/{id}/redeliver {"since":<seq>}: 202, and every event since then that the
// filter selects is sent again.
func (h *handlers) replaySubscription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutSubscription)
	var body api.ReplayRequest
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	if body.Since == nil {
		return wire.Invalid("since must be a sequence number of the log")
	}
	sub, err := h.svc.Subscriptions.Replay(r.Context(), id, *body.Since)
	return writeOne(w, http.StatusAccepted, sub, err, subscriptionOf)
}
