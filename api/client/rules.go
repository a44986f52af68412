package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Rules lists the rules that the caller may see or, with a repository, those that hold there, in the order in which they are asked.
func (c *Client) Rules(ctx context.Context, repository string) iter.Seq2[api.Rule, error] {
	return list[api.Rule](ctx, c, "/rules", queryOf("repository", repository))
}

// AddRule makes a rule.
func (c *Client) AddRule(ctx context.Context, rule api.NewRule) (api.Rule, error) {
	return call[api.Rule](ctx, c, request{method: http.MethodPost, path: "/rules", body: rule})
}

// RemoveRule removes a rule.
func (c *Client) RemoveRule(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("rules", id)})
}

// SimulateRules says what rules would have changed.
func (c *Client) SimulateRules(ctx context.Context, s api.Simulation) (api.List[api.Simulated], error) {
	return call[api.List[api.Simulated]](ctx, c, request{method: http.MethodPost, path: "/rules/simulate", body: s})
}

// Why explains a refusal by the id of its request.
func (c *Client) Why(ctx context.Context, requestID string) (api.Why, error) {
	return call[api.Why](ctx, c, request{method: http.MethodGet, path: segments("why", requestID)})
}
