package ui

import (
	"bytes"
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"slipway/api"
	"slipway/api/client"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
)

// The policies allow a page our own style, scripts and forms: no inline script or style, no frame. Pictures of others it has by https, where the
// administrator allows them.
const (
	pagePolicy  = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; " + restPolicy
	plainPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " + restPolicy
	restPolicy  = "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

func (f *frame) showsPictures() bool { return f.pictures }

// policyOf is the policy of a page.
func policyOf(view any) string {
	if f, framed := view.(interface{ showsPictures() bool }); framed && f.showsPictures() {
		return pagePolicy
	}
	return plainPolicy
}

// pageVary are the headers that pages depend on.
const pageVary = "Accept, Authorization, Cookie"

// templates are all pages and components, which escape by context. They are parsed when the first page is asked for.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"asset": func(name string) string { return assets()[name].path },
		"when":  when, "size": size, "number": number, "short": short, "clip": clip, "versionName": versionName, "who": who, "userOf": userOf, "args": args, "plural": plural,
		"environmentPath": environmentPath, "deploymentPath": deploymentPath, "logPath": logPath, "subscriptionPath": subscriptionPath, "deliveryPath": deliveryPath,
		"userPath": userPath, "groupPath": groupPath, "count": count,
		"webLink": webLink, "maskedURL": maskedURL, "shortType": shortType,
		"upstreamsPath": upstreamsPath, "upstreamPath": upstreamPath, "rulesPath": rulesPath, "cachePath": cachePath, "settingsPath": settingsPath, "originPath": originPath, "managePath": managePath, "pullsPath": pullsPath,
		"repositoryPath": repositoryPath, "packagePath": packagePath, "versionPath": versionPath, "tagPath": tagPath, "insidePath": insidePath, "insideEntryPath": insideEntryPath, "comparePath": comparePath, "isArchive": isArchive, "join": strings.Join,
		"words": func(list ...string) string { return shellWords(list) }, "wordList": shellWords,
	}).ParseFS(files, "page/*.html"))
})

// write answers with a page. view embeds the frame.
func write(w http.ResponseWriter, r *http.Request, status int, name string, view any) error {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, view); err != nil {
		return err
	}
	h := w.Header()
	noStore(h, r)
	h.Set("Content-Security-Policy", policyOf(view))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	return httpserver.ServeOnce(w, r, status, httpserver.Document{Body: visible(b.Bytes()), ContentType: "text/html; charset=utf-8"})
}

// visible puts a sign in place of characters that change how text around them looks, or what a terminal does with text that was copied: control
// characters, and those that turn the direction of text. Names, texts and reasons come from clients.
func visible(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '\ufffd'
		}
		return r
	}, page)
}

// problemOf returns the error of the core that a problem of the API was made of; other errors stay.
func problemOf(err error) error {
	var e *client.Error
	if errors.As(err, &e) {
		return httpserver.ErrorOf(e.Type, e.Detail, e.RetryAfter)
	}
	return err
}

// problemView has the values of the page of an error.
type problemView struct {
	*frame
	Problem api.Problem
	Denied  bool // the visitor is known, and lacks a right
	LogIn   bool // other credentials may help
	Advice  string
	Again   string // address of the page that was asked for; "": asking again does not help, or changes something
	Command string // sends credentials with the request that failed; "": they were sent, or make no difference
	Why     string // address of the page that explains a refusal; "": no rule refused
	Place   *link  // to the repository that has what was asked for; nil: it is not known
}

// advices say what a visitor can do, by status.
var advices = map[int]string{
	http.StatusRequestEntityTooLarge: "What you sent is larger than the server takes. Send less at once.",
	http.StatusTooManyRequests:       "You asked too often, or from your address somebody did.",
	http.StatusInternalServerError:   "This is a fault of the server. Tell whoever runs it, with the number of the request.",
	http.StatusBadGateway:            "A registry elsewhere gave an answer that can't be used.",
	http.StatusServiceUnavailable:    "The server can't do this now. If you changed something, look first whether the change was made.",
	http.StatusInsufficientStorage:   "The server has no room left: nothing can be stored, and everything can be read. Tell whoever runs it.",
}

// adviceOf says what a visitor can do about an error, and when.
func adviceOf(status int, wait time.Duration) string {
	advice := advices[status]
	if wait > 0 {
		advice = strings.TrimSpace(advice + " Try again in " + plural(int64((wait+time.Second-1)/time.Second), "second", "seconds") + ".")
	}
	return advice
}

// failure answers browsers with a page, and other clients with a problem.
func (u *Pages) failure(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	w.Header().Set("Vary", pageVary)
	if httpserver.Accepts(r.Header, "text/html") == 0 {
		httpserver.Problem(w, r, e)
		return
	}
	if e.Kind == registry.Unauthenticated && isForBrowser(r) {
		if r.Method != http.MethodPost {
			_ = u.toLogin(w, r) // the client went away
			return
		}
		e = &registry.Error{Kind: registry.Denied, Subject: e.Subject, Detail: "nothing was done: log in first, or again if you were logged in"} // 401 would ask the browser for credentials
	}
	f := frameOf(r)
	if f == nil { // before the page's handler
		r = u.visitorOf(r, e)
		plain := r.Clone(r.Context())
		plain.URL.RawQuery = "" // it may be what is wrong
		var err error
		if f, err = u.newFrame(plain, page{past: true}); err != nil {
			httpserver.Problem(w, r, e)
			return
		}
	}
	httpserver.ErrorHeader(w.Header(), e)
	status := httpserver.StatusOf(e)
	v := problemView{frame: f, Problem: api.Problem{Title: http.StatusText(status), Status: status, Detail: e.Detail, RequestID: httpserver.RequestID(r.Context())}}
	v.Denied = e.Kind == registry.Denied && access.From(r.Context()).Type != access.TypeAnonymous
	v.LogIn = access.From(r.Context()).Type == access.TypeAnonymous && (status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound)
	v.Advice = adviceOf(status, e.RetryAfter)
	if v.Advice != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		v.Again = f.Base + r.URL.RequestURI()
	}
	f.JSON = ""
	f.Title = cmp.Or(v.Problem.Title, "Error") + " · Slipway"
	_ = write(w, r, status, "problem", v) // the client went away
}
