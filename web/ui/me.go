package ui

import (
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/registry"
	"slipway/registry/access"
)

// mePath is the path of the page about the visitor; the others about him are below it.
const mePath = "/me"

// mePages are the pages about the visitor. None of them can show the past: they are about what he may do now.
func (u *Pages) mePages() []page {
	return []page{
		{path: mePath, name: "web.me", show: u.own(u.me)},
		{path: tokensPath, name: "web.me.tokens", show: u.own(u.tokens), act: u.own(u.changeTokens)},
		{path: sessionsPath, name: "web.me.sessions", show: u.own(u.sessions), act: u.own(u.endSessions)},
		{path: passwordPath, name: "web.me.password", show: u.own(u.passwordForm), act: u.own(u.changePassword)},
	}
}

// own wraps the handler of a page about the visitor, who has to be known. Unauthenticated.
func (u *Pages) own(h func(w http.ResponseWriter, r *http.Request, f meFrame) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller := access.From(r.Context())
		if caller.UserID == 0 {
			return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see this page")
		}
		f := meFrame{frame: frameOf(r), Visitor: caller}
		for _, tab := range []link{{Text: "You", Link: mePath}, {Text: "Tokens", Link: tokensPath}, {Text: "Sessions", Link: sessionsPath}, {Text: "Password", Link: passwordPath}} {
			tab.Current = tab.Link == r.URL.Path
			tab.Link = f.Link(tab.Link)
			f.Tabs = append(f.Tabs, tab)
		}
		return h(w, r, f)
	}
}

// meFrame has the values of all pages about the visitor.
type meFrame struct {
	*frame
	Visitor access.Actor
	Tabs    []link
	Error   string // why a form was not taken
	Done    string // what a form has done
}

// meView has the values of the page about the visitor.
type meView struct {
	meFrame
	Who     api.Caller
	User    api.User
	Rights  []string // in words
	InForm  bool     // logged in by the form
	Service bool
}

// me answers GET /me: who the visitor is, and what he may do.
func (u *Pages) me(w http.ResponseWriter, r *http.Request, f meFrame) error {
	v := meView{meFrame: f, InForm: f.Visitor.WebSession != 0, Service: f.Visitor.Service}
	var err error
	if v.Who, err = u.api.WhoAmI(r.Context()); err != nil {
		return err
	}
	if v.User, err = u.api.User(r.Context(), v.Who.Name); err != nil {
		return err
	}
	for _, p := range v.Who.Permissions {
		v.Rights = append(v.Rights, inWords(p))
	}
	v.about("You", "whoami")
	return write(w, r, http.StatusOK, "me", v)
}

// actionWords say what an action allows.
var actionWords = map[api.Action]string{
	api.ActionRead: "read", api.ActionPublish: "publish", api.ActionTag: "move tags", api.ActionDelete: "delete", api.ActionDeploy: "record deployments",
	api.ActionAudit: "see who may do what, and the log", api.ActionAdmin: "do everything",
}

// inWords says what a permission allows, as a sentence without its subject: "read and publish in the repository main".
func inWords(p api.Permission) string {
	var does []string
	for _, a := range p.Actions {
		if word, ok := actionWords[a]; ok {
			does = append(does, word)
		}
	}
	if slices.Contains(p.Actions, api.ActionAdmin) {
		does = []string{actionWords[api.ActionAdmin]} // it contains the others
	}
	if p.Role != "" {
		does = append(does, "what the role "+p.Role+" allows")
	}
	return list(does) + " " + whereWords(p)
}

// whereWords say where a permission holds.
func whereWords(p api.Permission) string {
	kind, name := "repository", p.Repository
	if p.Environment != "" {
		kind, name = "environment", p.Environment
	}
	switch {
	case name == access.Instance && kind == "repository":
		return "in every repository and on the server"
	case name == access.Instance:
		return "in every environment"
	case strings.Contains(name, "*"):
		return "in each " + kind + " whose name is like " + name
	}
	return "in the " + kind + " " + name
}

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
