package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

// Bounds of the pages about deployments.
const (
	deploymentsLimit = 50
	maxToldReports   = 20 // reports of which the page asks the log
	maxSenders       = 50 // subscriptions that are asked for deliveries of one event
	maxSent          = 5  // deliveries of one event by one subscription
)

const deploymentsPath = "/deployments"

// deploymentPath is the path of a deployment's page.
func deploymentPath(id string) string { return deploymentsPath + "/" + url.PathEscape(id) }

func (u *Pages) deploymentPages() []page {
	return []page{
		{path: deploymentsPath, name: "web.deployments", show: u.deployments},
		{path: deploymentsPath + "/{id}", name: "web.deployment", show: u.deployment},
	}
}

// deploymentStatuses are the statuses that a list can be narrowed to.
var deploymentStatuses = []string{"queued", "running", "succeeded", "failed", "rolled_back", "cancelled"}

// deploymentsView has the values of the list of deployments.
type deploymentsView struct {
	*frame
	Filter      client.DeploymentFilter
	Statuses    []choice
	Deployments []api.Deployment
	Names       versionNames
	Next        string
	Wrong       string // what is wrong with the filter
}

// Named is the name of the version that a deployment brings.
func (v deploymentsView) Named(d api.Deployment) string { return v.Names.Of(deployedBy(d)) }

func deployedBy(d api.Deployment) api.Deployed {
	return api.Deployed{Repository: d.Repository, Format: d.Format, Package: d.Package, Version: d.Version}
}

// deployments answers GET /deployments?environment=&service=&repository=&status=&purl=&since=&after=: the newest first.
func (u *Pages) deployments(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := deploymentsView{frame: f}
	if err := texts(q, map[string]*string{"environment": &v.Filter.Environment, "service": &v.Filter.Service, "repository": &v.Filter.Repository,
		"status": &v.Filter.Status, "purl": &v.Filter.PURL, "since": &v.Filter.Since}); err != nil {
		return err
	}
	for _, s := range deploymentStatuses {
		v.Statuses = append(v.Statuses, choice{s, s, s == v.Filter.Status})
	}
	page, err := pageOf(q, deploymentsLimit)
	if err != nil {
		return err
	}
	status := http.StatusOK
	var shown []api.Deployed
	for d, err := range u.api.Deployments(client.OnePage(r.Context(), &page), v.Filter) {
		if detail, code, ok := wrongInput(err); ok {
			v.Wrong, status = detail, code
			break
		}
		if err != nil {
			return err
		}
		v.Deployments = append(v.Deployments, d)
		shown = append(shown, deployedBy(d))
	}
	if v.Names, err = u.namesOf(r, shown); err != nil {
		return err
	}
	v.Next = f.next(page)
	f.crumb("Environments", environmentsPath)
	f.about("Deployments", "deployments")
	f.JSON = f.Base + api.Prefix + "/deployments" + filterQuery("environment", v.Filter.Environment, "service", v.Filter.Service, "repository", v.Filter.Repository,
		"status", v.Filter.Status, "purl", v.Filter.PURL, "since", v.Filter.Since)
	return write(w, r, status, "deployments", v)
}

// texts reads parameters of a query. Invalid.
func texts(q wire.Query, to map[string]*string) error {
	for name, field := range to {
		text, err := q.Text(name)
		if err != nil {
			return err
		}
		*field = strings.TrimSpace(text)
	}
	return nil
}

// wrongInput returns what the API says is wrong with what the visitor asked for: a text for the page instead of an error.
func wrongInput(err error) (detail string, status int, ok bool) {
	var problem *client.Error
	if errors.As(err, &problem) && (problem.Status == http.StatusBadRequest || problem.Status == http.StatusNotFound) {
		return problem.Detail, problem.Status, true
	}
	return "", 0, false
}

