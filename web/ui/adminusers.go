package ui

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

const (
	usersLimit      = 100 // of a page
	userTokensLimit = 50
)

// usersView has the values of the list of users.
type usersView struct {
	adminFrame
	Users []userItem
	Next  string
	Part  string
}

// userItem is a user with its rights in words.
type userItem struct {
	api.User
	Rights []rightOf
}

// users answers GET /admin/users?after=.
func (u *Pages) users(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, usersLimit)
	if err != nil {
		return err
	}
	v := usersView{adminFrame: f}
	for user, err := range u.api.Users(client.OnePage(r.Context(), &page)) {
		if err != nil {
			return err
		}
		v.Users = append(v.Users, userItem{user, rightsOf("", user.Permissions)})
	}
	v.Next = f.next(page)
	f.about("Users", "users")
	return write(w, r, http.StatusOK, "admin-users", v)
}

// newUserView has the values of the page with the form of a new user.
type newUserView struct {
	adminFrame
	Form  struct{ Name, Kind string }
	Right rightChoices
}

// newUser answers GET /admin/users/new.
func (u *Pages) newUser(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeNewUser(w, r, http.StatusOK, newUserView{adminFrame: f})
}

func (u *Pages) writeNewUser(w http.ResponseWriter, r *http.Request, status int, v newUserView) (err error) {
	if v.Right, err = u.rightChoices(r.Context(), rightFormOf(r)); err != nil {
		return err
	}
	v.crumb("Users", usersPath)
	v.about("New user", "users")
	return write(w, r, status, "admin-user-new", v)
}

// createUser answers POST /admin/users/new.
func (u *Pages) createUser(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	v := newUserView{adminFrame: f}
	v.Form.Name, v.Form.Kind = strings.TrimSpace(r.PostForm.Get("name")), r.PostForm.Get("kind")
	req := api.NewUser{Name: v.Form.Name, Kind: v.Form.Kind}
	var err error
	if v.Form.Kind != "service" {
		req.Password, err = newPassword(r)
	}
	if right := rightFormOf(r); err == nil && (right.Name != "" || len(right.Actions) > 0 || right.Role != "") {
		var p api.Permission
		p, err = right.permission()
		req.Permissions = &[]api.Permission{p}
	}
	var made api.User
	if err == nil {
		made, err = u.api.CreateUser(r.Context(), req)
	}
	if status, ok := v.refuse("create", err); ok {
		return u.writeNewUser(w, r, status, v)
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, userPath(made.Name))
}

// newPassword returns the password that a form has twice. Invalid, as the API says it.
func newPassword(r *http.Request) (*string, error) {
	password := r.PostForm.Get("password")
	switch {
	case password == "":
		return nil, formError(http.StatusBadRequest, "give a password")
	case password != r.PostForm.Get("again"):
		return nil, formError(http.StatusBadRequest, "the two passwords differ: nothing was changed")
	}
	return &password, nil
}

// userView has the values of a user's page.
type userView struct {
	adminFrame
	User     api.User
	Service  bool
	Self     bool // it is the visitor
	Rights   []rightOf
	Right    rightChoices
	Tokens   []tokenItem
	Next     string
	All      bool // tokens that are not valid any more too
	Sessions []api.Session
	More     bool // sessions
}

// user answers GET /admin/users/{name}?all=&after=.
func (u *Pages) user(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeUser(w, r, http.StatusOK, userView{adminFrame: f})
}

func (u *Pages) writeUser(w http.ResponseWriter, r *http.Request, status int, v userView) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	if v.User, err = u.api.User(r.Context(), name); err != nil {
		return err
	}
	v.Service, v.Self = v.User.Kind == "service", v.Caller == v.User.Name
	v.Rights = rightsOf("", v.User.Permissions)
	for _, group := range v.User.Groups {
		g, err := u.api.Group(r.Context(), group)
		if client.IsStatus(err, http.StatusNotFound) {
			continue // it was deleted just now
		}
		if err != nil {
			return err
		}
		v.Rights = append(v.Rights, rightsOf(g.Name, g.Permissions)...)
	}
	if v.Right, err = u.rightChoices(r.Context(), rightFormOf(r)); err != nil {
		return err
	}
	if err := u.userTokens(r, &v); err != nil {
		return err
	}
	v.Sessions, v.More, err = firstOf(r.Context(), sessionsLimit, func(ctx context.Context) iter.Seq2[api.Session, error] { return u.api.Sessions(ctx, name) })
	if err != nil {
		return err
	}
	v.crumb("Users", usersPath)
	v.about("User "+v.User.Name, "users", name)
	return write(w, r, status, "admin-user", v)
}

