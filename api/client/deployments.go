package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Environments lists the environments, now or as of a past moment: an RFC 3339 time, or seq:N; "" is now.
func (c *Client) Environments(ctx context.Context, asOf string) iter.Seq2[api.Environment, error] {
	return list[api.Environment](ctx, c, "/environments", queryOf("as_of", asOf))
}

// CreateEnvironment makes an environment.
func (c *Client) CreateEnvironment(ctx context.Context, e api.NewEnvironment) (api.Environment, error) {
	return call[api.Environment](ctx, c, request{method: http.MethodPost, path: "/environments", body: e})
}

// Environment returns what is wanted, recorded and running in an environment, now or as of a past moment: an RFC 3339 time, or
// seq:N; "" is now.
func (c *Client) Environment(ctx context.Context, name, asOf string) (api.EnvironmentState, error) {
	return call[api.EnvironmentState](ctx, c, get(segments("environments", name), queryOf("as_of", asOf)))
}

// ChangeEnvironment changes an environment; what the change leaves out stays.
func (c *Client) ChangeEnvironment(ctx context.Context, name string, e api.EnvironmentChange) (api.Environment, error) {
	return call[api.Environment](ctx, c, request{method: http.MethodPatch, path: segments("environments", name), body: e})
}

// DeleteEnvironment removes an environment; its past can still be asked for.
func (c *Client) DeleteEnvironment(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("environments", name)})
}

// RunFilter selects what ran in an environment. Service "" is all. AsOf is a past moment (an RFC 3339 time, or seq:N) as of which the
// list is; "" is now.
type RunFilter struct{ Service, AsOf string }

// EnvironmentHistory lists what ran in an environment, newest first.
func (c *Client) EnvironmentHistory(ctx context.Context, name string, f RunFilter) iter.Seq2[api.Run, error] {
	return list[api.Run](ctx, c, segments("environments", name, "history"), queryOf("service", f.Service, "as_of", f.AsOf))
}

// StopService records that a service no longer runs any version.
func (c *Client) StopService(ctx context.Context, environment, service string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("environments", environment, "services", service)})
}

// DeploymentFilter selects deployments by its fields that are not empty. The zero value selects all. Since is an RFC 3339 time, or a day.
type DeploymentFilter struct{ Environment, Service, Repository, Status, PURL, Digest, Since string }

// Deployments lists deployments, newest first.
func (c *Client) Deployments(ctx context.Context, f DeploymentFilter) iter.Seq2[api.Deployment, error] {
	return list[api.Deployment](ctx, c, "/deployments", queryOf("environment", f.Environment, "service", f.Service,
		"repository", f.Repository, "status", f.Status, "purl", f.PURL, "digest", f.Digest, "since", f.Since))
}

// Deployment returns one deployment with every report of it.
func (c *Client) Deployment(ctx context.Context, id string) (api.DeploymentDetail, error) {
	return call[api.DeploymentDetail](ctx, c, get(segments("deployments", id), nil))
}

// ReportDeployment records a deployment, or the next status of one that is known by its external id.
func (c *Client) ReportDeployment(ctx context.Context, r api.DeploymentReport) (api.Deployment, error) {
	return call[api.Deployment](ctx, c, request{method: http.MethodPost, path: "/deployments", body: r})
}

// ChangeDeployment records the next status of a deployment.
func (c *Client) ChangeDeployment(ctx context.Context, id string, change api.DeploymentChange) (api.Deployment, error) {
	return call[api.Deployment](ctx, c, request{method: http.MethodPatch, path: segments("deployments", id), body: change})
}
