package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Sessions lists the browsers that are logged in: the caller's own for "", those of any user for an administrator or auditor of the
// server.
func (c *Client) Sessions(ctx context.Context, user string) iter.Seq2[api.Session, error] {
	return list[api.Session](ctx, c, "/sessions", queryOf("user", user))
}

// EndSession ends a session: its browser has to log in again.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("sessions", id)})
}

// EndSessions ends all sessions of a user but the one that asks: the caller's own for "".
func (c *Client) EndSessions(ctx context.Context, user string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: "/sessions", query: queryOf("user", user)})
}
