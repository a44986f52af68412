package api

import (
	"net/http"
	"time"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/internal/wire"
)

// tokenJSON is a token without its secret; hint is the secret's first characters.
type tokenJSON struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	User        string           `json:"user"`
	Hint        string           `json:"hint"`
	Permissions []permissionJSON `json:"permissions"`
	CreatedAt   string           `json:"created_at"`
	ExpiresAt   *string          `json:"expires_at"`
	RevokedAt   *string          `json:"revoked_at"`
}

func tokenOf(t registry.Token) tokenJSON {
	return tokenJSON{
		ID: numberText(t.ID), Name: t.Name, User: t.User, Hint: t.Hint,
		Permissions: permissionsOf(access.Grants(t.Grants)), CreatedAt: timeText(t.CreatedAt),
		ExpiresAt: timeOrNull(t.ExpiresAt), RevokedAt: timeOrNull(t.RevokedAt),
	}
}

// newTokenJSON is the one answer that ever holds the secret.
type newTokenJSON struct {
	tokenJSON
	Token string `json:"token"`
}

// listTokens answers GET /tokens: the caller's, or everybody's for an administrator.
func (h *handlers) listTokens(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	page := in.numbered()
	if in.err != nil {
		return in.err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Token, error) {
		return h.svc.Tokens(r.Context(), wire.AfterNumber(p), p.Limit)
	}, func(t registry.Token) string { return numberText(t.ID) }, tokenOf)
}

// tokenRequest is the body of POST.
type tokenRequest struct {
	Name        string           `json:"name"`
	Permissions []permissionJSON `json:"permissions"`
	ExpiresIn   *string          `json:"expires_in"`
}

// createToken answers POST /tokens {"name","permissions","expires_in"}: 201 with the secret, shown this once.
func (h *handlers) createToken(w http.ResponseWriter, r *http.Request) error {
	var body tokenRequest
	if err := wire.Decode(r, &body); err != nil {
		return err
	}
	req := registry.TokenRequest{Name: body.Name, Grants: grantsOf(body.Permissions)}
	if body.ExpiresIn != nil { // an empty one is a variable without a value, not a token without an end
		d, err := time.ParseDuration(*body.ExpiresIn)
		if err != nil || d <= 0 {
			return wire.Invalid("expires_in must be a duration such as 720h")
		}
		req.ExpiresIn = d
	}
	secret, t, err := h.svc.CreateToken(r.Context(), req)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusCreated, newTokenJSON{tokenOf(t), secret})
}

// revokeToken answers DELETE /tokens/{id}: 204, also when it was revoked before.
func (h *handlers) revokeToken(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	id := in.number(registry.AboutToken)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.RevokeToken(r.Context(), id))
}
