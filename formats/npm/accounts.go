package npm

import (
	"context"
	"net/http"
	"strings"
	"time"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

// loginTTL is how long a token from npm login is valid.
const loginTTL = 90 * 24 * time.Hour

const userPrefix = "org.couchdb.user:"

// whoami answers GET /-/whoami.
func (*handlers) whoami(w http.ResponseWriter, r *http.Request, _ target) error {
	a := access.From(r.Context())
	return httpserver.JSON(w, http.StatusOK, map[string]string{"username": a.Name})
}

// user answers GET /-/user/org.couchdb.user:<name>; npm owner asks before it adds a maintainer. Maintainers are only shown and
// have no rights, so every possible user name is answered, and the answer does not reveal which users exist.
func (*handlers) user(w http.ResponseWriter, r *http.Request, t target) error {
	if len(t.user) > maxNameBytes {
		return registry.Errorf(registry.NotFound, registry.AboutUser, "There is no such user.")
	}
	return httpserver.JSON(w, http.StatusOK, map[string]string{"_id": userPrefix + t.user, "name": t.user, "email": ""})
}

// loggedIn is the answer to a login: npm needs token, Yarn 1 a truthy ok.
type loggedIn struct {
	OK    bool   `json:"ok"`
	ID    string `json:"id"`
	Rev   string `json:"rev"`
	Token string `json:"token"`
}

// login answers PUT /-/user/org.couchdb.user:<name>, npm's legacy login (npm.md 7): it turns a password into a token with the
// user's rights. Credentials of the request itself are ignored.
func (h *handlers) login(w http.ResponseWriter, r *http.Request, t target) error {
	var body struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := httpserver.DecodeJSON(r, maxSmallBody, &body); err != nil {
		return err
	}
	if body.Name != t.user || body.Password == "" {
		return registry.Errorf(registry.Invalid, registry.AboutUser, "The body must have the user name of the URL and a password.")
	}
	// npm prints "Incorrect or missing password" for this challenge, and a message about tokens for bearerChallenge.
	w.Header().Set("Www-Authenticate", `Basic realm="Slipway", charset="UTF-8"`)
	actor, err := h.site.Parts.Accounts.Authenticate(h.site.From(r), access.Credentials{User: body.Name, Password: body.Password})
	if err != nil {
		if registry.KindOf(err) != registry.Unauthenticated {
			w.Header().Del("Www-Authenticate")
		}
		return err
	}
	w.Header().Del("Www-Authenticate")
	token := body.Password // a token given as the password is returned as it is, with its rights and its end
	if actor.Type == access.TypeUser {
		if token, err = h.mint(h.site.As(r.Context(), actor), actor, r.UserAgent()); err != nil {
			return err
		}
	}
	return httpserver.JSON(w, http.StatusCreated, loggedIn{OK: true, ID: userPrefix + t.user, Rev: "1-login", Token: token})
}

func (h *handlers) mint(ctx context.Context, actor access.Actor, userAgent string) (string, error) {
	if len(actor.Grants) == 0 {
		return "", registry.Errorf(registry.Denied, registry.AboutUser, "User %q has no rights here yet; ask an administrator.", actor.Name)
	}
	client, _, _ := strings.Cut(userAgent, " ")
	secret, _, err := h.site.Parts.Accounts.CreateToken(ctx, accounts.TokenRequest{
		Name: strings.TrimSpace("login " + clientName(client)), Session: true, ExpiresIn: loginTTL,
	})
	return secret, err
}

// clientName keeps the harmless characters of a name such as "npm/11.19.1".
func clientName(s string) string {
	const most = 40
	s = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), most)]
}

// logout answers DELETE /-/user/token/<token>.
func (h *handlers) logout(w http.ResponseWriter, r *http.Request, t target) error {
	if err := h.site.Parts.Accounts.RevokeSecret(r.Context(), t.secret); err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, done{true})
}

// profile is GET /-/npm/v1/user. Times and the address are unknown, so they are left out.
type profile struct {
	Name          string   `json:"name"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"email_verified"`
	FullName      string   `json:"fullname"`
	TFA           bool     `json:"tfa"`
	CIDR          []string `json:"cidr_whitelist"`
}

func (*handlers) profile(w http.ResponseWriter, r *http.Request, _ target) error {
	a := access.From(r.Context())
	return httpserver.JSON(w, http.StatusOK, profile{Name: a.Name})
}

// changeProfile answers POST /-/npm/v1/user. Only the password can be changed; the old password proves the user, whatever
// credentials the request carries.
func (h *handlers) changeProfile(w http.ResponseWriter, r *http.Request, _ target) error {
	a := access.From(r.Context())
	var body struct {
		Password *struct {
			Old string `json:"old"`
			New string `json:"new"`
		} `json:"password"`
	}
	if err := httpserver.DecodeJSON(r, maxSmallBody, &body); err != nil {
		return err
	}
	if body.Password == nil {
		return registry.Errorf(registry.Denied, registry.AboutUser, "Only the password can be changed here.")
	}
	if _, err := h.prove(h.site.From(r), a.Name, body.Password.Old); err != nil {
		return err
	}
	// As the caller, whose login stays while the user's others end.
	change := accounts.UserChange{Password: &body.Password.New, CurrentPassword: &body.Password.Old}
	if _, err := h.site.Parts.Accounts.UpdateUser(h.site.From(r), a.Name, change); err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusOK, profile{Name: a.Name})
}

// prove checks a user's password, and accepts no token instead. It fails with Denied, because npm takes 401 for a broken login
// and asks again.
func (h *handlers) prove(ctx context.Context, name, password string) (access.Actor, error) {
	user, err := h.site.Parts.Accounts.Authenticate(ctx, access.Credentials{User: name, Password: password})
	if registry.KindOf(err) == registry.Unauthenticated || err == nil && user.Type != access.TypeUser {
		return user, registry.Errorf(registry.Denied, registry.AboutUser, "The password is wrong.")
	}
	return user, err
}
