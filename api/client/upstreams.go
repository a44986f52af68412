package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

func upstream(repository, name string) string {
	return segments("repositories", repository, "upstreams", name)
}

// Upstreams lists the places that a repository answers from beside its own versions, in their order.
func (c *Client) Upstreams(ctx context.Context, repository string) iter.Seq2[api.Upstream, error] {
	return list[api.Upstream](ctx, c, segments("repositories", repository, "upstreams"), nil)
}

// Upstream returns one upstream of a repository.
func (c *Client) Upstream(ctx context.Context, repository, name string) (api.Upstream, error) {
	return call[api.Upstream](ctx, c, get(upstream(repository, name), nil))
}

// AddUpstream puts an upstream at the end of a repository's list.
func (c *Client) AddUpstream(ctx context.Context, repository string, u api.NewUpstream) (api.Upstream, error) {
	return call[api.Upstream](ctx, c, request{method: http.MethodPost, path: segments("repositories", repository, "upstreams"), body: u})
}

// ChangeUpstream changes an upstream; what the change leaves out stays.
func (c *Client) ChangeUpstream(ctx context.Context, repository, name string, u api.UpstreamChange) (api.Upstream, error) {
	return call[api.Upstream](ctx, c, request{method: http.MethodPatch, path: upstream(repository, name), body: u})
}

// OrderUpstreams sets the order in which the upstreams of a repository are asked; names has each of them once.
func (c *Client) OrderUpstreams(ctx context.Context, repository string, names []string) ([]api.Upstream, error) {
	page, err := call[api.List[api.Upstream]](ctx, c, request{method: http.MethodPut, path: upstream(repository, "order"), body: api.UpstreamOrder{Upstreams: names}})
	return page.Items, err
}

// Refresh lets the remotes of a repository be asked for news; format and pkg narrow it, "" is all.
func (c *Client) Refresh(ctx context.Context, repository, format, pkg string) (api.Refreshed, error) {
	return call[api.Refreshed](ctx, c, request{method: http.MethodPost, path: segments("repositories", repository, "refresh"), query: queryOf("format", format, "package", pkg)})
}

// CheckUpstream tries whether a registry elsewhere can be asked, for a package or, where that is "", for its address alone.
func (c *Client) CheckUpstream(ctx context.Context, repository, name, pkg string) (api.UpstreamCheck, error) {
	return call[api.UpstreamCheck](ctx, c, request{method: http.MethodPost, path: upstream(repository, name) + "/check", query: queryOf("package", pkg)})
}

// RemoveUpstream takes an upstream off a repository's list.
func (c *Client) RemoveUpstream(ctx context.Context, repository, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: upstream(repository, name)})
}

// Claims lists the claims on names that the caller may see or, with a repository, those that hold there.
func (c *Client) Claims(ctx context.Context, repository string) iter.Seq2[api.Claim, error] {
	return list[api.Claim](ctx, c, "/claims", queryOf("repository", repository))
}

// SuggestClaims lists claims that would reserve names like those that are published in a repository or, where that is "", in all.
func (c *Client) SuggestClaims(ctx context.Context, repository string) iter.Seq2[api.SuggestedClaim, error] {
	return list[api.SuggestedClaim](ctx, c, "/claims/suggestions", queryOf("repository", repository))
}

// AddClaim reserves names.
func (c *Client) AddClaim(ctx context.Context, claim api.NewClaim) (api.Claim, error) {
	return call[api.Claim](ctx, c, request{method: http.MethodPost, path: "/claims", body: claim})
}

// RemoveClaim removes a claim.
func (c *Client) RemoveClaim(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("claims", id)})
}

// SetOrigin says where the versions of a package may come from.
func (c *Client) SetOrigin(ctx context.Context, p Package, o api.OriginChange) error {
	return c.do(ctx, request{method: http.MethodPut, path: p.path() + "/origin", body: o})
}

// ClearOrigin leaves it to the server where the versions of a package come from.
func (c *Client) ClearOrigin(ctx context.Context, p Package) error {
	return c.do(ctx, request{method: http.MethodDelete, path: p.path() + "/origin"})
}

// Resolution explains which places answer for a package or, where version is not "", for that version.
func (c *Client) Resolution(ctx context.Context, p Package, version string) (api.Resolution, error) {
	return call[api.Resolution](ctx, c, get(p.path()+"/resolution", queryOf("version", version)))
}
