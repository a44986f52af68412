package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"slipway/api"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// frame has the values that every page shows; the view of a page embeds it.
type frame struct {
	Title     string // of the document
	Program   string // its version
	Base      string // public address without trailing slash
	Caller    string // "": the visitor is not logged in
	CSRF      string // what forms of this session carry; "": the visitor is in no session
	LoginLink string // address of the login, which leads back to this page
	Query     string // what the search box holds
	Crumbs    []link // from the front page down to the page above this one
	Nav       []link
	JSON      string // address of the same in the API; "": there is none
	AsOf      string // the moment that is shown, as ?as_of= says it; "": now
	Past      bool   // the page can show the past
	Now       string // address of this page without as_of
	Keep      []param

	base     *url.URL // of the request
	pictures bool     // the pictures of readmes are shown
}

// link is a text that leads somewhere.
type link struct {
	Text, Link string
	Current    bool
}

// param is a parameter of the page that the form of the banner keeps.
type param struct{ Name, Value string }

type frameKey struct{}

// frameOf returns the frame of the page that a request is for; Pages.handle has made it.
func frameOf(r *http.Request) *frame {
	f, _ := r.Context().Value(frameKey{}).(*frame)
	return f
}

// newFrame makes the frame of a page for this visitor. Invalid.
func (u *Pages) newFrame(r *http.Request, p page) (*frame, error) {
	f := &frame{Title: "Slipway", Program: u.program, Base: u.server.BaseURL(r), Past: p.past, base: r.URL, pictures: u.pictures, CSRF: csrfToken(sessionOf(r.Context())), LoginLink: u.loginLink(r)}
	caller := access.From(r.Context())
	if caller.Type != access.TypeAnonymous {
		f.Caller = caller.Name
	}
	q, err := wire.ParseQuery(r)
	if err != nil {
		return nil, err
	}
	if f.AsOf, err = momentOf(q); err != nil {
		return nil, err
	}
	for _, item := range u.nav {
		if item.needs == nil || item.needs(caller) {
			f.Nav = append(f.Nav, link{Text: item.nav, Link: f.Link(item.path), Current: item.name == p.name})
		}
	}
	f.Now = f.with("as_of", "")
	for name, values := range q {
		if name != "as_of" && name != "login" {
			f.Keep = append(f.Keep, param{name, values[0]})
		}
	}
	slices.SortFunc(f.Keep, func(a, b param) int { return strings.Compare(a.Name, b.Name) })
	return f, nil
}

// momentOf reads ?as_of= as the API does. The time of a form's field, which has no zone, is taken for UTC. Invalid.
func momentOf(q wire.Query) (string, error) {
	text, err := momentIn(q, "as_of")
	if said, _ := q.Text("as_of"); err == nil && said == text {
		_, err = q.AsOf()
	}
	return text, err
}

// momentIn reads a parameter that is a moment, which the API looks at.
func momentIn(q wire.Query, name string) (string, error) {
	text, err := q.Text(name)
	if err != nil {
		return "", err
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.RFC3339), nil
		}
	}
	return text, nil
}

// Link is the address of a page or of a document of the API, given by its path with its query: below the public address, at the moment that
// this page shows.
func (f *frame) Link(path string) string {
	if f.AsOf == "" {
		return f.Base + path
	}
	path, fragment, cut := strings.Cut(path, "#")
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	path = f.Base + path + join + "as_of=" + url.QueryEscape(f.AsOf)
	if cut {
		path += "#" + fragment
	}
	return path
}

// with is the address of this page with another value of a parameter; "" leaves it out. Where the parameter is not the cursor of a list, the
// list begins anew.
func (f *frame) with(name, value string) string {
	q := f.base.Query()
	q.Del("login")
	if name != "after" {
		q.Del("after")
	}
	if q.Del(name); value != "" {
		q.Set(name, value)
	}
	if f.AsOf != "" && name != "as_of" {
		q.Set("as_of", f.AsOf)
	}
	address := f.Base + f.base.EscapedPath()
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	return address
}

// With is with, for templates.
func (f *frame) With(name, value string) string { return f.with(name, value) }

// crumb adds a page above this one; path is as in Link.
func (f *frame) crumb(text, path string) {
	f.Crumbs = append(f.Crumbs, link{Text: text, Link: f.Link(path)})
}

// about sets the title, and the same in the API by the segments of its path there.
func (f *frame) about(title string, segments ...string) {
	f.Title = title + " · Slipway"
	if len(segments) > 0 {
		f.JSON = f.Link(api.Prefix + joined(segments))
	}
}

// joined is a path of segments, each one escaped.
func joined(segments []string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}
