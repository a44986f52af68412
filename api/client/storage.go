package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Storage returns what all repositories hold together, and what is stored of it.
func (c *Client) Storage(ctx context.Context) (api.Storage, error) {
	return call[api.Storage](ctx, c, get("/storage", nil))
}

// RepositoryUsages lists what each repository holds, by name.
func (c *Client) RepositoryUsages(ctx context.Context) iter.Seq2[api.RepositoryUsage, error] {
	return list[api.RepositoryUsage](ctx, c, "/storage/repositories", nil)
}

// RepositoryUsage returns what one repository holds.
func (c *Client) RepositoryUsage(ctx context.Context, repository string) (api.RepositoryUsage, error) {
	return call[api.RepositoryUsage](ctx, c, get(segments("repositories", repository, "usage"), nil))
}

// CountStorage counts anew what repositories hold, and what is stored of it.
func (c *Client) CountStorage(ctx context.Context) (api.Storage, error) {
	return call[api.Storage](ctx, c, request{method: http.MethodPost, path: "/storage/count"})
}

// KeptBlob says why a blob is stored.
func (c *Client) KeptBlob(ctx context.Context, digest string) (api.KeptBlob, error) {
	return call[api.KeptBlob](ctx, c, get(segments("blobs", digest), nil))
}