func (u *Pages) userTokens(r *http.Request, v *userView) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	all, err := q.Text("all")
	if err != nil {
		return err
	}
	page, err := pageOf(q, userTokensLimit)
	if err != nil {
		return err
	}
	v.All = all != ""
	for t, err := range u.api.TokensLike(client.OnePage(r.Context(), &page), client.TokenFilter{User: v.User.Name, Valid: !v.All}) {
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
	return nil
}

// changeUser answers POST /admin/users/{name}: it does what the button that was pressed says.
func (u *Pages) changeUser(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	do := r.PostForm.Get("do")
	v := userView{adminFrame: f}
	err = u.doUser(r, name, do)
	if status, ok := v.refuse(do, err); ok && !client.IsStatus(err, http.StatusNotFound) {
		return u.writeUser(w, r, status, v)
	}
	if err != nil {
		return err
	}
	if do == "delete" {
		return u.seeOther(w, r, usersPath)
	}
	return u.seeOther(w, r, userPath(name))
}

func (u *Pages) doUser(r *http.Request, name, do string) error {
	ctx := r.Context()
	change := func(c api.UserChange) error {
		_, err := u.api.ChangeUser(ctx, name, c)
		return err
	}
	switch do {
	case "disable", "enable":
		disabled := do == "disable"
		return change(api.UserChange{Disabled: &disabled})
	case "password":
		password, err := newPassword(r)
		if err != nil {
			return err
		}
		return change(api.UserChange{Password: password})
	case "grant", "ungrant":
		user, err := u.api.User(ctx, name)
		if err != nil {
			return err
		}
		rights, err := changedRights(r, user.Permissions)
		if err != nil {
			return err
		}
		return change(api.UserChange{Permissions: &rights})
	case "revoke":
		return u.api.RevokeToken(ctx, r.PostForm.Get("token"))
	case "end":
		return u.api.EndSession(ctx, r.PostForm.Get("session"))
	case "end-all":
		return u.api.EndSessions(ctx, name)
	case "delete":
		if err := confirmed(r, name); err != nil {
			return err
		}
		return u.api.DeleteUser(ctx, name)
	}
	return doesNothing()
}

// changedRights are permissions with the one more that the form describes, or without the one that it names.
func changedRights(r *http.Request, now []api.Permission) ([]api.Permission, error) {
	if r.PostForm.Get("do") == "ungrant" {
		return without(now, r.PostForm.Get("right"))
	}
	more, err := rightFormOf(r).permission()
	if err != nil {
		return nil, err
	}
	return append(now[:len(now):len(now)], more), nil
}

// userTokenView has the values of the page that makes a token for a user.
type userTokenView struct {
	adminFrame
	New    tokenChoices
	User   string
	Secret string // of the token that was made just now; this is the only page that ever has it
	Made   string // its name
}

// newUserToken answers GET /admin/users/{name}/tokens/new.
func (u *Pages) newUserToken(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	return u.writeUserToken(w, r, http.StatusOK, userTokenView{adminFrame: f, New: tokenChoices{Form: proposedToken()}})
}

func (u *Pages) writeUserToken(w http.ResponseWriter, r *http.Request, status int, v userTokenView) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	user, err := u.api.User(r.Context(), name)
	if err != nil {
		return err
	}
	v.User = user.Name
	if err := u.offer(r.Context(), &v.New); err != nil {
		return err
	}
	v.crumb("Users", usersPath)
	v.crumb(user.Name, userPath(user.Name))
	v.about("New token of "+user.Name, "tokens")
	return write(w, r, status, "admin-user-token", v)
}

// createUserToken answers POST /admin/users/{name}/tokens/new: it shows the secret of the token this once.
func (u *Pages) createUserToken(w http.ResponseWriter, r *http.Request, f adminFrame) error {
	name, err := wire.Segment(r, "name")
	if err != nil {
		return err
	}
	v := userTokenView{adminFrame: f}
	if v.New.Form, err = tokenFormOf(r); err != nil {
		return err
	}
	req := v.New.Form.request()
	req.User = name
	made, err := u.api.CreateToken(r.Context(), req)
	if status, ok := v.refuse("token", err); ok && !client.IsStatus(err, http.StatusNotFound) {
		return u.writeUserToken(w, r, status, v)
	}
	if err != nil {
		return err
	}
	v.Secret, v.Made = made.Secret, cmp.Or(made.Name, "token")
	return u.writeUserToken(w, r, http.StatusOK, v)
}
