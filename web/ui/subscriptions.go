package ui

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// Bounds of the pages about subscriptions.
const (
	subscriptionsLimit = 25 // of a page, each with its state
	deliveriesLimit    = 50
	maxRedelivered     = 50 // deliveries that one form sends again
)

const subscriptionsPath = "/subscriptions"

// subscriptionPath is the path of a subscription's page.
func subscriptionPath(id string) string { return subscriptionsPath + "/" + url.PathEscape(id) }

// deliveryPath is the path of a delivery's page.
func deliveryPath(subscription, id string) string {
	return subscriptionPath(subscription) + "/deliveries/" + url.PathEscape(id)
}

func (u *Pages) subscriptionPages() []page {
	return []page{
		{path: subscriptionsPath, name: "web.subscriptions", show: u.subscriptions, nav: "Subscriptions", needs: administersSome},
		{path: subscriptionsPath + "/new", name: "web.subscriptions.new", show: u.newSubscription, act: u.createSubscription},
		{path: subscriptionsPath + "/{id}/deliveries/{delivery}", name: "web.delivery", show: u.delivery, act: u.redeliver},
		{path: subscriptionsPath + "/{id}", name: "web.subscription", show: u.subscription, act: u.changeSubscription},
	}
}

// administersSome reports whether a visitor may have subscriptions: who administers a repository, and who audits the server.
func administersSome(a access.Actor) bool {
	return access.Decide(a, access.Audit, access.Instance) == access.Allow || slices.ContainsFunc(a.Grants, func(g access.Grant) bool {
		return g.Repository != "" && slices.Contains(g.Actions, access.Admin)
	})
}

// subscriptions answers GET /subscriptions?after=: those that the visitor administers, with their health.
func (u *Pages) subscriptions(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, subscriptionsLimit)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := struct {
		*frame
		Subscriptions []api.SubscriptionDetail
		Next          string
	}{frame: f}
	for s, err := range u.api.Subscriptions(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return err
		}
		detail, err := u.api.Subscription(r.Context(), s.ID)
		if client.IsStatus(err, http.StatusNotFound) {
			continue // it was deleted just now
		}
		if err != nil {
			return err
		}
		v.Subscriptions = append(v.Subscriptions, detail)
	}
	v.Next = f.next(page)
	f.about("Subscriptions", "subscriptions")
	return write(w, r, http.StatusOK, "subscriptions", v)
}

// subscriptionForm is what the form of a new subscription says. Lists are separated by white space or commas.
type subscriptionForm struct {
	Name, Sink, URL, Preset, Types, Repositories, Packages, Tags string
}

// listOf splits a list of a form; nil: it is empty.
func listOf(text string) *[]string {
	list := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t' })
	if len(list) == 0 {
		return nil
	}
	return &list
}

// newSubscriptionView has the values of the page with that form.
type newSubscriptionView struct {
	*frame
	Form    subscriptionForm
	Sinks   []choice
	Presets []choice
	Preview *previewView
	Made    *api.ChangedSubscription // with its secret
	Error   string
}

// previewView is what the subscription would have sent.
type previewView struct {
	Looked, Matched int64
	Entries         []logItem
}

// presetWords are the shapes of requests, in words.
var presetWords = []choice{{Value: "cloudevents", Text: "CloudEvents (structured JSON)"}, {Value: "cloudevents-binary", Text: "CloudEvents (binary mode)"}, {Value: "harbor", Text: "as Harbor sends them"}}

// sinkWords are the ways to send, in words.
var sinkWords = []choice{{Value: "webhook", Text: "Webhook: an HTTP request for each event"}, {Value: "nats", Text: "NATS JetStream: a stream"}, {Value: "kafka", Text: "Kafka: a topic"}, {Value: "amqp", Text: "RabbitMQ: an exchange"}}

// newSubscription answers GET /subscriptions/new.
func (u *Pages) newSubscription(w http.ResponseWriter, r *http.Request) error {
	return u.writeNewSubscription(w, r, http.StatusOK, newSubscriptionView{Form: subscriptionForm{Sink: sinkWords[0].Value}})
}

