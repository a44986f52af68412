package ui

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

const (
	setupPath   = "/setup"
	maxSeenRows = 8
)

func (u *Pages) setupPages() []page {
	return []page{{path: setupPath, name: "web.setup", show: u.setup, act: u.makeSetupToken, nav: "Set up"}}
}

// setupView has the values of the page that sets a client up.
type setupView struct {
	*frame
	Repositories []string
	Repository   string
	Sections     []setupChoice
	Section      setup.Section // of the chosen client
	Client       setup.Client  // with its blocks filled in
	Note         string        // what is said in place of lines
	Known        bool          // the visitor is known, and may make tokens
	Form         setupForm
	Lives        []choice
	Error        string // why no token was made
	Made         string // name of the token that was made just now
	Secret       string
	Export       string // the line that sets the variable of the lines
	Seen         seenView
	Check        string // address of this page, for another look
}

// setupChoice is a format with its clients.
type setupChoice struct {
	Title   string
	Clients []setupClient
}

type setupClient struct {
	Slug, Name string
	Chosen     bool
}

// setupForm is the form that makes a token.
type setupForm struct {
	Name    string
	Publish bool
	Days    int
}

// sighting says which requests the page tells of.
type sighting struct {
	token string    // id of the token that the client is expected to use; "": any
	since time.Time // earlier ones are not told
}

// setup answers GET /setup?repository=&client=&token=&since=: the lines that set up a client, and what came of it. token is the id of the token that
// the client is expected to use, since when it was made, in milliseconds.
func (u *Pages) setup(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	text := func(name string) string {
		s, e := q.Text(name)
		if err == nil {
			err = e
		}
		return s
	}
	repository, slug, since := text("repository"), text("client"), text("since")
	seen := sighting{token: text("token")}
	if err != nil {
		return err
	}
	if ms, err := strconv.ParseInt(since, 10, 64); err == nil {
		seen.since = time.UnixMilli(ms)
	}
	v, err := u.setupOf(r, repository, slug)
	if err != nil {
		return err
	}
	return u.writeSetup(w, r, http.StatusOK, v, seen)
}

// setupOf begins the page for a repository and a client; "" for the first ones.
func (u *Pages) setupOf(r *http.Request, repository, slug string) (v setupView, err error) {
	caller := access.From(r.Context())
	v = setupView{frame: frameOf(r), Repository: registry.DefaultRepository, Known: caller.UserID != 0}
	v.about("Set up a client")
	page := client.Page{Limit: maxListed}
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &page)) {
		if client.IsStatus(err, http.StatusUnauthorized) {
			break
		}
		if err != nil {
			return v, err
		}
		v.Repositories = append(v.Repositories, repo.Name)
	}
	switch {
	case repository != "":
		if _, err := u.api.Repository(r.Context(), repository); err != nil {
			return v, err
		}
		v.Repository = repository
		if !slices.Contains(v.Repositories, repository) {
			v.Repositories = append(v.Repositories, repository)
		}
	case len(v.Repositories) == 0:
		v.Repositories = []string{v.Repository} // an example
	case !slices.Contains(v.Repositories, v.Repository):
		v.Repository = v.Repositories[0]
	}
	found := false
	for _, s := range u.guide.At(setup.AddressOf(v.Base, v.Repository)) {
		one := setupChoice{Title: s.Title}
		for _, c := range s.Clients {
			item := setupClient{Slug: slugOf(c.Name), Name: c.Name}
			if item.Chosen = !found && (slug == "" || item.Slug == slug); item.Chosen {
				found, v.Section, v.Client = true, s, c
				slug = item.Slug
			}
			one.Clients = append(one.Clients, item)
		}
		v.Sections = append(v.Sections, one)
	}
	if !found {
		return v, registry.Errorf(registry.NotFound, registry.AboutRequest, "there are no lines for a client %q; the page without ?client= has those that there are", registry.Clip(slug))
	}
	if len(v.Client.Blocks) == 0 {
		v.Note = v.Section.Note
	}
	v.Form = setupForm{Name: slug + "-" + time.Now().UTC().Format("060102-1504"), Publish: true, Days: proposedLife}
	v.Check = v.Link(setupPath + "?repository=" + url.QueryEscape(v.Repository) + "&client=" + url.QueryEscape(slug))
	return v, nil
}

// slugOf is the name of a client in addresses: its first word.
func slugOf(name string) string {
	word, _, _ := strings.Cut(strings.ToLower(name), " ")
	return strings.Trim(word, ",.")
}

func (u *Pages) writeSetup(w http.ResponseWriter, r *http.Request, status int, v setupView, seen sighting) error {
	for _, days := range lives {
		text := plural(int64(days), "day", "days")
		if days == 0 {
			text = "until it is revoked"
		}
		v.Lives = append(v.Lives, choice{strconv.Itoa(days), text, days == v.Form.Days})
	}
	if seen.token != "" {
		v.Check += "&token=" + url.QueryEscape(seen.token) + "&since=" + strconv.FormatInt(seen.since.UnixMilli(), 10)
	}
	if v.Known {
		v.Seen = u.seenOf(r, v, seen)
	}
	return write(w, r, status, "setup", v)
}

