package ui

import (
	"context"
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
	Tokens []tokenItem
	Next   string
	Secret string // of the token that was made just now; this is the only page that ever has it
	New    tokenChoices
}

// tokenChoices are what the form for a new token holds, and offers.
type tokenChoices struct {
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
	return u.writeTokens(w, r, http.StatusOK, tokensView{meFrame: f, New: tokenChoices{Form: proposedToken()}})
}

// proposedToken is the form for a new token as it is shown first.
func proposedToken() tokenForm {
	return tokenForm{Repository: registry.DefaultRepository, Actions: []string{string(api.ActionRead)}, Days: proposedLife}
}

// offer fills in what the form for a new token offers.
func (u *Pages) offer(ctx context.Context, c *tokenChoices) error {
	for _, a := range []api.Action{api.ActionRead, api.ActionPublish, api.ActionTag, api.ActionDelete, api.ActionDeploy} {
		c.Actions = append(c.Actions, choice{string(a), actionWords[a], slices.Contains(c.Form.Actions, string(a))})
	}
	for _, days := range lives {
		text := plural(int64(days), "day", "days")
		if days == 0 {
			text = "until it is revoked"
		}
		c.Lives = append(c.Lives, choice{strconv.Itoa(days), text, days == c.Form.Days})
	}
	some, more, err := firstOf(ctx, maxListed, u.api.Repositories)
	for _, repo := range some {
		c.Repositories = append(c.Repositories, repo.Name)
	}
	if c.Form.Repository == registry.DefaultRepository && len(c.Repositories) > 0 && !more && !slices.Contains(c.Repositories, registry.DefaultRepository) {
		c.Form.Repository = c.Repositories[0]
	}
	return err
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
	if err := u.offer(r.Context(), &v.New); err != nil {
		return err
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
	form, err := tokenFormOf(r)
	if err != nil {
		return err
	}
	v := tokensView{meFrame: f, New: tokenChoices{Form: form}}
	made, err := u.api.CreateToken(r.Context(), form.request())
	if e := (*client.Error)(nil); asProblem(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusForbidden) {
		v.Error = e.Detail
		return u.writeTokens(w, r, e.Status, v)
	}
	if err != nil {
		return err
	}
	v.Secret, v.Done = made.Secret, made.Name
	v.New.Form = tokenForm{Repository: form.Repository, Actions: form.Actions, Days: form.Days}
	return u.writeTokens(w, r, http.StatusOK, v)
}

// tokenFormOf reads the form for a new token. Invalid.
func tokenFormOf(r *http.Request) (tokenForm, error) {
	form := tokenForm{Name: strings.TrimSpace(r.PostForm.Get("name")), Repository: strings.TrimSpace(r.PostForm.Get("repository")),
		Environment: strings.TrimSpace(r.PostForm.Get("environment")), Actions: r.PostForm["action"]}
	var err error
	if form.Days, err = strconv.Atoi(r.PostForm.Get("days")); err != nil || form.Days < 0 || form.Days > 36500 {
		return form, wire.Invalid("days: how long the token lives is a number of days, or 0")
	}
	return form, nil
}

// request is the token that the form asks for.
func (f tokenForm) request() api.TokenRequest {
	actions := make([]api.Action, len(f.Actions))
	for i, a := range f.Actions {
		actions[i] = api.Action(a)
	}
	life := "0"
	if f.Days > 0 {
		life = (time.Duration(f.Days) * 24 * time.Hour).String()
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
