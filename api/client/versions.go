package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Package names a package of a repository.
type Package struct{ Repository, Format, Name string }

func (p Package) path() string {
	return segments("repositories", p.Repository, "packages", p.Format, p.Name)
}

func (p Package) version(v string) string { return p.path() + "/versions" + segments(v) }

// Package returns one package.
func (c *Client) Package(ctx context.Context, p Package) (api.Package, error) {
	return call[api.Package](ctx, c, get(p.path(), nil))
}

// Dependents lists the packages that need a package.
func (c *Client) Dependents(ctx context.Context, p Package) iter.Seq2[api.Dependent, error] {
	return list[api.Dependent](ctx, c, p.path()+"/dependents", nil)
}

// VersionFilter says what a list of versions has besides the versions that are there.
type VersionFilter struct {
	Deleted  bool // the tombstones of those that were deleted
	Attached bool // what belongs to other versions, such as signatures
	NoParts  bool // without images that are only parts of an index
	Overview bool // with the Overview of each
	// Query narrows the list as Search does; AsOf is as for VersionAt. With one of them the list has what the repository itself has.
	Query, AsOf string
}

// Versions lists the versions of a package, newest first.
func (c *Client) Versions(ctx context.Context, p Package, f VersionFilter) iter.Seq2[api.VersionSummary, error] {
	q := queryOf("q", f.Query, "as_of", f.AsOf)
	if f.NoParts {
		q.Set("whole", "true")
	}
	if f.Overview {
		q.Set("overview", "true")
	}
	if f.Deleted {
		q.Set("deleted", "true")
	}
	if f.Attached {
		q.Set("attached", "true")
	}
	return list[api.VersionSummary](ctx, c, p.path()+"/versions", q)
}

// Version returns a version with all of its properties.
func (c *Client) Version(ctx context.Context, p Package, version string) (api.Version, error) {
	return call[api.Version](ctx, c, get(p.version(version), nil))
}

// VersionAt returns a version as it was at a past moment: an RFC 3339 time, or seq:N; "" is now.
func (c *Client) VersionAt(ctx context.Context, p Package, version, asOf string) (api.Version, error) {
	return call[api.Version](ctx, c, get(p.version(version), queryOf("as_of", asOf)))
}

// Readme returns the text that the publishers of a version wrote for its readers. asOf is as for VersionAt. An Error
// with the status 404: there is none.
func (c *Client) Readme(ctx context.Context, p Package, version, asOf string) (api.Readme, error) {
	return call[api.Readme](ctx, c, get(p.version(version)+"/readme", queryOf("as_of", asOf)))
}

// Pulls lists who downloaded a version, by caller.
func (c *Client) Pulls(ctx context.Context, p Package, version string) iter.Seq2[api.Pull, error] {
	return list[api.Pull](ctx, c, p.version(version)+"/pulls", nil)
}

// Describe returns what a version says of itself, as its format reads it. asOf is as for VersionAt.
func (c *Client) Describe(ctx context.Context, p Package, version, asOf string) (api.Description, error) {
	return call[api.Description](ctx, c, get(p.version(version)+"/description", queryOf("as_of", asOf)))
}

// Referrers returns what belongs to a version: signatures, SBOMs, attestations. asOf is as for VersionAt.
func (c *Client) Referrers(ctx context.Context, p Package, version, asOf string) (api.Referrers, error) {
	return call[api.Referrers](ctx, c, get(p.version(version)+"/referrers", queryOf("as_of", asOf)))
}

// VersionDeletion returns how a version was deleted. An Error with the status 404: it was not.
func (c *Client) VersionDeletion(ctx context.Context, p Package, version string) (api.Deletion, error) {
	return call[api.Deletion](ctx, c, get(p.version(version)+"/deletion", nil))
}

// ChangeVersion sets the state of a version.
func (c *Client) ChangeVersion(ctx context.Context, p Package, version string, change api.VersionChange) (api.VersionSummary, error) {
	return call[api.VersionSummary](ctx, c, request{method: http.MethodPatch, path: p.version(version), body: change})
}

// DeleteVersion deletes a version; a tombstone stays.
func (c *Client) DeleteVersion(ctx context.Context, p Package, version, reason string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: p.version(version), query: queryOf("reason", reason)})
}

// RestoreVersion brings a deleted version back; see restoreVersion in the API's document.
func (c *Client) RestoreVersion(ctx context.Context, p Package, version, reason string) (api.VersionSummary, error) {
	return call[api.VersionSummary](ctx, c, request{method: http.MethodPost, path: p.version(version) + "/restore", query: queryOf("reason", reason)})
}

// Promote makes a version, as its repository shows it, a version of another repository, and returns it as it is there.
func (c *Client) Promote(ctx context.Context, p Package, version string, to api.Promotion) (api.VersionSummary, error) {
	return call[api.VersionSummary](ctx, c, request{method: http.MethodPost, path: p.version(version) + "/promote", body: to})
}

// Annotate adds release metadata to a version.
func (c *Client) Annotate(ctx context.Context, p Package, version string, m api.DeclaredMetadata) error {
	return c.do(ctx, request{method: http.MethodPut, path: p.version(version) + "/metadata", body: m})
}

// Search lists the versions that a query finds, in every repository that the caller may read, those published last first.
// asOf is the moment whose state is searched: an RFC 3339 time, or seq:N; "" is now.
func (c *Client) Search(ctx context.Context, query, asOf string) iter.Seq2[api.Hit, error] {
	return list[api.Hit](ctx, c, "/versions", queryOf("q", query, "as_of", asOf))
}

// SearchWhy is Search with the Matched and the Overview of each hit.
func (c *Client) SearchWhy(ctx context.Context, query, asOf string) iter.Seq2[api.Hit, error] {
	return list[api.Hit](ctx, c, "/versions", queryOf("q", query, "as_of", asOf, "why", "true", "overview", "true"))
}

// SearchOverview is Search with the Overview of each hit.
func (c *Client) SearchOverview(ctx context.Context, query, asOf string) iter.Seq2[api.Hit, error] {
	return list[api.Hit](ctx, c, "/versions", queryOf("q", query, "as_of", asOf, "overview", "true"))
}
