package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"slipway/api"
)

// Token returns a token that Tokens lists.
func (c *Client) Token(ctx context.Context, id string) (api.Token, error) {
	return call[api.Token](ctx, c, get(segments("tokens", id), nil))
}

// User returns a user: the caller's own, or any for an administrator or auditor of the server.
func (c *Client) User(ctx context.Context, name string) (api.User, error) {
	return call[api.User](ctx, c, get(segments("users", name), nil))
}

// DeleteUser deletes a user, whose tokens all end.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("users", name)})
}

// Groups lists the groups.
func (c *Client) Groups(ctx context.Context) iter.Seq2[api.Group, error] {
	return list[api.Group](ctx, c, "/groups", nil)
}

// Group returns a group.
func (c *Client) Group(ctx context.Context, name string) (api.Group, error) {
	return call[api.Group](ctx, c, get(segments("groups", name), nil))
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, g api.NewGroup) (api.Group, error) {
	return call[api.Group](ctx, c, request{method: http.MethodPost, path: "/groups", body: g})
}

// ChangeGroup changes a group; what the change leaves out stays.
func (c *Client) ChangeGroup(ctx context.Context, name string, g api.GroupChange) (api.Group, error) {
	return call[api.Group](ctx, c, request{method: http.MethodPatch, path: segments("groups", name), body: g})
}

// DeleteGroup deletes a group; its members stay.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("groups", name)})
}

// Roles lists the roles, the builtin ones first.
func (c *Client) Roles(ctx context.Context) iter.Seq2[api.Role, error] {
	return list[api.Role](ctx, c, "/roles", nil)
}

// PutRole defines a role, or changes it for all who have it.
func (c *Client) PutRole(ctx context.Context, name string, r api.RoleChange) (api.Role, error) {
	return call[api.Role](ctx, c, request{method: http.MethodPut, path: segments("roles", name), body: r})
}

// DeleteRole deletes a role that nobody has.
func (c *Client) DeleteRole(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("roles", name)})
}

// WhoQuery asks who may do what. Without Repository and Environment it is about the server itself; with both, about deploying versions
// of the repository to the environment.
type WhoQuery struct {
	Repository  string
	Environment string
	Tag         string     // with Repository: who may move this tag
	Format      string     // with Tag: of the packages; "": all
	Action      api.Action // "": any
	User        string     // "": every user
}

// WhoMay lists the users who may do something, with their tokens and the permissions that say so.
func (c *Client) WhoMay(ctx context.Context, q WhoQuery) iter.Seq2[api.Holder, error] {
	query := url.Values{}
	for key, value := range map[string]string{"repository": q.Repository, "environment": q.Environment, "tag": q.Tag, "format": q.Format, "action": string(q.Action), "user": q.User} {
		if value != "" {
			query.Set(key, value)
		}
	}
	return list[api.Holder](ctx, c, "/access", query)
}

// TagGuard returns what keeps a tag of a repository where it is. Format "": the strictest answer of all formats.
func (c *Client) TagGuard(ctx context.Context, repository, format, tag string) (api.TagGuard, error) {
	query := url.Values{"repository": {repository}, "tag": {tag}}
	if format != "" {
		query.Set("format", format)
	}
	return call[api.TagGuard](ctx, c, get("/access/tag", query))
}
