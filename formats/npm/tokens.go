package npm

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
)

const (
	defaultTokensPerPage = 10
	maxTokensPerPage     = 100
)

// tokenEntry is a token in npm's words (npm.md 7).
type tokenEntry struct {
	Token    string   `json:"token"` // the secret when the token is made, its first characters in a list
	Key      string   `json:"key"`
	Name     string   `json:"name"`
	ReadOnly bool     `json:"readonly"`
	CIDR     []string `json:"cidr_whitelist"`
	Created  string   `json:"created"`
	Updated  string   `json:"updated"`
	Expires  string   `json:"expires,omitempty"`
}

// readerRole is the role that allows reading alone; what others allow may change.
const readerRole = "reader"

func newTokenEntry(t registry.Token, shown string) tokenEntry {
	e := tokenEntry{Token: shown, Key: tokenKey(t), Name: t.Name, ReadOnly: !t.Session(), CIDR: []string{},
		Created: isoTime(t.CreatedAt), Updated: isoTime(t.CreatedAt)}
	if !t.ExpiresAt.IsZero() {
		e.Expires = isoTime(t.ExpiresAt)
	}
	for _, g := range t.Grants {
		e.ReadOnly = e.ReadOnly && (g.Role == "" || g.Role == readerRole) && !slices.ContainsFunc(g.Actions, func(a string) bool { return a != string(access.Read) })
	}
	return e
}

// tokenKey names a token in the shape that npm knows, 128 hex digits of which people type the first few. It is not made from
// the secret, whose hash the core does not reveal.
func tokenKey(t registry.Token) string {
	sum := sha512.Sum512(fmt.Appendf(nil, "token %d of user %d", t.ID, t.UserID))
	return hex.EncodeToString(sum[:])
}

// own lists the valid tokens of the caller's user that the caller sees. The core lists all users' tokens for an administrator, but
// npm means the caller's own.
func (h *handlers) own(ctx context.Context, a access.Actor) ([]registry.Token, error) {
	var out []registry.Token
	for q := (accounts.TokenQuery{User: a.Name, Valid: true}); ; q.After = out[len(out)-1].ID {
		list, err := h.site.Parts.Accounts.Tokens(ctx, q)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); len(list) < registry.MaxPage {
			return out, nil
		}
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
	return httpserver.JSON(w, http.StatusOK, map[string]any{"objects": objects, "total": len(all), "urls": urls})
}

func number(r *http.Request, key string, otherwise, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil || n < 0 {
		return otherwise
	}
	return min(n, most)
}

const maxExpiresDays = 3650

// createToken answers POST /-/npm/v1/tokens: a token with all of the caller's rights, or only those to read.
func (h *handlers) createToken(w http.ResponseWriter, r *http.Request, _ target) error {
	a := access.From(r.Context())
	var raw json.RawMessage
	if err := httpserver.DecodeJSON(r, maxSmallBody, &raw); err != nil {
		return err
	}
	wish, err := parseTokenWish(raw)
	if err != nil {
		return err
	}
	if wish.password != "" {
		if _, err := h.prove(h.site.From(r), a.Name, wish.password); err != nil {
			return err
		}
	}
	secret, t, err := h.site.Parts.Accounts.CreateToken(r.Context(), wish.request(a))
	if err != nil {
		return err
	}
	return httpserver.JSON(w, http.StatusCreated, newTokenEntry(t, secret))
}

// request converts a wish to the core's request.
func (wish tokenWish) request(a access.Actor) accounts.TokenRequest {
	rights := a.Effective()
	req := accounts.TokenRequest{Name: wish.name, Grants: rights, ExpiresIn: wish.expiresIn}
	if req.Name == "" {
		req.Name = "npm token create"
	}
	if wish.readOnly {
		req.Grants = nil
		for _, g := range rights {
			if g.Repository != "" && (slices.Contains(g.Actions, access.Read) || slices.Contains(g.Actions, access.Admin)) {
				req.Grants = append(req.Grants, access.Grant{Repository: g.Repository, Actions: []access.Action{access.Read}})
			}
		}
	}
	return req
}

// revokeToken answers DELETE /-/npm/v1/tokens/token/<key or token>.
func (h *handlers) revokeToken(w http.ResponseWriter, r *http.Request, t target) error {
	a := access.From(r.Context())
	var err error
	if strings.HasPrefix(t.secret, access.TokenPrefix) {
		err = h.site.Parts.Accounts.RevokeSecret(r.Context(), t.secret)
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
			return h.site.Parts.Accounts.RevokeToken(ctx, t.ID)
		}
	}
	return registry.Errorf(registry.NotFound, registry.AboutToken, "There is no such token.")
}
