package ui

import (
	"net/http"

	"slipway/api"
	"slipway/api/client"
	"slipway/web/internal/wire"
)

const (
	sessionsPath  = mePath + "/sessions"
	sessionsLimit = 100 // of a page
)

// sessionsView has the values of the page with the browsers that the visitor is logged in with.
type sessionsView struct {
	meFrame
	Sessions []api.Session
	Next     string
	Others   bool // there are others than this one
}

// sessions answers GET /me/sessions?after=.
func (u *Pages) sessions(w http.ResponseWriter, r *http.Request, f meFrame) error {
	q, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	page, err := pageOf(q, sessionsLimit)
	if err != nil {
		return err
	}
	v := sessionsView{meFrame: f}
	for s, err := range u.api.Sessions(client.OnePage(r.Context(), &page), "") {
		if err != nil {
			return err
		}
		v.Sessions = append(v.Sessions, s)
		v.Others = v.Others || !s.Current
	}
	v.Next = f.next(page)
	v.about("Sessions", "sessions")
	v.crumb("You", mePath)
	return write(w, r, http.StatusOK, "me-sessions", v)
}

// endSessions answers POST /me/sessions: it ends one session, or all but this one.
func (u *Pages) endSessions(w http.ResponseWriter, r *http.Request, f meFrame) error {
	var err error
	if id := r.PostForm.Get("end"); id != "" {
		err = u.api.EndSession(r.Context(), id)
	} else if r.PostForm.Get("others") != "" {
		err = u.api.EndSessions(r.Context(), "")
	} else {
		err = wire.Invalid("say which session is to end")
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, sessionsPath)
}
