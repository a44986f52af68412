package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// CachedFilter selects files that came from registries elsewhere.
type CachedFilter struct {
	Part  string // of the name of the package, or of the path of the file
	State string // "here", "evicted", "changed" or "denied"; "": all
}

func cacheOf(repository, what string) string {
	return segments("repositories", repository, "cache", what)
}

// Cached lists the files of a repository that came from registries elsewhere, by format, package and version.
func (c *Client) Cached(ctx context.Context, repository string, f CachedFilter) iter.Seq2[api.CachedFile, error] {
	return list[api.CachedFile](ctx, c, segments("repositories", repository, "cache"), queryOf("q", f.Part, "state", f.State))
}

// Evict lets bytes of a repository go that can come again from registries elsewhere.
func (c *Client) Evict(ctx context.Context, repository string, e api.Eviction) (api.Evicted, error) {
	return call[api.Evicted](ctx, c, request{method: http.MethodPost, path: cacheOf(repository, "evict"), body: e})
}

// AcceptCached takes what a registry elsewhere has changed.
func (c *Client) AcceptCached(ctx context.Context, repository string, at api.CachedCoordinate) error {
	return c.do(ctx, request{method: http.MethodPost, path: cacheOf(repository, "accept"), body: at})
}

// DenyCached refuses what a registry elsewhere has changed.
func (c *Client) DenyCached(ctx context.Context, repository string, at api.CachedCoordinate) error {
	return c.do(ctx, request{method: http.MethodPost, path: cacheOf(repository, "deny"), body: at})
}

// RestoreCached lets a version come again that came from a registry elsewhere and was deleted.
func (c *Client) RestoreCached(ctx context.Context, repository string, v api.CachedVersion) (api.VersionSummary, error) {
	return call[api.VersionSummary](ctx, c, request{method: http.MethodPost, path: cacheOf(repository, "restore"), body: v})
}
