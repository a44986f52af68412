package oci

import (
	"net/http"
	"time"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
)

const (
	tokenPath         = "/token"
	maxTokenFormBytes = 64 << 10
)

// tokenAnswer is the body of both requests; GET's clients read token, POST's access_token.
type tokenAnswer struct {
	Token       string `json:"token,omitempty"`
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope,omitempty"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	IssuedAt    string `json:"issued_at"`
}

// token answers GET /token of Docker's token authentication: credentials by Basic, or none for an anonymous token. A caller
// with too few rights gets a token too; the routes where it is used check the rights. There is never a refresh token, because
// docker would store it instead of the password.
func (h *handlers) token(w http.ResponseWriter, r *http.Request) error {
	actor, err := h.svc.Accounts.Authenticate(h.site.From(r), httpserver.Credentials(r))
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "the query can't be read")
	}
	answer, err := h.issue(r, actor)
	if err != nil {
		return err
	}
	answer.Token = answer.AccessToken
	return h.answerToken(w, answer)
}

// tokenForm answers POST /token (OAuth 2): grant_type=password, or refresh_token with a Slipway token as the refresh token, as
// a credential helper may send.
func (h *handlers) tokenForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxTokenFormBytes)
	if err := r.ParseForm(); err != nil {
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "the form can't be read, or is larger than %d bytes", maxTokenFormBytes)
	}
	var c access.Credentials
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "password":
		c = httpserver.UserPassword(r.PostForm.Get("username"), r.PostForm.Get("password"))
	case "refresh_token":
		c = access.Credentials{Token: r.PostForm.Get("refresh_token")}
		if c.Empty() {
			return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "the refresh token is empty")
		}
	default:
		return registry.Errorf(registry.Invalid, registry.AboutRequest, "grant_type %q is not supported: password or refresh_token", formats.Clip(grant))
	}
	actor, err := h.svc.Accounts.Authenticate(h.site.From(r), c)
	if err != nil {
		return err
	}
	answer, err := h.issue(r, actor)
	if err != nil {
		return err
	}
	return h.answerToken(w, answer)
}

func (h *handlers) issue(r *http.Request, actor access.Actor) (tokenAnswer, error) {
	h.site.As(r.Context(), actor) // for the access log
	want, err := asked(r)
	if err != nil {
		return tokenAnswer{}, err
	}
	now := h.now()
	text, err := h.seal(session{Proof: actor.Proof(), Scopes: want, Expires: now.Add(sessionTTL).Unix()})
	return tokenAnswer{AccessToken: text, Scope: want.granted(actor), ExpiresIn: int(sessionTTL / time.Second),
		IssuedAt: now.UTC().Format(time.RFC3339)}, err
}

func (h *handlers) answerToken(w http.ResponseWriter, a tokenAnswer) error {
	w.Header().Set("Cache-Control", "no-store")
	return httpserver.JSON(w, http.StatusOK, a)
}
