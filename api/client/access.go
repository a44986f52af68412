package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// WhoAmI returns the caller, and what the caller may do.
func (c *Client) WhoAmI(ctx context.Context) (api.Caller, error) {
	return call[api.Caller](ctx, c, get("/whoami", nil))
}

// Tokens lists the caller's tokens, or everybody's for an administrator of the server.
func (c *Client) Tokens(ctx context.Context) iter.Seq2[api.Token, error] {
	return list[api.Token](ctx, c, "/tokens", nil)
}

// TokenFilter selects tokens.
type TokenFilter struct {
	User  string // of this user; "": of all that the caller sees
	Valid bool   // without those that were revoked or have expired
}

// TokensLike lists those of Tokens that a filter selects.
func (c *Client) TokensLike(ctx context.Context, f TokenFilter) iter.Seq2[api.Token, error] {
	q := queryOf("user", f.User)
	if f.Valid {
		q.Set("valid", "true")
	}
	return list[api.Token](ctx, c, "/tokens", q)
}

// CreateToken makes a token, and returns it with its secret, which can't be had again.
func (c *Client) CreateToken(ctx context.Context, r api.TokenRequest) (api.NewToken, error) {
	return call[api.NewToken](ctx, c, request{method: http.MethodPost, path: "/tokens", body: r})
}

// RevokeToken revokes a token; revoking it again is no error.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("tokens", id)})
}

// Users lists the users.
func (c *Client) Users(ctx context.Context) iter.Seq2[api.User, error] {
	return list[api.User](ctx, c, "/users", nil)
}

// CreateUser makes a user.
func (c *Client) CreateUser(ctx context.Context, u api.NewUser) (api.User, error) {
	return call[api.User](ctx, c, request{method: http.MethodPost, path: "/users", body: u})
}

// ChangeUser changes a user; what the change leaves out stays.
func (c *Client) ChangeUser(ctx context.Context, name string, u api.UserChange) (api.User, error) {
	return call[api.User](ctx, c, request{method: http.MethodPatch, path: segments("users", name), body: u})
}
