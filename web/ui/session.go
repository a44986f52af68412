package ui

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// The names of the cookie of a browser that is logged in. With https a browser keeps a cookie of the second name only where it is from this
// very host, over https and for all paths, so that no neighbour can plant one.
const (
	sessionCookie       = "slipway_session"
	secureSessionCookie = "__Host-" + sessionCookie
)

// maxFormBytes bounds the body of a form.
const maxFormBytes = 256 << 10

// csrfField is the field of every form that changes something.
const csrfField = "csrf"

type sessionKey struct{}

// sessionOf returns the secret of the session that a request came in by; "": it came by other credentials, or by none.
func sessionOf(ctx context.Context) string {
	secret, _ := ctx.Value(sessionKey{}).(string)
	return secret
}

// overHTTPS reports whether people reach the pages by https.
func (u *Pages) overHTTPS(r *http.Request) bool {
	return strings.HasPrefix(u.server.BaseURL(r), "https:")
}

func (u *Pages) cookie(r *http.Request, secret string, life int) *http.Cookie {
	c := &http.Cookie{Name: sessionCookie, Value: secret, Path: "/", MaxAge: life, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if u.overHTTPS(r) {
		c.Name, c.Secure = secureSessionCookie, true
	}
	return c
}

// setSession gives the browser the secret of its session.
func (u *Pages) setSession(w http.ResponseWriter, r *http.Request, secret string) {
	http.SetCookie(w, u.cookie(r, secret, int(access.SessionLife.Seconds())))
}

// dropSession takes the cookie from the browser.
func (u *Pages) dropSession(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, u.cookie(r, "", -1))
}

// secretOf returns the secret in the cookie of a request; "" without one. Other credentials come before it: with them the cookie is nothing.
func (u *Pages) secretOf(r *http.Request) string {
	if r.Header.Get("Authorization") != "" {
		return ""
	}
	c, err := r.Cookie(u.cookie(r, "", 0).Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// caller returns a request with its caller in the context: by its credentials, as everywhere, or by the cookie of a browser that is logged
// in, which nothing but the pages takes. Of a session that has ended, the browser is a visitor like any other. Unauthenticated.
func (u *Pages) caller(r *http.Request) (*http.Request, error) {
	secret := u.secretOf(r)
	if secret == "" {
		return u.server.Authenticate(r)
	}
	ctx := u.server.From(r)
	actor, err := u.accounts.BySession(ctx, secret)
	switch {
	case err == nil:
		return r.WithContext(context.WithValue(u.server.As(ctx, actor), sessionKey{}, secret)), nil
	case registry.KindOf(err) == registry.Unauthenticated:
		return u.server.Authenticate(r)
	}
	return r, err
}

// csrfToken is what the forms of a session carry: a page of another site can't know it. "" without a session, where there is no cookie by
// which a form could act.
func csrfToken(secret string) string {
	if secret == "" {
		return ""
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("slipway form"))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// noStore lets a browser keep nothing of what it is answered while somebody is logged in: who sits there after the logout finds nothing.
func noStore(h http.Header, r *http.Request) {
	if access.From(r.Context()).Type != access.TypeAnonymous {
		h.Set("Cache-Control", "no-store")
	}
}

// parseForm reads the form of a request into PostForm. With own, it refuses one that does not come from a page of this session. httpserver
// has refused what a browser sends for a page of another site. Invalid, TooLarge, Denied.
func parseForm(w http.ResponseWriter, r *http.Request, own bool) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return wire.Invalid("a page takes the fields of its form, as application/x-www-form-urlencoded; programs use the API")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return &registry.Error{Kind: registry.TooLarge, Subject: registry.AboutRequest, Detail: "the form is too large"}
	} else if err != nil {
		return wire.Invalid("the form can't be read")
	}
	for _, values := range r.PostForm {
		for _, v := range values {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return wire.Invalid("the form is not UTF-8")
			}
		}
	}
	if want := csrfToken(sessionOf(r.Context())); own && !hmac.Equal([]byte(r.PostForm.Get(csrfField)), []byte(want)) && want != "" {
		return registry.Errorf(registry.Denied, registry.AboutRequest, "this form was made before you logged in, or is not from here, and nothing was done: load the page again")
	}
	return nil
}

// maxNextBytes bounds the path that a login leads back to.
const maxNextBytes = 2000

// localPath returns the path of one of our own pages that a login leads back to: next, or "/" where that is no such path. A path that
// begins with two slashes would be another host's.
func localPath(next string) string {
	odd := func(c rune) bool { return c == '\\' || unicode.IsSpace(c) || unicode.IsControl(c) }
	u, err := url.Parse(next)
	if err != nil || len(next) > maxNextBytes || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, odd) ||
		u.Host != "" || u.Scheme != "" || u.Path == loginPath || u.Path == logoutPath {
		return "/"
	}
	return next
}

// loginLink is the address of the login, which leads back to the page that a request asks for.
func (u *Pages) loginLink(r *http.Request) string {
	link := u.server.BaseURL(r) + loginPath
	if next := localPath(r.URL.RequestURI()); next != "/" && r.Method != http.MethodPost {
		link += "?next=" + url.QueryEscape(next)
	}
	return link
}

// toLogin sends a browser without credentials to the login. A browser that comes from another site keeps its cookie back (SameSite=Strict)
// until a page of ours asks: then it is asked to load the page once more.
func (u *Pages) toLogin(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && u.secretOf(r) == "" {
		return write(w, r, http.StatusOK, "again", struct{ Address string }{u.server.BaseURL(r) + r.URL.RequestURI()})
	}
	if u.secretOf(r) != "" {
		u.dropSession(w, r)
	}
	http.Redirect(w, r, u.loginLink(r), http.StatusSeeOther)
	return nil
}

// seeOther leads a browser to a page after its form was taken.
func (u *Pages) seeOther(w http.ResponseWriter, r *http.Request, path string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, u.server.BaseURL(r)+path, http.StatusSeeOther)
	return nil
}

// isForBrowser reports whether an error is answered to a browser that sent no credentials, and that therefore can log in by the form.
func isForBrowser(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && httpserver.Accepts(r.Header, "text/html") > 0
}
