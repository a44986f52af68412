package ui

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry"
	"slipway/web/internal/wire"
)

const (
	tokensPath  = mePath + "/tokens"
	tokensLimit = 50 // of a page
)

// lives are how long a new token may live, in days; 0: it does not end. The third is proposed.
var lives = []int{7, 30, 90, 365, 0}

const proposedLife = 90

// tokensView has the values of the page with the visitor's tokens.
type tokensView struct {
	meFrame
	Tokens       []tokenItem
	Next         string
	Secret       string // of the token that was made just now; this is the only page that ever has it
	Form         tokenForm
	Actions      []choice
	Lives        []choice
	Repositories []string // some, to choose from
}

// tokenItem is a token with its rights in words.
type tokenItem struct {
	api.Token
	Rights []string
	Login  bool // a login made it: it has all rights of its user
}

// choice is an option of a form.
type choice struct {
	Value, Text string
	Chosen      bool
}

// tokenForm is what the form for a new token holds.
type tokenForm struct {
	Name, Repository, Environment string
	Actions                       []string
	Days                          int
}

// tokens answers GET /me/tokens?after=.
func (u *Pages) tokens(w http.ResponseWriter, r *http.Request, f meFrame) error {
	form := tokenForm{Repository: registry.DefaultRepository, Actions: []string{string(api.ActionRead)}, Days: proposedLife}
	return u.writeTokens(w, r, http.StatusOK, tokensView{meFrame: f, Form: form})
}

func (u *Pages) writeTokens(w http.ResponseWriter, r *http.Request, status int, v tokensView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, tokensLimit)
	if err != nil {
		return err
	}
	for t, err := range u.api.TokensLike(client.OnePage(r.Context(), &page), client.TokenFilter{User: v.Visitor.Name, Valid: true}) {
		if err != nil {
			return err
		}
		item := tokenItem{Token: t, Login: t.Kind != ""}
		for _, p := range t.Permissions {
			item.Rights = append(item.Rights, inWords(p))
		}
		v.Tokens = append(v.Tokens, item)
	}
	v.Next = v.next(page)
	for _, a := range []api.Action{api.ActionRead, api.ActionPublish, api.ActionTag, api.ActionDelete, api.ActionDeploy} {
		v.Actions = append(v.Actions, choice{string(a), actionWords[a], slices.Contains(v.Form.Actions, string(a))})
	}
	for _, days := range lives {
		text := plural(int64(days), "day", "days")
		if days == 0 {
			text = "until it is revoked"
		}
		v.Lives = append(v.Lives, choice{strconv.Itoa(days), text, days == v.Form.Days})
	}
	some := client.Page{Limit: maxListed}
	for repo, err := range u.api.Repositories(client.OnePage(r.Context(), &some)) {
		if err != nil {
			return err
		}
		v.Repositories = append(v.Repositories, repo.Name)
	}
	if v.Form.Repository == registry.DefaultRepository && len(v.Repositories) > 0 && some.Next == "" && !slices.Contains(v.Repositories, registry.DefaultRepository) {
		v.Form.Repository = v.Repositories[0]
	}
	v.about("Tokens", "tokens")
	v.crumb("You", mePath)
	return write(w, r, status, "me-tokens", v)
}

// changeTokens answers POST /me/tokens: it makes a token, and shows its secret this once, or revokes one.
func (u *Pages) changeTokens(w http.ResponseWriter, r *http.Request, f meFrame) error {
	if id := r.PostForm.Get("revoke"); id != "" {
		if err := u.api.RevokeToken(r.Context(), id); err != nil {
			return err
		}
		return u.seeOther(w, r, tokensPath)
	}
	form := tokenForm{Name: strings.TrimSpace(r.PostForm.Get("name")), Repository: strings.TrimSpace(r.PostForm.Get("repository")),
		Environment: strings.TrimSpace(r.PostForm.Get("environment")), Actions: r.PostForm["action"], Days: proposedLife}
	v := tokensView{meFrame: f, Form: form}
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil || days < 0 || days > 36500 {
		return wire.Invalid("days: how long the token lives is a number of days, or 0")
	}
	v.Form.Days = days
	req := form.request(days)
	made, err := u.api.CreateToken(r.Context(), req)
	if e := (*client.Error)(nil); asProblem(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusForbidden) {
		v.Error = e.Detail
		return u.writeTokens(w, r, e.Status, v)
	}
	if err != nil {
		return err
	}
	v.Secret, v.Done = made.Secret, made.Name
	v.Form = tokenForm{Repository: form.Repository, Actions: form.Actions, Days: days}
	return u.writeTokens(w, r, http.StatusOK, v)
}

// request is the token that the form asks for.
func (f tokenForm) request(days int) api.TokenRequest {
	actions := make([]api.Action, len(f.Actions))
	for i, a := range f.Actions {
		actions[i] = api.Action(a)
	}
	life := "0"
	if days > 0 {
		life = (time.Duration(days) * 24 * time.Hour).String()
	}
	req := api.TokenRequest{Name: f.Name, ExpiresIn: &life}
	if f.Repository != "" || f.Environment == "" {
		req.Permissions = append(req.Permissions, api.Permission{Repository: f.Repository, Actions: actions})
	}
	if f.Environment != "" {
		req.Permissions = append(req.Permissions, api.Permission{Environment: f.Environment, Actions: []api.Action{api.ActionRead, api.ActionDeploy}})
	}
	return req
}
