package ui

import (
	"net/http"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/web/internal/wire"
)

// Paths of the pages that log a browser in and out.
const (
	loginPath  = "/login"
	logoutPath = "/logout"
)

func (u *Pages) loginPages() []page {
	return []page{
		{path: loginPath, name: "web.login", show: u.loginForm, act: u.login, open: true},
		{path: logoutPath, name: "web.logout", show: u.logoutForm, act: u.logout, open: true},
	}
}

// loginView has the values of the login.
type loginView struct {
	*frame
	User  string // as typed
	Next  string // the path that the login leads back to
	Error string
}

// loginForm answers GET /login?next=. Who is logged in goes on.
func (u *Pages) loginForm(w http.ResponseWriter, r *http.Request) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	text, err := q.Text("next")
	if err != nil {
		return err
	}
	next := localPath(text)
	if sessionOf(r.Context()) != "" {
		return u.seeOther(w, r, next)
	}
	return u.writeLogin(w, r, http.StatusOK, loginView{Next: next})
}

func (u *Pages) writeLogin(w http.ResponseWriter, r *http.Request, status int, v loginView) error {
	v.frame = frameOf(r)
	v.about("Log in")
	w.Header().Set("Cache-Control", "no-store")
	return write(w, r, status, "login-page", v)
}

// login answers POST /login. Whatever is wrong with a name and a password, the answer is the same.
func (u *Pages) login(w http.ResponseWriter, r *http.Request) error {
	v := loginView{User: r.PostForm.Get("user"), Next: localPath(r.PostForm.Get("next"))}
	secret, _, err := u.accounts.StartSession(u.server.From(r), accounts.SessionRequest{
		User: v.User, Password: r.PostForm.Get("password"), Agent: r.UserAgent(), Former: u.secretOf(r)})
	if err == nil {
		u.setSession(w, r, secret)
		return u.seeOther(w, r, v.Next)
	}
	e := registry.AsError(err)
	v.Error = e.Detail
	switch e.Kind {
	case registry.Unauthenticated: // 401 would ask the browser for credentials
		return u.writeLogin(w, r, http.StatusForbidden, v)
	case registry.Invalid, registry.TooMany:
		httpserver.ErrorHeader(w.Header(), e)
		return u.writeLogin(w, r, httpserver.StatusOf(e), v)
	}
	return err
}

// logoutForm answers GET /logout, which does nothing by itself: a picture on another site's page could ask for it.
func (u *Pages) logoutForm(w http.ResponseWriter, r *http.Request) error {
	f := frameOf(r)
	f.about("Log out")
	return write(w, r, http.StatusOK, "logout-page", struct{ *frame }{f})
}

// logout answers POST /logout: the session ends, and with it every copy of the cookie.
func (u *Pages) logout(w http.ResponseWriter, r *http.Request) error {
	if id := access.From(r.Context()).WebSession; id != 0 {
		if err := u.accounts.EndSession(r.Context(), id); err != nil {
			return err
		}
	}
	u.dropSession(w, r)
	return u.seeOther(w, r, "/")
}