// filterQuery is a query string of name, value, name, value…; empty values are left out.
func filterQuery(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// deploymentView has the values of a deployment's page.
type deploymentView struct {
	*frame
	Deployment api.DeploymentDetail
	Reports    []reportItem
	Cause      *causeItem
	Took       string // from the first report to the end; "": it goes on
}

// reportItem is a report of a deployment.
type reportItem struct {
	api.ReportedStatus
	After    string // how long after the report before it; "" for the first
	Previous *api.EventVersion
	Restored *api.EventVersion
}

// causeItem is the event that led to a deployment.
type causeItem struct {
	Seq        int64 // 0: it is not known here, or not to the visitor
	Type       string
	Subject    string
	At, By     string
	Deliveries []api.Delivery
}

// deployment answers GET /deployments/{id}: its reports, what it replaced, the event that led to it and how that was delivered.
func (u *Pages) deployment(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.Segment(r, "id")
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := deploymentView{frame: f}
	if v.Deployment, err = u.api.Deployment(r.Context(), id); err != nil {
		return err
	}
	for i, report := range v.Deployment.Reports {
		item := reportItem{ReportedStatus: report}
		if i > 0 {
			item.After = between(v.Deployment.Reports[i-1].At, report.At)
		}
		if i < maxToldReports {
			e, found, err := u.entry(r.Context(), report.Seq)
			if err != nil {
				return err
			}
			if said, err := e.Content(); found && err == nil {
				item.Previous, item.Restored = said.Previous, said.Restored
			}
		}
		v.Reports = append(v.Reports, item)
	}
	if end := v.Deployment.FinishedAt; end != nil {
		v.Took = between(v.Deployment.CreatedAt, *end)
	}
	if v.Cause, err = u.cause(r.Context(), v.Deployment.EventID); err != nil {
		return err
	}
	f.crumb("Environments", environmentsPath)
	f.crumb(v.Deployment.Environment, environmentPath(v.Deployment.Environment))
	f.crumb("Deployments", deploymentsPath+"?environment="+url.QueryEscape(v.Deployment.Environment))
	f.about("Deployment "+id, "deployments", id)
	return write(w, r, http.StatusOK, "deployment", v)
}

// between is how long it took from one moment to another, as people say it; "" where one is unknown.
func between(from, to string) string {
	a, err := time.Parse(time.RFC3339Nano, from)
	b, err2 := time.Parse(time.RFC3339Nano, to)
	if err != nil || err2 != nil {
		return ""
	}
	d := b.Sub(a)
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return plural(int64(d/(24*time.Hour)), "day", "days")
}

// cause finds the event that led to a deployment by its id, and how it was delivered, as far as the visitor may see it. nil: none was named.
func (u *Pages) cause(ctx context.Context, id string) (*causeItem, error) {
	if id == "" {
		return nil, nil
	}
	out := &causeItem{}
	e, found, err := u.eventOf(ctx, id)
	if err != nil {
		return nil, err
	}
	if found {
		said, _ := e.Content() // what can't be read is left out
		out.Type, out.Subject, out.At, out.By = shortType(e.Type), e.Subject, e.Time, said.Actor
		if out.Seq, err = e.Seq(); err != nil {
			return nil, err
		}
	}
	some := client.Page{Limit: maxSenders}
	for s, err := range u.api.Subscriptions(client.OnePage(ctx, &some)) {
		if client.IsStatus(err, http.StatusUnauthorized) {
			break
		}
		if err != nil {
			return nil, err
		}
		page := client.Page{Limit: maxSent}
		for d, err := range u.api.DeliveriesOf(client.OnePage(ctx, &page), s.ID, id) {
			if err != nil {
				return nil, err
			}
			out.Deliveries = append(out.Deliveries, d)
		}
	}
	return out, nil
}

// eventOf finds an event by its id, which begins with its time; false: there is none that the visitor may see.
func (u *Pages) eventOf(ctx context.Context, id string) (client.Event, bool, error) {
	rest, ours := strings.CutPrefix(id, "evt_")
	parsed, err := ulid.ParseStrict(rest)
	if !ours || err != nil {
		return client.Event{}, false, nil
	}
	at := ulid.Time(parsed.Time()).UTC()
	batch, err := u.api.Events(ctx, client.EventQuery{After: -1, EventFilter: client.EventFilter{
		Since: at.Add(-time.Second).Format(time.RFC3339Nano), Until: at.Add(time.Second).Format(time.RFC3339Nano)}})
	for _, e := range batch.Events {
		if e.ID == id {
			return e, true, nil
		}
	}
	return client.Event{}, false, err
}

// entry returns the event of an entry of the log; false: there is none, or the visitor may not see it.
func (u *Pages) entry(ctx context.Context, seq int64) (client.Event, bool, error) {
	batch, err := u.api.Events(ctx, client.EventQuery{After: seq - 1, Limit: 1})
	if err != nil || len(batch.Events) == 0 {
		return client.Event{}, false, err
	}
	e := batch.Events[0]
	got, err := e.Seq()
	return e, err == nil && got == seq, err
}

// shortType is the type of an event without what all have in common.
func shortType(t string) string {
	return strings.TrimSuffix(strings.TrimPrefix(t, "dev.slipway."), ".v1")
}

// webLink returns an address if a browser can be led to it: http or https with a host. "" for everything else, such as javascript:.
func webLink(address string) string {
	a, err := url.Parse(address)
	if err != nil || a.Scheme != "http" && a.Scheme != "https" || a.Host == "" || a.User != nil {
		return ""
	}
	return address
}
