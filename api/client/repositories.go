package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"slipway/api"
)

// Repositories lists the repositories that the caller may read.
func (c *Client) Repositories(ctx context.Context) iter.Seq2[api.Repository, error] {
	return list[api.Repository](ctx, c, "/repositories", nil)
}

// Repository returns one repository.
func (c *Client) Repository(ctx context.Context, name string) (api.Repository, error) {
	return call[api.Repository](ctx, c, get(segments("repositories", name), nil))
}

// CreateRepository makes a repository.
func (c *Client) CreateRepository(ctx context.Context, r api.NewRepository) (api.Repository, error) {
	return call[api.Repository](ctx, c, request{method: http.MethodPost, path: "/repositories", body: r})
}

// ChangeRepository changes a repository; what the change leaves out stays.
func (c *Client) ChangeRepository(ctx context.Context, name string, r api.RepositoryChange) (api.Repository, error) {
	return call[api.Repository](ctx, c, request{method: http.MethodPatch, path: segments("repositories", name), body: r})
}

// DeleteRepository removes a repository that holds no versions.
func (c *Client) DeleteRepository(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("repositories", name)})
}

// RestoreRepository brings the repository back that had a name and was deleted last.
func (c *Client) RestoreRepository(ctx context.Context, name string) (api.Repository, error) {
	return call[api.Repository](ctx, c, request{method: http.MethodPost, path: segments("repositories", name, "restore")})
}

// RepositoryDeletion returns how the repository was deleted that was the last to have a name. An Error with the status 404: none was, or one of
// the name is there.
func (c *Client) RepositoryDeletion(ctx context.Context, name string) (api.Deletion, error) {
	return call[api.Deletion](ctx, c, get(segments("repositories", name, "deletion"), nil))
}

// PackageFilter selects packages of a repository. The zero value selects all.
type PackageFilter struct {
	Format string // only of this format
	Part   string // only with this part in their name
	Sort   string // "newest" or "size": the latest or the largest first; "": by name
	AsOf   string // the packages of a past moment, by name: an RFC 3339 time, or seq:N; "" is now
}

// Packages lists the packages of a repository.
func (c *Client) Packages(ctx context.Context, repository string, f PackageFilter) iter.Seq2[api.Package, error] {
	return list[api.Package](ctx, c, segments("repositories", repository, "packages"), queryOf("format", f.Format, "q", f.Part, "sort", f.Sort, "as_of", f.AsOf))
}

// A publish is the set of files that clients staged with the header X-Slipway-Publish under one id, to appear at one
// moment.

// Publish names the files that wait under one id.
type Publish struct {
	Repository string // "": the one where the caller has a publish of this id
	ID         string
	Owner      string // api.WaitingPublish.Owner, of one that the caller did not stage
	Area       bool   // the ID is an api.WaitingPublish.Area
}

// query are the parameters that select it.
func (p Publish) query() url.Values {
	area := ""
	if p.Area {
		area = "true"
	}
	return queryOf("repository", p.Repository, "owner", p.Owner, "area", area)
}

// Publish returns what is staged under an id.
func (c *Client) Publish(ctx context.Context, p Publish) (api.Publish, error) {
	return call[api.Publish](ctx, c, get(segments("publishes", p.ID), p.query()))
}

// Publishes lists what the caller has sent and others do not see yet, the least recently changed first, at most 100. In a repository, "": in
// all, it is what all callers have sent, to administrators of the repository.
func (c *Client) Publishes(ctx context.Context, repository string) iter.Seq2[api.WaitingPublish, error] {
	return list[api.WaitingPublish](ctx, c, "/publishes", queryOf("repository", repository))
}

// AllPublishes is Publishes for all callers, to those with the right "audit" on the server.
func (c *Client) AllPublishes(ctx context.Context) iter.Seq2[api.WaitingPublish, error] {
	return list[api.WaitingPublish](ctx, c, "/publishes", queryOf("all", "true"))
}

// CommitPublish makes all files staged under an id visible at one moment, or none.
func (c *Client) CommitPublish(ctx context.Context, p Publish) ([]api.PublishedVersion, error) {
	page, err := call[api.List[api.PublishedVersion]](ctx, c, request{method: http.MethodPost, path: segments("publishes", p.ID, "commit"), query: p.query()})
	return page.Items, err
}

// DropPublish drops the files staged under an id.
func (c *Client) DropPublish(ctx context.Context, p Publish) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("publishes", p.ID), query: p.query()})
}
