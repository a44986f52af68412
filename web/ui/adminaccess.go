package ui

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// accessView has the values of the page of who may do what.
type accessView struct {
	adminFrame
	Repository, Environment, Action, User, Tag string // of the form
	About                                      string // what is shown, in words
	Actions                                    []choice
	Holders                                    []holderItem
	Guard                                      *api.TagGuard // with Tag
	Next                                       string
	Repositories, Environments                 []string // some, to choose from
	Asked                                      bool     // the visitor has chosen what is shown
}

// holderItem is a user who may do something, and why, in words.
type holderItem struct {
	api.Holder
	May     string
	Because []reasonItem
	Tokens  []holderToken
}

// holderToken is a token of that user that may do it too.
type holderToken struct {
	Name, May string
	Login     bool
}

// reasonItem is what allows it. Group is where the right comes from, "" for the user itself.
type reasonItem struct{ Words, Group string }

const holdersLimit = 50 // of a page

// access answers GET /admin/access?repository=&environment=&action=&user=&tag=&after=.
func (u *Pages) access(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	v := accessView{adminFrame: f}
	for name, to := range map[string]*string{"repository": &v.Repository, "environment": &v.Environment, "action": &v.Action, "user": &v.User, "tag": &v.Tag} {
		text, err := q.Text(name)
		if err != nil {
			return err
		}
		*to = strings.TrimSpace(text)
		v.Asked = v.Asked || *to != ""
	}
	page, err := pageOf(q, holdersLimit)
	if err != nil {
		return err
	}
	status := http.StatusOK
	err = u.holders(r.Context(), &v, &page)
	if refused, ok := v.refuse("show", err); ok {
		status, v.Holders, v.Guard = refused, nil, nil
	} else if err != nil {
		return err
	}
	v.Next, v.About = f.next(page), v.place()
	return u.writeAccess(w, r, status, v)
}

func (u *Pages) writeAccess(w http.ResponseWriter, r *http.Request, status int, v accessView) error {
	v.Actions = []choice{{Value: "", Text: "anything"}}
	for _, a := range access.Actions {
		v.Actions = append(v.Actions, choice{string(a), string(a), string(a) == v.Action})
	}
	repositories, _, err := firstOf(r.Context(), maxListed, u.api.Repositories)
	if err != nil {
		return err
	}
	for _, repo := range repositories {
		v.Repositories = append(v.Repositories, repo.Name)
	}
	environments, _, err := firstOf(r.Context(), maxListed, func(ctx context.Context) iter.Seq2[api.Environment, error] { return u.api.Environments(ctx, "") })
	if err != nil {
		return err
	}
	for _, e := range environments {
		v.Environments = append(v.Environments, e.Name)
	}
	v.about("Access", "access")
	if query := r.URL.RawQuery; query != "" {
		v.JSON = v.Link(api.Prefix + "/access?" + query)
	}
	return write(w, r, status, "admin-access", v)
}

// place says what a list of rights is about.
func (v *accessView) place() string {
	switch {
	case v.Tag != "":
		return "who may move the tag " + v.Tag + " in the repository " + v.Repository
	case v.Environment != "" && v.Repository != "" && v.Repository != access.Instance:
		return "the repository " + v.Repository + " and the environment " + v.Environment
	case v.Environment != "":
		return "the environment " + v.Environment
	case v.Repository != "" && v.Repository != access.Instance:
		return "the repository " + v.Repository
	}
	return "the server itself: all that is not of one repository"
}

// holders fills in who may, by page.
func (u *Pages) holders(ctx context.Context, v *accessView, page *client.Page) error {
	if v.Tag != "" && v.Repository != "" {
		guard, err := u.api.TagGuard(ctx, v.Repository, "", v.Tag)
		if err != nil {
			return err
		}
		v.Guard = &guard
	}
	for h, err := range u.api.WhoMay(client.OnePage(ctx, page), client.WhoQuery{Repository: v.Repository, Environment: v.Environment, Action: api.Action(v.Action), User: v.User, Tag: v.Tag}) {
		if err != nil {
			return err
		}
		item := holderItem{Holder: h, May: join(h.Actions), Because: reasonsOf(h.Because)}
		for _, t := range h.Tokens {
			item.Tokens = append(item.Tokens, holderToken{t.Name, join(t.Actions), t.Kind != ""})
		}
		v.Holders = append(v.Holders, item)
	}
	return nil
}

func join(actions []api.Action) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

func reasonsOf(reasons []api.Reason) []reasonItem {
	out := make([]reasonItem, len(reasons))
	for i, reason := range reasons {
		p := reason.Permission
		out[i].Group = reason.Group
		switch reason.Ownership {
		case "owner":
			out[i].Words = "owner of the environment " + p.Environment
		case "no_owner":
			out[i].Words = "the environment " + p.Environment + " has no owner"
		default:
			if p.Role != "" {
				p.Actions = nil // the role says them
			}
			out[i].Words = inWords(p)
		}
	}
	return out
}
