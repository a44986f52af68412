package ui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
)

// fileAdvices say what a visitor can do whose browser asked a format for a file or a document, by status.
var fileAdvices = map[int]string{
	http.StatusUnauthorized: "To be logged in to these pages is not enough for a file. Load it again, and the browser asks for a user name and a password, or a token in the password's place.",
	http.StatusNotFound:     "It was never here, is here under another name, or was deleted. The pages of its repository tell.",
}

// fileProblem shows a person an error of a format: the address of a file or a document that was opened in a browser.
func (u *Pages) fileProblem(w http.ResponseWriter, r *http.Request, e *registry.Error, status int) {
	sent := r.Header.Get("Authorization") != "" // a session counts for pages alone
	r = u.visitorOf(r, e)
	plain := r.Clone(r.Context())
	plain.URL.RawQuery = "" // it is for the format
	f, err := u.newFrame(plain, page{})
	if err != nil {
		httpserver.Problem(w, r, e)
		return
	}
	f.LoginLink = f.Base + loginPath // which can't lead back to the file
	f.Title = cmp.Or(http.StatusText(status), "Error") + " · Slipway"
	httpserver.ErrorHeader(w.Header(), e)
	v := problemView{frame: f, Problem: api.Problem{Title: http.StatusText(status), Status: status, Detail: e.Detail, RequestID: httpserver.RequestID(r.Context())},
		Denied: e.Kind == registry.Denied && sent}
	v.Advice = strings.TrimSpace(fileAdvices[status] + " " + adviceOf(status, e.RetryAfter))
	address := f.Base + r.URL.RequestURI()
	if advices[status] != "" {
		v.Again = address
	}
	if !sent && (status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound) {
		flags := "-fLO"
		if strings.HasSuffix(r.URL.Path, "/") {
			flags = "-fL" // there is no name for a file
		}
		v.Command = shellWords([]string{"curl", flags, "-u", "NAME:TOKEN", address})
	}
	var refused *registry.Refused
	if errors.As(e, &refused) {
		v.Why = f.Link(whyRoot + "/" + url.PathEscape(refused.ID))
	}
	v.Place = u.placeOf(r)
	_ = write(w, r, status, "problem", v) // the client went away
}

// placeOf is the page of the repository that the address of a file names, which all formats have behind their own name; nil where the
// visitor sees no such repository.
func (u *Pages) placeOf(r *http.Request) *link {
	parts := strings.SplitN(r.URL.Path, "/", 4)
	if len(parts) < 3 || parts[2] == "" {
		return nil
	}
	if _, err := u.api.Repository(r.Context(), parts[2]); err != nil {
		return nil
	}
	return &link{Text: parts[2], Link: u.server.BaseURL(r) + repositoryPath(parts[2])}
}

// visitorOf returns a request that failed with its visitor in the context. Credentials that were what is wrong are not looked at again: that
// would count as another wrong password.
func (u *Pages) visitorOf(r *http.Request, e *registry.Error) *http.Request {
	if (e.Kind == registry.Unauthenticated || e.Kind == registry.TooMany) && r.Header.Get("Authorization") != "" {
		return r
	}
	if with, err := u.caller(r); err == nil {
		return with
	}
	return r
}
