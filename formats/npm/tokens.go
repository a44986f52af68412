package npm

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
)

const (
	defaultTokensPerPage = 10
	maxTokensPerPage     = 100
)

// tokenEntry is a token in npm's words (npm.md 7).
type tokenEntry struct {
	Token    string   `json:"token"` // the secret when it is made, its first characters in a list
	Key      string   `json:"key"`
	Name     string   `json:"name"`
	ReadOnly bool     `json:"readonly"`
	CIDR     []string `json:"cidr_whitelist"`
	Created  string   `json:"created"`
	Updated  string   `json:"updated"`
	Expires  string   `json:"expires,omitempty"`
}

func newTokenEntry(t registry.Token, shown string) tokenEntry {
	e := tokenEntry{Token: shown, Key: tokenKey(t), Name: t.Name, ReadOnly: true, CIDR: []string{},
		Created: isoTime(t.CreatedAt), Updated: isoTime(t.CreatedAt)}
	if !t.ExpiresAt.IsZero() {
		e.Expires = isoTime(t.ExpiresAt)
	}
	for _, g := range t.Grants {
		e.ReadOnly = e.ReadOnly && !slices.ContainsFunc(g.Actions, func(a string) bool { return a != string(access.Read) })
	}
	return e
}

// tokenKey names a token in the shape that npm knows, 128 hex digits of which people type the first few. The secret is
// not in it: the core does not give its hash away.
func tokenKey(t registry.Token) string {
	sum := sha512.Sum512(fmt.Appendf(nil, "token %d of user %d", t.ID, t.UserID))
	return hex.EncodeToString(sum[:])
}

// own lists the caller's tokens that are valid. An administrator sees everybody's in the core, but npm means one's own.
func (h *handlers) own(ctx context.Context, a access.Actor) ([]registry.Token, error) {
	var out []registry.Token
	var after int64
	for {
		list, err := h.site.Service.Tokens(ctx, after, registry.MaxPage)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			if t.UserID == a.UserID && t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || time.Now().Before(t.ExpiresAt)) {
				out = append(out, t)
			}
		}
		if len(list) < registry.MaxPage {
			return out, nil
		}
		after = list[len(list)-1].ID
	}
}

// tokens answers GET /-/npm/v1/tokens?page=&perPage=.
func (h *handlers) tokens(w http.ResponseWriter, r *http.Request, t target) error {
	a := access.From(r.Context())
	all, err := h.own(r.Context(), a)
	if err != nil {
		return err
	}
	page := number(r, "page", 0, len(all))
	size := max(1, number(r, "perPage", defaultTokensPerPage, maxTokensPerPage))
	from := min(page*size, len(all))
	to := min(from+size, len(all))
	objects := make([]tokenEntry, 0, to-from)
	for _, tok := range all[from:to] {
		objects = append(objects, newTokenEntry(tok, tok.Hint))
	}
	urls := map[string]string{}
	if to < len(all) {
		urls["next"] = h.base(r, t) + "/-/npm/v1/tokens?page=" + strconv.Itoa(page+1) + "&perPage=" + strconv.Itoa(size)
	}
	return formats.JSON(w, http.StatusOK, map[string]any{"objects": objects, "total": len(all), "urls": urls})
}

func number(r *http.Request, key string, otherwise, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil || n < 0 {
		return otherwise
	}
	return min(n, most)
}

// tokenWish is what npm token create sends, in the old and the new shape.
type tokenWish struct {
	Password    string   `json:"password"`
	ReadOnly    bool     `json:"readonly"`
	Name        string   `json:"name"`
	CIDR        []string `json:"cidr_whitelist"`
	Packages    []string `json:"packages"`
	Scopes      []string `json:"scopes"`
	Orgs        []string `json:"orgs"`
	Permission  string   `json:"packages_and_scopes_permission"`
	ExpiresDays int      `json:"expires"`
}

const maxExpiresDays = 3650

// createToken answers POST /-/npm/v1/tokens: a token with the caller's rights, or those to read. Limits that can't be
// kept are refused, as a token that is wider than it was asked for is worse than none.
func (h *handlers) createToken(w http.ResponseWriter, r *http.Request, _ target) error {
	a := access.From(r.Context())
	var wish tokenWish
	if err := formats.DecodeJSON(r, maxSmallBody, &wish); err != nil {
		return err
	}
	if wish.Password != "" {
		if _, err := h.prove(r.Context(), a.Name, wish.Password); err != nil {
			return err
		}
	}
	req, err := wish.request(a)
	if err != nil {
		return err
	}
	secret, t, err := h.site.Service.CreateToken(r.Context(), req)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusCreated, newTokenEntry(t, secret))
}

func (wish tokenWish) request(a access.Actor) (registry.TokenRequest, error) {
	req := registry.TokenRequest{Name: wish.Name, Grants: a.Grants, ExpiresIn: time.Duration(wish.ExpiresDays) * 24 * time.Hour}
	switch {
	case len(wish.CIDR) > 0:
		return req, invalid("tokens can't be limited to addresses in this registry")
	case len(wish.Packages)+len(wish.Scopes)+len(wish.Orgs) > 0:
		return req, invalid("tokens are limited to repositories in this registry, not to packages, scopes or organizations")
	case wish.ExpiresDays < 0 || wish.ExpiresDays > maxExpiresDays:
		return req, invalid("a token expires after 1 to %d days", maxExpiresDays)
	}
	if req.Name == "" {
		req.Name = "npm token create"
	}
	if wish.ReadOnly || wish.Permission == "read-only" {
		req.Grants = nil
		for _, g := range a.Grants {
			if slices.Contains(g.Actions, access.Read) || slices.Contains(g.Actions, access.Admin) {
				req.Grants = append(req.Grants, access.Grant{Repository: g.Repository, Actions: []access.Action{access.Read}})
			}
		}
	}
	return req, nil
}

// revokeToken answers DELETE /-/npm/v1/tokens/token/<key or token>.
func (h *handlers) revokeToken(w http.ResponseWriter, r *http.Request, t target) error {
	a := access.From(r.Context())
	var err error
	if strings.HasPrefix(t.secret, access.TokenPrefix) {
		err = h.site.Service.RevokeSecret(r.Context(), t.secret)
	} else {
		err = h.revokeKey(r.Context(), a, t.secret)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handlers) revokeKey(ctx context.Context, a access.Actor, key string) error {
	all, err := h.own(ctx, a)
	if err != nil {
		return err
	}
	for _, t := range all {
		if tokenKey(t) == key {
			return h.site.Service.RevokeToken(ctx, t.ID)
		}
	}
	return registry.Errorf(registry.NotFound, registry.AboutToken, "There is no such token.")
}
