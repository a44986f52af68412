package ui

import (
	"errors"
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/registry/accounts"
	"slipway/web/internal/wire"
)

const passwordPath = mePath + "/password"

// passwordForm answers GET /me/password.
func (u *Pages) passwordForm(w http.ResponseWriter, r *http.Request, f meFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	if _, done := q["changed"]; done {
		f.Done = "Your password is changed. Other browsers and logins have to use the new one; tokens stay."
	}
	return u.writePassword(w, r, http.StatusOK, f)
}

func (u *Pages) writePassword(w http.ResponseWriter, r *http.Request, status int, f meFrame) error {
	f.about("Password", "users", f.Visitor.Name)
	f.crumb("You", mePath)
	return write(w, r, status, "me-password", f)
}

// changePassword answers POST /me/password. The browser goes on in a session with another secret: who has stolen the former one has nothing.
func (u *Pages) changePassword(w http.ResponseWriter, r *http.Request, f meFrame) error {
	current, password := r.PostForm.Get("current"), r.PostForm.Get("password")
	if password != r.PostForm.Get("again") {
		f.Error = "The new password was not typed the same both times."
		return u.writePassword(w, r, http.StatusBadRequest, f)
	}
	_, err := u.api.ChangeUser(r.Context(), f.Visitor.Name, api.UserChange{Password: &password, CurrentPassword: &current})
	if e := (*client.Error)(nil); asProblem(err, &e) && e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError && e.Status != http.StatusUnauthorized {
		f.Error = e.Detail
		return u.writePassword(w, r, e.Status, f)
	}
	if err != nil {
		return err
	}
	if was := sessionOf(r.Context()); was != "" {
		secret, _, err := u.accounts.StartSession(u.server.From(r), accounts.SessionRequest{User: f.Visitor.Name, Password: password, Agent: r.UserAgent(), Former: was})
		if err != nil {
			return err
		}
		u.setSession(w, r, secret)
	}
	return u.seeOther(w, r, passwordPath+"?changed")
}

// asProblem finds the problem that the API has answered with.
func asProblem(err error, to **client.Error) bool { return errors.As(err, to) }
