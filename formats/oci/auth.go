package oci

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
)

// action is the right that a route needs, in the words of Docker's token scopes.
type action string

// Actions. Handlers of public routes check credentials themselves.
const (
	public  action = ""
	pull    action = "pull"
	push    action = "push"
	remove  action = "delete"
	listAll action = "catalog"
	login   action = "login" // the token endpoint, whose 401 can't ask for a token
)

// authenticator accepts the credentials of every protocol, and session tokens of the token endpoint. A session token that was
// not requested for the route's action gets 401, whose challenge makes the client request it. The core decides on every
// request what the caller may do, as for any other credential.
func (h *handlers) authenticator(need action) httpserver.Authenticator {
	return func(r *http.Request) (*http.Request, error) {
		c := httpserver.Credentials(r)
		if !isSession(c.Token) {
			return h.site.Authenticate(r)
		}
		s, err := h.open(c.Token)
		if err != nil {
			return r, err
		}
		actor, err := h.svc.Accounts.Resume(h.site.From(r), s.Proof)
		if err != nil {
			return r, err
		}
		if !s.Scopes.cover(need, fullName(r)) {
			return r, &registry.Error{Kind: registry.Unauthenticated, Subject: registry.AboutRequest, Err: errScope,
				Detail: "the token was not asked for " + need.scope(fullName(r))}
		}
		return r.WithContext(h.site.As(r.Context(), actor)), nil
	}
}

var errScope = errors.New("oci: the token does not cover the request")

// scope is the scope of a challenge.
func (a action) scope(image string) string {
	switch a {
	case listAll:
		return "registry:catalog:*"
	case push:
		return "repository:" + image + ":pull,push"
	case pull, remove:
		return "repository:" + image + ":" + string(a)
	}
	return ""
}

// challenge is the WWW-Authenticate of a 401. Names of our choice are in lower case, because one client folds the whole
// header; and there is a single challenge, because older clients read the first only.
func (h *handlers) challenge(r *http.Request, need action, e *registry.Error) string {
	base := h.site.BaseURL(r)
	host := base
	if u, err := url.Parse(base); err == nil {
		host = u.Host
	}
	text := `Bearer realm="` + base + tokenPath + `",service="` + strings.ToLower(host) + `"`
	if image := fullName(r); need == listAll || nameGrammar.MatchString(image) {
		if s := need.scope(image); s != "" {
			text += `,scope="` + s + `"`
		}
	}
	if errors.Is(e.Err, errScope) {
		text += `,error="insufficient_scope"`
	}
	return text
}

// ping answers GET /v2/ (end-1): 200 for valid credentials, else 401, even if anonymous callers may read: by this answer
// clients decide whether to send their credentials at all.
func (h *handlers) ping(w http.ResponseWriter, r *http.Request) error {
	anonymous := httpserver.Credentials(r).Empty()
	if _, err := h.authenticator(public)(r); err != nil {
		return err
	}
	if anonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in, or ask for a token without logging in")
	}
	apiVersion(w)
	return httpserver.JSON(w, http.StatusOK, struct{}{})
}

// rights are the actions of the core behind each action of a scope.
func (a action) rights() []access.Action {
	switch a {
	case pull:
		return []access.Action{access.Read}
	case push:
		return []access.Action{access.Publish, access.Tag}
	case remove:
		return []access.Action{access.Delete, access.Tag}
	}
	return nil
}