// makeSetupToken answers POST /setup: it makes a token for a client, and shows the lines with it this once.
func (u *Pages) makeSetupToken(w http.ResponseWriter, r *http.Request) error {
	if access.From(r.Context()).UserID == 0 {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to make a token")
	}
	form := r.PostForm
	v, err := u.setupOf(r, form.Get("repository"), form.Get("client"))
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(form.Get("days"))
	if err != nil || days < 0 || days > 36500 {
		return wire.Invalid("days: how long the token lives is a number of days, or 0")
	}
	v.Form = setupForm{Name: strings.TrimSpace(form.Get("name")), Publish: form.Get("may") == "publish", Days: days}
	actions := []string{string(api.ActionRead)}
	if v.Form.Publish {
		actions = append(actions, string(api.ActionPublish))
	}
	made, err := u.api.CreateToken(r.Context(), tokenForm{Name: v.Form.Name, Repository: v.Repository, Actions: actions, Days: days}.request())
	if e := (*client.Error)(nil); asProblem(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusForbidden || e.Status == http.StatusConflict) {
		v.Error = e.Detail
		return u.writeSetup(w, r, e.Status, v, sighting{})
	}
	if err != nil {
		return err
	}
	v.Made, v.Secret = made.Name, made.Secret
	v.Export = "export SLIPWAY_TOKEN=" + made.Secret
	for i, b := range v.Client.Blocks {
		v.Client.Blocks[i].Text = strings.ReplaceAll(b.Text, "slp_…", made.Secret)
	}
	w.Header().Set("Cache-Control", "no-store")
	return u.writeSetup(w, r, http.StatusOK, v, sighting{made.ID, httpserver.Clock().Truncate(time.Millisecond)})
}

// seenView says what the server saw of the visitor's client.
type seenView struct {
	State string // "waiting", "reached", "works", "wrong"
	Text  string
	Hint  string // what helps
	Rows  []seenRow
}

// seenRow is a request as people tell of it.
type seenRow struct {
	At     string
	Text   string
	Status int
	Failed bool
}

// seenOf finds the requests of the visitor's own clients for the chosen repository: those by one of the visitor's tokens, and those without a
// valid login from the visitor's own address.
func (u *Pages) seenOf(r *http.Request, v setupView, seen sighting) seenView {
	caller, here := access.From(r.Context()), u.server.ClientIP(r)
	out, weight := seenView{State: "waiting", Text: "Waiting for your first request…"}, 0
	for _, s := range u.server.Seen() {
		row, t, ok := v.tell(s, caller, here, seen.token)
		if !ok || s.At.Before(seen.since) {
			continue
		}
		if len(out.Rows) < maxSeenRows {
			out.Rows = append(out.Rows, row)
		}
		if t.weight > weight { // of those that say as much, the newest counts
			weight, out.State, out.Text, out.Hint = t.weight, t.state, row.Text, t.hint
		}
	}
	return out
}

// told is what a request means for the state of the page.
type told struct {
	state, hint string
	weight      int
}

// How much a request says. Whether the visitor's own token does what the client wanted says most. Many clients ask for what is not there, or without
// credentials first, and another's request may come from the same address.
const (
	saysLittle = iota + 1
	saysSome
	saysAll
)

// tell says what a request was; ok is false for one that is not the visitor's, or that says nothing.
func (v setupView) tell(s httpserver.Seen, caller access.Actor, here netip.Addr, token string) (row seenRow, t told, ok bool) {
	own := s.UserID != 0 && s.UserID == caller.UserID
	stranger := s.UserID == 0 && s.Client == here
	nowhere := s.Status == http.StatusNotFound && s.Route.Format == "server"
	ours := s.Route.Format == v.Section.Format
	if !own && !stranger || !ours && !nowhere {
		return row, t, false
	}
	if id, err := strconv.ParseInt(token, 10, 64); err == nil && s.UserID != 0 && s.TokenID != id {
		return row, t, false
	}
	row = seenRow{At: s.At.UTC().Format(time.RFC3339), Status: s.Status, Failed: s.Status >= http.StatusBadRequest}
	who := agentOf(s.Agent)
	switch {
	case nowhere:
		row.Text = who + " asked for " + s.Path + ", where nothing is"
		return row, told{"wrong", "The address in its settings is not the one of the lines above.", saysLittle}, true
	case s.Status == http.StatusUnauthorized && !s.Credentials:
		row.Text = who + " sent no credentials"
		return row, told{"wrong", "Many clients ask without them first. If nothing follows, the token is not where the client looks for it.", saysLittle}, true
	case s.Status == http.StatusUnauthorized:
		row.Text = who + " was refused: " + s.Detail
		return row, told{"wrong", "The token has expired, was revoked, or is not whole. Make one here.", saysSome}, true
	case row.Failed:
		row.Text = who + " was refused with " + strconv.Itoa(s.Status)
		if s.Status == http.StatusNotFound { // many clients look whether something is there before they publish it
			row.Text, row.Failed = who+" asked for what is not there", false
		}
		if own && s.Detail != "" {
			row.Text += ": " + s.Detail
		}
		t = told{"wrong", "", saysLittle}
		if own && s.Status == http.StatusForbidden {
			t.weight = saysAll
		}
		return row, t, true
	}
	if v.Section.Saw == nil || !slices.Contains(strings.Split(s.Path, "/"), v.Repository) {
		return row, t, false
	}
	did, what, done := v.Section.Saw(s.Method, s.Path)
	if did == "" {
		return row, t, false
	}
	row.Text = who + " " + did + " " + what
	if s.Token != "" {
		row.Text += " with token " + s.Token
	} else if s.UserID == 0 {
		row.Text += " without credentials"
	}
	if done {
		return row, told{"works", "", saysAll}, true
	}
	return row, told{"reached", "", saysSome}, true
}

// agentOf is the first product of a User-Agent with its version, as people say it.
func agentOf(agent string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(agent), " ")
	name, version, _ := strings.Cut(first, "/")
	name = strings.ReplaceAll(name, "-", " ")
	switch {
	case name == "":
		return "A client without a name"
	case version == "":
		return name
	}
	return name + " " + version
}
