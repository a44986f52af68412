package ui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// Bounds of the pages about environments.
const (
	environmentsLimit = 50  // of a page, each with its state
	maxRuns           = 500 // of a timeline, the newest
	defaultDays       = 30  // of a timeline
)

const environmentsPath = "/env"

// environmentPath is the path of an environment's page.
func environmentPath(name string) string { return environmentsPath + "/" + url.PathEscape(name) }

func (u *Pages) environmentPages() []page {
	return []page{
		{path: environmentsPath, name: "web.environments", show: u.environments, past: true, nav: "Environments"},
		{path: environmentsPath + "/{environment}", name: "web.environment", show: u.environment, act: u.rollBack, past: true},
	}
}

// environmentItem is an environment in the list.
type environmentItem struct {
	api.EnvironmentState
	Drifting int64 // services that run something else than is wanted
	Failing  int64 // services whose last report is a failure
}

// environments answers GET /env?as_of=&after=: the environments, with how many of their services drift.
func (u *Pages) environments(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, environmentsLimit)
	if err != nil {
		return err
	}
	f := frameOf(r)
	v := struct {
		*frame
		Environments []environmentItem
		Next         string
	}{frame: f}
	for e, err := range u.api.Environments(client.OnePage(r.Context(), &page), f.AsOf) {
		if err != nil {
			return err
		}
		item := environmentItem{}
		if item.EnvironmentState, err = u.api.Environment(r.Context(), e.Name, f.AsOf); client.IsStatus(err, http.StatusNotFound) {
			continue // it was deleted just now
		} else if err != nil {
			return err
		}
		for _, s := range item.Services {
			if s.Drift {
				item.Drifting++
			}
			if s.Recorded != nil && s.Recorded.Status == statusFailed {
				item.Failing++
			}
		}
		v.Environments = append(v.Environments, item)
	}
	v.Next = f.next(page)
	f.about("Environments", "environments")
	return write(w, r, http.StatusOK, "environments", v)
}

// statusFailed is the status of a deployment that failed.
const statusFailed = "failed"

// environmentView has the values of an environment's page.
type environmentView struct {
	*frame
	Environment api.EnvironmentState
	Services    []serviceItem
	Ranges      []link // of the timeline
	Timeline    *timeline
	Runs        []api.Run // those of the timeline, the newest first
	Wrong       string    // why a form was refused
	Reason      string    // what the refused form said
	Names       versionNames
}

// Wanted is the name of the version that a service is to run.
func (v environmentView) Wanted(s serviceItem) string {
	d := s.Recorded.Deployed
	d.Version = s.ServiceState.Wanted.Version
	return v.Names.Of(d)
}

// serviceItem is a service of an environment.
type serviceItem struct {
	api.ServiceState
	RollBack bool // the visitor may try to roll it back
}

// environment answers GET /env/{environment}?as_of=&days=: what is wanted, recorded and running there, and what ran when.
func (u *Pages) environment(w http.ResponseWriter, r *http.Request) error {
	return u.writeEnvironment(w, r, http.StatusOK, environmentView{})
}

func (u *Pages) writeEnvironment(w http.ResponseWriter, r *http.Request, status int, v environmentView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	name, err := wire.Segment(r, "environment")
	if err != nil {
		return err
	}
	f := frameOf(r)
	v.frame = f
	if v.Environment, err = u.api.Environment(r.Context(), name, f.AsOf); err != nil {
		return err
	}
	days, err := daysOf(q)
	if err != nil {
		return err
	}
	for _, n := range []int{1, 7, 30, 90, 365} {
		v.Ranges = append(v.Ranges, link{Text: plural(int64(n), "day", "days"), Link: f.with("days", strconv.Itoa(n)), Current: n == days})
	}
	actor := access.From(r.Context())
	for _, s := range v.Environment.Services {
		may := f.AsOf == "" && s.Running != nil && access.Decide(actor, access.Deploy, s.Running.Repository) == access.Allow
		v.Services = append(v.Services, serviceItem{s, may})
	}
	to, err := u.shownMoment(r)
	if err != nil {
		return err
	}
	from := to.AddDate(0, 0, -days)
	page := client.Page{Limit: maxRuns}
	var all []api.Run
	for run, err := range u.api.EnvironmentHistory(client.OnePage(r.Context(), &page), name, client.RunFilter{AsOf: f.AsOf}) {
		if err != nil {
			return err
		}
		all = append(all, run)
	}
	shown := deployedIn(v.Environment.Services)
	for _, run := range all {
		shown = append(shown, run.Deployed)
	}
	if v.Names, err = u.namesOf(r, shown); err != nil {
		return err
	}
	v.Timeline, v.Runs = newTimeline(f, all, v.Names, from, to)
	f.crumb("Environments", environmentsPath)
	f.about(name, "environments", name)
	return write(w, r, status, "environment", v)
}

// daysOf reads ?days=, the length of the timeline. Invalid.
func daysOf(q wire.Query) (int, error) {
	text, err := q.Text("days")
	if err != nil || text == "" {
		return defaultDays, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 3650 {
		return 0, wire.Invalid("days must be a number from 1 to 3650")
	}
	return n, nil
}

// shownMoment is the time that a page shows. For an entry of the log that the visitor may not see it is now.
func (u *Pages) shownMoment(r *http.Request) (time.Time, error) {
	asOf := frameOf(r).AsOf
	if seq, ok := strings.CutPrefix(asOf, "seq:"); ok {
		n, err := strconv.ParseInt(seq, 10, 64)
		if err != nil {
			return time.Time{}, err
		}
		e, found, err := u.entry(r.Context(), n)
		if err != nil || !found {
			return time.Now().UTC(), err
		}
		return time.Parse(time.RFC3339Nano, e.Time)
	}
	if t, err := wire.Moment(asOf, true); err == nil {
		return t.UTC(), nil
	}
	return time.Now().UTC(), nil
}

// rollBack answers POST /env/{environment}: it reports the run of a service as rolled back, if it is the one that the page showed.
func (u *Pages) rollBack(w http.ResponseWriter, r *http.Request) error {
	name, err := wire.Segment(r, "environment")
	if err != nil {
		return err
	}
	seq, err := strconv.ParseInt(r.PostForm.Get("running"), 10, 64)
	if err != nil || r.PostForm.Get("deployment") == "" {
		return wire.Invalid("the form does not say what is to be rolled back: load the page again")
	}
	reason := strings.TrimSpace(r.PostForm.Get("reason"))
	_, err = u.api.ChangeDeployment(r.Context(), r.PostForm.Get("deployment"), api.DeploymentChange{Status: "rolled_back", Reason: reason, IfRunning: &seq})
	var problem *client.Error
	if errors.As(err, &problem) && problem.Status < http.StatusInternalServerError && problem.Status != http.StatusUnauthorized {
		return u.writeEnvironment(w, r, problem.Status, environmentView{Wrong: "Nothing was changed: " + problem.Detail, Reason: reason})
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, environmentPath(name))
}

// byService orders runs by service, the oldest first.
func byService(a, b api.Run) int {
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Seq, b.Seq))
}
