package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"slipway/api"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

const maxSimulated = 100 // changes that a trial shows

// rulesPath is the path of the page with the rules and claims that hold in a repository.
func rulesPath(repository string) string { return repositoryPath(repository) + "/-/rules" }

// whyRoot is the path of the page that explains refusals; the texts of refusals end in the path of one below it.
const whyRoot = "/why"

func (u *Pages) rulePages() []page {
	return []page{
		{path: repositoryRoute + "/-/rules", name: "web.repository.rules", show: u.rules, act: u.changeRules},
		{path: whyRoot, name: "web.whys", show: u.whyForm},
		{path: whyRoot + "/{request}", name: "web.why", show: u.why},
	}
}

// ruleItem is a rule in a list.
type ruleItem struct {
	api.Rule
	May bool // the visitor may remove it
}

// claimItem is a claim in a list.
type claimItem struct {
	api.Claim
	May bool
}

// ruleForm is what the form of a new rule says.
type ruleForm struct{ Action, Match, MinAge, Reason, Mode, Expires, First, Days string }

// claimForm is what the form of a new claim says.
type claimForm struct{ Format, Pattern string }

// rulesPart is what pages show of rules and claims, of a repository or, where Scope is "", of the server.
type rulesPart struct {
	*frame
	Scope   string
	To      string // address of the page
	Admin   bool   // the visitor may make some here
	Rules   []ruleItem
	Claims  []claimItem
	Form    ruleForm
	Claim   claimForm
	Actions []choice
	Modes   []choice
	Days    []choice
	Formats []choice

	Suggest     string // address of the page with suggestions
	Suggested   bool
	Suggestions []api.SuggestedClaim

	Tried     bool // there is the outcome of a trial
	Simulated []api.Simulated
	More      string // cursor of the page with further ones; "": there is none

	Error, ClaimError string
}

var (
	ruleActions = []choice{
		{Value: "deny", Text: "deny: neither shown nor served"}, {Value: "hide", Text: "hide: served by its exact name, not shown"}, {Value: "hold", Text: "hold: neither until it is old enough"},
		{Value: "allow", Text: "allow: shown and served, whatever its age"}, {Value: "pin", Text: "pin: its bytes are never evicted"}}
	ruleModes = []choice{{Value: "enforce", Text: "enforce it"}, {Value: "audit", Text: "only record what it would refuse"}}
	trialDays = []choice{{Value: "7", Text: "the last 7 days"}, {Value: "30", Text: "the last 30 days"}, {Value: "90", Text: "the last 90 days"}, {Value: "365", Text: "the last year"}}
)

// chosen are options of which one is chosen.
func chosen(options []choice, value string) []choice {
	out := make([]choice, len(options))
	for i, o := range options {
		o.Chosen = o.Value == value
		out[i] = o
	}
	return out
}

// fillRules reads what a page shows of rules and claims.
func (u *Pages) fillRules(r *http.Request, p *rulesPart) error {
	server := administers(r, access.Instance)
	may := func(repository string) bool { return server || repository != "" && administers(r, repository) }
	p.Admin = may(p.Scope)
	for rule, err := range u.api.Rules(r.Context(), p.Scope) {
		if err != nil {
			return err
		}
		p.Rules = append(p.Rules, ruleItem{rule, may(rule.Repository)})
	}
	for claim, err := range u.api.Claims(r.Context(), p.Scope) {
		if err != nil {
			return err
		}
		p.Claims = append(p.Claims, claimItem{claim, may(claim.Repository)})
	}
	p.Actions, p.Modes, p.Days = chosen(ruleActions, p.Form.Action), chosen(ruleModes, p.Form.Mode), chosen(trialDays, p.Form.Days)
	if p.Form.Days == "" {
		p.Days = chosen(trialDays, "30")
	}
	p.Formats = u.formatChoices("choose", p.Claim.Format)
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	if p.Suggested, err = q.Flag("suggest"); err != nil {
		return err
	}
	if p.Form == (ruleForm{}) { // a link may fill the form
		if err := texts(q, map[string]*string{"action": &p.Form.Action, "match": &p.Form.Match, "first": &p.Form.First}); err != nil {
			return err
		}
		p.Actions = chosen(ruleActions, p.Form.Action)
	}
	p.Suggest = p.with("suggest", "true") + "#claims"
	if !p.Suggested || !p.Admin {
		p.Suggested = false
		return nil
	}
	for s, err := range u.api.SuggestClaims(r.Context(), p.Scope) {
		if err != nil {
			return err
		}
		p.Suggestions = append(p.Suggestions, s)
	}
	return nil
}

// rulesView has the values of the page with the rules of a repository.
type rulesView struct {
	repositoryFrame
	Part rulesPart
}

// rules answers GET /r/{repository}/-/rules?suggest=: what may come from where, and what is refused.
func (u *Pages) rules(w http.ResponseWriter, r *http.Request) error {
	return u.writeRules(w, r, http.StatusOK, rulesPart{})
}

func (u *Pages) writeRules(w http.ResponseWriter, r *http.Request, status int, p rulesPart) error {
	about, err := u.aboutRepository(r, "rules")
	if err != nil {
		return err
	}
	p.frame, p.Scope, p.To = about.frame, about.Repository.Name, about.Link(rulesPath(about.Repository.Name))
	if err := u.fillRules(r, &p); err != nil {
		return err
	}
	about.about("Rules of " + about.Repository.Name)
	about.JSON = about.Link(api.Prefix + "/rules?repository=" + about.Repository.Name)
	return write(w, r, status, "rules", rulesView{about, p})
}