func (u *Pages) writeNewSubscription(w http.ResponseWriter, r *http.Request, status int, v newSubscriptionView) error {
	f := frameOf(r)
	v.frame = f
	for _, s := range sinkWords {
		s.Chosen = s.Value == v.Form.Sink
		v.Sinks = append(v.Sinks, s)
	}
	for _, p := range slices.Concat([]choice{{Text: "as usual for where it is sent"}}, presetWords) {
		p.Chosen = p.Value == v.Form.Preset
		v.Presets = append(v.Presets, p)
	}
	f.crumb("Subscriptions", subscriptionsPath)
	f.about("New subscription", "subscriptions")
	return write(w, r, status, "subscription-new", v)
}

// createSubscription answers POST /subscriptions/new: a preview of what the form describes, or the subscription with its secret, shown this once.
func (u *Pages) createSubscription(w http.ResponseWriter, r *http.Request) error {
	text := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	v := newSubscriptionView{Form: subscriptionForm{Name: text("name"), Sink: text("sink"), URL: text("url"), Preset: text("preset"), Types: text("types"),
		Repositories: text("repositories"), Packages: text("packages"), Tags: text("tags")}}
	form := v.Form
	var err error
	if text("do") == "create" {
		var made api.ChangedSubscription
		made, err = u.createFrom(r.Context(), form, text("credentials"))
		v.Made = &made
	} else {
		v.Preview, err = u.preview(r.Context(), form)
	}
	if detail, status, ok := refusal(err); ok {
		v.Made, v.Error = nil, detail
		return u.writeNewSubscription(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.writeNewSubscription(w, r, http.StatusOK, v)
}

// createFrom makes the subscription that a form describes. credentials are a JSON object; "" is none.
func (u *Pages) createFrom(ctx context.Context, form subscriptionForm, credentials string) (api.ChangedSubscription, error) {
	made := api.NewSubscription{Name: &form.Name, URL: &form.URL, Preset: filled(form.Preset), Sink: filled(form.Sink), Types: listOf(form.Types),
		Repositories: listOf(form.Repositories), Packages: listOf(form.Packages), Tags: listOf(form.Tags)}
	if credentials != "" {
		d := json.NewDecoder(strings.NewReader(credentials))
		d.DisallowUnknownFields()
		if err := d.Decode(&made.Credentials); err != nil { // its text may quote a secret
			return api.ChangedSubscription{}, &client.Error{Problem: api.Problem{Status: http.StatusBadRequest, Detail: "the credentials are no JSON object of those that brokers take"}}
		}
	}
	return u.api.CreateSubscription(ctx, made)
}

// filled is a text of a form; nil: it is empty.
func filled(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (u *Pages) preview(ctx context.Context, form subscriptionForm) (*previewView, error) {
	p, err := u.api.PreviewSubscription(ctx, api.PreviewRequest{Preset: filled(form.Preset), Types: listOf(form.Types), Repositories: listOf(form.Repositories),
		Packages: listOf(form.Packages), Tags: listOf(form.Tags)})
	if err != nil {
		return nil, err
	}
	v := &previewView{Looked: int64(p.Looked), Matched: int64(p.Matched)}
	for _, e := range p.Events {
		item, err := logItemOf(client.Event{Event: e})
		if err != nil {
			return nil, err
		}
		v.Entries = append(v.Entries, item)
	}
	return v, nil
}

// refusal returns why the API did not do what a form asks for, for the page with that form.
func refusal(err error) (detail string, status int, ok bool) {
	var problem *client.Error
	if !errors.As(err, &problem) || problem.Status >= http.StatusInternalServerError || problem.Status == http.StatusUnauthorized {
		return "", 0, false
	}
	return problem.Detail, problem.Status, true
}

// subscriptionView has the values of a subscription's page.
type subscriptionView struct {
	*frame
	Subscription api.SubscriptionDetail
	Own          bool // the visitor administers it: auditors only look
	States       []choice
	Deliveries   []api.Delivery
	Next         string
	Secret       string // a new one, shown this once
	Done         string // what a form did
	Error        string
}

// subscription answers GET /subscriptions/{id}?state=&after=: its filter, its health and its deliveries.
func (u *Pages) subscription(w http.ResponseWriter, r *http.Request) error {
	return u.writeSubscription(w, r, http.StatusOK, subscriptionView{})
}

func (u *Pages) writeSubscription(w http.ResponseWriter, r *http.Request, status int, v subscriptionView) error {
	id, err := wire.Segment(r, "id")
	if err != nil {
		return err
	}
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v.frame = f
	if v.Subscription, err = u.api.Subscription(r.Context(), id); err != nil {
		return err
	}
	actor := access.From(r.Context())
	v.Own = !slices.ContainsFunc(v.Subscription.Repositories, func(name string) bool { return access.Decide(actor, access.Admin, name) != access.Allow })
	state, err := q.Text("state")
	if err != nil {
		return err
	}
	for _, c := range []choice{{Value: "", Text: "any"}, {Value: "pending", Text: "waits"}, {Value: "delivered", Text: "delivered"}, {Value: "dead", Text: "given up"}} {
		c.Chosen = c.Value == state
		v.States = append(v.States, c)
	}
	page, err := pageOf(q, deliveriesLimit)
	if err != nil {
		return err
	}
	for d, err := range u.api.Deliveries(client.OnePage(r.Context(), &page), id, api.DeliveryState(state)) {
		if err != nil {
			return err
		}
		v.Deliveries = append(v.Deliveries, d)
	}
	v.Next = f.next(page)
	f.crumb("Subscriptions", subscriptionsPath)
	f.about("Subscription "+v.Subscription.Name, "subscriptions", id)
	return write(w, r, status, "subscription", v)
}

// changeSubscription answers POST /subscriptions/{id}: it does what the button that was pressed says.
func (u *Pages) changeSubscription(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.Segment(r, "id")
	if err != nil {
		return err
	}
	v := subscriptionView{}
	on, off := true, false
	switch do := r.PostForm.Get("do"); do {
	case "ping":
		var d api.Delivery
		if d, err = u.api.Ping(r.Context(), id); err == nil {
			return u.seeOther(w, r, deliveryPath(id, d.ID))
		}
	case "rotate":
		var s api.ChangedSubscription
		if s, err = u.api.ChangeSubscription(r.Context(), id, api.SubscriptionChange{RotateSecret: true}); err == nil {
			v.Secret = s.Secret
			return u.writeSubscription(w, r, http.StatusOK, v)
		}
	case "pause":
		_, err = u.api.ChangeSubscription(r.Context(), id, api.SubscriptionChange{Enabled: &off})
	case "resume":
		_, err = u.api.ChangeSubscription(r.Context(), id, api.SubscriptionChange{Enabled: &on})
	case "skip":
		_, err = u.api.ChangeSubscription(r.Context(), id, api.SubscriptionChange{Enabled: &on, From: "now"})
	case "delete":
		if err = u.api.DeleteSubscription(r.Context(), id); err == nil {
			return u.seeOther(w, r, subscriptionsPath)
		}
	case "replay":
		var since int64
		if since, err = strconv.ParseInt(strings.TrimSpace(r.PostForm.Get("since")), 10, 64); err != nil {
			v.Error = "say from which entry of the log on: a number"
			return u.writeSubscription(w, r, http.StatusBadRequest, v)
		}
		_, err = u.api.Replay(r.Context(), id, since)
	case "redeliver":
		err = u.redeliverAll(r.Context(), id, r.PostForm["delivery"])
	default:
		err = wire.Invalid("the form does not say what to do: load the page again")
	}
	if detail, status, ok := refusal(err); ok {
		v.Error = detail
		return u.writeSubscription(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, subscriptionPath(id))
}

// redeliverAll sends deliveries of a subscription again. Invalid.
func (u *Pages) redeliverAll(ctx context.Context, subscription string, ids []string) error {
	if len(ids) == 0 || len(ids) > maxRedelivered {
		return wire.Invalid("choose from 1 to %d deliveries", maxRedelivered)
	}
	for _, id := range ids {
		if _, err := u.deliveryFor(ctx, subscription, id); err != nil {
			return err
		}
		if _, err := u.api.Redeliver(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// deliveryFor returns a delivery of a subscription. NotFound: it is another's.
func (u *Pages) deliveryFor(ctx context.Context, subscription, id string) (api.DeliveryDetail, error) {
	d, err := u.api.Delivery(ctx, id)
	if err == nil && d.Subscription != subscription {
		return d, notOurs(id)
	}
	return d, err
}
