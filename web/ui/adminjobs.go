package ui

import (
	"net/http"
	"strings"

	"slipway/api"
	"slipway/web/internal/wire"
)

const (
	jobsPath          = adminPath + "/jobs"
	configurationPath = adminPath + "/configuration"
)

// runItem is a kind of run, with what came of the last one.
type runItem struct {
	api.MaintenanceRun
	Title, About string
	Start        string // text of the button that begins one; "": none does
}

// runKinds are the kinds of runs in the order of the page.
var runKinds = []runItem{
	{MaintenanceRun: api.MaintenanceRun{Kind: "look"}, Title: "What a collection would free", About: "Nothing is removed: it tells what would be, and why the rest stays.", Start: "Look"},
	{MaintenanceRun: api.MaintenanceRun{Kind: "collect"}, Title: "Collection", About: "Removes bytes that no version, upload or deleted version that can be restored needs.", Start: "Collect now"},
	{MaintenanceRun: api.MaintenanceRun{Kind: "check"}, Title: "Consistency check", About: "Compares log, database and stored bytes with each other. Nothing is changed.", Start: "Check now"},
	{MaintenanceRun: api.MaintenanceRun{Kind: "backup"}, Title: "Backup", About: "Made by the command slipway backup on the server's machine, while the server runs."},
}

// jobsView has the values of the page of jobs.
type jobsView struct {
	adminFrame
	Runs    []runItem
	Busy    bool // one of them goes on
	Duties  []api.Duty
	Mirror  []api.Job
	Waiting waitingTable
}

// jobs answers GET /admin/jobs.
func (u *Pages) jobs(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeJobs(w, r, http.StatusOK, jobsView{adminFrame: f})
}

func (u *Pages) writeJobs(w http.ResponseWriter, r *http.Request, status int, v jobsView) error {
	last := map[string]api.MaintenanceRun{}
	for run, err := range u.api.Maintenance(r.Context()) {
		if err != nil {
			return err
		}
		last[run.Kind] = run
	}
	for _, item := range runKinds {
		if run, there := last[item.Kind]; there {
			item.MaintenanceRun = run
		}
		v.Busy = v.Busy || item.State == "running"
		v.Runs = append(v.Runs, item)
	}
	for d, err := range u.api.Duties(r.Context()) {
		if err != nil {
			return err
		}
		v.Duties = append(v.Duties, d)
	}
	var err error
	if v.Mirror, _, err = firstOf(r.Context(), maxListed, u.api.Jobs); err != nil {
		return err
	}
	waiting, _, err := firstOf(r.Context(), 0, u.api.AllPublishes)
	if err != nil {
		return err
	}
	v.Waiting = newWaitingTable(v.frame, jobsPath, waiting)
	v.about("Jobs", "maintenance")
	return write(w, r, status, "admin-jobs", v)
}

// changeJobs answers POST /admin/jobs: it begins a run, or ends what is staged.
func (u *Pages) changeJobs(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	v := jobsView{adminFrame: f}
	do, kind := r.PostForm.Get("do"), r.PostForm.Get("kind")
	var err error
	switch do {
	case "start":
		_, err = u.api.StartMaintenance(r.Context(), api.MaintenanceRequest{Kind: kind, Quick: r.PostForm.Get("quick") != "", Force: r.PostForm.Get("force") != ""})
	case "commit", "drop":
		err = u.endPublish(r, r.PostForm.Get("repository"))
	default:
		err = doesNothing()
	}
	if status, ok := v.refuse(strings.TrimSpace(do+" "+kind), err); ok {
		return u.writeJobs(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, jobsPath)
}

// configurationView has the values of the page of the configuration.
type configurationView struct {
	adminFrame
	Settings []api.ConfigurationSetting
	Source   string // ?source=
	Sources  []choice
}

// configuration answers GET /admin/configuration?source=.
func (u *Pages) configuration(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	v := configurationView{adminFrame: f}
	if v.Source, err = q.Text("source"); err != nil {
		return err
	}
	for _, c := range []choice{{Value: "", Text: "anywhere"}, {Value: "flag", Text: "a flag"}, {Value: "environment", Text: "the environment"}, {Value: "file", Text: "the file"}, {Value: "default", Text: "nowhere: the default"}} {
		c.Chosen = c.Value == v.Source
		v.Sources = append(v.Sources, c)
	}
	for s, err := range u.api.Configuration(r.Context()) {
		if err != nil {
			return err
		}
		if v.Source == "" || s.Source == v.Source {
			v.Settings = append(v.Settings, s)
		}
	}
	v.about("Configuration", "configuration")
	return write(w, r, http.StatusOK, "admin-configuration", v)
}