// changeRules answers POST /r/{repository}/-/rules.
func (u *Pages) changeRules(w http.ResponseWriter, r *http.Request) error {
	repository, err := wire.Segment(r, "repository")
	if err != nil {
		return err
	}
	return u.takeRules(w, r, repository, rulesPath(repository), u.writeRules)
}

// takeRules does what a form about rules or claims says, for a repository or, where that is "", for the server. to is where it leads then.
func (u *Pages) takeRules(w http.ResponseWriter, r *http.Request, repository, to string, show func(http.ResponseWriter, *http.Request, int, rulesPart) error) error {
	text := posted(r)
	p := rulesPart{Form: ruleForm{Action: text("action"), Match: text("match"), MinAge: text("min_age"), Reason: text("reason"), Mode: text("mode"), Expires: text("expires"),
		First: text("first"), Days: text("days")}, Claim: claimForm{Format: text("format"), Pattern: text("pattern")}}
	told := &p.Error
	var err error
	switch text("do") {
	case "try":
		if err = u.tryRule(r, repository, &p); err == nil {
			return show(w, r, http.StatusOK, p)
		}
	case "add":
		var rule api.NewRule
		if rule, err = p.Form.request(repository); err == nil {
			_, err = u.api.AddRule(r.Context(), rule)
		}
	case "remove":
		err = u.api.RemoveRule(r.Context(), text("id"))
	case "claim":
		told = &p.ClaimError
		_, err = u.api.AddClaim(r.Context(), api.NewClaim{Repository: repository, Format: p.Claim.Format, Pattern: p.Claim.Pattern})
	case "unclaim":
		told = &p.ClaimError
		err = u.api.RemoveClaim(r.Context(), text("id"))
	default:
		err = errUnknownButton
	}
	if detail, status, ok := formRefusal(err); ok {
		*told = detail
		return show(w, r, status, p)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, to)
}

// request is the rule that the form asks for. Invalid.
func (f ruleForm) request(repository string) (api.NewRule, error) {
	expires, err := momentField("when it ends", f.Expires)
	return api.NewRule{Repository: repository, Action: f.Action, Match: f.Match, MinAge: f.MinAge, Reason: f.Reason, Mode: f.Mode, ExpiresAt: expires, First: f.First == "true"}, err
}

// momentField reads a field with a moment in UTC, as browsers send it or as RFC 3339; "" stays. Invalid.
func momentField(what, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.RFC3339), nil
		}
	}
	return "", wire.Invalid("%s: %q is no moment such as 2027-01-31T12:00", what, text)
}

// tryRule finds what the rule of a form would have changed.
func (u *Pages) tryRule(r *http.Request, repository string, p *rulesPart) error {
	rule, err := p.Form.request(repository)
	if err != nil {
		return err
	}
	if rule.Reason == "" {
		rule.Reason = "a trial" // the API wants one, also of what is not kept
	}
	days, err := strconv.Atoi(p.Form.Days)
	if err != nil || days < 1 || days > 3650 {
		return wire.Invalid("choose over how many days the rule is tried")
	}
	since := time.Now().UTC().AddDate(0, 0, -days).Format(time.RFC3339)
	list, err := u.api.SimulateRules(r.Context(), api.Simulation{Rules: []api.NewRule{rule}, Since: since, After: posted(r)("after"), Limit: maxSimulated})
	if err != nil {
		return err
	}
	p.Tried, p.Simulated, p.More = true, list.Items, list.Next
	return nil
}

// whyView has the values of the page that explains a refusal.
type whyView struct {
	*frame
	Request string
	Why     *api.Why
	Exempt  string // address of the form that lets it through; "": the visitor may not
	Error   string
}

// whyForm answers GET /why?request=: a form for the id of a refusal.
func (u *Pages) whyForm(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	id, err := q.Text("request")
	if err != nil {
		return err
	}
	return u.writeWhy(w, r, id)
}

// why answers GET /why/{request}: which rule refused a request, until when, and how it is let through.
func (u *Pages) why(w http.ResponseWriter, r *http.Request) error {
	id, err := wire.Segment(r, "request")
	if err != nil {
		return err
	}
	return u.writeWhy(w, r, id)
}

// exemption is the path of the page whose form lets through what was refused; "": the visitor may not make the rule.
func exemption(r *http.Request, why api.Why) string {
	form := "?action=allow&first=true&match=" + url.QueryEscape(why.Subject) + "#new-rule"
	server := why.Rule != nil && why.Rule.Repository == ""
	switch {
	case server && administers(r, access.Instance):
		return serverRulesPath + form
	case !server && administers(r, why.Repository):
		return rulesPath(why.Repository) + form
	}
	return ""
}

func (u *Pages) writeWhy(w http.ResponseWriter, r *http.Request, id string) error {
	v, status := whyView{frame: frameOf(r), Request: id}, http.StatusOK
	v.about("Why was this refused?")
	if id != "" {
		why, err := u.api.Why(r.Context(), id)
		detail, refused, ok := formRefusal(err)
		switch {
		case ok:
			v.Error, status = detail, refused
		case err != nil:
			return err
		default:
			v.Why, v.Exempt = &why, exemption(r, why)
			v.about("Why was this refused?", "why", id)
		}
	}
	return write(w, r, status, "why", v)
}
